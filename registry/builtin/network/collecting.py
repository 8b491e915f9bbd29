"""The 5-minute look at every router: alive, how busy, who is online.

Reads only, so it takes no lease. A router that is dead costs its time-out and delays
no other. Called by the schedule `collect`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.mikrotik.errors import RouterError, Unreachable
from connectors.mikrotik.read import Load, Traffic, active, load, traffic
from connectors.mikrotik.read import identity as read_identity
from connectors.mikrotik.reconcile import check_serial
from connectors.mikrotik.state import Active, Identity
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
from registry.service import Host, JobHost, Record

AT_ONCE = 32
POLL_SECONDS = 60.0
TRAFFIC_ROWS = 4000
"""Logins of a sample; what is stored stays below what a field holds."""


@dataclass(frozen=True, slots=True)
class Poll:
    """What one look at a router gave."""

    box: Identity
    load: Load
    sessions: Sequence[Active]
    traffic: Sequence[Traffic]


async def collect(host: JobHost) -> Mapping[str, Any]:
    """Look at every router of the tenant; returns how many answered."""
    async with host.transaction() as inside:
        routers = [
            router
            for router in await everything(inside, ROUTERS, {})
            if router["status"] not in IDLE and router["expected_serial"]
        ]
    room = asyncio.Semaphore(AT_ONCE)
    done = 0

    async def one(router: Record) -> bool:
        nonlocal done
        async with room:
            found = await poll(host, router)
        await store(host, router, found)
        done += 1
        await host.progress(done, len(routers))
        return isinstance(found, Poll)

    answers = await asyncio.gather(*(one(router) for router in routers))
    return {"routers": len(routers), "answered": sum(answers)}


async def poll(host: JobHost, router: Record) -> Poll | RouterError | Unconfirmed:
    """Look at one router; returns why when it does not answer."""
    try:
        async with asyncio.timeout(POLL_SECONDS), opened(host, router) as session:
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
) -> None:
    """Store what a look gave, in one transaction."""
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
    values["alert"] = clock.is_alert(polls) or values.get("status") == "stopped"
    async with host.transaction() as inside:
        if await tell(inside, router, values) is None:
            return
        if isinstance(found, Poll):
            await inside.create(SAMPLES, _sample(router, found, now))
            await _sessions(inside, router, found.sessions, now)
            if router["status"] == "offline":
                await following.request(inside, str(router["id"]))


def _sample(router: Record, found: Poll, now: datetime) -> dict[str, Any]:
    return {
        "router": router["id"],
        "at": now.isoformat(),
        "session_count": len(found.sessions),
        "cpu_percent": found.load.cpu_percent,
        "memory_free": found.load.memory_free,
        "memory_total": found.load.memory_total,
        "uptime_seconds": found.load.uptime,
        "traffic": {
            each.name: [each.upload, each.download]
            for each in found.traffic[:TRAFFIC_ROWS]
        },
    }


async def _sessions(
    host: Host, router: Record, found: Sequence[Active], now: datetime
) -> None:
    """Begin and end the rows of sessions; those that go on are not written."""
    open_rows = {"router": {"_eq": router["id"]}, "ended_at": {"_null": True}}
    known = {
        (row["name"], row["session_id"] or row["address"]): row
        for row in await everything(host, SESSIONS, open_rows)
    }
    up = {(each.name, each.session_id or each.address): each for each in found}
    for key in known.keys() - up.keys():
        ended = {"ended_at": now.isoformat()}
        await host.update(SESSIONS, known[key]["id"], ended)
    new = [each for key, each in up.items() if key not in known]
    logins = await _logins(host, {each.name for each in new})
    for each in new:
        began = now - timedelta(seconds=each.uptime)
        await host.create(
            SESSIONS,
            {
                "router": router["id"],
                "login": logins.get(each.name),
                "name": each.name[:120],
                "session_id": each.session_id[:40] or None,
                "address": each.address[:60] or None,
                "caller_id": each.caller_id[:60] or None,
                "began_at": began.isoformat(),
            },
        )


async def _logins(host: Host, names: set[str]) -> dict[str, str]:
    """Return the ids of logins by name."""
    ordered, found = sorted(names), {}
    for at in range(0, len(ordered), PAGE):
        some = ordered[at : at + PAGE]
        rows = await host.find(LOGINS, {"name": {"_in": some}}, limit=PAGE)
        found.update({row["name"]: str(row["id"]) for row in rows})
    return found
