"""A worker that is killed in the middle of a change leaves no second login."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from job_world import until, working
from network_world import Isp, open_isp, secrets_of, sessions_of, simulator

from connectors.mikrotik.simulator import Kind
from engine.settings import Settings

WORK = """
import asyncio
from engine.cli.worker import work
from engine.settings import Settings
asyncio.run(work(Settings.from_environment()))
"""


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run what `rangka worker` runs, in a process killed at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORK,
        env={
            **os.environ,
            **settings.to_environment(),
            "RANGKA_SECRET_KEY": settings.secret_key.decode(),
            "RANGKA_OWNER_DATABASE_URL": settings.owner_database_url,
            "RANGKA_APP_DATABASE_URL": settings.app_database_url,
            "RANGKA_SYSTEM_DATABASE_URL": settings.system_database_url,
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def let_time_pass(isp: Isp) -> None:
    """Let the dead worker's heartbeat and lease be old, instead of waiting for it."""
    await isp.world.execute(
        "update rangka.jobs set heartbeat_at = now() - interval '1 minute' "
        "where tenant_id = %s and state = 'running'",
        isp.tenant,
    )
    async with isp.world.parts.database.transaction(isp.tenant) as connection:
        await connection.execute(
            "update svc_network.leases set until = now() - interval '1 second' "
            "where tenant_id = %s",
            (isp.tenant,),
        )


async def test_a_worker_killed_while_it_adds_a_login_leaves_one_login(
    own: Settings,
) -> None:
    sim = simulator()
    async with open_isp(own, work=False) as isp, sim.serve() as address:
        async with worker(own) as process:
            router = await isp.router(address)
            await isp.pool(router)
            plan = await isp.plan()
            await isp.until_router(router, status="online")
            await isp.quiet()
            sim.faults.once("/ppp/secret/add", Kind.SILENCE, applied=True)
            customer = await isp.active(plan)

            async def added() -> bool:
                return bool(secrets_of(sim))

            await until(added)
            process.kill()
            await process.wait()
        assert (await isp.login(customer))["state"] == "pending"
        await let_time_pass(isp)
        async with working(isp.world):
            login = await isp.until_login(customer, state="active")
            await isp.quiet()
        adds = [entry for entry in sim.trace if "/ppp/secret/add" in str(entry)]
        states = {job["state"] for job in await isp.world.jobs(isp.tenant)}
    assert list(secrets_of(sim)) == [login["name"]]
    assert len(adds) == 1
    assert "failed" not in states


async def test_a_worker_killed_before_it_ends_a_session_owes_that_to_the_next(
    own: Settings,
) -> None:
    sim = simulator()
    async with open_isp(own, work=False) as isp, sim.serve() as address:
        async with worker(own) as process:
            router = await isp.router(address)
            await isp.pool(router)
            customer = await isp.active(await isp.plan())
            login = await isp.until_login(customer, state="active")
            await isp.quiet()
            sim.live.plug_in(login["name"])
            [old] = sessions_of(sim, login["name"])
            sim.faults.once("/ppp/active/remove", Kind.SILENCE, applied=False)
            await isp.act("customers.customers", customer, "suspend")

            async def is_ending() -> bool:
                return any("/ppp/active/remove" in str(entry) for entry in sim.trace)

            await until(is_ending)
            process.kill()
            await process.wait()
        assert secrets_of(sim)[login["name"]]["profile"] == "ISOLIR"
        assert sessions_of(sim, login["name"]) == [old]
        await let_time_pass(isp)
        async with working(isp.world):
            await isp.until_login(customer, state="suspended", renew_before=None)
            await isp.quiet()
    assert old not in sessions_of(sim, login["name"])
