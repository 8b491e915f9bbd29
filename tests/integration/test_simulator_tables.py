"""Rows of the simulated router: written, refused, referred to, renumbered."""

import pytest
from router_words import Words, attributes, connected, logged_in

from connectors.mikrotik.simulator import Simulator, User


async def names(words: Words, menu: str) -> dict[str, str]:
    rows = await words.rows(f"{menu}/print", "=.proplist=.id,name")
    return {row["name"]: row[".id"] for row in rows}


async def shown(words: Words, menu: str, row_id: str) -> dict[str, str]:
    [row] = await words.rows(f"{menu}/print", f"?.id={row_id}")
    return row


async def test_a_row_is_added_changed_cleared_and_removed() -> None:
    async with logged_in(Simulator()) as words:
        made = await words.add("/ppp/secret", name="a", password="1", comment="x")
        [done] = await words.ask(
            "/ppp/secret/set", f"=.id={made}", "=disabled=yes", "=comment="
        )
        assert done == ["!done"]
        row = await shown(words, "/ppp/secret", made)
        assert row["disabled"] == "true"
        assert row["password"] == "1"
        assert "comment" not in row
        await words.ask("/ppp/secret/set", f"=.id={made}", "=remote-address=10.0.0.9")
        assert (await shown(words, "/ppp/secret", made))["remote-address"] == "10.0.0.9"
        unset = ("/ppp/secret/unset", f"=numbers={made}", "=value-name=remote-address")
        assert await words.ask(*unset) == [["!done"]]
        assert "remote-address" not in await shown(words, "/ppp/secret", made)
        assert await words.ask("/ppp/secret/remove", f"=.id={made}") == [["!done"]]
        assert await names(words, "/ppp/secret") == {}


@pytest.mark.parametrize(
    ("verb", "more", "name", "value"),
    [
        ("set", ["=comment=both"], "comment", "both"),
        ("comment", ["=comment=both"], "comment", "both"),
        ("disable", [], "disabled", "true"),
        ("set", ["=disabled=yes"], "disabled", "true"),
    ],
)
@pytest.mark.parametrize("ids", ["=.id=*1,*3", "=numbers=*1,*3", "=numbers=a,*3"])
async def test_a_comma_list_changes_exactly_its_rows(
    ids: str, verb: str, more: list[str], name: str, value: str
) -> None:
    async with logged_in(Simulator()) as words:
        for letter in "abc":
            await words.add("/ppp/secret", name=letter, comment="old")
        assert await words.ask(f"/ppp/secret/{verb}", ids, *more) == [["!done"]]
        rows = await words.rows("/ppp/secret/print")
        changed = [row["name"] for row in rows if row.get(name) == value]
        assert changed == ["a", "c"]


async def test_a_comma_list_removes_exactly_its_rows() -> None:
    async with logged_in(Simulator()) as words:
        for letter in "abc":
            await words.add("/ppp/secret", name=letter)
        await words.ask("/ppp/secret/remove", "=.id=*1,*3")
        assert await names(words, "/ppp/secret") == {"b": "*2"}


async def test_a_list_with_a_missing_row_is_done_up_to_it() -> None:
    async with logged_in(Simulator()) as words:
        for letter in "abc":
            await words.add("/ppp/secret", name=letter)
        told = await words.refused("/ppp/secret/disable", "=.id=*1,*9,*3")
        assert told == "no such item (4)"
        rows = await words.rows("/ppp/secret/print")
        assert [row["disabled"] for row in rows] == ["true", "false", "false"]


