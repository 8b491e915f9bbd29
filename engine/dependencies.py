"""What this installation depends on, asked how it is; and its figures for `/metrics`.

Owns the questions, not what their answers mean for a process: that is
`engine/health.py`. Figures are of the whole installation, never of one tenant.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from engine.database import Database
from engine.driver import Statement
from engine.health import Finding, Health
from engine.realtime import Hub
from engine.settings import Settings

_ONE = Statement("select 1")
_JOBS = """
    SELECT count(*) FILTER (WHERE state = 'waiting') AS waiting,
           count(*) FILTER (WHERE state = 'running') AS running,
           count(*) FILTER (WHERE state = 'failed') AS failed,
           coalesce(extract(epoch FROM now() - min(run_at)
               FILTER (WHERE state = 'waiting' AND run_at <= now())), 0) AS late
    FROM rangka.jobs WHERE state IN ('waiting', 'running', 'failed')
"""
_OUTBOX = """
    SELECT count(*) AS waiting,
           coalesce(extract(epoch FROM now() - min(created_at)), 0) AS late
    FROM rangka.outbox
"""
_SERVICES = "SELECT state, count(*) AS count FROM rangka.service_health GROUP BY state"
_TENANTS = "SELECT status, count(*) AS count FROM rangka.tenants GROUP BY status"

JOBS_LATE_SECONDS = 120
"""A job that is due so long finds no worker."""

EVENTS_LATE_SECONDS = 30

Gauges = Mapping[str, tuple[str, Mapping[str, float]]]


class Dependencies:
    """The database, Redis, jobs, events and external services of one installation."""

    def __init__(self, settings: Settings, database: Database, hub: Hub) -> None:
        self._database = database
        self._hub = hub
        self._redis = (
            None
            if settings.redis_url is None
            else redis.asyncio.Redis.from_url(
                settings.redis_url, socket_timeout=1, socket_connect_timeout=1
            )
        )

    def tell(self, health: Health) -> None:
        """Let the health of a process ask these questions."""
        health.needs("database", self.database)
        if self._redis is not None:
            # Without it log-ins, limits and revocations go on, and jobs wait.
            health.uses("redis", self.redis)
        health.uses("jobs", self.jobs)
        health.uses("events", self.events)
        health.uses("external_services", self.external_services)
        health.uses("realtime", self.realtime)

    async def close(self) -> None:
        """Close the connection to Redis."""
        if self._redis is not None:
            await self._redis.aclose()

    async def database(self) -> Finding:
        """Return how the connections for requests are; down when none answers."""
        await self._database.fetch(None, _ONE, [], idempotent=True)
        return Finding("ok", asdict(self._database.app.state))

    async def redis(self) -> Finding:
        """Return whether Redis answers."""
        assert self._redis is not None  # noqa: S101 - asked only where there is one
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            return Finding("down", {"reason": type(error).__name__})
        return Finding("ok")

    async def jobs(self) -> Finding:
        """Return how many jobs there are; degraded when due ones find no worker."""
        row = await self._row(_JOBS)
        late = round(float(row["late"]), 1)
        state = "degraded" if late > JOBS_LATE_SECONDS else "ok"
        return Finding(state, {**row, "late": late})

    async def events(self) -> Finding:
        """Return how many events wait; degraded when they are not passed on."""
        row = await self._row(_OUTBOX)
        late = round(float(row["late"]), 1)
        state = "degraded" if late > EVENTS_LATE_SECONDS else "ok"
        return Finding(state, {"waiting": row["waiting"], "late": late})

    async def realtime(self) -> Finding:
        """Return how many pages hear of changes; down when they are told no more."""
        state = "ok" if self._hub.is_running else "down"
        return Finding(state, {"connections": self._hub.connections})

    async def external_services(self) -> Finding:
        """Return how many are well; degraded when one is not.

        What their health checks found last; those that have none count nowhere.
        """
        found = await self._counts(_SERVICES)
        state = "degraded" if found.get("unhealthy") else "ok"
        names = ("healthy", "unhealthy", "unknown")
        return Finding(state, {name: int(found.get(name, 0)) for name in names})

    async def gauges(self) -> Gauges:
        """Return the figures of the installation, by the names Prometheus gets."""
        pool = self._database.app.state
        jobs, outbox = await self._row(_JOBS), await self._row(_OUTBOX)
        services = await self._counts(_SERVICES)
        tenants = await self._counts(_TENANTS)
        return {
            "rangka_database_connections": (
                "Connections of the process that was asked.",
                {
                    "idle": pool.idle,
                    "busy": pool.size - pool.idle,
                    "waited_for": pool.waiting,
                },
            ),
            "rangka_jobs": (
                "Jobs that have not ended well.",
                {name: float(jobs[name]) for name in ("waiting", "running", "failed")},
            ),
            "rangka_jobs_late_seconds": (
                "How long the oldest due job waits.",
                {"": float(jobs["late"])},
            ),
            "rangka_events_waiting": (
                "Events not passed on yet.",
                {"": float(outbox["waiting"])},
            ),
            "rangka_events_late_seconds": (
                "How long the oldest of them waits.",
                {"": float(outbox["late"])},
            ),
            "rangka_realtime_connections": (
                "Open pages that hear of changes, at the process that was asked.",
                {"": float(self._hub.connections)},
            ),
            "rangka_external_services": (
                "External services, by what their health checks found.",
                services or {"healthy": 0.0},
            ),
            "rangka_tenants": ("Tenants.", tenants or {"active": 0.0}),
        }

    async def _counts(self, statement: str) -> dict[str, float]:
        """Return the second column by the first."""
        async with self._database.lookup() as connection:
            rows = await (await connection.execute(statement)).fetchall()
        return {str(name): float(count) for name, count in (r.values() for r in rows)}

    async def _row(self, statement: str) -> dict[str, Any]:
        async with self._database.lookup() as connection:
            row = await (await connection.execute(statement)).fetchone()
        return dict(row or {})
