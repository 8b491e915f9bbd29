"""`print`: what is shown, chosen, counted and hidden."""

import pytest
from router_words import attributes, logged_in

from connectors.mikrotik.simulator import PROFILES, Simulator, User

READER = {"admin": "", "plain": User("", policies=["api", "read", "write"])}


def furnished(profile: str = "7.18", **more: object) -> Simulator:
    simulator = Simulator(profile, READER)
    simulator.tables["/ip/pool"].add({"name": "p", "ranges": "10.0.0.2-10.0.0.9"})
    profiles, secrets = (
        simulator.tables["/ppp/profile"],
        simulator.tables["/ppp/secret"],
    )
    profiles.add({"name": "10M", "rate-limit": "5M/10M", "remote-address": "p"})
    secrets.add({"name": "a", "password": "pw", "profile": "10M", "comment": "first"})
    secrets.add({"name": "b", "password": "pw", "disabled": "yes"})
    secrets.add({"name": "c", "limit-bytes-in": "500", "comment": "x=1"})
    return simulator


async def test_rows_show_what_is_set_and_the_defaults() -> None:
    async with logged_in(furnished()) as words:
        first, second, _ = await words.rows("/ppp/secret/print")
    assert first == {
        ".id": "*1",
        "name": "a",
        "password": "pw",
        "service": "any",
        "caller-id": "",
        "profile": "10M",
        "routes": "",
        "ipv6-routes": "",
        "limit-bytes-in": "0",
        "limit-bytes-out": "0",
        "comment": "first",
        "disabled": "false",
    }
    assert second["disabled"] == "true"
    assert "comment" not in second
    assert "dynamic" not in first


@pytest.mark.parametrize("verb", ["print", "getall"])
async def test_a_proplist_limits_what_is_shown(verb: str) -> None:
    async with logged_in(furnished()) as words:
        rows = await words.rows(
            f"/ppp/secret/{verb}", "=.proplist=comment,name,nothing"
        )
    assert rows == [
        {"comment": "first", "name": "a"},
        {"name": "b"},
        {"comment": "x=1", "name": "c"},
    ]


@pytest.mark.parametrize(
    ("queries", "names"),
    [
        (["?name=b"], "b"),
        (["?comment"], "ac"),
        (["?-comment"], "b"),
        (["?disabled=true"], "b"),
        (["?disabled=yes"], ""),
        (["?>limit-bytes-in=90"], "c"),
        (["?name=a", "?name=b", "?#|"], "ab"),
        (["?name=a", "?#!"], "bc"),
        (["?profile=10M"], "a"),
        (["?comment=x=1"], "c"),
        (["?.id=*2"], "b"),
    ],
)
async def test_queries_choose_the_rows(queries: list[str], names: str) -> None:
    async with logged_in(furnished()) as words:
        rows = await words.rows("/ppp/secret/print", "=.proplist=name", *queries)
        assert "".join(row["name"] for row in rows) == names
        [done] = await words.ask("/ppp/secret/print", "=count-only=", *queries)
        assert done == ["!done", f"=ret={len(names)}"]


async def test_a_query_that_makes_no_sense_is_refused() -> None:
    async with logged_in(furnished()) as words:
        assert "?#&" in await words.refused("/ppp/secret/print", "?name=a", "?#&")


@pytest.mark.parametrize("profile", PROFILES)
async def test_no_rows_are_said_to_be_empty_since_7_18(profile: str) -> None:
    simulator = Simulator(profile, {"admin": ""})
    heard = [["!empty"], ["!done"]] if profile >= "7.18" else [["!done"]]
    if profile == "6.42":
        simulator.profile = PROFILES["6.49"]
    async with logged_in(simulator) as words:
        assert await words.ask("/ppp/secret/print") == heard
        [done] = await words.ask("/ppp/secret/print", "=count-only=")
        assert done == ["!done", "=ret=0"]


@pytest.mark.parametrize(
    ("profile", "user", "more", "seen"),
    [
        ("6.49", "admin", [], "pw"),
        ("6.49", "plain", [], "*****"),
        ("7.18", "admin", [], "pw"),
        ("7.18", "plain", [], "*****"),
        ("7.21", "admin", [], "*****"),
        ("7.21", "admin", ["=show-sensitive="], "pw"),
        ("7.24", "admin", ["=show-sensitive=yes"], "pw"),
        ("7.24", "plain", ["=show-sensitive=yes"], "*****"),
    ],
)
async def test_passwords_are_shown_to_those_who_may(
    profile: str, user: str, more: list[str], seen: str
) -> None:
    async with logged_in(furnished(profile), user) as words:
        rows = await words.rows("/ppp/secret/print", "?name=a", *more)
    assert [row["password"] for row in rows] == [seen]


