"""One writer per router: a lease in the database, kept alive while it is held.

The row of a router in `leases` names who works on it and until when, by the clock of
the database: those of the machines may differ. A worker that dies leaves a lease that
runs out by itself; one that cannot reach the database stops before its own does.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta

from registry.builtin.network.clock import moment
from registry.service import JobHost

LEASES = "network.leases"
LEASE_SECONDS = 30.0
RELEASE_SECONDS = 5.0


class Taken(Exception):
    """Another job works on the router now."""


class Lost(Exception):
    """The lease could not be extended in time; another job may work on the router."""


@contextlib.asynccontextmanager
async def held(
    host: JobHost, router_id: str, *, seconds: float = LEASE_SECONDS
) -> AsyncIterator[None]:
    """Hold the router while the block runs; the block is cancelled if it is lost.

    That happens a sixth of the lease before its end, whatever the database does.

    Args:
        host: of the job.
        router_id: the router.
        seconds: of the lease; it is extended after each third of them.

    Raises:
        Taken: somebody else holds it.
        Lost: the block was cancelled.
    """
    lease = _Lease(host, router_id, seconds)
    await lease.take()
    limit = asyncio.timeout_at(lease.safe_until)
    keeping = asyncio.create_task(lease.keep(limit))
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise Lost(f"the lease of router {router_id} could not be extended") from None
    finally:
        keeping.cancel()
        await asyncio.wait([keeping], timeout=RELEASE_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RELEASE_SECONDS):
                await lease.release()


class _Lease:
    """One holder's lease of one router."""

    def __init__(self, host: JobHost, router_id: str, seconds: float) -> None:
        self._host = host
        self._router = router_id
        self._seconds = seconds
        self._holder = secrets.token_hex(8)
        self._loop = asyncio.get_running_loop()
        self.safe_until = 0.0
        """Time of the loop, which no clock changes, at which work has to have ended."""

    async def take(self) -> None:
        """Take the lease or extend it; nothing is written when another one has it.

        Raises:
            Taken: another one has it.
        """
        asked = self._loop.time()
        async with self._host.transaction() as inside:
            mine = {"router": {"_eq": self._router}}
            rows = await inside.find(LEASES, mine, limit=1)
            if not rows:
                rows = [await inside.create(LEASES, {"router": self._router})]
            # Locks the row, and is told what time it is for the database.
            said = {"asked": secrets.token_hex(8)}
            row = await inside.update(LEASES, rows[0]["id"], said)
            now, until = moment(row["updated_at"]), moment(row["until"])
            if now is None:
                raise Lost("the database did not say what time it is")
            if row["holder"] not in {None, self._holder} and until and until > now:
                raise Taken(self._router)
            ends = now + timedelta(seconds=self._seconds)
            values = {"holder": self._holder, "until": ends.isoformat()}
            await inside.update(LEASES, row["id"], values)
        self.safe_until = asked + self._seconds * 5 / 6

    async def keep(self, limit: asyncio.Timeout) -> None:
        """Extend the lease again and again, and with it the limit of the block.

        A database that fails once is asked again; the limit ends the block in time.
        """
        while True:
            await asyncio.sleep(self._seconds / 3)
            (failed,) = await asyncio.gather(self.take(), return_exceptions=True)
            if limit.expired():
                return
            if failed is None:
                limit.reschedule(self.safe_until)
            elif isinstance(failed, Taken) or not isinstance(failed, Exception):
                limit.reschedule(self._loop.time())
                return

    async def release(self) -> None:
        """Give the lease back, unless another one has it by now."""
        async with self._host.transaction() as inside:
            mine = {"router": {"_eq": self._router}}
            rows = await inside.find(LEASES, mine, limit=1)
            if rows and rows[0]["holder"] == self._holder:
                free = {"holder": None, "until": None}
                await inside.update(LEASES, rows[0]["id"], free)
