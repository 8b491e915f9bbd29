"""Writes: the visible list of steps by which a record is created, changed, deleted.

Every write, whatever its caller (HTTP, bulk, import of a few rows, service code), goes
through these steps in this order: grant → payload checks → defaults and presets → what
`record_steps.py` does, in one session.

Owns who may begin a write and in which session, not the parts: `record_values.py`
checks, `record_sql.py` writes, `record_reads.py` reads.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from engine import record_values
from engine.context import Grant, RequestContext, full_grant
from engine.database import Database
from engine.errors import (
    Conflict,
    Forbidden,
    NotFound,
)
from engine.host import RecordHost
from engine.policy import Policy
from engine.record_columns import ColumnWriter
from engine.record_reach import Reach, Write
from engine.record_reads import RecordReader
from engine.record_references import References
from engine.record_session import InTransaction, RoundTrip, Session
from engine.record_steps import Payload, Steps, Written, changed_meanwhile
from metadata.compiled import CompiledEntity
from registry.service import Job, Service

_ATTEMPTS = 3


class Records:
    """Creates, changes and deletes records of any entity."""

    def __init__(
        self,
        database: Database,
        policy: Policy,
        reader: RecordReader,
        columns: ColumnWriter,
        code: Mapping[str, Service],
        references: References,
        on_committed: Callable[[], None] | None = None,
    ) -> None:
        """Take the parts; `on_committed` is called after each write is kept."""
        self._database = database
        self._policy = policy
        self._reader = reader
        self._on_committed = on_committed
        self._reach = Reach(reader)
        self._steps = Steps(reader, columns, code, references, self._host)

    async def create(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        payload: Payload,
        *,
        session: Session | None = None,
    ) -> Written:
        """Create a record from what was sent; raises Forbidden, ValidationFailed."""
        write = await self._write(ctx, entity, "create")
        values = record_values.for_create(ctx, entity, payload, write.grant)
        alone = not self._steps.needs_transaction(write, "create", values)
        async with self._session(ctx, session, alone=alone) as running:
            return await self._steps.create(write, values, running, sent=set(payload))

    async def update(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        payload: Payload,
        *,
        expected_version: int | None = None,
        whole: bool = False,
        session: Session | None = None,
    ) -> Written:
        """Change a record: the fields sent, or all writable ones when `whole` (PUT).

        `expected_version` is the client's If-Match; without it a write that loses a
        race is tried again on the newer record. Raises NotFound, Forbidden,
        PreconditionFailed, ValidationFailed.
        """
        write = await self._write(ctx, entity, "update")
        check = record_values.for_replace if whole else record_values.for_update
        hidden = await self._reach.hidden(write, record_id, payload, whole=whole)
        alone = not self._steps.needs_transaction(write, "update", payload)
        for _ in range(_ATTEMPTS):
            async with self._session(ctx, session, alone=alone) as running:
                old = await self._steps.old(write, record_id, running, expected_version)
                values = check(ctx, entity, payload, write.grant, old, hidden)
                sent = {*payload} & {*self._steps.changed(entity, old, values)}
                await self._reach.check_fields(write, record_id, sent, running)
                written = await self._steps.update(
                    write, record_id, old, values, running, sent=sent
                )
                if written is not None:
                    return written
                _refuse_repeat(running, expected_version)
        raise Conflict("The record keeps changing; read it again and retry.")

    async def delete(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        *,
        expected_version: int | None = None,
        session: Session | None = None,
    ) -> None:
        """Delete a record, softly where the entity says so; raises as `update`."""
        write = await self._write(ctx, entity, "delete")
        alone = not self._steps.needs_transaction(write, "delete", {})
        for _ in range(_ATTEMPTS):
            async with self._session(ctx, session, alone=alone) as running:
                old = await self._steps.old(write, record_id, running, expected_version)
                if await self._steps.delete(write, record_id, old, running):
                    return
                _refuse_repeat(running, expected_version)
        raise Conflict("The record keeps changing; read it again and retry.")

    async def restore(
        self, ctx: RequestContext, entity: CompiledEntity, record_id: UUID
    ) -> Written:
        """Take back a soft delete; asks for the permission `restore`."""
        if not entity.soft_delete:
            raise NotFound(f"{entity.name} are deleted for good; nothing to restore.")
        write = await self._write(ctx, entity, "restore")
        async with self._session(ctx, None, alone=False) as running:
            old = await self._steps.old(write, record_id, running, None, deleted=True)
            return await self._steps.restore(write, record_id, old, running)

    async def act(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        name: str,
        record_id: UUID | None,
        payload: Payload,
        *,
        expected_version: int | None = None,
        session: Session | None = None,
    ) -> tuple[Mapping[str, Any] | None, Written | None]:
        """Run an action: its code, or the values it sets; returns (result, record).

        The record is held from before its state is looked at until the end, so an
        action that its own effect rules out runs once, however many ask for it.
        """
        action = entity.actions.get(name)
        on_record = action is not None and action.definition.scope == "record"
        if action is None or on_record != (record_id is not None):
            raise NotFound(f"{entity.name} have no action {name} here.")
        write = await self._write(ctx, entity, action.permission, action=name)
        values = record_values.for_action(action, payload)
        async with self._session(ctx, session, alone=False) as running:
            old = None
            if record_id is not None:
                old = await self._steps.old(write, record_id, running, expected_version)
                record_values.check_action(ctx, entity, action, old)
            host = self._host(write, running)
            code = self.service_code(entity).actions.get((entity.name, name))
            result = await code(host, old, values) if code else None
            if old is None or record_id is None:
                return result, None
            if action.definition.set:
                settled = record_values.action_values(ctx, action, values)
                await host.update(entity.key, record_id, settled)
            return result, await self._steps.written(write, record_id, running)

    async def create_as_service(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        values: Payload,
        session: Session,
    ) -> Written:
        """Create a record with the rights of service code; hooks and rules hold."""
        write = self._as_service(ctx, entity, "create", None)
        values = record_values.of_service(ctx, entity, values)
        return await self._steps.create(write, values, session)

    async def create_many_as_service(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        rows: Sequence[Payload],
        session: Session,
    ) -> list[UUID]:
        """Create records together, as `create_as_service`; returns their ids."""
        write = self._as_service(ctx, entity, "create", None)
        checked = [record_values.of_service(ctx, entity, values) for values in rows]
        return await self._steps.create_many(write, checked, session)

    async def update_as_service(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        values: Payload,
        session: Session,
        action: str | None = None,
    ) -> Written:
        """Change a record with the rights of service code; hooks and rules hold."""
        write = self._as_service(ctx, entity, "update", action)
        old = await self._steps.old(write, record_id, session, None)
        values = record_values.of_service(ctx, entity, values, old)
        written = await self._steps.update(write, record_id, old, values, session)
        if written is None:
            raise Conflict("The record changed meanwhile; try again.")
        return written

    async def delete_as_service(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        session: Session,
    ) -> None:
        """Delete a record with the rights of service code; hooks hold."""
        write = self._as_service(ctx, entity, "delete", None)
        old = await self._steps.old(write, record_id, session, None)
        if not await self._steps.delete(write, record_id, old, session):
            raise Conflict("The record changed meanwhile; try again.")

    @asynccontextmanager
    async def transaction(self, ctx: RequestContext) -> AsyncIterator[Session]:
        """Open a session in which several writes are kept together or not at all."""
        async with self._database.transaction(ctx.tenant_id) as connection:
            yield InTransaction(connection)
        self.ring()

    def ring(self) -> None:
        """Tell whoever passes on events that some were written just now."""
        if self._on_committed is not None:
            self._on_committed()

    async def grant(
        self, ctx: RequestContext, entity: CompiledEntity, action: str
    ) -> Grant:
        """Return what the user may do by an action, declared or not."""
        declared = entity.actions.get(action)
        permission = declared.permission if declared else action
        return await self._policy.authorize(ctx, entity.resource, permission)

    # -- the parts they use ------------------------------------------------------

    async def _write(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        permission: str,
        *,
        action: str | None = None,
    ) -> Write:
        read = await self._policy.authorize(ctx, entity.resource, "read")
        grant = await self._policy.authorize(ctx, entity.resource, permission)
        if not grant.allowed:
            raise Forbidden(
                f"Your role may not {permission} {entity.name}. An administrator of "
                f"your tenant can allow {entity.resource}:{permission}."
            )
        return Write(ctx, entity, grant, read, action, as_service=False)

    def _as_service(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        permission: str,
        action: str | None,
    ) -> Write:
        grant = full_grant(entity.resource, permission)
        return Write(ctx, entity, grant, grant, action, as_service=True)

    @asynccontextmanager
    async def _session(
        self, ctx: RequestContext, given: Session | None, *, alone: bool
    ) -> AsyncIterator[Session]:
        if given is not None:
            yield given
        elif alone:
            yield RoundTrip(self._database, ctx.tenant_id)
            self.ring()
        else:
            async with self.transaction(ctx) as session:
                yield session

    def _host(self, write: Write, session: Session) -> RecordHost:
        return RecordHost(
            self,
            self._reader,
            write.ctx,
            write.entity.service,
            session,
            write.action,
            as_service=write.as_service,
        )

    def service_code(self, entity: CompiledEntity) -> Service:
        """Return the code of an entity's service; raises Unavailable without it."""
        return self._steps.service_code(entity)

    @property
    def code(self) -> Mapping[str, Service]:
        """Return the services with code on this server, by name."""
        return self._steps.code

    def job(self, service: str, name: str) -> Job:
        """Return a job that a service declares; raises LookupError."""
        code = self.code.get(service)
        found = code.jobs.get(name) if code else None
        if found is None:
            raise LookupError(
                f"The service {service} declares no job {name}; register it by "
                f'@service.job("{name}").'
            )
        return found


def _refuse_repeat(session: Session, expected_version: int | None) -> None:
    """Raise where a write that found no row may not simply be made again.

    Inside the session's block, so that a transaction takes its hooks' writes back.
    """
    if expected_version is not None:
        raise changed_meanwhile()
    if isinstance(session, InTransaction):
        raise Conflict("The record changed meanwhile; try again.")