async def test_a_masked_password_cannot_be_guessed_by_query() -> None:
    async with logged_in(furnished(), "plain") as words:
        assert await words.rows("/ppp/secret/print", "?password=pw") == []


@pytest.mark.parametrize("argument", ["show-sensitive", "order-by", "frob"])
async def test_an_argument_the_version_lacks_is_refused(argument: str) -> None:
    async with logged_in(furnished("7.18")) as words:
        refusal = await words.refused("/ppp/secret/print", f"={argument}=")
        assert refusal == f"unknown parameter {argument}"


@pytest.mark.parametrize(
    ("profile", "command", "refusal"),
    [
        ("6.49", "/frob/print", "no such command prefix"),
        ("7.18", "/frob/print", "no such command or directory (frob)"),
        ("7.18", "/ppp/frob/print", "no such command or directory (frob)"),
        ("7.18", "/ppp/secret/frob", "no such command"),
        ("7.24", "/ping", "no such command or directory (ping)"),
        ("7.12", "/file/read", "no such command"),
        ("6.49", "/tool/ping", "no such command prefix"),
        ("7.18", "/ppp/active/add", "no such command"),
    ],
)
async def test_a_command_the_version_lacks_is_refused(
    profile: str, command: str, refusal: str
) -> None:
    async with logged_in(Simulator(profile)) as words:
        assert await words.refused(command) == refusal


async def test_statistics_are_shown_when_asked_for() -> None:
    simulator = furnished()
    simulator.live.plug_in("a")
    async with logged_in(simulator) as words:
        [plain] = await words.rows("/queue/simple/print")
        [stats] = await words.rows("/queue/simple/print", "=stats=")
        [named] = await words.rows("/queue/simple/print", "=.proplist=name,bytes")
    assert "bytes" not in plain
    assert "bytes" in stats
    assert named.keys() == {"name", "bytes"}


async def test_every_menu_prints_in_every_version() -> None:
    for profile in PROFILES:
        simulator = furnished(profile)
        simulator.live.plug_in("a")
        simulator.profile = PROFILES["6.49"] if profile == "6.42" else PROFILES[profile]
        async with logged_in(simulator) as words:
            for table in simulator.tables:
                for row in await words.rows(f"{table.menu.path}/print"):
                    assert row, table.menu.path


async def test_identity_resource_and_board_say_who_the_router_is() -> None:
    simulator = Simulator("7.18", serial="SER1", identity="pop-1")
    async with logged_in(simulator) as words:
        [identity] = await words.rows("/system/identity/print")
        [resource] = await words.rows("/system/resource/print")
        [board] = await words.rows("/system/routerboard/print")
        assert identity == {"name": "pop-1"}
        assert resource["version"] == "7.18.2 (stable)"
        assert resource["uptime"] == "0s"
        assert board["serial-number"] == "SER1"
        simulator.serial = "SER2"
        simulator.clock.advance(90061)
        [board] = await words.rows("/system/routerboard/print")
        [resource] = await words.rows("/system/resource/print")
        assert board["serial-number"] == "SER2"
        assert resource["uptime"] == "1d1h1m1s"


async def test_a_virtual_router_has_a_system_id_instead_of_a_board() -> None:
    simulator = Simulator("7.18", serial="abcDEF")
    simulator.board = "CHR"
    async with logged_in(simulator) as words:
        assert await words.rows("/system/routerboard/print") == [
            {"routerboard": "false"}
        ]
        [license_] = await words.rows("/system/license/print")
        assert license_["system-id"] == "abcDEF"


@pytest.mark.parametrize(
    ("profile", "shape"),
    [("7.12", r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), ("6.49", r"\d\d:\d\d:\d\d")],
)
async def test_log_times_have_the_form_of_the_version(profile: str, shape: str) -> None:
    import re

    async with logged_in(Simulator(profile)) as words:
        [line] = await words.rows("/log/print", "=.proplist=time,message")
        assert re.fullmatch(shape, line["time"])
        assert line["message"] == "user admin logged in from 127.0.0.1 via api"


async def test_rows_of_5000_secrets_all_arrive() -> None:
    simulator = Simulator()
    for number in range(5000):
        simulator.tables["/ppp/secret"].add({"name": f"C{number:05}"})
    async with logged_in(simulator) as words:
        heard = await words.ask("/ppp/secret/print", "=.proplist=name")
    assert len(heard) == 5001
    assert attributes(heard[4999])["name"] == "C04999"
