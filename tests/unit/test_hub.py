"""The hub of news: whatever goes wrong for one tenant, the others go on hearing."""

import asyncio
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from engine.dependencies import Dependencies
from engine.realtime import Hub, News, Subscriber, announcement

READABLE = SimpleNamespace(
    allowed=True, denied=(), allowances=(SimpleNamespace(unrestricted_rows=True),)
)


class Channel:
    """Stands for the database: notifications are put in by the test."""

    async def listen(self, _channel: str, heard: Any, _again: Any) -> None:
        self.heard = heard


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


def news(service: str) -> News:
    return News(str(uuid4()), service, "items", str(uuid4()), "update", 1)


def joined(hub: Hub, *topics: str) -> Subscriber:
    ctx: Any = SimpleNamespace(tenant_id=uuid4())
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
            said = announcement(subscriber.ctx.tenant_id, [news(service)])
            await channel.heard(said)
        assert await unlucky.take() == [{"type": "reload", "topics": ["broken.items"]}]
        (told,) = await other.take()
    assert told["type"] == "events"
    assert hub.is_running
    await hub.stop()


async def test_health_sees_a_hub_that_tells_nobody_any_more() -> None:
    parts: Any = (Channel(), Catalog(), Everybody(), None)
    hub = Hub(*parts)
    settings: Any = SimpleNamespace(redis_url=None)
    nothing: Any = None
    asked = Dependencies(settings, nothing, hub)
    await hub.start()
    assert (await asked.realtime()).state == "ok"
    await hub.stop()
    assert (await asked.realtime()).state == "down"
