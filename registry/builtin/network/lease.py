"""One writer per router: a lease in the database, kept alive while it is held.

The row of a router in `leases` names who works on it and until when. Taking it goes
through a hook that looks at the row under its lock (`keep_lease`), so of two takers
one gets it. A worker that dies leaves a lease that runs out by itself.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

from registry.builtin.network.clock import moment
from registry.service import Change, JobHost

LEASES = "network.leases"
LEASE_SECONDS = 30.0
RENEW_SECONDS = 10.0


class Taken(Exception):
    """Another job works on the router now."""


def keep_lease(change: Change, now: datetime) -> None:
    """Leave the row as it is while another one's lease runs; under the row's lock."""
    old = change.old
    if old is None or old["holder"] is None or change.values.get("holder") is None:
        return
    until = moment(old["until"])
    if old["holder"] != change.values["holder"] and until and until > now:
        change.values.update(holder=old["holder"], until=old["until"])


@contextlib.asynccontextmanager
async def held(host: JobHost, router_id: str) -> AsyncIterator[None]:
    """Hold the router while the block runs; the block is cancelled if it is lost.

    Raises:
        Taken: somebody else holds it.
    """
    holder = secrets.token_hex(8)
    if not await _take(host, router_id, holder):
        raise Taken(router_id)
    working = asyncio.current_task()

    def lost(task: asyncio.Task[None]) -> None:
        # Whatever kept it from being extended: two writers would be worse.
        if working is not None and not task.cancelled():
            working.cancel()

    keeping = asyncio.create_task(_keep(host, router_id, holder))
    keeping.add_done_callback(lost)
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await _release(host, router_id, holder)


async def _take(host: JobHost, router_id: str, holder: str) -> bool:
    until = datetime.now(UTC) + timedelta(seconds=LEASE_SECONDS)
    values = {"holder": holder, "until": until.isoformat()}
    async with host.transaction() as inside:
        rows = await inside.find(LEASES, {"router": {"_eq": router_id}}, limit=1)
        if not rows:
            values["router"] = router_id
            await inside.create(LEASES, values)
            return True
        row = await inside.update(LEASES, rows[0]["id"], values)
    return bool(row["holder"] == holder)


async def _keep(host: JobHost, router_id: str, holder: str) -> None:
    """Extend the lease again and again, until it is lost or this is cancelled."""
    kept = True
    while kept:
        await asyncio.sleep(RENEW_SECONDS)
        kept = await _take(host, router_id, holder)


async def _release(host: JobHost, router_id: str, holder: str) -> None:
    async with host.transaction() as inside:
        rows = await inside.find(LEASES, {"router": {"_eq": router_id}}, limit=1)
        if rows and rows[0]["holder"] == holder:
            await inside.update(LEASES, rows[0]["id"], {"holder": None, "until": None})
