"""Tags, interleaving, cancelling, listening and the byte stream itself."""

import asyncio

import pytest
from router_words import attributes, connected, logged_in

from connectors.mikrotik.simulator import Simulator
from connectors.mikrotik.simulator.wire import encode_sentence

LOGIN = ("/login", "=name=admin", "=password=")


async def test_every_reply_carries_the_tag_of_its_command() -> None:
    async with logged_in(Simulator("7.18")) as words:
        heard = await words.ask("/ppp/profile/print", ".tag=a b=c")
        assert [one[0] for one in heard] == ["!re", "!re", "!done"]
        assert {one[-1] for one in heard} == {".tag=a b=c"}
        for nonsense in ("frob", "/", "=a=b"):
            heard = await words.ask(nonsense, ".tag=x")
            assert [one[0] for one in heard] == ["!trap", "!done"]
        empty = await words.ask("/ppp/active/print", ".tag=7")
        assert empty == [["!empty", ".tag=7"], ["!done", ".tag=7"]]
        untagged = await words.ask("/ppp/active/print")
        assert untagged == [["!empty"], ["!done"]]


async def test_traps_carry_the_tag_too() -> None:
    async with logged_in(Simulator()) as words:
        heard = await words.ask("/ppp/secret/remove", "=.id=*77", ".tag=3")
        assert [(one[0], one[-1]) for one in heard] == [
            ("!trap", ".tag=3"),
            ("!done", ".tag=3"),
        ]


async def test_tagged_commands_interleave() -> None:
    simulator = Simulator()
    for number in range(20):
        simulator.tables["/ip/pool"].add(
            {"name": f"p{number}", "ranges": "10.0.0.1-10.0.0.9"}
        )
    simulator.faults.row_delay = 0.002
    async with logged_in(simulator) as words:
        await words.say("/ip/pool/print", ".tag=slow")
        await words.say("/system/identity/print", ".tag=quick")
        heard = await words.hear_until_done(2)
    tags = [one[-1] for one in heard]
    assert tags[0] == ".tag=slow"
    assert ".tag=quick" in tags[1:-1]
    assert tags[-1] == ".tag=slow"
    assert tags.count(".tag=slow") == 21


async def test_commands_without_tag_answer_in_their_order() -> None:
    simulator = Simulator()
    simulator.faults.jitter = 0.01
    async with logged_in(simulator) as words:
        for number in range(10):
            name, ranges = f"=name=p{number}", "=ranges=10.0.0.1-10.0.0.9"
            await words.say("/ip/pool/add", name, ranges)
        heard = await words.hear_until_done(10)
    assert [one[1] for one in heard] == [f"=ret=*{number:X}" for number in range(1, 11)]


async def test_cancel_interrupts_in_the_order_of_the_router() -> None:
    async with logged_in(Simulator()) as words:
        await words.say("/ppp/secret/listen", ".tag=1")
        await words.say("/cancel", "=tag=1", ".tag=2")
        assert await words.hear_until_done(2) == [
            ["!trap", "=category=2", "=message=interrupted", ".tag=1"],
            ["!done", ".tag=2"],
            ["!done", ".tag=1"],
        ]
        await words.add("/ppp/secret", name="after")


async def test_cancel_leaves_other_commands_running() -> None:
    async with logged_in(Simulator()) as words:
        await words.say("/ppp/secret/listen", ".tag=1")
        await words.say("/ppp/secret/listen", ".tag=2")
        await words.say("/cancel", "=tag=1", ".tag=c")
        await words.hear_until_done(2)
        made = await words.ask("/ppp/secret/add", "=name=a", ".tag=add")
        heard = [*made, await words.hear()] if made[0][0] == "!done" else made
        assert [one[0] for one in heard if one[-1] == ".tag=2"] == ["!re"]
        assert not [one for one in heard if one[-1] == ".tag=1"]


async def test_cancel_of_a_tag_nobody_has_is_done_at_once() -> None:
    async with logged_in(Simulator()) as words:
        assert await words.ask("/cancel", "=tag=9", ".tag=c") == [["!done", ".tag=c"]]


async def test_cancel_without_tag_interrupts_everything() -> None:
    async with logged_in(Simulator()) as words:
        await words.say("/ppp/secret/listen")
        await words.say("/ip/pool/listen", ".tag=1")
        await words.say("/cancel")
        heard = await words.hear_until_done(3)
        assert heard.count(["!done"]) == 2
        assert heard.count(["!done", ".tag=1"]) == 1
        assert sum(one[0] == "!trap" for one in heard) == 2


