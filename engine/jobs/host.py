"""The engine's side of `registry.service.JobHost`: what a running job may ask for.

Every transaction of a job first proves that this attempt still holds the job, so a
worker that was given up for dead writes nothing beside its successor; a consumer's
also notes the event as handled. Opened secrets are remembered and taken out of every
text that the job leaves behind.
"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

import msgspec
from psycopg import sql

from connectors.addresses import Network
from engine.context import RequestContext
from engine.database import Database, Transaction
from engine.host import RecordHost
from engine.jobs import ledger
from engine.jobs.ledger import ClaimedJob
from engine.record_columns import MASK
from engine.record_reads import RecordReader
from engine.record_session import InTransaction
from engine.records import Records
from engine.secrets import SecretBox
from metadata.compiled import CompiledEntity, CompiledField
from registry.service import Failed, Host, Payload

SYSTEM_USER = UUID(int=0)
"""Who writes where no person asked: a schedule."""

PROGRESS_SECONDS = 0.5
"""How often progress is written at most."""


class ClaimLost(BaseException):
    """Another worker holds the job by now; this attempt ends without a trace.

    No Exception, so that a service's `except Exception` cannot go on.
    """


class AlreadyHandled(BaseException):
    """The consumer handled this event in an earlier attempt. No Exception, as above."""


@dataclass(frozen=True, slots=True)
class JobTools:
    """What every job of a process is run with."""

    database: Database
    records: Records
    reader: RecordReader
    secrets: SecretBox
    router_networks: tuple[Network, ...] = ()


class WorkHost:
    """What one attempt of one job gets to work with."""

    def __init__(self, tools: JobTools, job: ClaimedJob, event: UUID | None) -> None:
        """Take the job; with an `event`, it is a consumer that handles it."""
        self._tools = tools
        self._job = job
        self._event = event
        self._opened: set[str] = set()
        self._began = datetime.now(UTC)
        self._ctx = _context(job, self._began)
        self._transactions = 0
        self._shown_at = 0.0

    @property
    def tenant_id(self) -> UUID:
        """Return the tenant that the job belongs to."""
        return self._job.tenant_id

    @property
    def now(self) -> datetime:
        """Return the UTC instant at which this attempt began."""
        return self._began

    @property
    def attempt(self) -> int:
        """Return the number of this attempt, 1 for the first."""
        return self._job.attempts

    async def settings(self) -> Mapping[str, Any]:
        """Return this tenant's settings of the service."""
        return await self._tools.reader.settings(self.tenant_id, self._job.service)

    @property
    def router_networks(self) -> Sequence[Network]:
        """Return the private networks that devices may be reached in."""
        return self._tools.router_networks

    def transaction(self) -> AbstractAsyncContextManager[Host]:
        """Open a transaction of the tenant that holds the job."""
        self._transactions += 1
        if self._event is not None and self._transactions > 1:
            raise RuntimeError(
                f"The consumer {self._job.service}.{self._job.name} opened a second "
                "transaction. It has one, so that its effect happens once; leave more "
                "work to a job: host.enqueue."
            )
        return self._transaction()

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Host]:
        tools, job = self._tools, self._job
        async with tools.database.transaction(job.tenant_id) as connection:
            if not await ledger.fence(connection, job):
                raise ClaimLost
            if self._event is not None:
                await self._handle(connection, self._event)
            yield RecordHost(
                tools.records,
                tools.reader,
                self._ctx,
                job.service,
                InTransaction(connection),
                None,
                self.refuse_secrets,
                as_service=True,
            )
        tools.records.ring()

    async def progress(self, done: int, total: int, text: str = "") -> None:
        """Show how far the job is; in between, some calls are left out."""
        clock = time.monotonic()
        if clock - self._shown_at < PROGRESS_SECONDS and done < total:
            return
        self._shown_at = clock
        async with self._tools.database.system() as connection:
            await ledger.progress(
                connection, self._job, done, total, self.without_secrets(text)
            )

    async def secret(
        self, entity: str, record_id: UUID | str, field_name: str
    ) -> str | None:
        """Return the plain text of a secret field; None when it is empty."""
        key = entity if "." in entity else f"{self._job.service}.{entity}"
        target = await self._tools.reader.entity(self.tenant_id, key)
        item = target.fields.get(field_name) if target else None
        if target is None or item is None or not item.type.secret:
            raise LookupError(f"{key} has no secret field {field_name} for this tenant")
        identity = UUID(str(record_id))
        async with self._tools.database.transaction(self.tenant_id) as connection:
            stored = await _stored(connection, target, item, self.tenant_id, identity)
        if stored is None:
            return None
        plain = self._tools.secrets.open(
            stored,
            tenant_id=self.tenant_id,
            place=f"{target.key}.{item.id}",
            record_id=identity,
        )
        self._opened.add(plain)
        return plain

    def fail(self, message: str, code: str = "failed") -> NoReturn:
        """End the job for good, without another attempt."""
        raise Failed(message, code)

    async def enqueue(
        self,
        job: str,
        payload: Payload,
        *,
        key: str | None = None,
        delay_seconds: float = 0,
    ) -> None:
        """Let a job of this service run, in a transaction of its own."""
        self.refuse_secrets(payload)
        service, ctx = self._job.service, self._ctx
        declared = self._tools.records.job(service, job)
        new = ledger.NewJob(
            tenant_id=self.tenant_id,
            service=service,
            name=job,
            payload=payload,
            max_attempts=declared.max_attempts,
            key=key,
            delay_seconds=delay_seconds,
            request_id=ctx.request_id,
            actor_name=ctx.email,
            actor_id=self._job.created_by,
        )
        async with self._tools.database.transaction(self.tenant_id) as connection:
            if not await ledger.fence(connection, self._job):
                raise ClaimLost
            await ledger.add(InTransaction(connection), new)
        self._tools.records.ring()

    def without_secrets(self, text: str) -> str:
        """Return a text without the secrets that this attempt has opened."""
        for plain in sorted(self._opened, key=len, reverse=True):
            if plain:
                text = text.replace(plain, MASK)
        return text

    def refuse_secrets(self, payload: Payload) -> None:
        """Raise ValueError when a payload holds a secret that was opened here."""
        told = _strings(payload)
        if any(plain and plain in text for plain in self._opened for text in told):
            raise ValueError(
                "the payload of a job would hold a secret; pass the id of the record "
                "and let the job open it by host.secret"
            )

    def result(self, given: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """Return what a job answered as the ledger may keep it; raises TypeError."""
        if given is None:
            return None
        shown: Mapping[str, Any] = msgspec.json.decode(msgspec.json.encode(given))
        cleaned = self._masked(shown)
        if not isinstance(cleaned, dict):
            raise TypeError("a job answers an object or nothing")
        return cleaned

    def _masked(self, value: object) -> object:
        if isinstance(value, str):
            return self.without_secrets(value)
        if isinstance(value, list):
            return [self._masked(each) for each in value]
        if isinstance(value, dict):
            return {name: self._masked(each) for name, each in value.items()}
        return value

    async def _handle(self, connection: Transaction, event: UUID) -> None:
        consumer = f"{self._job.service}.{self._job.name}"
        if not await ledger.handle(connection, self.tenant_id, consumer, event):
            raise AlreadyHandled


def _context(job: ClaimedJob, now: datetime) -> RequestContext:
    """Return who writes: whoever asked for the job, or the service itself."""
    return RequestContext(
        request_id=job.request_id or f"job_{job.id}",
        tenant_id=job.tenant_id,
        user_id=job.created_by or SYSTEM_USER,
        session_id=None,
        role_ids=frozenset(),
        is_super_admin=False,
        locale=job.locale,
        time_zone=job.time_zone,
        now=now,
        email=job.actor_name or f"{job.service}.{job.name}",
    )


async def _stored(
    connection: Transaction,
    entity: CompiledEntity,
    item: CompiledField,
    tenant_id: UUID,
    record_id: UUID,
) -> str | None:
    """Return a secret as it is stored; raises LookupError without the record."""
    value = sql.SQL("custom ->> {}").format(item.id)
    if item.column is not None:
        value = sql.Composed([sql.Identifier(item.column)])
    table = sql.Identifier(str(entity.table.schema), entity.table.name)
    query = sql.SQL("SELECT {} AS value FROM {} WHERE tenant_id = %s AND id = %s")
    found = await connection.execute(query.format(value, table), (tenant_id, record_id))
    row = await found.fetchone()
    if row is None:
        raise LookupError(f"there is no {entity.key} {record_id}")
    return None if row["value"] is None else str(row["value"])


def _strings(value: object) -> list[str]:
    """Return every text in a JSON value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        return [text for each in value.values() for text in _strings(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in _strings(each)]
    return []
