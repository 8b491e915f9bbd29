"""Customers' devices that dial in to the simulated router."""

import asyncio
from collections.abc import Mapping, Sequence

from router_words import logged_in

from connectors.mikrotik.simulator import Simulator


def furnished(profile: Mapping[str, str] | None = None) -> Simulator:
    simulator = Simulator()
    simulator.live.redial_seconds = (0.0, 0.01)
    pool = {"name": "p", "ranges": "10.0.0.2-10.0.0.4"}
    simulator.tables["/ip/pool"].add(pool)
    values = {
        "name": "10M",
        "remote-address": "p",
        "rate-limit": "5M/10M",
        "address-list": "CLIENTS",
        **(profile or {}),
    }
    simulator.tables["/ppp/profile"].add(values)
    for letter in "abcd":
        secret = {"name": letter, "password": f"pw-{letter}", "profile": "10M"}
        simulator.tables["/ppp/secret"].add(secret)
    return simulator


def sessions(simulator: Simulator) -> dict[str, str]:
    rows = simulator.tables["/ppp/active"]
    return {row.text("session-id"): row.text("name") for row in rows}


async def until(simulator: Simulator, names: Sequence[str]) -> None:
    """Wait for exactly these sessions; fails after a while."""
    async with asyncio.timeout(5):
        while sorted(sessions(simulator).values()) != sorted(names):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def rows_of(simulator: Simulator, path: str) -> list[str]:
    name = "list" if path.endswith("address-list") else "name"
    return [row.text(name) for row in simulator.tables[path] if row.dynamic]


async def test_a_device_with_the_right_password_gets_all_its_rows() -> None:
    simulator = furnished()
    simulator.live.plug_in("a", "pw-a")
    async with logged_in(simulator) as words:
        [active] = await words.rows("/ppp/active/print")
        assert active["name"] == "a"
        assert active["address"] == "10.0.0.2"
        assert active["service"] == "pppoe"
        [queue] = await words.rows("/queue/simple/print")
        assert queue["name"] == "<pppoe-a>"
        assert queue["max-limit"] == "5000000/10000000"
        [entry] = await words.rows("/ip/firewall/address-list/print")
        assert (entry["list"], entry["address"]) == ("CLIENTS", "10.0.0.2")
        [link] = await words.rows("/interface/print", "?type=pppoe-in")
        assert link["name"] == "<pppoe-a>"
        logged = await words.rows("/log/print", "?message=a logged in, 10.0.0.2")
        assert len(logged) == 1
        told = await words.refused(
            "/queue/simple/set", f"=.id={queue['.id']}", "=comment=x"
        )
        assert told == "can not change dynamic simple"


async def test_who_may_not_log_in_has_no_session() -> None:
    simulator = furnished()
    simulator.tables["/ppp/secret"].set(
        simulator.tables["/ppp/secret"].find("b"), {"disabled": "yes"}
    )
    simulator.tables["/ppp/secret"].set(
        simulator.tables["/ppp/secret"].find("c"), {"service": "l2tp"}
    )
    for name, password in (("a", "wrong"), ("b", "pw-b"), ("c", "pw-c"), ("z", "x")):
        simulator.live.plug_in(name, password)
    assert sessions(simulator) == {}
    assert rows_of(simulator, "/interface") == []
    refusals = [row.live["message"] for row in simulator.tables["/log"]]
    assert [text.split(":")[0] for text in refusals] == ["a", "b", "c", "z"]


async def test_a_secret_that_comes_later_is_found_by_redialling() -> None:
    simulator = furnished()
    simulator.live.plug_in("late", "pw")
    async with logged_in(simulator) as words:
        assert await words.rows("/ppp/active/print") == []
        await words.add("/ppp/secret", name="late", password="pw", profile="10M")
        await until(simulator, ["late"])


async def test_a_kicked_device_comes_back_as_another_session() -> None:
    simulator = furnished()
    simulator.live.redial_seconds = (0.05, 0.05)
    for name in "ab":
        simulator.live.plug_in(name)
    async with logged_in(simulator) as words:
        simulator.clock.advance(500)
        [before] = await words.rows("/ppp/active/print", "?name=a")
        assert before["uptime"] == "8m20s"
        kick = ("/ppp/active/remove", f"=.id={before['.id']}")
        assert await words.ask(*kick) == [["!done"]]
        assert list(sessions(simulator).values()) == ["b"]
        assert rows_of(simulator, "/interface") == ["<pppoe-b>"]
        assert rows_of(simulator, "/queue/simple") == ["<pppoe-b>"]
        assert rows_of(simulator, "/ip/firewall/address-list") == ["CLIENTS"]
        assert await words.refused(*kick) == "no such item"
        await until(simulator, "ab")
        [after] = await words.rows("/ppp/active/print", "?name=a")
        assert after["session-id"] != before["session-id"]
        assert after[".id"] != before[".id"]
        assert after["uptime"] == "0s"


