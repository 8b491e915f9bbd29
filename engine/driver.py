"""One connection to PostgreSQL at libpq level: a request is a single round trip.

Owns the exchange of one request in pipeline mode (tenant setting, statements, one
Sync = one implicit transaction), the prepared statements of its connection, and the
way back to a known state after a cancelled task. Never shares a connection between
two requests: that is `engine/driver_pool.py`, its only caller beside the listener.
Why it exists: docs/decisions/0002-pq-driver.md.
"""

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from uuid import UUID

import psycopg
from psycopg import pq
from psycopg.pq.abc import PGresult

from engine.database_errors import (
    ConnectionLost,
    DatabaseError,
    Diagnosis,
    StalePlan,
    error_from_psycopg,
    error_from_result,
)
from engine.driver_statement import (
    SET_TENANT,
    Call,
    Result,
    Row,
    Statement,
    check_params,
)

# As plain integers: compared for every result, and IntEnum compares slowly.
_FATAL_ERROR = int(pq.ExecStatus.FATAL_ERROR)
_PIPELINE_SYNC = int(pq.ExecStatus.PIPELINE_SYNC)
_PIPELINE_ABORTED = int(pq.ExecStatus.PIPELINE_ABORTED)
_COPY = frozenset(
    int(status)
    for status in (
        pq.ExecStatus.COPY_IN,
        pq.ExecStatus.COPY_OUT,
        pq.ExecStatus.COPY_BOTH,
    )
)
_BAD = int(pq.ConnStatus.BAD)


class _Exchange:
    """One request under way: what was sent, what came back."""

    __slots__ = ("done", "parsed", "results", "wanted")

    def __init__(self, done: "asyncio.Future[None]") -> None:
        self.done = done
        self.parsed: list[tuple[int, Statement]] = []
        self.wanted: list[int] = []
        self.results: list[PGresult] = []


