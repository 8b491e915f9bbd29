"""Redis Streams: every event as CloudEvents, for programs beside Rangka.

Reads what the dispatcher left in `rangka.stream_outbox`, adds it to the stream
`rangka:events`, then deletes it: at least once, so a reader tells repeats apart by the
event's id. Without Redis the rows wait; what Redis forgets is added again. Used only
where RANGKA_REDIS_URL is set.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from engine.database import Database
from engine.events import LOG_COLUMNS, cloud_event, entity_of
from engine.outbox import BATCH, POLL_SECONDS, rung_or_after
from engine.stream_loss import StreamLoss
from registry.catalog import Catalog

logger = logging.getLogger("rangka.events")

STREAM = "rangka:events"
MAX_LENGTH = 100_000
"""About so many events are kept in the stream; older ones are in the log."""
TIMEOUT_SECONDS = 5.0
RETRY_SECONDS = 2.0
LOOK_SECONDS = 5.0
"""How often it is looked whether Redis still has what it was given."""

_CLAIM = f"""
WITH claimed AS MATERIALIZED (
    SELECT tenant_id AS tenant, log_id FROM rangka.stream_outbox
    LIMIT %s FOR UPDATE SKIP LOCKED)
SELECT {LOG_COLUMNS} FROM rangka.log JOIN claimed ON tenant_id = tenant AND id = log_id
"""  # noqa: S608 - the columns are a constant
_DELETE = """
DELETE FROM rangka.stream_outbox WHERE (tenant_id, log_id) IN (
    SELECT * FROM unnest(%s::uuid[], %s::uuid[]))
"""

AfterPublish = Callable[[], Awaitable[None]]


class StreamPublisher:
    """Adds events to the stream, in the background."""

    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        redis_url: str,
        *,
        after_publish: AfterPublish | None = None,
    ) -> None:
        """Take the address; `after_publish` is awaited between XADD and delete.

        (Tests stop the process there.)
        """
        self._database = database
        self._catalog = catalog
        self._after_publish = after_publish
        self._redis: Redis = Redis.from_url(
            redis_url,
            socket_timeout=TIMEOUT_SECONDS,
            socket_connect_timeout=TIMEOUT_SECONDS,
        )
        self._loss = StreamLoss(database, catalog, self._redis, STREAM, MAX_LENGTH)
        self._rung = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._live(), name="stream publisher")

    async def stop(self) -> None:
        """Stop; what is under way is published again later."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._redis.aclose()

    def ring(self) -> None:
        """Look now: events were passed on."""
        self._rung.set()

    async def publish(self) -> int:
        """Add one batch and return how many; raises RedisError, and nothing is lost."""
        async with self._database.system() as connection:
            rows = await (await connection.execute(_CLAIM, (BATCH,))).fetchall()
            if not rows:
                return 0
            rows.sort(key=lambda row: row["id"])
            await self._add(rows)
            if self._after_publish is not None:
                await self._after_publish()
            places = ([r["tenant_id"] for r in rows], [r["id"] for r in rows])
            await connection.execute(_DELETE, places)
        return len(rows)

    async def restore(self) -> bool:
        """Leave for the stream again what Redis lost; return whether it lost any."""
        return await self._loss.look()

    async def _add(self, rows: list[dict[str, Any]]) -> None:
        mark = self._loss.mark or b"0-1"
        async with self._redis.pipeline(transaction=True) as pipeline:
            # Together, so that nothing is lost unnoticed in between.
            pipeline.xrange(STREAM, mark, mark)
            for row in rows:
                body = cloud_event(row, await entity_of(self._catalog, row))
                fields: dict[Any, Any] = {
                    "id": str(row["id"]),
                    "tenant": str(row["tenant_id"]),
                    "event": body,
                }
                pipeline.xadd(STREAM, fields, maxlen=MAX_LENGTH, approximate=True)
            known, *added = await pipeline.execute()
        # Where the newest known entry is gone, it stays the mark of the loss.
        if known or self._loss.mark is None:
            self._loss.mark = added[-1]

    async def _live(self) -> None:
        look_at = 0.0
        while True:
            self._rung.clear()
            try:
                if time.monotonic() >= look_at:
                    await self.restore()
                    look_at = time.monotonic() + LOOK_SECONDS
                published = await self.publish()
            except RedisError as error:
                logger.warning("Redis takes no events now, they wait: %s", error)
                published = 0
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                logger.warning("cannot publish events now", exc_info=True)
                published = 0
                await asyncio.sleep(RETRY_SECONDS)
            if published < BATCH:
                await rung_or_after(self._rung, POLL_SECONDS)