@pytest.mark.parametrize(
    ("menu", "values", "message"),
    [
        ("/ppp/secret", {"name": "a"}, "failure: secret with the same name"),
        ("/ip/pool", {"name": "a", "ranges": "10.0.0.1-10.0.0.2"}, "such name exists"),
        ("/ppp/profile", {"name": "a"}, "failure: profile with the same name"),
        ("/queue/simple", {"name": "a"}, "failure: already have such name"),
        (
            "/ip/firewall/address-list",
            {"list": "ISOLIR", "address": "10.0.0.9"},
            "failure: already have such entry",
        ),
        (
            "/ip/hotspot/user",
            {"name": "a", "server": "h1"},
            "failure: already have user with this name for this server",
        ),
        (
            "/ip/address",
            {"address": "10.0.0.1/24", "interface": "ether1"},
            "failure: already have such address",
        ),
    ],
)
async def test_the_same_key_twice_is_refused(
    menu: str, values: dict[str, str], message: str
) -> None:
    async with logged_in(Simulator()) as words:
        await words.add(menu, **values)
        said = [f"={name}={value}" for name, value in values.items()]
        assert message in await words.refused(f"{menu}/add", *said)
        rows = await words.rows(f"{menu}/print")
        assert sum(values.items() <= row.items() for row in rows) == 1


async def test_a_rename_to_a_taken_name_is_refused() -> None:
    async with logged_in(Simulator()) as words:
        await words.add("/ppp/secret", name="a")
        await words.add("/ppp/secret", name="b")
        told = await words.refused("/ppp/secret/set", "=.id=*2", "=name=a")
        assert told == "failure: secret with the same name already exists"
        assert await words.ask("/ppp/secret/set", "=.id=*2", "=name=b") == [["!done"]]
        await words.ask("/ppp/secret/set", "=.id=*1", "=name=c")
        await words.ask("/ppp/secret/set", "=.id=*2", "=name=a")
        assert await names(words, "/ppp/secret") == {"c": "*1", "a": "*2"}


@pytest.mark.parametrize(
    ("words_said", "message"),
    [
        (
            ["=name=a", "=profile=none-such"],
            "input does not match any value of profile",
        ),
        (["=name=a", "=service=dsl"], "input does not match any value of service"),
        (["=name=a", "=disabled=maybe"], "invalid value for argument disabled"),
        (
            ["=name=a", "=remote-address=nowhere"],
            "invalid value for argument remote-address",
        ),
        (["=name=a", "=limit-bytes-in=-1"], "value of limit-bytes-in out of range"),
        (["=name=a", "=frob=1"], "unknown parameter frob"),
        (["=password=1"], "missing =name="),
    ],
)
async def test_a_bad_value_is_refused_and_nothing_added(
    words_said: list[str], message: str
) -> None:
    async with logged_in(Simulator()) as words:
        assert message in await words.refused("/ppp/secret/add", *words_said)
        assert await names(words, "/ppp/secret") == {}


@pytest.mark.parametrize("value", ["²", "soon", "1x", "", "-1s"])
async def test_a_time_that_is_none_is_refused(value: str) -> None:
    async with logged_in(Simulator()) as words:
        said = ("/ppp/profile/add", "=name=x", f"=session-timeout={value}")
        told = await words.refused(*said)
        assert told == "invalid value for argument session-timeout"


async def test_a_refused_set_changes_nothing() -> None:
    async with logged_in(Simulator()) as words:
        made = await words.add("/ppp/secret", name="a")
        before = await shown(words, "/ppp/secret", made)
        said = ("/ppp/secret/set", f"=.id={made}", "=comment=x", "=profile=gone")
        assert "profile" in await words.refused(*said)
        assert await shown(words, "/ppp/secret", made) == before


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (["/ppp/secret/set", "=name=x"], "missing =.id="),
        (["/ppp/secret/remove"], "missing =.id="),
        (["/ppp/secret/remove", "=.id=*99"], "no such item"),
        (["/ppp/secret/remove", "=.id=nobody"], "no such item"),
        (["/ppp/secret/remove", "=.id=*1", "=frob="], "unknown parameter frob"),
        (["/ppp/secret/unset", "=.id=*1"], "missing =value-name="),
        (
            ["/ppp/secret/unset", "=.id=*1", "=value-name=name"],
            "input does not match any value of value-name",
        ),
        (["/interface/set", "=.id=ether1", "=type=vlan"], "unknown parameter type"),
        (["/ip/service/set", "=.id=api", "=name=x"], "unknown parameter name"),
        (["/ppp/profile/remove", "=.id=default"], "failure: can not remove default"),
        (["/user/group/remove", "=.id=admin"], "failure: group has some users"),
    ],
)
async def test_a_command_that_names_no_row_is_refused(
    said: list[str], message: str
) -> None:
    async with logged_in(Simulator()) as words:
        await words.add("/ppp/secret", name="a")
        assert message in await words.refused(*said)
        assert await names(words, "/ppp/secret") == {"a": "*1"}


