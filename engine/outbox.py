"""The dispatcher: passes on every event of the outbox, at least once.

In one transaction it claims rows, adds a job for each consumer, tells every process
(`rangka_events`), leaves the event for Redis Streams where there are any, and deletes
the rows: a crash at any point leaves all of it or nothing. Rows are claimed by SKIP
LOCKED and never by "newer than the last one": ids are not in the order of commits.
Each process has one; a write rings that of its own process, the others look twice a
second. Runs no consumer itself.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from uuid_utils.compat import uuid7

from engine.consumers import Consumers, Hearer
from engine.database import Database, Transaction
from engine.news import CHANNEL, News, notifications

logger = logging.getLogger("rangka.events")

BATCH = 500
POLL_SECONDS = 0.5
PAUSE_SECONDS = 0.02
"""Between two batches: a burst of writes is passed on together, not one by one."""

_CLAIM = """
SELECT o.tenant_id, o.log_id, l.service, l.entity, l.record_id, l.action,
    l.record_version, l.request_id, l.actor_name, l.actor_id
FROM rangka.outbox o
LEFT JOIN rangka.log l ON l.tenant_id = o.tenant_id AND l.id = o.log_id
LIMIT %s FOR UPDATE OF o SKIP LOCKED
"""
_DELETE = """
DELETE FROM rangka.outbox WHERE (tenant_id, log_id) IN (
    SELECT * FROM unnest(%s::uuid[], %s::uuid[]))
"""
_ADD_JOBS = """
INSERT INTO rangka.jobs (tenant_id, id, kind, service, name, payload, slot,
    max_attempts, request_id, actor_name, created_by, updated_by)
SELECT w.tenant_id, w.id, 'event', w.service, w.name,
    jsonb_build_object('event', w.event), w.event::text, w.max_attempts,
    w.request_id, w.actor_name, w.actor_id, w.actor_id
FROM unnest(%(tenants)s::uuid[], %(ids)s::uuid[], %(services)s::text[],
    %(names)s::text[], %(events)s::uuid[], %(attempts)s::integer[],
    %(requests)s::text[], %(actors)s::text[], %(actor_ids)s::uuid[])
    AS w (tenant_id, id, service, name, event, max_attempts, request_id, actor_name,
        actor_id)
JOIN rangka.services s ON s.name = w.service AND s.status <> 'inactive'
JOIN rangka.assignments a ON a.tenant_id = w.tenant_id AND a.service_id = s.id
    AND a.status = 'active'
ON CONFLICT DO NOTHING
"""
_KEEP_FOR_STREAMS = """
INSERT INTO rangka.stream_outbox (tenant_id, log_id)
SELECT * FROM unnest(%s::uuid[], %s::uuid[]) ON CONFLICT DO NOTHING
"""
_NOTIFY = "SELECT pg_notify(%s, news) FROM unnest(%s::text[]) AS news"

Row = Mapping[str, Any]


class Dispatcher:
    """Passes on what is in the outbox, in the background."""

    def __init__(
        self,
        database: Database,
        consumers: Consumers,
        *,
        rung: asyncio.Event,
        on_passed: Callable[[], None],
        streams: bool = False,
    ) -> None:
        """Take who is to hear.

        `rung` is set by whoever has written something here; `on_passed` is called
        after each look, when there may be new jobs or events.
        """
        self._database = database
        self._consumers = consumers
        self._on_passed = on_passed
        self._streams = streams
        self._rung = rung
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to pass on what is there and what comes."""
        self._task = asyncio.create_task(self._live(), name="dispatcher")

    async def stop(self) -> None:
        """Stop; what is under way is taken back by PostgreSQL and passed on later."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def pass_on(self) -> int:
        """Pass on one batch and return how many events it had."""
        async with self._database.system() as connection:
            rows = await (await connection.execute(_CLAIM, (BATCH,))).fetchall()
            if not rows:
                return 0
            # Of one record the earlier event first; an id begins with its time.
            rows.sort(key=lambda row: row["log_id"])
            known = [row for row in rows if row["service"] is not None]
            await self._add_jobs(connection, known)
            places = ([r["tenant_id"] for r in rows], [r["log_id"] for r in rows])
            if self._streams:
                await connection.execute(_KEEP_FOR_STREAMS, places)
            told = notifications((row["tenant_id"], _news(row)) for row in known)
            await connection.execute(_NOTIFY, (CHANNEL, list(told)))
            await connection.execute(_DELETE, places)
        return len(rows)

    async def _add_jobs(self, connection: Transaction, rows: Sequence[Row]) -> None:
        """Add a job for each consumer of each event whose tenant has its service."""
        wanted = list(_wanted(rows, await self._consumers.known(connection)))
        if not wanted:
            return
        columns = zip(*wanted, strict=True)
        names = (
            "tenants", "ids", "services", "names", "events", "attempts", "requests",
            "actors", "actor_ids",
        )  # fmt: skip
        values = {name: list(c) for name, c in zip(names, columns, strict=True)}
        await connection.execute(_ADD_JOBS, values)

    async def _live(self) -> None:
        while True:
            self._rung.clear()
            try:
                passed = await self.pass_on()
                self._on_passed()
            except Exception:
                logger.warning("cannot pass on events now", exc_info=True)
                passed = 0
            await asyncio.sleep(PAUSE_SECONDS)
            if passed < BATCH:
                await rung_or_after(self._rung, POLL_SECONDS)


async def rung_or_after(rung: asyncio.Event, seconds: float) -> None:
    """Return once the event is set, or after so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await rung.wait()
    except TimeoutError:
        return


def _wanted(
    rows: Sequence[Row], hearers: Collection[Hearer]
) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        entity = f"{row['service']}.{row['entity']}"
        for hearer in hearers:
            if hearer.hears(entity, row["action"]):
                yield (
                    row["tenant_id"],
                    uuid7(),
                    hearer.service,
                    hearer.name,
                    row["log_id"],
                    hearer.max_attempts,
                    row["request_id"],
                    row["actor_name"] or "",
                    row["actor_id"],
                )


def _news(row: Row) -> News:
    record_id = row["record_id"]
    return News(
        row["log_id"],
        row["service"],
        row["entity"],
        None if record_id is None else str(record_id),
        row["action"],
        row["record_version"],
    )
