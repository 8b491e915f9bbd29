"""One router that says nonsense, or cannot be stored, costs the others nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any, cast

import pytest
from network_world import PASSWORD, Isp, simulator

from connectors.mikrotik.errors import Unreachable
from connectors.mikrotik.simulator import Simulator
from connectors.mikrotik.transport import PLAINTEXT, connect
from registry.builtin.network.collecting import collect
from registry.service import JobHost

SERIAL = "HGA09SIM0002"


def session(sim: Simulator, **live: str) -> None:
    """Let a router have a session that says this of itself."""
    sim.tables["/ppp/active"].add({}, dynamic=True, live=live)


async def result(isp: Isp) -> dict[str, Any]:
    """Return what the latest look answered."""
    looks = [
        job for job in await isp.world.jobs(isp.tenant) if job["name"] == "collect"
    ]
    assert looks[-1]["state"] == "done", looks[-1]
    found: dict[str, Any] = looks[-1]["result"]
    return found


@asynccontextmanager
async def refusing(isp: Isp, router: str) -> AsyncIterator[None]:
    """Let the database store no sample of one router inside the block."""
    table = "alter table svc_network.samples"
    async with isp.world.parts.database.owner() as connection:
        await connection.execute(
            f"{table} add constraint no_sample check (router <> '{router}') not valid"
        )
    try:
        yield
    finally:
        async with isp.world.parts.database.owner() as connection:
            await connection.execute(f"{table} drop constraint no_sample")


async def test_a_session_that_makes_no_sense_costs_no_other_one(isp: Isp) -> None:
    sim, other = simulator(), simulator(serial=SERIAL)
    session(sim, **{"name": "", "uptime": "1d", "session-id": "0x1"})
    session(sim, **{"name": "LAMA", "uptime": "9" * 18 + "w", "session-id": "0x2"})
    session(sim, **{"name": "BAIK", "uptime": "1h", "session-id": "0x3"})
    session(other, **{"name": "TIMUR", "uptime": "1h", "session-id": "0x1"})
    async with sim.serve() as address, other.serve() as second:
        bad = await isp.router(address)
        good = await isp.router(second, name="Timur")
        for router in (bad, good):
            await isp.until_router(router, status="online")
        await isp.quiet()
        for _ in range(2):
            await isp.run("collect")
            told = await result(isp)
            assert (told["routers"], told["answered"]) == (2, 2)
            assert (told["skipped_sessions"], told["failed"]) == (1, [])
        rows = await isp.find("network.sessions", router=bad)
        assert sorted((row["name"], row["ended_at"]) for row in rows) == [
            ("BAIK", None),
            ("LAMA", None),
        ]
        assert {row["name"]: row["began_at"] is None for row in rows} == {
            "BAIK": False,
            "LAMA": True,
        }
        [row] = await isp.find("network.sessions", router=good)
        assert row["name"] == "TIMUR"
        assert len(await isp.find("network.samples", router=good)) == 2


async def test_a_router_whose_answer_cannot_be_stored_is_reported(isp: Isp) -> None:
    sim, other = simulator(), simulator(serial=SERIAL)
    async with sim.serve() as address, other.serve() as second:
        bad = await isp.router(address)
        good = await isp.router(second, name="Timur")
        for router in (bad, good):
            await isp.until_router(router, status="online")
        await isp.quiet()
        async with refusing(isp, bad):
            await isp.run("collect")
            told = await result(isp)
            assert (told["routers"], told["answered"]) == (2, 1)
            [failure] = told["failed"]
            assert failure["router"] == "Pusat"
            assert failure["reason"]
            await isp.run("collect")
            told = await result(isp)
        assert told["failed_count"] == 1
        assert len(await isp.find("network.samples", router=good)) == 2
        assert not await isp.find("network.samples", router=bad)
        row = await isp.get("network.routers", bad)
        assert row["alert"] is True
        assert "could not be stored" in row["last_error"]
        assert (await isp.get("network.routers", good))["alert"] is False
        await isp.run("collect")
        assert (await result(isp))["failed"] == []


class Worker:
    """As much of a job's host as a look needs."""

    router_networks = (ip_network("127.0.0.0/8"),)

    def __init__(self, isp: Isp) -> None:
        self._isp = isp

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Open a transaction of the tenant."""
        async with self._isp.world.host(self._isp.tenant, "network") as host:
            yield host

    async def progress(self, _done: int, _total: int) -> None:
        """Show nothing."""

    async def secret(self, *_of: str) -> str:
        """Return the password of every router."""
        return PASSWORD


async def test_sessions_for_which_no_time_is_left_wait_for_the_next_look(
    isp: Isp,
) -> None:
    sim = simulator()
    for name in ("A", "B", "C"):
        session(sim, **{"name": name, "uptime": "1h", "session-id": name})
    async with sim.serve() as address:
        router = await isp.router(address)
        await isp.until_router(router, status="online")
        await isp.quiet()
        told = await collect(cast(JobHost, Worker(isp)), seconds=0)
        assert (told["answered"], told["sessions_left"]) == (1, 3)
        [sample] = await isp.find("network.samples", router=router)
        assert sample["session_count"] == 3
        assert not await isp.find("network.sessions", router=router)
        await isp.run("collect")
        assert (await result(isp))["sessions_left"] == 0
        assert len(await isp.find("network.sessions", router=router)) == 3


async def test_the_routers_with_an_alert_are_named_in_the_result(isp: Isp) -> None:
    sim, other = simulator(), simulator(serial=SERIAL)
    async with sim.serve() as address, other.serve() as second:
        away = await isp.router(address)
        wrong = await isp.router(second, name="Timur", password="salah-sekali")
        await isp.until_router(away, status="online")
        await isp.until_router(wrong, status="stopped", alert=True)
        await isp.quiet()
        sim.faults.refuse = True
        await isp.run("collect")
        assert (await result(isp))["alerts"] == ["Timur"]
        await isp.run("collect")
        told = await result(isp)
    assert (told["alerts"], told["alert_count"]) == (["Pusat", "Timur"], 2)
    assert told["failed"] == []


async def test_an_address_that_is_no_name_of_a_host_is_unreachable() -> None:
    with pytest.raises(Unreachable, match="no name of a host"):
        async with connect("a..b", user="u", password="p", tls=PLAINTEXT):
            pass
