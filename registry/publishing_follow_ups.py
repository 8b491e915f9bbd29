"""Finishes what publishes left for after their commit, one thing at a time.

What is to do stands in `rangka.follow_ups`, written by the publish itself, so it
outlives a crash: every process tries at its start, when it is woken and now and then;
a lock lets one of them work. Never changes what a version means.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import psycopg

from metadata import store, store_follow_ups
from metadata.compiler import compile_service
from metadata.ddl_follow_ups import FollowUp
from metadata.store_follow_ups import StoredFollowUp
from registry.publishing import LOCK_TIMEOUT_MS, possible_follow_ups, take_turn
from registry.publishing_plan import Connection

logger = logging.getLogger("rangka.publishing")

POLL_SECONDS = 30.0
_ONE_AT_A_TIME = "rangka.follow_ups"

Connect = Callable[[], AbstractAsyncContextManager[Connection]]
AfterStatement = Callable[[str], Awaitable[None]]


class FollowUps:
    """Builds the indexes and proves the rules that a publish left behind."""

    def __init__(
        self,
        owner: Connect,
        look: Connect | None = None,
        *,
        after_statement: AfterStatement | None = None,
    ) -> None:
        """Take `owner`, which opens a connection of that role for the work.

        `look` opens a cheaper one to see whether there is any. `after_statement` is
        awaited after each statement (tests stop the process there).
        """
        self._owner = owner
        self._look = look or owner
        self._after_statement = after_statement
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to work in the background."""
        self._task = asyncio.create_task(self._live())

    async def stop(self) -> None:
        """Stop; what is under way is undone or finished by PostgreSQL, and retried."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def wake(self) -> None:
        """Look for work now: something was published."""
        self._woken.set()

    async def run(self) -> int:
        """Do what is due and return how much was done; 0 while another process works.

        What fails stays, with its error, and is tried again later.
        """
        async with self._look() as connection:
            if not await store_follow_ups.follow_ups(connection, due=True):
                return 0
        async with self._owner() as connection:
            # An index cannot be built concurrently inside a transaction.
            await connection.set_autocommit(True)
            row = await connection.execute(
                "SELECT pg_try_advisory_lock(hashtextextended(%s, 0)) AS mine",
                (_ONE_AT_A_TIME,),
            )
            mine = await row.fetchone()
            if mine is None or not mine["mine"]:
                return 0
            # Ends with the connection, so a dead process keeps nobody from working.
            due = await store_follow_ups.follow_ups(connection, due=True)
            done = [await self._finish(connection, item) for item in due]
            return sum(done)

    async def _finish(self, connection: Connection, item: StoredFollowUp) -> bool:
        found = await store.definition_of(connection, item.service)
        if found is None:
            return False
        version, definition = found
        possible = await possible_follow_ups(
            connection, compile_service(definition, version)
        )
        wanted = possible.get(item.name)
        try:
            if wanted is not None:
                await self._work(connection, wanted)
        except psycopg.Error as error:
            if connection.closed:
                raise
            reason = str(error).splitlines()[0]
            logger.warning("%s of %s: %s", item.name, item.service, reason)
            await store_follow_ups.fail_follow_up(
                connection, item.service, item.name, reason
            )
            return False
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = 0")
            await take_turn(connection, item.service)
            now = await store.definition_of(connection, item.service)
            if now is None or now[0] != version:
                # Published anew meanwhile: look at it again as that version has it.
                return False
            await store_follow_ups.finish_follow_up(connection, item.service, item.name)
        return True

    async def _work(self, connection: Connection, wanted: FollowUp) -> None:
        if wanted.kind == "index":
            state = await _index_state(connection, wanted)
            if state == "whole":
                return
            if state == "broken":
                # A build that was cut off leaves an index that nobody uses.
                await self._execute(connection, wanted.undo, wait=True)
            await self._execute(connection, wanted.statements[0], wait=True)
            return
        prove, *rest = wanted.statements
        if wanted.kind == "rule" or not await _is_not_null(connection, wanted):
            await self._execute(connection, prove, wait=True)
        else:
            rest = rest[-1:]
        for statement in rest:
            await self._execute(connection, statement, wait=False)

    async def _execute(
        self, connection: Connection, statement: str, *, wait: bool
    ) -> None:
        """Run a statement; with `wait`, writers pass while it waits for others."""
        timeout = 0 if wait else LOCK_TIMEOUT_MS
        await connection.execute(f"SET lock_timeout = {timeout}")
        await connection.execute(statement.encode())
        if self._after_statement is not None:
            await self._after_statement(statement)

    async def _live(self) -> None:
        while True:
            self._woken.clear()
            try:
                await self.run()
            except Exception:
                logger.warning("cannot finish publishes now", exc_info=True)
            try:
                async with asyncio.timeout(POLL_SECONDS):
                    await self._woken.wait()
            except TimeoutError:
                continue


async def _index_state(connection: Connection, wanted: FollowUp) -> str:
    """Return `whole`, `broken` (cut off, or on another table) or `missing`."""
    rows = await connection.execute(
        "SELECT i.indisvalid AND t.relname = %s AS whole FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "JOIN pg_index i ON i.indexrelid = c.oid JOIN pg_class t ON t.oid = i.indrelid "
        "WHERE n.nspname = %s AND c.relname = %s",
        (wanted.table, wanted.schema, wanted.name),
    )
    row = await rows.fetchone()
    if row is None:
        return "missing"
    return "whole" if row["whole"] else "broken"


async def _is_not_null(connection: Connection, wanted: FollowUp) -> bool:
    rows = await connection.execute(
        "SELECT a.attnotnull FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relname = %s AND a.attname = %s",
        (wanted.schema, wanted.table, wanted.column),
    )
    row = await rows.fetchone()
    return bool(row and row["attnotnull"])
