"""Connections of the hot path: who may use which, and for how long.

Owns the number of connections, the queue of those who wait, and the rule that a
connection returns only after its Sync was read. Never looks at SQL. Called by
`engine/database.py`.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from uuid import UUID

from engine.database_errors import ConnectionLost, DatabaseError, PoolTimeout
from engine.driver import Call, Connection, Result, Statement
from engine.driver_session import session_dsn

_CANCEL_GRACE_SECONDS = 0.05
"""An abandoned request mostly ends sooner than a cancel request would take."""

_DRAIN_LIMIT_SECONDS = 5.0
_UPKEEP_SECONDS = 15.0
_LIFETIME_SPREAD = 0.1
"""Connections opened together end within this share of the lifetime, not at once."""


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How many connections, and how long anything may take.

    Attributes:
        wait_seconds: how long a request waits for a connection before PoolTimeout.
        lifetime_seconds: age at which an idle connection is replaced.
        idle_seconds: idle time after which connections above `min_size` are closed.
        statement_timeout_seconds: the server ends statements that run longer; 0 never.
        statement_capacity: prepared statements kept by each connection.
    """

    min_size: int = 2
    max_size: int = 10
    wait_seconds: float = 5.0
    lifetime_seconds: float = 1800.0
    idle_seconds: float = 300.0
    statement_timeout_seconds: float = 30.0
    statement_capacity: int = 256

    def __post_init__(self) -> None:
        if not 0 <= self.min_size <= self.max_size or self.max_size < 1:
            raise ValueError(
                f"a pool needs 0 <= min_size <= max_size and max_size >= 1, not "
                f"min_size={self.min_size} and max_size={self.max_size}"
            )


@dataclass(frozen=True, slots=True)
class PoolState:
    """The pool at one moment, for metrics and health checks."""

    size: int
    idle: int
    waiting: int