async def test_a_new_profile_counts_from_the_next_session_on() -> None:
    simulator = furnished()
    isolir = {"name": "ISOLIR", "remote-address": "p", "address-list": "ISOLIR"}
    simulator.tables["/ppp/profile"].add(isolir)
    simulator.live.plug_in("a")
    async with logged_in(simulator) as words:
        await words.ask("/ppp/secret/set", "=.id=a", "=profile=ISOLIR")
        assert rows_of(simulator, "/ip/firewall/address-list") == ["CLIENTS"]
        [active] = await words.rows("/ppp/active/print")
        await words.ask("/ppp/active/remove", f"=.id={active['.id']}")
        await until(simulator, "a")
        assert rows_of(simulator, "/ip/firewall/address-list") == ["ISOLIR"]
        assert rows_of(simulator, "/queue/simple") == []


async def test_counters_grow_within_the_rate_of_the_profile() -> None:
    simulator = furnished({"rate-limit": "100k/200k"})
    simulator.live.plug_in("a")
    async with logged_in(simulator) as words:
        simulator.clock.advance(80)
        [first] = await words.rows("/interface/print", "?name=<pppoe-a>")
        simulator.clock.advance(80)
        [second] = await words.rows("/interface/print", "?name=<pppoe-a>")
        [queue] = await words.rows("/queue/simple/print", "=stats=")
    assert 0 < int(first["rx-byte"]) <= 81 * 100_000 // 8
    assert 0 < int(first["tx-byte"]) <= 81 * 200_000 // 8
    assert int(second["rx-byte"]) > int(first["rx-byte"])
    assert int(second["tx-byte"]) > int(first["tx-byte"])
    up, down = map(int, queue["bytes"].split("/"))
    assert up >= int(second["rx-byte"])
    assert down >= int(second["tx-byte"])


async def test_a_byte_limit_ends_the_session() -> None:
    simulator = furnished()
    secrets = simulator.tables["/ppp/secret"]
    secrets.set(secrets.find("a"), {"limit-bytes-out": "1000"})
    simulator.live.plug_in("a")
    [before] = sessions(simulator)
    async with logged_in(simulator) as words:
        simulator.clock.advance(60)
        assert await words.rows("/ppp/active/print") == []
        await until(simulator, "a")
        assert before not in sessions(simulator)


async def test_two_sessions_of_one_name_unless_only_one() -> None:
    simulator = furnished()
    simulator.live.plug_in("a")
    simulator.live.duplicate("a")
    assert list(sessions(simulator).values()) == ["a", "a"]
    assert rows_of(simulator, "/interface") == ["<pppoe-a>", "<pppoe-a-1>"]
    [first, _] = sessions(simulator)
    profiles = simulator.tables["/ppp/profile"]
    profiles.set(profiles.find("10M"), {"only-one": "yes"})
    simulator.live.duplicate("a")
    assert list(sessions(simulator).values()) == ["a"]
    assert first not in sessions(simulator)


async def test_no_address_is_given_twice_and_an_empty_pool_gives_none() -> None:
    simulator = furnished()
    for name in "abcd":
        simulator.live.plug_in(name)
    rows = simulator.tables["/ppp/active"]
    assert [(row.live["name"], row.live["address"]) for row in rows] == [
        ("a", "10.0.0.2"),
        ("b", "10.0.0.3"),
        ("c", "10.0.0.4"),
    ]
    simulator.tables["/ip/pool"].add({"name": "q", "ranges": "10.1.0.0/30"})
    pools = simulator.tables["/ip/pool"]
    pools.set(pools.find("p"), {"next-pool": "q"})
    simulator.live.dial(simulator.live.dialers["d"])
    assert rows.rows[-1].live["address"] == "10.1.0.1"


async def test_a_fixed_address_goes_before_the_pool() -> None:
    simulator = furnished()
    secrets = simulator.tables["/ppp/secret"]
    secrets.set(secrets.find("a"), {"remote-address": "10.9.9.9"})
    simulator.live.plug_in("a")
    [row] = simulator.tables["/ppp/active"]
    assert row.live["address"] == "10.9.9.9"


async def test_an_unplugged_device_stays_away() -> None:
    simulator = furnished()
    for name in "ab":
        simulator.live.plug_in(name)
    async with logged_in(simulator):
        simulator.live.unplug("a")
        await asyncio.sleep(0.05)
        assert list(sessions(simulator).values()) == ["b"]


async def test_after_a_reboot_everyone_dials_again() -> None:
    simulator = furnished()
    for name in "abc":
        simulator.live.plug_in(name)
    before = sessions(simulator)
    async with simulator.serve():
        await simulator.reboot(0)
        await until(simulator, "abc")
    assert not set(before) & set(sessions(simulator))
    assert len(rows_of(simulator, "/interface")) == 3


async def test_every_new_secret_gets_a_device_when_they_are_followed() -> None:
    simulator = furnished()
    async with logged_in(simulator) as words:
        following = asyncio.create_task(simulator.live.follow_secrets())
        await until(simulator, "abc")
        [first] = await words.rows("/ppp/active/print", "?name=a")
        await words.ask("/ppp/secret/set", "=.id=d", "=remote-address=10.9.9.9")
        await until(simulator, "abcd")
        fixed = "=remote-address=10.9.9.8"
        await words.ask("/ppp/secret/add", "=name=new", "=password=x", fixed)
        await until(simulator, [*"abcd", "new"])
        [same] = await words.rows("/ppp/active/print", "?name=a")
        assert same["session-id"] == first["session-id"]
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await words.ask("/ppp/secret/add", "=name=later", "=remote-address=10.9.9.7")
        await asyncio.sleep(0.05)
        assert "later" not in sessions(simulator).values()
