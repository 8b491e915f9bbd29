"""Each fault of the simulated router, seen from a client."""

import asyncio
import time

import pytest
from router_words import Words, attributes, connected, logged_in, reached

from connectors.mikrotik.simulator import Kind, Simulator
from connectors.mikrotik.simulator.wire import encode_sentence

LOGIN = ("/login", "=name=admin", "=password=")
ADD = ("/ppp/secret/add", "=name=a")


async def says_nothing(words: Words) -> bool:
    try:
        await asyncio.wait_for(words.reader.readexactly(1), 0.1)
    except TimeoutError:
        return True
    return False


async def test_latency_delays_a_command_by_at_least_that() -> None:
    simulator = Simulator()
    async with logged_in(simulator) as words:
        simulator.faults.latency = 0.05
        began = time.monotonic()
        await words.rows("/system/identity/print")
        assert time.monotonic() - began >= 0.05


async def test_jitter_lets_tagged_commands_overtake_each_other() -> None:
    simulator = Simulator()
    async with logged_in(simulator) as words:
        simulator.faults.jitter = 0.05
        for number in range(20):
            await words.say("/system/identity/print", f".tag={number}")
        heard = await words.hear_until_done(20)
    ended = [int(one[-1][5:]) for one in heard if one[0] == "!done"]
    assert sorted(ended) == list(range(20))
    assert ended != sorted(ended)


async def test_refused_connections_are_refused_and_open_ones_live_on() -> None:
    simulator = Simulator()
    async with simulator.serve() as address, connected(address) as words:
        await words.ask(*LOGIN)
        simulator.faults.refuse = True
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        assert await words.rows("/system/identity/print")
        simulator.faults.refuse = False
        async with connected(address) as later:
            assert await later.ask(*LOGIN) == [["!done"]]


async def test_half_open_connections_are_never_answered() -> None:
    simulator = Simulator()
    simulator.faults.half_open = True
    async with reached(simulator) as words:
        await words.say(*LOGIN)
        assert await says_nothing(words)
        assert not simulator.trace.commands("/login")


@pytest.mark.parametrize("command", ["/system/identity/print", "/ppp/secret/print"])
async def test_a_stall_ends_inside_a_word(command: str) -> None:
    simulator = Simulator("7.12")
    async with logged_in(simulator) as words:
        whole = [["!re", "=name=MikroTik"]] if "identity" in command else [["!done"]]
        simulator.faults.once(command, Kind.STALL)
        await words.say(command)
        await asyncio.sleep(0.05)
        expected = encode_sentence([word.encode() for word in whole[0]])
        begun = await words.reader.read(1000)
        assert expected.startswith(begun)
        assert len(begun) < len(expected) - 1
        assert not begun.endswith(whole[0][-1].encode())
        assert await says_nothing(words)
        await words.say("/system/identity/print")
        assert await says_nothing(words)


async def test_a_trickle_arrives_whole_but_slowly() -> None:
    simulator = Simulator()
    async with logged_in(simulator) as words:
        simulator.faults.trickle = 0.002
        began = time.monotonic()
        rows = await words.rows("/system/identity/print")
        assert rows == [{"name": "MikroTik"}]
        assert time.monotonic() - began >= 0.002 * 20


@pytest.mark.parametrize(("applied", "there"), [(True, 1), (False, 0)])
@pytest.mark.parametrize("kind", [Kind.RESET, Kind.SILENCE, Kind.TRAP])
async def test_a_command_that_goes_wrong_took_effect_or_not(
    kind: Kind, applied: bool, there: int
) -> None:
    simulator = Simulator()
    async with logged_in(simulator) as words:
        simulator.faults.once(ADD[0], kind, applied=applied, message="failure: no")
        if kind is Kind.TRAP:
            assert await words.refused(*ADD) == "failure: no"
        else:
            await words.say(*ADD)
        if kind is Kind.RESET:
            with pytest.raises(ConnectionResetError):
                await words.hear()
        elif kind is Kind.SILENCE:
            assert await says_nothing(words)
        assert len(simulator.tables["/ppp/secret"]) == there


async def test_a_fault_meets_its_own_command_as_often_as_told() -> None:
    simulator = Simulator()
    async with logged_in(simulator) as words:
        simulator.faults.once(ADD[0], Kind.TRAP, applied=False, times=2)
        assert await words.rows("/system/identity/print")
        assert await words.refused(*ADD) == "failure: simulated"
        assert await words.refused(*ADD) == "failure: simulated"
        assert await words.add("/ppp/secret", name="a") == "*1"


async def test_a_stale_reply_is_read_by_the_next_command() -> None:
    simulator = Simulator()
    async with logged_in(simulator) as words:
        simulator.faults.once("/system/identity/print", Kind.STALE)
        await words.say("/system/identity/print")
        assert await says_nothing(words)
        heard = await words.ask("/system/resource/print")
        assert heard == [["!re", "=name=MikroTik"], ["!done"]]
        assert "version" in attributes((await words.hear_until_done())[0])


async def test_a_reboot_amid_a_command_breaks_and_comes_back() -> None:
    simulator = Simulator()
    simulator.down_seconds = 1.0
    async with simulator.serve() as address:
        async with connected(address) as words:
            await words.ask(*LOGIN)
            simulator.faults.once(ADD[0], Kind.REBOOT)
            await words.say(*ADD)
            assert await words.ended()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        async with asyncio.timeout(5):
            while True:
                try:
                    _, writer = await asyncio.open_connection(*address)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        assert simulator.boots == 1
        assert simulator.tables["/ppp/secret"].named("a") is not None


async def test_a_replaced_router_says_another_serial() -> None:
    simulator = Simulator(serial="OLD")
    async with logged_in(simulator) as words:
        [board] = await words.rows("/system/routerboard/print")
        assert board["serial-number"] == "OLD"
        simulator.serial = "NEW"
        [board] = await words.rows("/system/routerboard/print")
        assert board["serial-number"] == "NEW"


async def test_a_full_disk_takes_no_file() -> None:
    simulator = Simulator()
    simulator.faults.disk_full = True
    async with logged_in(simulator) as words:
        assert await words.refused("/export", "=file=x") == "failure: disk full"
        assert await words.refused("/system/backup/save") == "failure: disk full"
        assert await words.refused("/file/add", "=name=x") == "failure: disk full"
        assert await words.rows("/file/print") == []


async def test_a_slow_print_lets_other_commands_through() -> None:
    simulator = Simulator()
    for number in range(30):
        simulator.tables["/ppp/secret"].add({"name": f"c{number}"})
    simulator.faults.row_delay = 0.01
    async with logged_in(simulator) as words:
        await words.say("/ppp/secret/print", ".tag=slow")
        await words.say("/system/resource/print", "=.proplist=uptime", ".tag=quick")
        heard = await words.hear_until_done(2)
    assert heard[-1][-1] == ".tag=slow"
    assert sum(one[-1] == ".tag=slow" for one in heard) == 31


async def test_cleared_faults_are_gone() -> None:
    simulator = Simulator()
    faults = simulator.faults
    faults.latency = faults.jitter = faults.trickle = faults.row_delay = 60.0
    faults.half_open = faults.disk_full = faults.refuse = True
    faults.once("", Kind.SILENCE, times=100)
    faults.clear()
    async with logged_in(simulator) as words:
        assert await words.add("/ppp/secret", name="a") == "*1"
        assert await words.ask("/export", "=file=x") == [["!done"]]
