"""Where the statements of a write run: one round trip, or a transaction.

A write without service code is a single pipelined round trip on the hot driver. As
soon as Python has to decide between statements (hooks, row rules on the new values,
owned lines, idempotency keys), the same statements run inside one psycopg
transaction. Both answer the driver's `Result`, so the steps of a write do not care.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Protocol
from uuid import UUID

import psycopg

from engine.database import Database, Transaction, raw_cursor
from engine.database_errors import translate_errors
from engine.driver import Call, Result


class Session(Protocol):
    """Runs statements of one tenant, all or nothing."""

    async def run(self, calls: Sequence[Call]) -> list[Result]:
        """Return one result a call; raises DatabaseError, and then nothing is kept."""


class RoundTrip:
    """Each `run` is a transaction of its own, in one round trip."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self._database = database
        self._tenant_id = tenant_id

    async def run(self, calls: Sequence[Call]) -> list[Result]:
        """Return one result a call; all of them are one implicit transaction."""
        return await self._database.fetch_all(self._tenant_id, calls)


class InTransaction:
    """Every `run` belongs to the transaction of the connection it is given."""

    def __init__(self, connection: Transaction) -> None:
        self._connection = connection
        # Sending several at once is a mode of the connection: one run at a time.
        self._running = asyncio.Lock()

    async def run(self, calls: Sequence[Call]) -> list[Result]:
        """Return one result a call; the caller's transaction decides what is kept."""
        cursors = [raw_cursor(self._connection) for _ in calls]
        with translate_errors():
            async with self._running, self._at_once(len(calls)):
                for cursor, (statement, parameters) in zip(cursors, calls, strict=True):
                    texts = [None if p is None else p.decode() for p in parameters]
                    await cursor.execute(statement.text.encode(), texts)
        return [_result(cursor) for cursor in cursors]

    def _at_once(self, statements: int) -> AbstractAsyncContextManager[object]:
        """Send several statements in one round trip."""
        return self._connection.pipeline() if statements > 1 else nullcontext()

    @asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        """Undo what the block did, and nothing else, when it raises (a savepoint)."""
        with translate_errors():
            async with self._connection.transaction():
                yield


class InSystemTransaction(InTransaction):
    """A transaction of the system role, in which platform records are written.

    Attributes:
        connection: for the writer's own statements.
    """

    def __init__(self, connection: Transaction) -> None:
        super().__init__(connection)
        self.connection = connection


def _result(cursor: psycopg.AsyncRawCursor[dict[str, object]]) -> Result:
    if cursor.pgresult is None:
        raise RuntimeError("the statement was not run")
    return Result(cursor.pgresult)
