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
import logging
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from engine.context import Grant, RequestContext
from engine.database import Database
from engine.driver import Call
from engine.news import CHANNEL, Batch, News, read
from engine.policy import Policy
from engine.record_reads import RecordReader
from registry.catalog import Catalog, ServiceUnavailable

MAX_TOPICS = 50
MAX_WAITING = 500
"""News a connection may leave unread before it is told to ask for everything again."""
MAX_PAGES = 256
"""Connections of one user to one process; each holds about 160 KiB."""

LEFT_SECONDS = 1.5
"""How late a page is told that records may have left its reach: all of them at once."""

_MAX_BATCHES = 1000
_MAX_ASKING = 4
"""Tenants whose news wait for PostgreSQL at a time; requests need connections too."""

_Asked = tuple[bytes, tuple[bytes | None, ...]]
"""A statement and its values: people who ask the same get one answer."""

_NOBODY: _Asked = (b"", ())

logger = logging.getLogger(__name__)


class TooManyPages(Exception):
    """A user has as many connections to this process as one may have."""


@dataclass(eq=False)
class Subscriber:
    """One connection: who it belongs to, what it wants, what it has not read yet.

    Attributes:
        ctx: replaced when the connection shows a newer token.
        waiting: messages in order; bounded, see `put`.
        left: topics of which records changed that are not in reach; told soon.
    """

    ctx: RequestContext
    topics: frozenset[str] = frozenset()
    waiting: deque[dict[str, Any]] = field(default_factory=deque)
    left: set[str] = field(default_factory=set)
    rung: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, message: dict[str, Any]) -> None:
        """Add a message; a connection that reads too slowly gets one that says so."""
        if len(self.waiting) >= MAX_WAITING:
            self.waiting.clear()
            message = {"type": "reload", "topics": sorted(self.topics)}
        self.waiting.append(message)
        self.rung.set()

    def miss(self, topics: Collection[str]) -> None:
        """Say soon that something of these topics may be in reach no more.

        Never which record, and of all changes of a while at once: a page learns
        neither what it may not see nor how often that changes.
        """
        if topics and not self.left:
            asyncio.get_running_loop().call_later(LEFT_SECONDS, self._tell_left)
        self.left.update(topics)

    def _tell_left(self) -> None:
        topics = sorted(self.left & self.topics)
        self.left.clear()
        if topics:
            self.put({"type": "reload", "topics": topics})

    async def take(self) -> list[dict[str, Any]]:
        """Return what is waiting, at least one message."""
        while not self.waiting:
            self.rung.clear()
            await self.rung.wait()
        found = list(self.waiting)
        self.waiting.clear()
        return found


