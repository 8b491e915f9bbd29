"""The 5-minute look at every router: alive, how busy, who is online.

Reads only, so it takes no lease. A router that is dead costs its time-out and delays
no other; one whose answer cannot be stored is reported, and the others are stored.
Called by the schedule `collect`.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.mikrotik.errors import RouterError, Unreachable
from connectors.mikrotik.read import active, load, traffic
from connectors.mikrotik.read import identity as read_identity
from connectors.mikrotik.reconcile import check_serial
from connectors.mikrotik.state import Active
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
LOOK_SECONDS = 240.0
"""For all of a look; sessions that are not written by then wait for the next one."""
DEADLINES = Deadlines(connect=5, command=10)
SHOWN = 20
"""Routers that the result of a look names, of each sort."""


@dataclass(frozen=True, slots=True)
class Look:
    """What became of the look at one router."""

    answered: bool
    alert: bool
    up: Sequence[Active] = ()
    at: datetime | None = None
    """When it answered; None when it did not, or is another router by now."""


async def collect(host: JobHost, *, seconds: float = LOOK_SECONDS) -> Mapping[str, Any]:
    """Look at every router of the tenant; returns what became of that.

    How all routers are is stored before the sessions of the first: those may be many.

    Counts of the routers that were looked at, that answered, and of sessions that were
    skipped or left for the next look; the names of those with an alert (they are
    stopped, or missed two looks of three), and of those whose answer could not be
    stored, with the reason.
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
    looking = _Looking(host, len(routers), seconds)
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
        "skipped_sessions": sum(nameless(look.up) for look in good),
        "sessions_left": looking.left,
        "alerts": sorted(alerts)[:SHOWN],
        "alert_count": len(alerts),
        "failed": failed[:SHOWN],
        "failed_count": len(failed),
    }


class _Looking:
    """One look at all routers."""

    def __init__(self, host: JobHost, many: int, seconds: float) -> None:
        self.left = 0
        """Sessions that are left for the next look."""
        self._host = host
        self._many = many
        self._done = 0
        self._until = asyncio.get_running_loop().time() + seconds
        self._room = asyncio.Semaphore(AT_ONCE)
        self._door = asyncio.Semaphore(TRANSACTIONS)

    async def at_all(self, routers: Sequence[Record]) -> list[Look | Exception]:
        """Look at each; what goes wrong with one is its own result.

        Raises what is no error of a router: another worker has the job by now.
        """
        looks = await _each(self._at(router) for router in routers)
        looks = await _each(
            self._with_sessions(router, look)
            for router, look in zip(routers, looks, strict=True)
        )
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

    async def _with_sessions(self, router: Record, look: Look | Exception) -> Look:
        """Begin and end the rows of sessions; those that go on are not written.

        In pages: a look that breaks off between two leaves the rest to the next one.
        """
        if isinstance(look, Exception):
            raise look
        if look.at is None:
            return look
        loop = asyncio.get_running_loop()
        async with self._door:
            up = sessions(router["id"], look.up, look.at)
            new, over = await _news(self._host, router["id"], up)
            pages = [
                *(_Page(over=over[at : at + WRITES]) for at in _starts(over)),
                *(_Page(new=new[at : at + WRITES]) for at in _starts(new)),
            ]
            for page in pages:
                if loop.time() >= self._until:
                    self.left += len(page.new) + len(page.over)
                else:
                    await _write(self._host, page, look.at)
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
                at=datetime.now(UTC),
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
    """Store what a look gave, but for the sessions, in one transaction."""
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
            await inside.create(SAMPLES, sample(router["id"], found))
            if router["status"] == "offline":
                await following.request(inside, str(router["id"]))
    if not isinstance(found, Poll):
        return Look(answered=False, alert=alert)
    if told is None:
        return Look(answered=True, alert=bool(router["alert"]))
    return Look(answered=True, alert=alert, up=found.sessions, at=found.at)


async def _each(
    work: Iterable[Coroutine[Any, Any, Look]],
) -> list[Look | Exception]:
    """Do all of it; what one raises is its own result, unless it is no error."""
    looks: list[Look | Exception] = []
    for look in await asyncio.gather(*work, return_exceptions=True):
        if not isinstance(look, Look | Exception):
            raise look
        looks.append(look)
    return looks


@dataclass(frozen=True, slots=True)
class _Page:
    """Sessions that are written in one transaction: rows to create, ids that ended."""

    new: Sequence[Mapping[str, Any]] = ()
    over: Sequence[str] = ()


async def _news(
    host: JobHost, router_id: str, up: Mapping[SessionKey, Mapping[str, Any]]
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Return the sessions that have no row yet, and the rows of those that are over."""
    open_rows = {"router": {"_eq": router_id}, "ended_at": {"_null": True}}
    async with host.transaction() as inside:
        rows = await everything(inside, SESSIONS, open_rows)
    known = {session_key(row): str(row["id"]) for row in rows}
    new = [row for key, row in up.items() if key not in known]
    return new, [known[key] for key in known.keys() - up.keys()]


async def _write(host: JobHost, page: _Page, at: datetime) -> None:
    async with host.transaction() as inside:
        for row_id in page.over:
            await inside.update(SESSIONS, row_id, {"ended_at": at.isoformat()})
        if page.new:
            logins = await _logins(inside, {row["name"] for row in page.new})
            rows = [{**row, "login": logins.get(row["name"])} for row in page.new]
            await inside.create_many(SESSIONS, rows)


def _starts(rows: Sequence[object]) -> range:
    return range(0, len(rows), WRITES)


async def _logins(host: Host, names: set[str]) -> dict[str, str]:
    """Return the ids of logins by name, at most a page of them."""
    found = await host.find(LOGINS, {"name": {"_in": sorted(names)}}, limit=PAGE)
    return {row["name"]: str(row["id"]) for row in found}


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
