"""Whether external services live: asks their `health_check_url`, keeps the answer.

Every process looks for checks that are due; the one that moves the time of the next
check on does it, so each service is asked by one process at a time however many there
are. State is in `rangka.service_health`, the same for all.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from registry.gateway.upstream import UpstreamClient, UpstreamError

logger = logging.getLogger("rangka.gateway")

EVERY_SECONDS = 30
LOOK_SECONDS = 5.0
PROBE_SECONDS = 5.0
MAX_ANSWER = 64 * 1024
AT_ONCE = 20
FAILURES = 2
"""Checks that must fail, one after the other, before a service counts as unhealthy."""

Connect = Callable[[], AbstractAsyncContextManager[AsyncConnection[DictRow]]]

_TRACK = """
INSERT INTO rangka.service_health (service)
SELECT s.name FROM rangka.services s
JOIN rangka.service_versions v
    ON v.service_id = s.id AND v.version = s.published_version
WHERE s.type = 'external' AND v.definition ->> 'health_check_url' IS NOT NULL
    AND NOT EXISTS (SELECT FROM rangka.service_health h WHERE h.service = s.name)
ON CONFLICT DO NOTHING
"""
_CLAIM = """
WITH due AS (
    SELECT service FROM rangka.service_health
    WHERE next_check_at <= now() ORDER BY next_check_at LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE rangka.service_health h
    SET next_check_at = now() + make_interval(secs => %(every)s)
    FROM due WHERE h.service = due.service RETURNING h.service
)
SELECT c.service, CASE WHEN s.status <> 'inactive'
        THEN v.definition ->> 'health_check_url' END AS url
FROM claimed c JOIN rangka.services s ON s.name = c.service
LEFT JOIN rangka.service_versions v
    ON v.service_id = s.id AND v.version = s.published_version
"""
_KEEP = """
UPDATE rangka.service_health SET
    failures = CASE WHEN %(ok)s THEN 0 ELSE failures + 1 END,
    state = CASE WHEN %(ok)s THEN 'healthy'
                 WHEN failures + 1 >= %(failures)s THEN 'unhealthy' ELSE state END,
    changed_at = CASE WHEN %(ok)s AND state <> 'healthy'
                        OR NOT %(ok)s AND state <> 'unhealthy'
                           AND failures + 1 >= %(failures)s
                      THEN now() ELSE changed_at END,
    message = %(message)s, latency_ms = %(latency)s, checked_at = now()
WHERE service = %(service)s
"""
_DROP = "DELETE FROM rangka.service_health WHERE service = %s"
_STATES = """
SELECT service, state, failures, message, latency_ms, checked_at, changed_at
FROM rangka.service_health WHERE %(names)s::text[] IS NULL OR service = ANY(%(names)s)
ORDER BY service
"""


class HealthChecks:
    """The checks of one process."""

    def __init__(
        self,
        connect: Connect,
        client: UpstreamClient,
        *,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._connect = connect
        self._look_seconds = look_seconds
        self._client = client
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for checks that are due."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End; a check under way is given up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def check_due(self) -> int:
        """Do every check that is due and return how many there were."""
        async with self._connect() as connection:
            await connection.execute(_TRACK)
            values = {"most": AT_ONCE, "every": EVERY_SECONDS}
            rows = await (await connection.execute(_CLAIM, values)).fetchall()
        await asyncio.gather(*(self._check(row["service"], row["url"]) for row in rows))
        return len(rows)

    async def _run(self) -> None:
        while True:
            try:
                while await self.check_due() == AT_ONCE:
                    pass
            except Exception as error:  # noqa: BLE001 - the next look may go well
                logger.warning("no health checks now: %s", type(error).__name__)
            await asyncio.sleep(self._look_seconds)

    async def _check(self, service: str, url: str | None) -> None:
        if url is None:
            async with self._connect() as connection:
                await connection.execute(_DROP, (service,))
            return
        started = time.monotonic()
        message = await self._probe(url)
        values = {
            "service": service,
            "ok": not message,
            "message": message,
            "latency": round((time.monotonic() - started) * 1000),
            "failures": FAILURES,
        }
        async with self._connect() as connection:
            await connection.execute(_KEEP, values)

    async def _probe(self, url: str) -> str:
        """Return what is wrong with a service; an empty text when it is healthy."""
        headers = [("Accept", "*/*"), ("User-Agent", "rangka-health")]
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                status, _ = await self._client.fetch(
                    "GET", url, headers, limit=MAX_ANSWER
                )
        except TimeoutError:
            return "No answer within 5 s."
        except UpstreamError as error:
            return error.message
        return "" if 200 <= status < 400 else f"Answered {status}."


async def states(
    connection: AsyncConnection[DictRow], names: list[str] | None = None
) -> list[Mapping[str, Any]]:
    """Return the state of the services of these names, or of all, by name."""
    rows = await (await connection.execute(_STATES, {"names": names})).fetchall()
    return [
        {
            **row,
            "checked_at": row["checked_at"] and row["checked_at"].isoformat(),
            "changed_at": row["changed_at"] and row["changed_at"].isoformat(),
        }
        for row in rows
    ]