async def test_a_reference_follows_a_rename_and_dangles_after_removal() -> None:
    async with logged_in(Simulator()) as words:
        pool = await words.add("/ip/pool", name="p", ranges="10.0.0.2-10.0.0.9")
        profile = await words.add("/ppp/profile", name="10M", remote_address="p")
        secret = await words.add("/ppp/secret", name="a", profile="10M")
        await words.ask("/ppp/profile/set", f"=.id={profile}", "=name=20M")
        assert (await shown(words, "/ppp/secret", secret))["profile"] == "20M"
        await words.ask("/ip/pool/remove", f"=.id={pool}")
        assert (await shown(words, "/ppp/profile", profile))["remote-address"] == pool
        await words.ask("/ppp/profile/remove", "=.id=20M")
        assert (await shown(words, "/ppp/secret", secret))["profile"] == profile


@pytest.mark.parametrize(
    ("menu", "name", "written", "read"),
    [
        ("/queue/simple", "max-limit", "5M/10M", "5000000/10000000"),
        ("/queue/simple", "max-limit", "512k", "512000/512000"),
        ("/ppp/profile", "rate-limit", "5M/10M", "5M/10M"),
        ("/ppp/profile", "session-timeout", "90061", "1d1h1m1s"),
        ("/ppp/profile", "session-timeout", "1w2d03:04:05", "1w2d3h4m5s"),
        ("/ppp/secret", "disabled", "no", "false"),
        ("/ppp/secret", "name", "007", "007"),
    ],
)
async def test_a_value_reads_back_as_the_router_says_it(
    menu: str, name: str, written: str, read: str
) -> None:
    async with logged_in(Simulator()) as words:
        made = await words.add(menu, **{"name": "x", name: written})
        assert (await shown(words, menu, made))[name] == read


async def test_order_is_kept_and_changed() -> None:
    async with logged_in(Simulator()) as words:
        for letter in "abc":
            await words.add("/queue/simple", name=letter, target="10.0.0.1")
        await words.ask("/queue/simple/add", "=name=d", "=place-before=*1")
        assert list(await names(words, "/queue/simple")) == ["d", "a", "b", "c"]
        await words.ask("/queue/simple/move", "=numbers=*3,*2", "=destination=*1")
        assert list(await names(words, "/queue/simple")) == ["d", "c", "b", "a"]
        await words.ask("/queue/simple/move", "=numbers=d", "=destination=*77")
        assert list(await names(words, "/queue/simple")) == ["c", "b", "a", "d"]
        told = await words.refused(
            "/queue/simple/move", "=numbers=d", "=destination=*4"
        )
        assert told == "failure: can not move object before itself"


async def test_copy_from_takes_what_is_not_given() -> None:
    async with logged_in(Simulator()) as words:
        made = await words.add("/ppp/secret", name="a", password="1", comment="x")
        copy = await words.add("/ppp/secret", name="b", copy_from=made)
        row = await shown(words, "/ppp/secret", copy)
        assert (row["name"], row["password"], row["comment"]) == ("b", "1", "x")


async def test_a_single_menu_is_set_without_an_id() -> None:
    async with logged_in(Simulator()) as words:
        assert await words.ask("/system/identity/set", "=name=pop") == [["!done"]]
        assert await words.rows("/system/identity/print") == [{"name": "pop"}]
        told = await words.refused("/ppp/aaa/set", "=use-radius=perhaps")
        assert told == "invalid value for argument use-radius"


