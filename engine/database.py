"""Every way the engine talks to PostgreSQL, by role and by kind of work.

Owns the pools and connections of the three roles, the tenant setting of each
transaction and the notifications. Never holds SQL of its own beyond session state;
callers bring compiled statements. Built by the composition roots.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from engine.database_errors import (
    CheckViolation,
    ConnectionLost,
    DatabaseError,
    Deadlock,
    ExclusionViolation,
    ForeignKeyViolation,
    InsufficientPrivilege,
    IntegrityError,
    InvalidValue,
    LockTimeout,
    NotNullViolation,
    PoolTimeout,
    SchemaChanged,
    SerializationFailure,
    StalePlan,
    StatementTimeout,
    TransactionConflict,
    UndefinedColumn,
    UndefinedTable,
    UniqueViolation,
    translate_errors,
)
from engine.driver import Call, Result, Statement
from engine.driver_pool import Pool, PoolLimits, PoolState
from engine.driver_session import session_dsn
from engine.listener import Listener, OnNotify, OnReconnect

Transaction = psycopg.AsyncConnection[DictRow]

_SYSTEM_POOL_SIZE = 6
_LOOKUP_POOL_SIZE = 2
_EXPORT_POOL_SIZE = 3
_SET_TENANT = "select set_config('rangka.tenant', %s, true)"
_NOTHING = ""


class Database:
    """PostgreSQL as the engine uses it: hot pool, transactions, system and owner."""

    def __init__(
        self,
        *,
        app_dsn: str,
        system_dsn: str,
        owner_dsn: str,
        limits: PoolLimits | None = None,
    ) -> None:
        limits = limits or PoolLimits()
        timeout = limits.statement_timeout_seconds
        self.app = Pool(app_dsn, limits)
        self._serving_dsns = (app_dsn, system_dsn)
        self._owner_dsn = session_dsn(owner_dsn)
        self._listener = Listener(session_dsn(system_dsn))
        self._transactions = _pool(
            session_dsn(app_dsn, timeout),
            max_size=limits.max_size,
            wait_seconds=limits.wait_seconds,
            name="transactions",
        )
        self._lookups = _pool(
            session_dsn(system_dsn, timeout),
            max_size=_LOOKUP_POOL_SIZE,
            wait_seconds=limits.wait_seconds,
            name="lookups",
        )
        self._exports = _pool(
            session_dsn(app_dsn, timeout),
            max_size=_EXPORT_POOL_SIZE,
            wait_seconds=limits.wait_seconds,
            name="exports",
        )
        self._system = _pool(
            session_dsn(system_dsn),
            max_size=_SYSTEM_POOL_SIZE,
            wait_seconds=limits.wait_seconds,
            name="system",
        )

    async def open(self) -> None:
        """Connect, and refuse to start when row level security would not hold.

        Raises:
            StartupError: the server cannot be reached, or the app or system role could
                read another tenant's rows.
            ConnectionLost: the server was lost just after.
        """
        await asyncio.to_thread(self._check_roles)
        await self.app.open()
        for pool in self._pools:
            await pool.open()

    async def close(self) -> None:
        """Close every pool and the LISTEN connection."""
        await self._listener.close()
        await self.app.close()
        for pool in self._pools:
            await pool.close()

    @property
    def _pools(self) -> tuple[AsyncConnectionPool[Transaction], ...]:
        return self._transactions, self._lookups, self._exports, self._system

    async def fetch(
        self,
        tenant_id: UUID | None,
        statement: Statement,
        params: Sequence[bytes | None] = (),
        *,
        idempotent: bool = False,
    ) -> Result:
        """Return one statement's result through the hot pool; see `Pool.fetch`."""
        return await self.app.fetch(tenant_id, statement, params, idempotent=idempotent)

    async def fetch_all(
        self,
        tenant_id: UUID | None,
        calls: Sequence[Call],
        *,
        idempotent: bool = False,
    ) -> list[Result]:
        """Return several statements' results in one round trip, all or nothing."""
        return await self.app.fetch_all(tenant_id, calls, idempotent=idempotent)

    @asynccontextmanager
    async def transaction(self, tenant_id: UUID | None) -> AsyncIterator[Transaction]:
        """Open a transaction of the app role for one tenant; rows are dicts.

        The tenant is set before anything else runs. Commits at the end of the block,
        rolls back on an exception; psycopg's errors leave as `DatabaseError`. Never
        commit inside the block: the tenant would be gone and every table look empty.
        """
        async with self._of_tenant(self._transactions, tenant_id) as connection:
            yield connection

    @asynccontextmanager
    async def export(self, tenant_id: UUID) -> AsyncIterator[Transaction]:
        """Open a transaction like `transaction`, for a read that takes long.

        Few connections of their own: the more of them are asked for, the longer they
        wait for each other (PoolTimeout in the end), and no other request waits.
        """
        async with self._of_tenant(self._exports, tenant_id) as connection:
            yield connection

    @asynccontextmanager
    async def _of_tenant(
        self, pool: AsyncConnectionPool[Transaction], tenant_id: UUID | None
    ) -> AsyncIterator[Transaction]:
        with translate_errors():
            tenant = "" if tenant_id is None else str(tenant_id)
            async with _lent(pool, _SET_TENANT, (tenant,)) as connection:
                yield connection

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Transaction]:
        """Open a transaction of the system role, for platform jobs; rows are dicts."""
        with translate_errors():
            async with _lent(self._system, _NOTHING) as connection:
                yield connection

    @asynccontextmanager
    async def lookup(self) -> AsyncIterator[Transaction]:
        """Open a transaction like `system`, for one short read in between.

        Its connections are apart, so that whoever holds one of the others and needs,
        say, the tenant's rules never waits for itself. Inside the block take no further
        connection and no lock.
        """
        with translate_errors():
            async with _lent(self._lookups, _NOTHING) as connection:
                yield connection

    @asynccontextmanager
    async def owner(self) -> AsyncIterator[Transaction]:
        """Open a transaction of the owner role on a connection of its own.

        For publishing and migrations only: this role may change tables.
        """
        with translate_errors():
            connection = await psycopg.AsyncConnection[DictRow].connect(
                self._owner_dsn, row_factory=dict_row
            )
            async with connection:
                yield connection

    async def listen(
        self,
        channel: str,
        on_notify: OnNotify,
        on_reconnect: OnReconnect | None = None,
    ) -> None:
        """Subscribe to a channel of NOTIFY; see `Listener.listen`."""
        await self._listener.listen(channel, on_notify, on_reconnect)

    def _check_roles(self) -> None:
        # Brings Alembic along, which only the start needs.
        from engine import bootstrap

        for dsn in self._serving_dsns:
            with bootstrap.connect(dsn) as connection:
                bootstrap.check_roles(connection)


