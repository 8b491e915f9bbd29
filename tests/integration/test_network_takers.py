"""Of jobs that want one router at the same moment, one gets it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from network_world import Isp, open_isp

from engine.errors import Conflict
from engine.settings import Settings
from registry.builtin.network.lease import LEASES, Taken, held
from registry.service import JobHost

JOBS = 6


class Worker:
    """As much of a job's host as a lease needs."""

    def __init__(self, isp: Isp) -> None:
        self._isp = isp

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Open a transaction of the tenant."""
        async with self._isp.world.host(self._isp.tenant, "network") as host:
            yield host


async def test_of_many_takers_one_gets_the_router(own: Settings) -> None:
    async with open_isp(own, work=False) as isp:
        router = await isp.router(("127.0.0.1", 1))
        worker = cast(JobHost, Worker(isp))
        async with held(worker, router):
            [row] = await isp.find(LEASES, router=router)
        assert row["holder"]
        inside, over = 0, asyncio.Event()

        async def work() -> bool:
            nonlocal inside
            try:
                async with held(worker, router):
                    inside += 1
                    await over.wait()
            except (Taken, Conflict):
                return False
            return True

        tasks = [asyncio.create_task(work()) for _ in range(JOBS)]
        async with asyncio.timeout(60):
            waiting = set(tasks)
            while len(waiting) > 1:
                _, waiting = await asyncio.wait(
                    waiting, return_when=asyncio.FIRST_COMPLETED
                )
        assert inside == 1
        over.set()
        assert sum(await asyncio.gather(*tasks)) == 1
        [row] = await isp.find(LEASES, router=router)
    assert (row["holder"], row["until"]) == (None, None)