async def test_every_id_names_another_row_after_a_reboot() -> None:
    simulator = Simulator()
    login = ("/login", "=name=admin", "=password=")
    async with simulator.serve() as address:
        async with connected(address) as words:
            await words.ask(*login)
            for letter in "abc":
                await words.add("/ppp/secret", name=letter)
            before = await names(words, "/ppp/secret")
            await simulator.reboot(0)
            assert await words.ended()
        async with connected(address) as words:
            await words.ask(*login)
            after = await names(words, "/ppp/secret")
            assert list(after) == list(before)
            assert all(after[name] != before[name] for name in before)
            assert set(after.values()) & set(before.values())
            new = await words.add("/ppp/secret", name="d")
            assert new not in after.values()
            [resource] = await words.rows("/system/resource/print")
            assert resource["uptime"] == "0s"


async def test_the_reboot_command_is_answered_before_the_restart() -> None:
    simulator = Simulator()
    async with logged_in(simulator) as words:
        assert await words.ask("/system/reboot") == [["!done"]]
        assert await words.ended()
        assert simulator.boots == 1


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        ("api", ["/ppp/secret/print"]),
        ("api,read", ["/ppp/secret/add", "=name=a"]),
        ("api,read", ["/system/identity/set", "=name=x"]),
        ("api,read,write", ["/user/add", "=name=x", "=group=full"]),
        ("api,read,write", ["/tool/ping", "=address=127.0.0.1", "=count=1"]),
        ("api,read,write", ["/export", "=file=x"]),
        ("api,read,write", ["/system/reboot"]),
    ],
)
async def test_a_policy_the_group_lacks_is_refused(
    policies: str, said: list[str]
) -> None:
    simulator = Simulator(users={"rangka": User("x", policies.split(","))})
    async with logged_in(simulator, "rangka", "x") as words:
        assert await words.refused(*said) == "not enough permissions (9)"
        assert not simulator.tables["/ppp/secret"].rows
        assert simulator.boots == 0


async def test_a_user_added_by_command_may_log_in() -> None:
    simulator = Simulator()
    async with logged_in(simulator) as words:
        policy = "api,read,write,test,sensitive"
        await words.add("/user/group", name="rangka", policy=policy)
        await words.add("/user", name="rangka", group="rangka", password="pw")
        [group] = await words.rows("/user/group/print", "?name=rangka")
        assert "!ftp" in group["policy"].split(",")
        assert "write" in group["policy"].split(",")
        [done] = await words.ask("/login", "=name=rangka", "=password=pw")
        assert done == ["!done"]


@pytest.mark.parametrize(
    ("profile", "more", "seen"),
    [
        ("6.49", [], True),
        ("6.49", ["=hide-sensitive="], False),
        ("7.18", [], False),
        ("7.18", ["=show-sensitive="], True),
    ],
)
async def test_an_export_lands_in_a_file(
    profile: str, more: list[str], seen: bool
) -> None:
    async with logged_in(Simulator(profile)) as words:
        await words.add("/ppp/secret", name="a", password="hush")
        assert await words.ask("/export", "=file=x", *more) == [["!done"]]
        [file] = await words.rows("/file/print", "?name=x.rsc")
        assert 'name="a"' in file["contents"]
        assert ("hush" in file["contents"]) is seen
        if profile == "7.18":
            read = ("/file/read", "=file=x.rsc", "=offset=2", "=chunk-size=9")
            [row] = await words.rows(*read)
            assert row["data"] == file["contents"][2:11]
        await words.ask("/file/remove", "=numbers=x.rsc")
        assert await words.rows("/file/print") == []


async def test_a_lease_is_made_static() -> None:
    simulator = Simulator()
    leases = simulator.tables["/ip/dhcp-server/lease"]
    lease = leases.add({"address": "10.0.0.2"}, dynamic=True)
    async with logged_in(simulator) as words:
        said = (f"=.id={lease.id}", "=comment=x")
        told = await words.refused("/ip/dhcp-server/lease/set", *said)
        assert told == "can not change dynamic lease"
        heard = await words.ask("/ip/dhcp-server/lease/make-static", said[0])
        assert attributes(heard[0]) == {}
        assert await words.ask("/ip/dhcp-server/lease/set", *said) == [["!done"]]
