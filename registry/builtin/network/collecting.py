"""The 5-minute look at every router: alive, how busy, who is online.

Reads only, so it takes no lease. A router that is dead costs its time-out and delays
no other; one whose answer cannot be stored is reported, and the others are stored.
Called by the schedule `collect`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.mikrotik.errors import RouterError, Unreachable
from connectors.mikrotik.read import active, load, traffic
from connectors.mikrotik.read import identity as read_identity
from connectors.mikrotik.reconcile import check_serial
from connectors.mikrotik.transport import Deadlines
from registry.builtin.network import clock, following
from registry.builtin.network.connection import (
    IDLE,
    Unconfirmed,
    answered,
    opened,
    refused,
    tell,
)
from registry.builtin.network.records import (
    LOGINS,
    PAGE,
    ROUTERS,
    SAMPLES,
    SESSIONS,
    everything,
)
from registry.builtin.network.sampling import (
    Poll,
    SessionKey,
    nameless,
    sample,
    session_key,
    sessions,
)
from registry.service import Host, JobHost, Record

AT_ONCE = 32
TRANSACTIONS = 4
"""That are open at a time, or asked for: the database is there for others too."""
WRITES = 100
"""Sessions that are written in one transaction."""
POLL_SECONDS = 60.0
DEADLINES = Deadlines(connect=5, command=10)
SHOWN = 20
"""Routers that the result of a look names, of each sort."""


@dataclass(frozen=True, slots=True)
class Look:
    """What became of the look at one router."""

    answered: bool
    alert: bool
    skipped: int
    """Sessions that were not stored, since they have no name."""


async def collect(host: JobHost) -> Mapping[str, Any]:
    """Look at every router of the tenant; returns what became of that.

    Counts of the routers that were looked at, that answered, and of sessions that were
    skipped; the names of those with an alert (they are stopped, or missed two looks of
    three), and of those whose answer could not be stored, with the reason.
    """
    async with host.transaction() as inside:
        every = await everything(inside, ROUTERS, {})
    routers = [
        router
        for router in every
        if router["status"] not in IDLE and router["expected_serial"]
    ]
    asked = {router["id"] for router in routers}
    alerts = {r["name"] for r in every if r["alert"] and r["id"] not in asked}
    looking = _Looking(host, len(routers))
    looks = await looking.at_all(routers)
    failed: list[dict[str, str]] = []
    for router, look in zip(routers, looks, strict=True):
        if isinstance(look, Look):
            alerts |= {router["name"]} if look.alert else set()
        else:
            failed.append({"router": router["name"], "reason": _reason(look)})
    good = [look for look in looks if isinstance(look, Look)]
    return {
        "routers": len(routers),
        "answered": sum(look.answered for look in good),
        "skipped_sessions": sum(look.skipped for look in good),
        "alerts": sorted(alerts)[:SHOWN],
        "alert_count": len(alerts),
        "failed": failed[:SHOWN],
        "failed_count": len(failed),
    }


class _Looking:
    """One look at all routers."""

    def __init__(self, host: JobHost, many: int) -> None:
        self._host = host
        self._many = many
        self._done = 0
        self._room = asyncio.Semaphore(AT_ONCE)
        self._door = asyncio.Semaphore(TRANSACTIONS)

    async def at_all(self, routers: Sequence[Record]) -> list[Look | Exception]:
        """Look at each; what goes wrong with one is its own result.

        Raises what is no error of a router: another worker has the job by now.
        """
        looks: list[Look | Exception] = []
        work = (self._at(router) for router in routers)
        for look in await asyncio.gather(*work, return_exceptions=True):
            if not isinstance(look, Look | Exception):
                raise look
            looks.append(look)
        wrong = [
            self._tell_failure(router, look)
            for router, look in zip(routers, looks, strict=True)
            if isinstance(look, Exception)
        ]
        await asyncio.gather(*wrong, return_exceptions=True)
        return looks

    async def _at(self, router: Record) -> Look:
        async with self._room:
            found = await poll(self._host, router, self._door)
        async with self._door:
            look = await store(self._host, router, found)
            self._done += 1
            await self._host.progress(self._done, self._many)
        return look

    async def _tell_failure(self, router: Record, error: Exception) -> None:
        """Count a look whose answer could not be stored as missed, so that it shows."""
        polls = clock.polled(router["last_polls"], answered=False)
        text = f"What it answered could not be stored: {_reason(error)}"
        values = {
            "last_polls": polls,
            "alert": clock.is_alert(polls),
            "last_error": text[:500],
        }
        async with self._door, self._host.transaction() as inside:
            await tell(inside, router, values)


async def poll(
    host: JobHost, router: Record, door: asyncio.Semaphore
) -> Poll | RouterError | Unconfirmed:
    """Look at one router; returns why when it does not answer."""
    try:
        async with (
            asyncio.timeout(POLL_SECONDS),
            opened(host, router, deadlines=DEADLINES, door=door) as session,
        ):
            await check_serial(session, router["expected_serial"])
            return Poll(
                box=await read_identity(session),
                load=await load(session),
                sessions=await active(session),
                traffic=await traffic(session),
            )
    except TimeoutError:
        return Unreachable(f"{router['address']}: no answer in {POLL_SECONDS:g} s")
    except (RouterError, Unconfirmed) as error:
        return error


async def store(
    host: JobHost, router: Record, found: Poll | RouterError | Unconfirmed
) -> Look:
    """Store what a look gave: how the router is, then its sessions in pages."""
    now = datetime.now(UTC)
    polls = clock.polled(router["last_polls"], answered=isinstance(found, Poll))
    values: dict[str, Any]
    if isinstance(found, Poll):
        values = answered(router, found.box, now)
        # What a run said of the router stays until a run says otherwise.
        if router["status"] == "online":
            del values["last_error"]
    else:
        values = refused(router, found, now)
    values["last_polls"] = polls
    alert = clock.is_alert(polls) or values.get("status") == "stopped"
    values["alert"] = alert
    async with host.transaction() as inside:
        told = await tell(inside, router, values)
        if told is not None and isinstance(found, Poll):
            await inside.create(SAMPLES, sample(router["id"], found, now))
            if router["status"] == "offline":
                await following.request(inside, str(router["id"]))
    if told is None or not isinstance(found, Poll):
        return Look(isinstance(found, Poll), alert, 0)
    up = sessions(router["id"], found.sessions, now)
    await _store_sessions(host, router, up, now)
    return Look(True, alert, nameless(found.sessions))


async def _store_sessions(
    host: JobHost,
    router: Record,
    up: Mapping[SessionKey, Mapping[str, Any]],
    now: datetime,
) -> None:
    """Begin and end the rows of sessions; those that go on are not written.

    A look that breaks off between two pages leaves the rest to the next one.
    """
    open_rows = {"router": {"_eq": router["id"]}, "ended_at": {"_null": True}}
    async with host.transaction() as inside:
        rows = await everything(inside, SESSIONS, open_rows)
    known = {session_key(row): row for row in rows}
    over = [known[key]["id"] for key in known.keys() - up.keys()]
    new = [row for key, row in up.items() if key not in known]
    for at in range(0, len(over), WRITES):
        async with host.transaction() as inside:
            for row_id in over[at : at + WRITES]:
                await inside.update(SESSIONS, row_id, {"ended_at": now.isoformat()})
    for at in range(0, len(new), WRITES):
        some = new[at : at + WRITES]
        async with host.transaction() as inside:
            logins = await _logins(inside, {row["name"] for row in some})
            for row in some:
                login = logins.get(row["name"])
                await inside.create(SESSIONS, {**row, "login": login})


async def _logins(host: Host, names: set[str]) -> dict[str, str]:
    """Return the ids of logins by name, at most a page of them."""
    found = await host.find(LOGINS, {"name": {"_in": sorted(names)}}, limit=PAGE)
    return {row["name"]: str(row["id"]) for row in found}


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