class _Tenant:
    """The connections of one tenant, and the news that wait for them."""

    def __init__(self) -> None:
        self.subscribers: set[Subscriber] = set()
        self.batches: deque[Batch] = deque()
        self.rung = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def put(self, batch: Batch) -> None:
        """Add a batch; when there are too many, everything is to be looked at anew."""
        if len(self.batches) >= _MAX_BATCHES:
            self.batches.clear()
            self.reload()
        self.batches.append(batch)
        self.rung.set()

    async def take(self) -> list[News]:
        """Return all news that wait, at least those of one batch."""
        while not self.batches:
            self.rung.clear()
            await self.rung.wait()
        found = [news for batch in self.batches for news in batch.news]
        self.batches.clear()
        return found

    def reload(self) -> None:
        """Tell every page to ask for everything again."""
        for subscriber in self.subscribers:
            message = {"type": "reload", "topics": sorted(subscriber.topics)}
            subscriber.put(message)


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
        self._tenants: dict[UUID, _Tenant] = {}
        self._asking = asyncio.Semaphore(_MAX_ASKING)
        self._listens = False

    async def start(self) -> None:
        """Hear of events from now on."""
        await self._database.listen(CHANNEL, self._heard, self._reconnected)
        self._listens = True

    async def stop(self) -> None:
        """Tell nobody anything any more."""
        self._listens = False
        tasks = [tenant.task for tenant in self._tenants.values() if tenant.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def connections(self) -> int:
        """Return how many connections there are."""
        return sum(len(tenant.subscribers) for tenant in self._tenants.values())

    @property
    def is_running(self) -> bool:
        """Return whether what is heard is still told, to every tenant."""
        tasks = [tenant.task for tenant in self._tenants.values()]
        return self._listens and not any(task and task.done() for task in tasks)

    def join(self, ctx: RequestContext) -> Subscriber:
        """Return the subscriber of a new connection; `leave` must follow.

        Raises:
            TooManyPages: the user has too many already; one that he leaves makes room.
        """
        tenant = self._tenants.get(ctx.tenant_id)
        others = () if tenant is None else tenant.subscribers
        if sum(other.ctx.user_id == ctx.user_id for other in others) >= MAX_PAGES:
            raise TooManyPages
        subscriber = Subscriber(ctx)
        if tenant is None:
            tenant = self._tenants[ctx.tenant_id] = _Tenant()
            tenant.task = asyncio.create_task(self._live(ctx.tenant_id, tenant))
        tenant.subscribers.add(subscriber)
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        """Forget a connection."""
        tenant_id = subscriber.ctx.tenant_id
        tenant = self._tenants.get(tenant_id)
        if tenant is None:
            return
        tenant.subscribers.discard(subscriber)
        if not tenant.subscribers:
            del self._tenants[tenant_id]
            if tenant.task is not None:
                tenant.task.cancel()

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

    async def _live(self, tenant_id: UUID, tenant: _Tenant) -> None:
        """Tell the news of one tenant; no other waits for it."""
        while True:
            news = await tenant.take()
            try:
                async with self._asking:
                    await self._tell(tenant_id, tenant, news)
            except Exception:
                # Above all: whether records are reached could not be asked. Pages look
                # again, and what comes next is told.
                logger.warning("news were not told one by one", exc_info=True)
                tenant.reload()

    async def _tell(
        self, tenant_id: UUID, tenant: _Tenant, news: Sequence[News]
    ) -> None:
        """Give news to those connections that may have them."""
        topics: dict[str, list[News]] = {}
        for each in news:
            topics.setdefault(each.topic, []).append(each)
        asked: dict[_Asked, Call] = {}
        heard: list[tuple[Subscriber, dict[str, _Asked | None]]] = []
        for subscriber in tuple(tenant.subscribers):
            keys: dict[str, _Asked | None] = {}
            for topic in subscriber.topics & topics.keys():
                grant = await self._grant(subscriber.ctx, topic)
                if grant is None:
                    continue
                if _reaches_every_row(grant):
                    keys[topic] = None
                    continue
                keys[topic] = await self._question(
                    subscriber.ctx, topics[topic], grant, asked
                )
            heard.append((subscriber, keys))
        answers = await self._answers(tenant_id, asked)
        for subscriber, keys in heard:
            reached = {
                topic: None if key is None else answers[key]
                for topic, key in keys.items()
            }
            _give(subscriber, news, reached)

    async def _question(
        self,
        ctx: RequestContext,
        news: Sequence[News],
        grant: Grant,
        asked: dict[_Asked, Call],
    ) -> _Asked:
        """Ask which records of one topic a grant reaches; return under which key."""
        entity = await self._catalog.entity(
            ctx.tenant_id, news[0].service, news[0].entity
        )
        ids = dict.fromkeys(UUID(each.record_id) for each in news if each.record_id)
        if entity is None or not ids:
            return _NOBODY
        try:
            call = await self._reader.reached(ctx, entity, list(ids), grant)
        except ServiceUnavailable:
            # A rule looks into a service under maintenance.
            return _NOBODY
        key = (call[0].name, tuple(call[1]))
        asked[key] = call
        return key

    async def _answers(
        self, tenant_id: UUID, asked: Mapping[_Asked, Call]
    ) -> dict[_Asked, frozenset[str]]:
        """Return the ids that were reached, by question, in one round trip."""
        answers: dict[_Asked, frozenset[str]] = {_NOBODY: frozenset()}
        if asked:
            results = await self._database.fetch_all(
                tenant_id, list(asked.values()), idempotent=True
            )
            for key, result in zip(asked, results, strict=True):
                ids = (bytes(row[0] or b"").decode() for row in result.rows)
                answers[key] = frozenset(ids)
        return answers

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
            batch = read(payload)
        except msgspec.DecodeError:
            logger.warning("an announcement of events is unreadable: %.100s", payload)
            return
        tenant = self._tenants.get(batch.tenant)
        if tenant is not None:
            tenant.put(batch)

    async def _reconnected(self) -> None:
        for tenant in self._tenants.values():
            tenant.reload()


def _reaches_every_row(grant: Grant) -> bool:
    return not grant.denied and any(a.unrestricted_rows for a in grant.allowances)


def _give(
    subscriber: Subscriber,
    news: Sequence[News],
    reached: Mapping[str, frozenset[str] | None],
) -> None:
    """Tell a page what it may hear; `reached` are ids by topic, None for all."""
    events = []
    missed = set()
    for each in news:
        if each.topic not in reached:
            continue
        ids = reached[each.topic]
        if ids is None or each.record_id in ids:
            events.append(_told(each))
        elif each.action != "create":
            # It may have been in reach before: deleted, or changed.
            missed.add(each.topic)
    if events:
        subscriber.put({"type": "events", "events": events})
    subscriber.miss(missed)


def _told(news: News) -> dict[str, Any]:
    return {
        "topic": news.topic,
        "id": news.record_id,
        "action": news.action,
        "version": news.version,
    }