def raw_cursor(connection: Transaction) -> psycopg.AsyncRawCursor[DictRow]:
    """Return a cursor that takes `$1` placeholders, so compiled SQL runs here too."""
    return psycopg.AsyncRawCursor(connection, row_factory=dict_row)


@asynccontextmanager
async def _lent(
    pool: AsyncConnectionPool[Transaction], first: str, values: Sequence[str] = ()
) -> AsyncIterator[Transaction]:
    """Yield a connection in a transaction that begins with this statement.

    A connection that the server has closed shows it here, before anything was done:
    then the pool looks at all the others too, once, and another one is taken. (The
    pool's own check looks at one after the other and waits ever longer in between, so
    that after a restart of the server nobody got one within the time allowed.)
    """
    connection = await _begun(pool, first, values)
    if connection is None:
        await pool.check()
        connection = await _begun(pool, first, values)
    if connection is None:
        raise ConnectionLost("every connection to PostgreSQL was closed by the server")
    try:
        async with connection:
            yield connection
    finally:
        await pool.putconn(connection)


async def _begun(
    pool: AsyncConnectionPool[Transaction], first: str, values: Sequence[str]
) -> Transaction | None:
    """Return a connection after its first statement, None when it was dead."""
    connection = await pool.getconn()
    try:
        await connection.execute(first.encode(), values or None)
    except psycopg.OperationalError:
        await pool.putconn(connection)
        if connection.closed:
            return None
        raise
    except BaseException:
        await pool.putconn(connection)
        raise
    return connection


def _pool(
    dsn: str, *, max_size: int, wait_seconds: float, name: str
) -> AsyncConnectionPool[Transaction]:
    return AsyncConnectionPool(
        dsn,
        connection_class=psycopg.AsyncConnection[DictRow],
        # Plans are not kept: after DDL a kept one fails inside the transaction, where
        # it cannot be tried again.
        kwargs={"row_factory": dict_row, "prepare_threshold": None},
        min_size=0,
        max_size=max_size,
        timeout=wait_seconds,
        max_lifetime=1800.0,
        open=False,
        name=name,
    )


__all__ = [
    "Call",
    "CheckViolation",
    "ConnectionLost",
    "Database",
    "DatabaseError",
    "Deadlock",
    "ExclusionViolation",
    "ForeignKeyViolation",
    "InsufficientPrivilege",
    "IntegrityError",
    "InvalidValue",
    "LockTimeout",
    "NotNullViolation",
    "Pool",
    "PoolLimits",
    "PoolState",
    "PoolTimeout",
    "Result",
    "SchemaChanged",
    "SerializationFailure",
    "StalePlan",
    "Statement",
    "StatementTimeout",
    "Transaction",
    "TransactionConflict",
    "UndefinedColumn",
    "UndefinedTable",
    "UniqueViolation",
    "raw_cursor",
    "translate_errors",
]
