"""What Redis has forgotten of the stream of events, found and brought back.

Owns how a loss is noticed (the newest entry that this process knows of is gone) and
which events of the log the stream should hold again. Used by `engine/streams.py`,
which adds them like new ones. Readers tell repeats apart by the event's id.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import msgspec
from redis.asyncio import Redis

from engine.database import Database
from engine.events import entity_of
from registry.catalog import Catalog

logger = logging.getLogger("rangka.events")

LONGEST = timedelta(hours=24)
"""Of a stream that is empty so much is brought back."""

OVERLAP = timedelta(minutes=10)
"""Before what is still there: an event may be written later than its time says."""

TURN_SECONDS = 30
"""So long only one process brings back what was lost."""

_SINCE = """
SELECT l.tenant_id, l.id, l.service, l.entity FROM rangka.tenants t
CROSS JOIN LATERAL (
    SELECT tenant_id, id, service, entity FROM rangka.log
    WHERE tenant_id = t.id AND at >= %(since)s ORDER BY at DESC LIMIT %(most)s
) l ORDER BY l.id DESC LIMIT %(most)s
"""
_KEEP = """
INSERT INTO rangka.stream_outbox (tenant_id, log_id)
SELECT * FROM unnest(%s::uuid[], %s::uuid[]) ON CONFLICT DO NOTHING
"""


class StreamLoss:
    """Knows the newest entry that this process has seen, and misses it.

    Attributes:
        mark: the id of that entry; None when the stream was empty or never looked at.
    """

    def __init__(
        self, database: Database, catalog: Catalog, redis: Redis, stream: str, most: int
    ) -> None:
        """Take the stream and how many entries it holds at most."""
        self._database = database
        self._catalog = catalog
        self._redis = redis
        self._stream = stream
        self._most = most
        self._is_empty = False
        self._name = uuid4().bytes
        self.mark: bytes | None = None

    async def look(self) -> bool:
        """Return whether events were lost; they are in the outbox of the stream then.

        Raises RedisError where Redis does not answer; then the next look finds it.
        """
        mark = self.mark
        if mark is not None and await self._redis.xrange(self._stream, mark, mark):
            return False
        last = await self._back_from("+")
        newest = last[0][0] if last else None
        if mark is None and newest is not None:
            self.mark = newest
            return False
        if mark is None and self._is_empty:
            return False
        since = datetime.now(UTC) - LONGEST
        if mark is not None:
            # Ids grow with the time: what is older was there before the loss.
            older = await self._back_from(f"({mark.decode()}")
            if older:
                since = max(since, _time_of(older[0][1]) - OVERLAP)
            elif await self._redis.xlen(self._stream) >= self._most:
                # Not lost but cut off: others have added so many since.
                self.mark = newest
                return False
        if not await self._takes_turn():
            self.mark = newest
            return False
        found = await self._bring_back(since)
        self.mark, self._is_empty = newest, newest is None
        if found:
            logger.warning("Redis has lost events: %d are published again", found)
        return found > 0

    async def _takes_turn(self) -> bool:
        """Return whether this process is the one that brings back what was lost."""
        key = f"{self._stream}:turn"
        if await self._redis.set(key, self._name, nx=True, ex=TURN_SECONDS):
            return True
        return bool(await self._redis.get(key) == self._name)

    async def _back_from(self, end: str) -> list[tuple[bytes, Mapping[bytes, bytes]]]:
        """Return the newest entry up to an id, if there is one."""
        found = await self._redis.xrevrange(self._stream, end, "-", count=1)
        return cast("list[tuple[bytes, Mapping[bytes, bytes]]]", found)

    async def _bring_back(self, since: datetime) -> int:
        """Leave the events since then for the stream; return how many."""
        most = {"since": since, "most": self._most}
        async with self._database.system() as connection:
            rows = await (await connection.execute(_SINCE, most)).fetchall()
        told: dict[tuple[Any, ...], bool] = {}
        for row in rows:
            key = (row["tenant_id"], row["service"], row["entity"])
            if key not in told:
                entity = await entity_of(self._catalog, row)
                told[key] = entity is None or entity.events
        kept = [r for r in rows if told[r["tenant_id"], r["service"], r["entity"]]]
        places = ([r["tenant_id"] for r in kept], [r["id"] for r in kept])
        async with self._database.system() as connection:
            await connection.execute(_KEEP, places)
        return len(kept)


def _time_of(fields: Mapping[bytes, bytes]) -> datetime:
    """Return the time that an entry's event says."""
    event = msgspec.json.decode(fields[b"event"])
    return datetime.fromisoformat(event["time"])
