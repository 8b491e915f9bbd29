"""The engine's side of the extension API: what service code may ask during a write.

Implements `registry.service.Host` over one session, so everything that service code
reads and writes belongs to the transaction of the write that called it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import UUID

from engine.context import RequestContext
from engine.errors import NotFound
from engine.jobs import ledger
from engine.record_reads import RecordReader
from engine.record_session import Session
from metadata.compiled import CompiledEntity
from registry.service import Payload, Record, Refused

if TYPE_CHECKING:
    from engine.records import Records

MAX_FOUND = 200


class RecordHost:
    """What one hook or action of one service gets to work with."""

    def __init__(
        self,
        records: "Records",
        reader: RecordReader,
        ctx: RequestContext,
        service: str,
        session: Session,
        action: str | None,
        check_payload: Callable[[Payload], None] | None = None,
        *,
        as_service: bool = False,
    ) -> None:
        """Take the session; `check_payload` refuses what a job must not be told.

        `as_service`: code asks for the write itself, nobody's rights bind it.
        """
        self._records = records
        self._reader = reader
        self._ctx = ctx
        self._service = service
        self._session = session
        self._action = action
        self._check_payload = check_payload
        self._as_service = as_service

    @property
    def tenant_id(self) -> UUID:
        """Return the tenant of the request."""
        return self._ctx.tenant_id

    @property
    def user_id(self) -> UUID:
        """Return the user who asked."""
        return self._ctx.user_id

    @property
    def now(self) -> datetime:
        """Return the UTC instant of the request."""
        return self._ctx.now

    async def settings(self) -> Mapping[str, Any]:
        """Return this tenant's settings of the service."""
        return await self._reader.settings(self._ctx.tenant_id, self._service)

    async def may(
        self, entity: str, action: str, record_id: UUID | str | None = None
    ) -> bool:
        """Return whether who asked for this write may do that, too."""
        if self._as_service:
            return True
        target = await self._entity(entity)
        grant = await self._records.grant(self._ctx, target, action)
        if record_id is None or grant.unrestricted:
            return grant.allowed
        return await self._reader.reaches(
            self._ctx, target, UUID(str(record_id)), grant, self._session
        )

    async def get(self, entity: str, record_id: UUID | str) -> Record | None:
        """Return a record of the tenant, or None."""
        target = await self._entity(entity)
        return await self._reader.whole(
            self._ctx, target, UUID(str(record_id)), self._session
        )

    async def find(
        self,
        entity: str,
        condition: Mapping[str, Any],
        *,
        sort: Sequence[str] = (),
        limit: int = 50,
    ) -> Sequence[Record]:
        """Return the records that meet a condition, at most 200."""
        target = await self._entity(entity)
        return await self._reader.find(
            self._ctx, target, condition, sort, min(limit, MAX_FOUND), self._session
        )

    async def create(self, entity: str, values: Mapping[str, Any]) -> Record:
        """Create a record; its defaults, checks and hooks run."""
        target = await self._entity(entity)
        written = await self._records.create_as_service(
            self._ctx, target, dict(values), self._session
        )
        return await self._written(target, written.id)

    async def create_many(
        self, entity: str, rows: Sequence[Mapping[str, Any]]
    ) -> list[UUID]:
        """Create records in one round trip; returns their ids."""
        target = await self._entity(entity)
        values = [dict(row) for row in rows]
        return await self._records.create_many_as_service(
            self._ctx, target, values, self._session
        )

    async def update(
        self, entity: str, record_id: UUID | str, values: Mapping[str, Any]
    ) -> Record:
        """Change a record; its checks and hooks run."""
        target = await self._entity(entity)
        written = await self._records.update_as_service(
            self._ctx,
            target,
            UUID(str(record_id)),
            dict(values),
            self._session,
            self._action,
        )
        return await self._written(target, written.id)

    async def delete(self, entity: str, record_id: UUID | str) -> None:
        """Delete a record; its own hooks run."""
        target = await self._entity(entity)
        await self._records.delete_as_service(
            self._ctx, target, UUID(str(record_id)), self._session
        )

    async def enqueue(
        self,
        job: str,
        payload: Payload,
        *,
        key: str | None = None,
        delay_seconds: float = 0,
    ) -> None:
        """Add a job of this service to the ledger, in the write's transaction."""
        declared = self._records.job(self._service, job)
        if self._check_payload is not None:
            self._check_payload(payload)
        ctx = self._ctx
        new = ledger.NewJob(
            tenant_id=ctx.tenant_id,
            service=self._service,
            name=job,
            payload=payload,
            max_attempts=declared.max_attempts,
            key=key,
            delay_seconds=delay_seconds,
            request_id=ctx.request_id,
            actor_name=ctx.email,
            actor_id=ctx.user_id,
        )
        await ledger.add(self._session, new)

    def refuse(self, field_name: str, code: str, message: str) -> NoReturn:
        """Refuse the write; nothing of it is kept."""
        raise Refused(field_name, code, message)

    async def _entity(self, key: str) -> CompiledEntity:
        target = await self._reader.entity(self._ctx.tenant_id, key)
        if target is None:
            raise NotFound(
                f"The service {self._service} needs {key}, which this tenant does not "
                "have. Assign that service first."
            )
        return target

    async def _written(self, target: CompiledEntity, record_id: UUID) -> Record:
        record = await self._reader.whole(self._ctx, target, record_id, self._session)
        if record is None:
            raise NotFound(f"{target.key} {record_id} is gone.")
        return record
