"""News of changed records for the pages that show them.

One hub a process. It hears of events over `rangka_events` (sent by the dispatcher of
whichever process was faster) and tells the connections of that tenant which records
changed: ids, never values. A page then asks again through the same permissions as
always, so no rule of rows or fields has a second way around it.

Owns who has subscribed to what, whose role may hear of it, and what becomes of a
connection that reads too slowly. Knows nothing of WebSockets: `engine/api/realtime.py`
brings them.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from engine.context import Grant, RequestContext
from engine.database import Database
from engine.policy import Policy
from engine.record_reads import RecordReader
from registry.catalog import Catalog, ServiceUnavailable

CHANNEL = "rangka_events"
MAX_TOPICS = 50
MAX_WAITING = 500
MAX_PAGES = 256
"""Connections of one user to one process; each holds about 160 KiB."""
"""News a connection may leave unread before it is told to ask for everything again."""

_MAX_BATCHES = 1000

logger = logging.getLogger(__name__)


class News(msgspec.Struct, frozen=True, array_like=True):
    """One event as the dispatcher announces it."""

    log_id: str
    service: str
    entity: str
    record_id: str | None
    action: str
    version: int | None

    @property
    def topic(self) -> str:
        """Return `service.entity`."""
        return f"{self.service}.{self.entity}"


class Batch(msgspec.Struct, frozen=True, rename={"tenant": "t", "news": "e"}):
    """The payload of one notification: events of one tenant."""

    tenant: UUID
    news: list[News]


_decode = msgspec.json.Decoder(Batch).decode


class TooManyPages(Exception):
    """A user has as many connections to this process as one may have."""


@dataclass(eq=False)
class Subscriber:
    """One connection: who it belongs to, what it wants, what it has not read yet.

    Attributes:
        ctx: replaced when the connection shows a newer token.
        waiting: messages in order; bounded, see `Hub.tell`.
    """

    ctx: RequestContext
    topics: frozenset[str] = frozenset()
    waiting: deque[dict[str, Any]] = field(default_factory=deque)
    rung: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, message: dict[str, Any]) -> None:
        """Add a message; a connection that reads too slowly gets one that says so."""
        if len(self.waiting) >= MAX_WAITING:
            self.waiting.clear()
            message = {"type": "reload", "topics": sorted(self.topics)}
        self.waiting.append(message)
        self.rung.set()

    async def take(self) -> list[dict[str, Any]]:
        """Return what is waiting, at least one message."""
        while not self.waiting:
            self.rung.clear()
            await self.rung.wait()
        found = list(self.waiting)
        self.waiting.clear()
        return found


class Hub:
    """The connections of this process and the news they get."""

    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        policy: Policy,
        reader: RecordReader,
    ) -> None:
        self._database = database
        self._catalog = catalog
        self._policy = policy
        self._reader = reader
        self._tenants: dict[UUID, set[Subscriber]] = {}
        self._batches: asyncio.Queue[Batch | None] = asyncio.Queue(_MAX_BATCHES)
        self._missed = False
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Hear of events from now on."""
        await self._database.listen(CHANNEL, self._heard, self._reconnected)
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Tell nobody anything any more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    @property
    def connections(self) -> int:
        """Return how many connections there are."""
        return sum(map(len, self._tenants.values()))

    @property
    def is_running(self) -> bool:
        """Return whether what is heard is still told."""
        return self._task is not None and not self._task.done()

    def join(self, ctx: RequestContext) -> Subscriber:
        """Return the subscriber of a new connection; `leave` must follow.

        Raises:
            TooManyPages: the user has too many already; one that he leaves makes room.
        """
        others = self._tenants.get(ctx.tenant_id, ())
        if sum(other.ctx.user_id == ctx.user_id for other in others) >= MAX_PAGES:
            raise TooManyPages
        subscriber = Subscriber(ctx)
        self._tenants.setdefault(ctx.tenant_id, set()).add(subscriber)
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a connection."""
        tenant_id = subscriber.ctx.tenant_id
        others = self._tenants.get(tenant_id, set())
        others.discard(subscriber)
        if not others:
            self._tenants.pop(tenant_id, None)

    async def subscribe(
        self, subscriber: Subscriber, topics: Iterable[str]
    ) -> frozenset[str]:
        """Let a connection hear of these entities only; returns those it may read now.

        The others are kept: each piece of news asks again who may have it, and a
        service comes back from maintenance, a role gets a permission.
        """
        wanted = list(topics)[:MAX_TOPICS]
        subscriber.topics = frozenset(wanted)
        readable = [t for t in wanted if await self._grant(subscriber.ctx, t)]
        return frozenset(readable)

    async def tell(self, batch: Batch) -> None:
        """Give the news of one tenant to those of its connections that may have it."""
        subscribers = self._tenants.get(batch.tenant)
        if not subscribers:
            return
        asked: dict[tuple[object, ...], bool] = {}
        for subscriber in tuple(subscribers):
            wanted = [news for news in batch.news if news.topic in subscriber.topics]
            events = [
                {
                    "topic": news.topic,
                    "id": news.record_id,
                    "action": news.action,
                    "version": news.version,
                }
                for news in wanted
                if await self._may_hear(subscriber.ctx, news, asked)
            ]
            if events:
                subscriber.put({"type": "events", "events": events})

    async def _may_hear(
        self, ctx: RequestContext, news: News, asked: dict[tuple[object, ...], bool]
    ) -> bool:
        grant = await self._grant(ctx, news.topic)
        if grant is None:
            return False
        if _reaches_every_row(grant):
            return True
        if news.record_id is None:
            return False
        # People of the same roles ask the same, unless a rule is about themselves.
        key = (news.topic, news.record_id, grant.shape, ctx.role_ids, ctx.user_id)
        if key not in asked:
            asked[key] = await self._reached(ctx, news, grant)
        return asked[key]

    async def _reached(self, ctx: RequestContext, news: News, grant: Grant) -> bool:
        entity = await self._catalog.entity(ctx.tenant_id, news.service, news.entity)
        if entity is None or news.record_id is None:
            return False
        shown = await self._reader.shown(ctx, entity, UUID(news.record_id), grant)
        return shown is not None

    async def _grant(self, ctx: RequestContext, topic: str) -> Grant | None:
        """Return the read grant of a topic; None without, or under maintenance."""
        service, _, name = topic.partition(".")
        try:
            entity = await self._catalog.entity(ctx.tenant_id, service, name)
        except ServiceUnavailable:
            return None
        if entity is None:
            return None
        grant = await self._policy.authorize(ctx, entity.resource, "read")
        return grant if grant.allowed else None

    async def _heard(self, payload: str) -> None:
        try:
            batch = _decode(payload)
        except msgspec.DecodeError:
            logger.warning("an announcement of events is unreadable: %.100s", payload)
            return
        if batch.tenant not in self._tenants:
            return
        try:
            self._batches.put_nowait(batch)
        except asyncio.QueueFull:
            self._missed = True

    async def _reconnected(self) -> None:
        self._missed = True
        with contextlib.suppress(asyncio.QueueFull):
            self._batches.put_nowait(None)

    async def _run(self) -> None:
        while True:
            batch = await self._batches.get()
            if self._missed:
                self._missed = False
                self._reload_all()
            if batch is None:
                continue
            try:
                await self.tell(batch)
            except Exception:
                # Above all: whether a record is reached could not be asked. Pages look
                # again, and the news of the others go on.
                logger.warning("news were not told one by one", exc_info=True)
                self._reload(self._tenants.get(batch.tenant, ()))

    def _reload_all(self) -> None:
        for subscribers in self._tenants.values():
            self._reload(subscribers)

    @staticmethod
    def _reload(subscribers: Iterable[Subscriber]) -> None:
        for subscriber in subscribers:
            message = {"type": "reload", "topics": sorted(subscriber.topics)}
            subscriber.put(message)


def _reaches_every_row(grant: Grant) -> bool:
    return not grant.denied and any(a.unrestricted_rows for a in grant.allowances)


def announcement(tenant_id: UUID, news: Sequence[News]) -> str:
    """Return the payload that tells every process of these events."""
    return msgspec.json.encode(Batch(tenant_id, list(news))).decode()
