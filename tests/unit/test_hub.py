"""The hub of news: whatever goes wrong for one tenant, the others go on hearing."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest

from engine.dependencies import Dependencies
from engine.driver import Call, Statement
from engine.news import News, notifications
from engine.realtime import Hub, Subscriber

READABLE = SimpleNamespace(
    allowed=True, denied=(), allowances=(SimpleNamespace(unrestricted_rows=True),)
)


class Channel:
    """Stands for the database: notifications are put in by the test.

    Attributes:
        silent: tenants whose questions are not answered.
        asked: how many questions each round trip had.
        hidden: ids that nobody reaches.
    """

    def __init__(self) -> None:
        self.silent: set[UUID] = set()
        self.asked: list[int] = []
        self.hidden: set[str | None] = set()

    async def listen(self, _channel: str, heard: Any, _again: Any) -> None:
        self.heard = heard

    async def tell(self, tenant: UUID, *news: News) -> None:
        """Announce these events as the dispatcher does."""
        for told in notifications((tenant, each) for each in news):
            await self.heard(told)

    async def fetch_all(
        self, tenant: UUID, calls: Sequence[Call], *, idempotent: bool
    ) -> list[Any]:
        assert idempotent
        self.asked.append(len(calls))
        if tenant in self.silent:
            await asyncio.Event().wait()
        return [
            SimpleNamespace(rows=[(each,) for each in params[1:] if self.reaches(each)])
            for _, params in calls
        ]

    def reaches(self, identity: bytes | None) -> bool:
        return (identity or b"").decode() not in self.hidden


class Catalog:
    """Knows every entity but those of `broken`."""

    async def entity(self, _tenant: UUID, service: str, name: str) -> Any:
        if service == "broken":
            raise RuntimeError("its definition cannot be read")
        return SimpleNamespace(resource=f"{service}.{name}")


class Everybody:
    """A policy that lets everybody read everything."""

    async def authorize(self, *_asked: Any) -> Any:
        return READABLE


class Reader:
    """Asks in the name of a team: people of one team ask the same."""

    async def reached(
        self, ctx: Any, _entity: Any, ids: Sequence[UUID], _grant: Any
    ) -> Call:
        return Statement("select"), [ctx.team, *(str(each).encode() for each in ids)]


class SomeRows:
    """A policy under which everybody reads some records."""

    async def authorize(self, *_asked: Any) -> Any:
        return SimpleNamespace(allowed=True, denied=(), allowances=())


def news(service: str, action: str = "update") -> News:
    return News(uuid4(), service, "items", str(uuid4()), action, 1)


def joined(
    hub: Hub, *topics: str, tenant: UUID | None = None, team: bytes = b""
) -> Subscriber:
    ctx: Any = SimpleNamespace(tenant_id=tenant or uuid4(), user_id=uuid4(), team=team)
    subscriber = hub.join(ctx)
    subscriber.topics = frozenset(topics)
    return subscriber


async def test_a_failure_is_told_as_reload_and_the_next_news_are_told() -> None:
    channel, catalog, policy, reader = Channel(), Catalog(), Everybody(), None
    parts: Any = (channel, catalog, policy, reader)
    hub = Hub(*parts)
    await hub.start()
    unlucky, other = joined(hub, "broken.items"), joined(hub, "well.items")
    async with asyncio.timeout(10):
        for subscriber, service in ((unlucky, "broken"), (other, "well")):
            await channel.tell(subscriber.ctx.tenant_id, news(service))
        assert await unlucky.take() == [{"type": "reload", "topics": ["broken.items"]}]
        (told,) = await other.take()
    assert told["type"] == "events"
    assert hub.is_running
    await hub.stop()


async def test_people_who_ask_the_same_of_a_batch_are_one_question() -> None:
    channel = Channel()
    parts: Any = (channel, Catalog(), SomeRows(), Reader())
    hub = Hub(*parts)
    await hub.start()
    tenant = uuid4()
    pages = [
        joined(hub, "well.items", tenant=tenant, team=team)
        for team in (b"north", b"north", b"south", b"north")
    ]
    told = [news("well") for _ in range(20)]
    async with asyncio.timeout(10):
        await channel.tell(tenant, *told)
        for page in pages:
            (message,) = await page.take()
            ids = [each["id"] for each in message["events"]]
            assert ids == [each.record_id for each in told]
    assert channel.asked == [2]
    await hub.stop()


@pytest.mark.parametrize("action", ["update", "delete", "archive"])
async def test_what_is_out_of_reach_now_is_told_without_its_name(action: str) -> None:
    channel = Channel()
    parts: Any = (channel, Catalog(), SomeRows(), Reader())
    hub = Hub(*parts)
    await hub.start()
    page = joined(hub, "well.items", "other.items")
    gone, seen = [news("well", action) for _ in range(3)], news("well")
    channel.hidden = {each.record_id for each in gone}
    async with asyncio.timeout(10):
        await channel.tell(page.ctx.tenant_id, *gone, seen)
        (events,) = await page.take()
        assert [each["id"] for each in events["events"]] == [seen.record_id]
        assert await page.take() == [{"type": "reload", "topics": ["well.items"]}]
    assert not page.left
    await hub.stop()


async def test_a_new_record_out_of_reach_is_not_told_at_all() -> None:
    channel = Channel()
    parts: Any = (channel, Catalog(), SomeRows(), Reader())
    hub = Hub(*parts)
    await hub.start()
    page = joined(hub, "well.items")
    hidden, seen = news("well", "create"), news("well")
    channel.hidden = {hidden.record_id}
    async with asyncio.timeout(10):
        await channel.tell(page.ctx.tenant_id, hidden, seen)
        (events,) = await page.take()
    assert [each["id"] for each in events["events"]] == [seen.record_id]
    assert not page.left
    await hub.stop()


async def test_a_tenant_does_not_wait_for_another_ones_questions() -> None:
    channel = Channel()
    parts: Any = (channel, Catalog(), SomeRows(), Reader())
    hub = Hub(*parts)
    await hub.start()
    waits, other = joined(hub, "well.items"), joined(hub, "well.items")
    channel.silent.add(waits.ctx.tenant_id)
    async with asyncio.timeout(10):
        for page in (waits, other):
            await channel.tell(page.ctx.tenant_id, news("well"))
        assert len(await other.take()) == 1
    assert not waits.waiting
    await hub.stop()


async def test_health_sees_a_hub_that_tells_nobody_any_more() -> None:
    parts: Any = (Channel(), Catalog(), Everybody(), None)
    hub = Hub(*parts)
    joined(hub, "well.items")
    settings: Any = SimpleNamespace(redis_url=None)
    nothing: Any = None
    asked = Dependencies(settings, nothing, hub)
    await hub.start()
    assert (await asked.realtime()).state == "ok"
    await hub.stop()
    assert (await asked.realtime()).state == "down"
