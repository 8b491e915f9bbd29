"""Notifications reach their subscribers, and an outage is announced."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from shop import Shop

from engine.listener import Listener

CHANNEL = 'odd "channel"'


class Inbox:
    """A subscriber that keeps what it was told."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    async def on_notify(self, payload: str) -> None:
        self.heard.put_nowait(payload)

    async def on_reconnect(self) -> None:
        self.heard.put_nowait("<read again>")

    async def next(self) -> str:
        return await asyncio.wait_for(self.heard.get(), 15)


@pytest.fixture
async def listener(shop: Shop) -> AsyncIterator[Listener]:
    made = Listener(shop.settings.system_database_url)
    yield made
    await made.close()


def notify(shop: Shop, channel: str, payload: str) -> None:
    with shop.admin() as admin:
        admin.execute("select pg_notify(%s, %s)", (channel, payload))


def kill_listener(shop: Shop) -> None:
    with shop.admin() as admin:
        admin.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where query like 'listen %' and datname = current_database()"
        )


async def test_notifications_arrive_in_order(listener: Listener, shop: Shop) -> None:
    inbox = Inbox()
    await listener.listen(CHANNEL, inbox.on_notify)
    for payload in ("one", "two", ""):
        notify(shop, CHANNEL, payload)

    assert [await inbox.next() for _ in range(3)] == ["one", "two", ""]


async def test_a_subscriber_hears_its_own_channel_only(
    listener: Listener, shop: Shop
) -> None:
    first, second = Inbox(), Inbox()
    await listener.listen("first", first.on_notify)
    await listener.listen("second", second.on_notify)
    notify(shop, "first", "for the first")
    notify(shop, "second", "for the second")

    assert await first.next() == "for the first"
    assert await second.next() == "for the second"
    assert first.heard.empty()


async def test_after_an_outage_subscribers_read_again_and_go_on(
    listener: Listener, shop: Shop
) -> None:
    inbox = Inbox()
    await listener.listen(CHANNEL, inbox.on_notify, inbox.on_reconnect)
    kill_listener(shop)
    announced = await inbox.next()
    notify(shop, CHANNEL, "after")

    assert announced == "<read again>"
    assert await inbox.next() == "after"


async def test_a_failing_subscriber_does_not_stop_the_others(
    listener: Listener, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(payload: str) -> None:
        raise LookupError(payload)

    inbox = Inbox()
    await listener.listen("first", fail)
    await listener.listen("first", inbox.on_notify)
    notify(shop, "first", "one")
    notify(shop, "first", "two")

    assert [await inbox.next() for _ in range(2)] == ["one", "two"]
    assert caplog.text.count("a subscriber of channel first failed") == 2


async def test_closing_stops_listening(shop: Shop) -> None:
    made, inbox = Listener(shop.settings.system_database_url), Inbox()
    await made.listen(CHANNEL, inbox.on_notify, inbox.on_reconnect)
    await made.close()
    notify(shop, CHANNEL, "too late")
    await asyncio.sleep(0.1)

    assert inbox.heard.empty()
