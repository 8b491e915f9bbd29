"""Notifications of PostgreSQL, over one connection that is always brought back.

Owns the LISTEN connection and its channels. Never trusts that nothing was missed:
after each loss the subscribers are told to read their state again. Called through
`engine/database.py`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from psycopg import sql

from engine.database_errors import ConnectionLost, DatabaseError
from engine.driver import Connection, Statement

logger = logging.getLogger(__name__)

OnNotify = Callable[[str], Awaitable[None]]
OnReconnect = Callable[[], Awaitable[None]]

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
_PROBE_SECONDS = 30.0
"""How often an otherwise silent connection is asked whether it still lives."""

_PROBE = Statement("select 1")


@dataclass(frozen=True, slots=True)
class _Subscription:
    channel: str
    on_notify: OnNotify
    on_reconnect: OnReconnect | None


class Listener:
    """One LISTEN connection; subscribers are called one after another, in order."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._subscriptions: list[_Subscription] = []
        self._connection: Connection | None = None
        self._lost = asyncio.Event()
        # None in the queue: the connection was lost and is back.
        self._events: asyncio.Queue[tuple[str, str] | None] = asyncio.Queue()
        self._using = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    async def listen(
        self,
        channel: str,
        on_notify: OnNotify,
        on_reconnect: OnReconnect | None = None,
    ) -> None:
        """Subscribe to a channel.

        After the return every notification either reaches `on_notify` with its
        payload, or falls into an outage that ends with a call of `on_reconnect`.
        An exception of a subscriber is logged and does not stop the others.

        Raises:
            DatabaseError: the first connection could not be made.
        """
        async with self._using:
            if self._connection is None:
                self._connection = await self._connect()
                self._tasks = [
                    asyncio.create_task(self._keep_connected()),
                    asyncio.create_task(self._deliver()),
                ]
            self._subscriptions.append(_Subscription(channel, on_notify, on_reconnect))
            with contextlib.suppress(ConnectionLost):
                await self._connection.fetch(None, _listen_to(channel))

    async def close(self) -> None:
        """Stop listening; notifications not yet delivered are dropped."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    async def _connect(self) -> Connection:
        self._lost.clear()
        connection = await Connection.connect(
            self._dsn,
            on_notify=lambda channel, text: self._events.put_nowait((channel, text)),
            on_closed=lambda _: self._lost.set(),
        )
        for channel in sorted({each.channel for each in self._subscriptions}):
            await connection.fetch(None, _listen_to(channel))
        return connection

    async def _keep_connected(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_PROBE_SECONDS):
                    await self._lost.wait()
            except TimeoutError:
                await self._probe()
                continue
            await self._reconnect()

    async def _probe(self) -> None:
        """Ask a silent connection for an answer; without one it counts as lost."""
        async with self._using:
            connection = self._connection
            if connection is None or not connection.is_idle:
                return
            try:
                async with asyncio.timeout(_PROBE_SECONDS):
                    await connection.fetch(None, _PROBE)
            except (TimeoutError, DatabaseError):
                connection.close()

    async def _reconnect(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                async with self._using:
                    self._connection = await self._connect()
            except DatabaseError as error:
                logger.warning(
                    "the connection for notifications is lost (%s); next try in %g s",
                    error,
                    pause,
                )
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            else:
                self._events.put_nowait(None)
                return

    async def _deliver(self) -> None:
        while True:
            event = await self._events.get()
            for subscription in tuple(self._subscriptions):
                call = _call_for(subscription, event)
                if call is None:
                    continue
                (outcome,) = await asyncio.gather(call, return_exceptions=True)
                if isinstance(outcome, Exception):
                    logger.error(
                        "a subscriber of channel %s failed",
                        subscription.channel,
                        exc_info=outcome,
                    )


def _call_for(
    subscription: _Subscription, event: tuple[str, str] | None
) -> Awaitable[None] | None:
    if event is None:
        return subscription.on_reconnect() if subscription.on_reconnect else None
    channel, payload = event
    return subscription.on_notify(payload) if channel == subscription.channel else None


def _listen_to(channel: str) -> Statement:
    return Statement(sql.SQL("listen {}").format(sql.Identifier(channel)).as_string())
