"""Boosts that end, routers that are looked at, rows that are deleted in time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from network_world import Isp, secrets_of, sessions_of, simulator

from connectors.mikrotik.simulator import Simulator


@pytest.fixture
def sim() -> Simulator:
    made = simulator()
    made.live.redial_seconds = (0.05, 0.1)
    return made


async def connected(isp: Isp, address: tuple[str, int]) -> tuple[str, str]:
    """Return a router and a customer who is active on it."""
    router = await isp.router(address)
    await isp.pool(router)
    plan = await isp.plan()
    await isp.until_router(router, status="online")
    customer = await isp.active(plan)
    await isp.until_login(customer, state="active")
    await isp.quiet()
    return router, customer


async def boost(isp: Isp, login: str, **more: Any) -> str:
    """Create a boost to 50M that runs for an hour from now."""
    fast = await isp.plan("Kilat", download_rate=50_000_000, router_profile="kilat")
    now = datetime.now(UTC)
    values = {
        "valid_from": now.isoformat(),
        "valid_until": (now + timedelta(hours=1)).isoformat(),
        **more,
    }
    return await isp.create("network.boosts", login=login, plan=fast, **values)


async def expire(isp: Isp, boost_id: str) -> None:
    """Let a boost have ended a while ago, and its own jobs be lost."""
    await isp.world.execute(
        "delete from rangka.jobs where tenant_id = %s and name = 'turn_boost'",
        isp.tenant,
    )
    async with isp.world.host(isp.tenant, "network") as host:
        past = datetime.now(UTC) - timedelta(minutes=10)
        ended = {"valid_until": past.isoformat()}
        await host.update("network.boosts", boost_id, ended)


async def test_a_boost_begins_at_once_and_ends_though_its_job_was_lost(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        _, customer = await connected(isp, address)
        login = await isp.login(customer)
        sim.live.plug_in(login["name"])
        before = sessions_of(sim, login["name"])
        made = await boost(isp, login["id"])
        await isp.until_login(customer, profile="kilat", state="active")
        assert secrets_of(sim)[login["name"]]["profile"] == "kilat"
        assert not set(before) & set(sessions_of(sim, login["name"]))
        assert (await isp.get("network.boosts", made))["state"] == "running"

        boosted = sessions_of(sim, login["name"])
        await expire(isp, made)
        await isp.run("boosts")
        await isp.until_login(customer, profile="10mbps_profile", state="active")
        assert secrets_of(sim)[login["name"]]["profile"] == "10mbps_profile"
        assert not set(boosted) & set(sessions_of(sim, login["name"]))
    assert (await isp.get("network.boosts", made))["state"] == "ended"


async def test_a_boost_that_ended_while_the_router_was_away_is_taken_off_later(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        router, customer = await connected(isp, address)
        login = await isp.login(customer)
        made = await boost(isp, login["id"])
        await isp.until_login(customer, profile="kilat", state="active")
        sim.faults.refuse = True
        await expire(isp, made)
        await isp.run("boosts")
        await isp.until_router(router, status="offline")
        assert secrets_of(sim)[login["name"]]["profile"] == "kilat"
        sim.faults.refuse = False
        await isp.run("collect")
        await isp.until_login(customer, profile="10mbps_profile")
        assert secrets_of(sim)[login["name"]]["profile"] == "10mbps_profile"


async def test_a_suspended_customer_is_not_boosted(isp: Isp, sim: Simulator) -> None:
    async with sim.serve() as address:
        _, customer = await connected(isp, address)
        login = await isp.login(customer)
        await isp.act("customers.customers", customer, "suspend")
        await isp.until_login(customer, state="suspended")
        await boost(isp, login["id"])
        await isp.quiet()
        assert secrets_of(sim)[login["name"]]["profile"] == "ISOLIR"


async def test_a_look_stores_load_sessions_and_traffic(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        router, customer = await connected(isp, address)
        login = await isp.login(customer)
        sim.live.plug_in(login["name"])
        sim.clock.advance(60)
        await isp.run("collect")
        (sample,) = await isp.find("network.samples", router=router)
        assert sample["session_count"] == 1
        assert sample["memory_total"] > sample["memory_free"] > 0
        upload, download = sample["traffic"][f"{login['name']}"]
        assert upload > 0
        assert download > 0
        (session,) = await isp.find("network.sessions", router=router)
        assert (session["login"], session["ended_at"]) == (login["id"], None)
        sim.live.unplug(login["name"])
        await isp.run("collect")
        (ended,) = await isp.find("network.sessions", router=router)
        assert ended["id"] == session["id"]
        assert ended["ended_at"] is not None


async def test_two_missed_looks_of_three_are_an_alert(isp: Isp, sim: Simulator) -> None:
    async with sim.serve() as address:
        router, _ = await connected(isp, address)
        await isp.run("collect")
        sim.faults.refuse = True
        await isp.run("collect")
        missed = await isp.get("network.routers", router)
        assert (missed["status"], missed["alert"]) == ("offline", False)
        await isp.run("collect")
        alerted = await isp.get("network.routers", router)
        assert (alerted["last_polls"], alerted["alert"]) == ("ynn", True)
        sim.faults.refuse = False
        await isp.run("collect")
        await isp.run("collect")
        back = await isp.until_router(router, status="online", alert=False)
        assert back["offline_since"] is None


async def test_a_dead_router_keeps_no_other_from_being_looked_at(
    isp: Isp, sim: Simulator
) -> None:
    other = simulator(serial="HGA09SIM0002")
    async with sim.serve() as address, other.serve() as second:
        await connected(isp, address)
        away = await isp.router(second, name="Timur")
        await isp.until_router(away, status="online")
        await isp.quiet()
        sim.faults.half_open = True
        other_router = away
        await isp.run("collect")
        assert len(await isp.find("network.samples", router=other_router)) == 1


async def test_old_rows_are_deleted_and_new_ones_stay(isp: Isp, sim: Simulator) -> None:
    async with sim.serve() as address:
        router, _ = await connected(isp, address)
        old = datetime.now(UTC) - timedelta(days=8)
        async with isp.world.host(isp.tenant, "network") as host:
            for at in (old, datetime.now(UTC)):
                values = {"router": router, "at": at.isoformat()}
                await host.create("network.samples", values)
        await isp.run("tidy")
        (left,) = await isp.find("network.samples", router=router)
    assert datetime.fromisoformat(left["at"]) > old