class Connection:
    """A connection that serves one request at a time, made by `connect`."""

    def __init__(
        self,
        owner: psycopg.AsyncConnection,
        descriptor: int,
        *,
        statement_capacity: int,
        on_closed: "Callable[[Connection], None] | None",
        on_notify: Callable[[str, str], None] | None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._owner = owner
        self._pg = owner.pgconn
        self._prepared: OrderedDict[bytes, None] = OrderedDict()
        self._stale: list[bytes] = []
        self._capacity = statement_capacity
        self._on_closed = on_closed
        self._on_notify = on_notify
        self._exchange: _Exchange | None = None
        self._idle: asyncio.Future[None] | None = None
        self._writing = False
        self.is_closed = False
        self.expires_at = float("inf")
        self.idle_since = self._loop.time()
        self._fd = descriptor
        self._loop.add_reader(self._fd, self._on_readable)

    @classmethod
    async def connect(
        cls,
        dsn: str,
        *,
        statement_capacity: int = 256,
        on_closed: "Callable[[Connection], None] | None" = None,
        on_notify: Callable[[str, str], None] | None = None,
    ) -> "Connection":
        """Return an open connection in pipeline mode.

        Args:
            dsn: a libpq connection string; see `driver_session.session_dsn`.
            statement_capacity: prepared statements kept before the oldest is closed.
            on_closed: called once, when the connection is closed or lost.
            on_notify: called with channel and payload of each notification.

        Raises:
            DatabaseError: the server cannot be reached or refuses; mostly
                `ConnectionLost`.
        """
        try:
            owner = await psycopg.AsyncConnection.connect(dsn, autocommit=True)
        except psycopg.Error as error:
            raise error_from_psycopg(error) from error
        owner.pgconn.enter_pipeline_mode()
        try:
            # libpq closes its own descriptor when the peer is gone, and the number may
            # be given out again at once; a duplicate stays ours until we remove it.
            descriptor = os.dup(owner.pgconn.socket)
        except OSError as error:
            owner.pgconn.finish()
            raise ConnectionLost(f"no file descriptor is left: {error}") from error
        return cls(
            owner,
            descriptor,
            statement_capacity=statement_capacity,
            on_closed=on_closed,
            on_notify=on_notify,
        )

    @property
    def is_idle(self) -> bool:
        """Return whether the last Sync was read and nothing is under way."""
        return self._exchange is None and not self.is_closed

    async def fetch(
        self,
        tenant_id: UUID | None,
        statement: Statement,
        params: Sequence[bytes | None] = (),
    ) -> Result:
        """Return the result of one statement run for one tenant, in one round trip.

        Args:
            tenant_id: what `rangka.tenant` is set to; None sets it empty, and row
                level security then shows no tenant's rows.
            statement: the SQL to run.
            params: values in text format, None for NULL.

        Raises:
            DatabaseError: the server refused; nothing was changed.
            ConnectionLost: the connection is gone; a write may have been committed.
        """
        return (await self.fetch_all(tenant_id, ((statement, params),)))[0]

    async def fetch_all(
        self, tenant_id: UUID | None, calls: Sequence[Call]
    ) -> list[Result]:
        """Return the results of several statements: one round trip, all or nothing.

        Raises the same as `fetch`.
        """
        for _, params in calls:
            check_params(params)
        tenant = b"" if tenant_id is None else str(tenant_id).encode()
        try:
            return await self._run(tenant, calls)
        except StalePlan:
            # The implicit transaction failed as a whole, so nothing was done and the
            # same statements may run again with new plans.
            self._forget(calls)
        return await self._run(tenant, calls)

    async def drain(self, grace_seconds: float, limit_seconds: float) -> bool:
        """Return True once the Sync of an abandoned request was read.

        Waits `grace_seconds` for the request to end by itself, then asks the server
        to cancel it. Closes the connection and returns False when it does not come
        to rest within `limit_seconds`. Both the Sync and the end of the cancel
        request are awaited: a late cancel would hit the next request.
        """
        try:
            async with asyncio.timeout(grace_seconds):
                await self._until_idle()
        except TimeoutError:
            try:
                async with asyncio.timeout(limit_seconds):
                    await self._owner.cancel_safe(timeout=limit_seconds)
                    await self._until_idle()
            except (TimeoutError, psycopg.Error):
                self.close()
        return self.is_idle

    def close(self) -> None:
        """Close the connection now; a request under way fails with ConnectionLost."""
        self._lose(ConnectionLost("the connection was closed by this process"))

    # -- sending ---------------------------------------------------------------

    async def _run(self, tenant: bytes, calls: Sequence[Call]) -> list[Result]:
        if self.is_closed:
            raise ConnectionLost("the connection to PostgreSQL is closed")
        if self._exchange is not None:
            raise RuntimeError(
                "the connection is still busy; drain it before the next request"
            )
        exchange = _Exchange(self._loop.create_future())
        self._exchange = exchange
        try:
            self._send(exchange, tenant, calls)
        except psycopg.Error as error:
            self._lose(ConnectionLost(f"sending to PostgreSQL failed: {error}"))
        except BaseException:
            # Half a request may be in the buffer; only a new connection is safe.
            self.close()
            exchange.done.exception()
            raise
        await exchange.done
        return _results_of(exchange)

    def _send(self, exchange: _Exchange, tenant: bytes, calls: Sequence[Call]) -> None:
        pg = self._pg
        position = self._send_closes()
        position = self._send_parse(exchange, SET_TENANT, position)
        pg.send_query_prepared(SET_TENANT.name, (tenant,))
        position += 1
        for statement, params in calls:
            position = self._send_parse(exchange, statement, position)
            pg.send_query_prepared(statement.name, params)
            exchange.wanted.append(position)
            position += 1
        pg.pipeline_sync()
        if pg.flush():
            self._writing = True
            self._loop.add_writer(self._fd, self._on_writable)

    def _send_closes(self) -> int:
        """Close stale statements and those over capacity; return how many."""
        prepared = self._prepared
        while len(prepared) > self._capacity:
            self._stale.append(prepared.popitem(last=False)[0])
        if not self._stale:
            return 0
        names, self._stale = self._stale, []
        for name in names:
            self._pg.send_close_prepared(name)
        return len(names)

    def _send_parse(
        self, exchange: _Exchange, statement: Statement, position: int
    ) -> int:
        """Prepare the statement unless it is; return the position of what follows."""
        if statement.name in self._prepared:
            self._prepared.move_to_end(statement.name)
            return position
        if any(statement.name == known.name for _, known in exchange.parsed):
            return position
        self._pg.send_prepare(statement.name, statement.text.encode())
        exchange.parsed.append((position, statement))
        return position + 1

    def _forget(self, calls: Sequence[Call]) -> None:
        """Close the statements of these calls at the head of the next request."""
        names = {SET_TENANT.name, *(statement.name for statement, _ in calls)}
        for name in names:
            self._prepared.pop(name, None)
            self._stale.append(name)

    def _on_writable(self) -> None:
        try:
            if self._pg.flush():
                return
        except psycopg.Error as error:
            self._lose(ConnectionLost(f"sending to PostgreSQL failed: {error}"))
            return
        self._stop_writing()

    def _stop_writing(self) -> None:
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._fd)

    # -- receiving -------------------------------------------------------------

    def _on_readable(self) -> None:
        try:
            self._pg.consume_input()
            self._collect()
        except psycopg.Error as error:
            self._lose(self._loss(str(error).strip()))
            return
        if self._on_notify is not None and not self.is_closed:
            while (notify := self._pg.notifies()) is not None:
                self._on_notify(notify.relname.decode(), notify.extra.decode())

    def _collect(self) -> None:
        """Take the results that are complete; end the exchange at its Sync."""
        exchange, pg = self._exchange, self._pg
        while exchange is not None and not pg.is_busy():
            result = pg.get_result()
            if result is None:
                # Ends the results of one command, or follows the loss of all.
                if pg.status == _BAD:
                    self._lose(self._loss(pg.get_error_message()))
                    return
                continue
            status = result.status
            if status == _PIPELINE_SYNC:
                self._finish(exchange)
                return
            if status in _COPY:
                self._lose(ConnectionLost("COPY cannot run on this connection"))
                return
            exchange.results.append(result)

    def _finish(self, exchange: _Exchange) -> None:
        self._exchange = None
        self.idle_since = self._loop.time()
        for position, statement in exchange.parsed:
            status = exchange.results[position].status
            if status not in (_FATAL_ERROR, _PIPELINE_ABORTED):
                self._prepared[statement.name] = None
        if not exchange.done.done():
            exchange.done.set_result(None)
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    async def _until_idle(self) -> None:
        if self._exchange is not None:
            self._idle = self._loop.create_future()
            await self._idle

    # -- loss ------------------------------------------------------------------

    def _loss(self, message: str) -> ConnectionLost:
        """Return the error of a broken connection, with the server's last words."""
        results = self._exchange.results if self._exchange else []
        diagnosis = Diagnosis(message)
        received = False
        for result in results:
            if result.status == _FATAL_ERROR:
                diagnosis = error_from_result(result).diagnosis
            elif result.status != _PIPELINE_ABORTED:
                received = True
        return ConnectionLost(
            f"the connection to PostgreSQL was lost: {diagnosis.message}",
            diagnosis,
            received=received,
        )

    def _lose(self, error: ConnectionLost) -> None:
        if self.is_closed:
            return
        self.is_closed = True
        self._stop_writing()
        self._loop.remove_reader(self._fd)
        os.close(self._fd)
        self._pg.finish()
        exchange, self._exchange = self._exchange, None
        if exchange is not None and not exchange.done.done():
            exchange.done.set_exception(error)
        if self._idle is not None and not self._idle.done():
            self._idle.set_result(None)
        if self._on_closed is not None:
            self._on_closed(self)


def _results_of(exchange: _Exchange) -> list[Result]:
    for result in exchange.results:
        if result.status == _FATAL_ERROR:
            raise error_from_result(result)
    return [Result(exchange.results[position]) for position in exchange.wanted]


__all__ = [
    "SET_TENANT",
    "Call",
    "Connection",
    "DatabaseError",
    "Result",
    "Row",
    "Statement",
]