async def test_listen_tells_what_came_changed_and_went() -> None:
    simulator = Simulator()
    async with logged_in(simulator) as words:
        await words.say("/ppp/secret/listen", ".tag=l")
        one = await words.ask("/ppp/secret/add", "=name=a", ".tag=1")
        heard = one if len(one) == 2 else [*one, await words.hear()]
        told = next(attributes(one) for one in heard if one[-1] == ".tag=l")
        assert told["name"] == "a"
        simulator.tables["/ppp/secret"].set(
            simulator.tables["/ppp/secret"].rows[0], {"comment": "x"}
        )
        assert attributes(await words.hear())["comment"] == "x"
        simulator.tables["/ppp/secret"].remove(simulator.tables["/ppp/secret"].rows[0])
        dead = await words.hear()
        assert dead == ["!re", f"=.id={told['.id']}", "=.dead=true", ".tag=l"]


async def test_print_with_follow_begins_with_the_rows_there_are() -> None:
    simulator = Simulator()
    simulator.tables["/ppp/secret"].add({"name": "old"})
    async with logged_in(simulator) as words:
        await words.say("/ppp/secret/print", "=follow=", "=.proplist=name", ".tag=f")
        assert await words.hear() == ["!re", "=name=old", ".tag=f"]
        simulator.tables["/ppp/secret"].add({"name": "new"})
        assert await words.hear() == ["!re", "=name=new", ".tag=f"]


@pytest.mark.parametrize("piece", [1, 3, 1000])
async def test_bytes_may_come_in_any_pieces(piece: int) -> None:
    sentences = [
        [word.encode() for word in words]
        for words in (
            LOGIN,
            ("/ip/pool/add", "=ranges=10.0.0.1-10.0.0.9", "=name=p", ".tag=1"),
            ("/ip/pool/print", "=.proplist=name", ".tag=2"),
        )
    ]
    data = b"\x00".join(encode_sentence(sentence) for sentence in sentences)
    async with Simulator().serve() as address, connected(address) as words:
        for at in range(0, len(data), piece):
            words.writer.write(data[at : at + piece])
            await words.writer.drain()
            await asyncio.sleep(0)
        heard = await words.hear_until_done(3)
    assert heard[0] == ["!done"]
    assert ["!done", "=ret=*1", ".tag=1"] in heard
    assert ["!re", "=name=p", ".tag=2"] in heard


async def test_a_name_without_second_equals_sign_is_an_empty_value() -> None:
    async with logged_in(Simulator()) as words:
        await words.add("/ppp/secret", name="a", comment="note")
        assert await words.ask("/ppp/secret/set", "=comment", "=.id=*1") == [["!done"]]
        [row] = await words.rows("/ppp/secret/print")
        assert "comment" not in row


async def test_a_control_byte_ends_the_connection() -> None:
    async with logged_in(Simulator()) as words:
        words.writer.write(b"\xf8")
        assert await words.ended()


async def test_bytes_that_are_no_utf8_come_back_as_they_were() -> None:
    async with logged_in(Simulator()) as words:
        await words.add("/ppp/secret", name="a", comment="\udcc0\udcff=x")
        [row] = await words.rows("/ppp/secret/print", "=.proplist=comment")
        assert row == {"comment": "\udcc0\udcff=x"}


async def test_streams_go_on_until_cancelled() -> None:
    async with logged_in(Simulator()) as words:
        await words.say(
            "/interface/monitor-traffic", "=interface=ether1,ether2", ".tag=m"
        )
        names = [attributes(await words.hear())["name"] for _ in range(2)]
        assert names == ["ether1", "ether2"]
        await words.say("/cancel", ".tag=c")
        heard = await words.hear_until_done(2)
        assert heard[-1] == ["!done", ".tag=m"]
        once = await words.rows(
            "/interface/monitor-traffic", "=interface=ether1", "=once="
        )
        assert [row["name"] for row in once] == ["ether1"]


async def test_ping_answers_once_for_each_packet() -> None:
    async with logged_in(Simulator("7.18")) as words:
        rows = await words.rows("/tool/ping", "=address=127.0.0.1", "=count=3")
        assert [row["seq"] for row in rows] == ["0", "1", "2"]
        assert rows[-1]["packet-loss"] == "0"
        [lost] = await words.rows("/tool/ping", "=address=10.9.9.9", "=count=1")
        assert lost["status"] == "timeout"
        assert lost["packet-loss"] == "100"