class Pool:
    """A first come, first served pool of driver connections on one event loop."""

    def __init__(self, dsn: str, limits: PoolLimits | None = None) -> None:
        self.limits = limits or PoolLimits()
        self._dsn = session_dsn(dsn, self.limits.statement_timeout_seconds)
        self._idle: deque[Connection] = deque()
        self._members: set[Connection] = set()
        self._waiters: deque[asyncio.Future[Connection]] = deque()
        self._opening = 0
        self._opened = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._upkeep_timer: asyncio.TimerHandle | None = None
        self._is_open = False

    @property
    def state(self) -> PoolState:
        """Return how many connections there are and how many requests wait."""
        return PoolState(len(self._members), len(self._idle), len(self._waiters))

    async def open(self) -> None:
        """Open `min_size` connections.

        Raises:
            ConnectionLost: the server cannot be reached.
        """
        self._is_open = True
        try:
            for _ in range(self.limits.min_size):
                self._give(await self._connect())
        except DatabaseError:
            await self.close()
            raise
        self._schedule_upkeep()

    async def close(self) -> None:
        """Close idle connections now and the others as their requests end."""
        self._is_open = False
        if self._upkeep_timer is not None:
            self._upkeep_timer.cancel()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(ConnectionLost("the pool is closed"))
        for connection in list(self._idle):
            connection.close()
        if self._tasks:
            await asyncio.gather(*self._tasks)

    async def fetch(
        self,
        tenant_id: UUID | None,
        statement: Statement,
        params: Sequence[bytes | None] = (),
        *,
        idempotent: bool = False,
    ) -> Result:
        """Return the result of one statement run for one tenant.

        Args:
            tenant_id: what `rangka.tenant` is set to; None shows no tenant's rows.
            statement: the SQL to run.
            params: values in text format, None for NULL.
            idempotent: the statement only reads, so that it may be sent once more, on
                a fresh connection, when the first was lost before any answer.

        Raises:
            DatabaseError: the server refused; nothing was changed.
            PoolTimeout: no connection became free in time.
            ConnectionLost: the connection is gone; a write may have been committed.
        """
        calls = ((statement, params),)
        return (await self.fetch_all(tenant_id, calls, idempotent=idempotent))[0]

    async def fetch_all(
        self,
        tenant_id: UUID | None,
        calls: Sequence[Call],
        *,
        idempotent: bool = False,
    ) -> list[Result]:
        """Return the results of several statements: one round trip, all or nothing.

        Takes and raises the same as `fetch`.
        """
        connection = await self._acquire()
        try:
            return await connection.fetch_all(tenant_id, calls)
        except ConnectionLost as loss:
            if not idempotent or loss.received:
                raise
        finally:
            self._release(connection)
        connection = await self._acquire(fresh=True)
        try:
            return await connection.fetch_all(tenant_id, calls)
        finally:
            self._release(connection)

    # -- taking and giving back ------------------------------------------------

    async def _acquire(self, *, fresh: bool = False) -> Connection:
        if not self._is_open:
            raise RuntimeError("the pool is not open; call open() first")
        if self._idle and not (fresh and self._has_room()):
            return self._idle.pop()
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Connection] = loop.create_future()
        timer = loop.call_later(self.limits.wait_seconds, self._expire, waiter)
        self._waiters.append(waiter)
        if fresh and self._has_room():
            self._start_opening(waiter)
        else:
            self._grow()
        try:
            return await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled() and waiter.exception() is None:
                self._give(waiter.result())
            raise
        finally:
            timer.cancel()
            with contextlib.suppress(ValueError):
                self._waiters.remove(waiter)

    def _release(self, connection: Connection) -> None:
        """Take a connection back, at once or after what it still does has ended."""
        if connection.is_idle and _now() >= connection.expires_at:
            connection.close()
        elif connection.is_idle:
            self._give(connection)
        elif not connection.is_closed:
            self._start(self._recover(connection))

    async def _recover(self, connection: Connection) -> None:
        if await connection.drain(_CANCEL_GRACE_SECONDS, _DRAIN_LIMIT_SECONDS):
            self._release(connection)

    def _give(self, connection: Connection) -> None:
        """Hand an idle connection to the first in the queue, or keep it."""
        if not self._is_open:
            connection.close()
            return
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._idle.append(connection)

    def _expire(self, waiter: "asyncio.Future[Connection]") -> None:
        if not waiter.done():
            limits, state = self.limits, self.state
            waiter.set_exception(
                PoolTimeout(
                    f"no database connection became free within "
                    f"{limits.wait_seconds:g} s: {state.size} of {limits.max_size} "
                    f"are open, {state.waiting} requests wait; try again later"
                )
            )

    # -- opening and closing ---------------------------------------------------

    def _has_room(self) -> bool:
        return len(self._members) + self._opening < self.limits.max_size

    def _grow(self) -> None:
        """Open a connection when more wait than are being opened."""
        waiting = sum(not waiter.done() for waiter in self._waiters)
        if self._is_open and self._opening < waiting and self._has_room():
            self._start_opening(None)

    def _start_opening(self, waiter: "asyncio.Future[Connection] | None") -> None:
        self._opening += 1
        self._start(self._open_for(waiter))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _open_for(self, waiter: "asyncio.Future[Connection] | None") -> None:
        """Open one connection for this waiter, or for whoever is first."""
        try:
            connection = await self._connect()
        except DatabaseError as error:
            self._opening -= 1
            self._refuse(waiter, error)
            self._grow()
            return
        self._opening -= 1
        if waiter is not None and not waiter.done() and self._is_open:
            self._waiters.remove(waiter)
            waiter.set_result(connection)
        else:
            self._give(connection)
        self._grow()

    def _refuse(
        self, waiter: "asyncio.Future[Connection] | None", error: DatabaseError
    ) -> None:
        """Tell the one for whom no connection could be opened, or the first waiting."""
        for candidate in (waiter,) if waiter is not None else tuple(self._waiters):
            if not candidate.done():
                self._waiters.remove(candidate)
                candidate.set_exception(error)
                return

    async def _connect(self) -> Connection:
        connection = await Connection.connect(
            self._dsn,
            statement_capacity=self.limits.statement_capacity,
            on_closed=self._forget,
        )
        self._opened += 1
        spread = _LIFETIME_SPREAD * (self._opened % 8) / 8
        connection.expires_at = connection.idle_since + self.limits.lifetime_seconds * (
            1 - spread
        )
        self._members.add(connection)
        return connection

    def _forget(self, connection: Connection) -> None:
        self._members.discard(connection)
        with contextlib.suppress(ValueError):
            self._idle.remove(connection)
        self._grow()

    # -- upkeep ----------------------------------------------------------------

    def _schedule_upkeep(self) -> None:
        loop = asyncio.get_running_loop()
        self._upkeep_timer = loop.call_later(_UPKEEP_SECONDS, self._upkeep)

    def _upkeep(self) -> None:
        """Close idle connections that are too old or too many."""
        now = _now()
        for connection in list(self._idle):
            surplus = len(self._members) > self.limits.min_size
            unused = now - connection.idle_since >= self.limits.idle_seconds
            if now >= connection.expires_at or (surplus and unused):
                connection.close()
        self._schedule_upkeep()


def _now() -> float:
    return asyncio.get_running_loop().time()
