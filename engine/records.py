"""Writes: the visible list of steps by which a record is created, changed, deleted.

Every write, whatever its caller (HTTP, bulk, import of a few rows, service code), goes
through these steps in this order: grant → payload checks → defaults and presets →
`before` hooks → rules and transitions → row + log + outbox in one statement → owned
lines → `after` hooks → the new record read back under the caller's read grant.

Owns the order, not the parts: `record_values.py` checks, `record_sql.py` writes,
`record_reads.py` reads, `record_errors.py` words the database's refusals.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from engine import record_sql, record_values
from engine.context import Grant, RequestContext, full_grant
from engine.database import Database
from engine.database_errors import DatabaseError
from engine.driver import Call, Row
from engine.errors import (
    Conflict,
    Detail,
    Forbidden,
    NotFound,
    PreconditionFailed,
    Unavailable,
    ValidationFailed,
)
from engine.host import RecordHost
from engine.policy import Policy
from engine.record_columns import Columns, ColumnWriter
from engine.record_errors import as_client_error
from engine.record_reads import RecordReader, record_of
from engine.record_references import References, Run, hold, lock
from engine.record_rules import Rights
from engine.record_session import InTransaction, RoundTrip, Session
from metadata.compiled import CompiledEntity
from registry.service import Change, Job, Operation, Service

Payload = dict[str, Any]
_NO_CODE = Service("none")
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Written:
    """What a write answers.

    Attributes:
        body: JSON of the record as the caller may read it; `{"id": …}` when he may not.
    """

    id: UUID
    version: int
    body: bytes


@dataclass(frozen=True, slots=True)
class _Write:
    """One write on its way through the steps."""

    ctx: RequestContext
    entity: CompiledEntity
    grant: Grant
    read: Grant
    action: str | None
    as_service: bool


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
        self._columns = columns
        self._code = code
        self._references = references
        self._on_committed = on_committed

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
        alone = not self._needs_transaction(write, "create", values)
        async with self._session(ctx, session, alone=alone) as running:
            return await self._create(write, values, running, sent=set(payload))

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
        hidden = await self._hidden(write, record_id, payload, whole=whole)
        alone = not self._needs_transaction(write, "update", payload)
        for _ in range(_ATTEMPTS):
            async with self._session(ctx, session, alone=alone) as running:
                old = await self._old(write, record_id, running, expected_version)
                values = check(ctx, entity, payload, write.grant, old, hidden)
                sent = {*payload} & {*self._columns.only_changed(entity, old, values)}
                await self._check_fields(write, record_id, sent, running)
                written = await self._update(
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
        alone = not self._needs_transaction(write, "delete", {})
        for _ in range(_ATTEMPTS):
            async with self._session(ctx, session, alone=alone) as running:
                old = await self._old(write, record_id, running, expected_version)
                if await self._delete(write, record_id, old, running):
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
            old = await self._old(write, record_id, running, None, deleted=True)
            await self._references.check_restored(
                self._runner(write, running), ctx.tenant_id, entity, old
            )
            change = Change(entity.name, "restore", record_id, old, {})
            await self._hooks("before", write, change, running)
            entry = self._entry(write, "restore", {})
            call = record_sql.restore(entity, record_id, old["version"], entry)
            rows = await self._run(write, running, [call])
            if not rows[0]:
                raise _changed_meanwhile()
            await self._hooks("after", write, change, running)
            return await self._written(write, record_id, running)

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
                old = await self._old(write, record_id, running, expected_version)
                record_values.check_action(ctx, entity, action, old)
            host = self._host(write, running)
            code = self.service_code(entity).actions.get((entity.name, name))
            result = await code(host, old, values) if code else None
            if old is None or record_id is None:
                return result, None
            if action.definition.set:
                settled = record_values.action_values(ctx, action, values)
                await host.update(entity.key, record_id, settled)
            return result, await self._written(write, record_id, running)

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
        return await self._create(write, values, session)

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
        old = await self._old(write, record_id, session, None)
        values = record_values.of_service(ctx, entity, values, old)
        written = await self._update(write, record_id, old, values, session)
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
        old = await self._old(write, record_id, session, None)
        if not await self._delete(write, record_id, old, session):
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

    # -- the steps ---------------------------------------------------------------

    async def _create(
        self,
        write: _Write,
        values: Payload,
        session: Session,
        *,
        sent: Collection[str] = (),
    ) -> Written:
        """Return the new record; `sent` are the fields that the client gave."""
        record_id = uuid7()
        change = Change(
            write.entity.name, "create", record_id, None, values, write.action
        )
        await self._hooks("before", write, change, session)
        values = change.values
        record_values.check_rules(
            write.ctx,
            write.entity,
            values,
            values,
            creating=True,
            rights=_rights(write),
        )
        columns = self._columns.of(
            write.ctx, write.entity, record_id, values, creating=True
        )
        entry = self._entry(write, "create", columns.changes(None))
        run, tenant_id = self._runner(write, session), write.ctx.tenant_id
        if columns.lines:
            await self._references.check(run, tenant_id, write.entity, values)
        calls = [
            record_sql.insert(
                write.entity,
                record_id,
                columns.texts,
                columns.custom,
                columns.sequences,
                entry,
                self._references.guarded(write.entity, columns.texts),
            ),
            *self._line_calls(write, record_id, columns, creating=True),
        ]
        reading = await self._reading(write, "create", record_id)
        answers = await run([*calls, *reading])
        if not answers[0]:
            await self._references.check(run, tenant_id, write.entity, values)
            raise Conflict("A record chosen here was just restored; try again.")
        _check_lines(columns, answers[1 : len(calls)])
        await self._hooks("after", write, change, session)
        await self._check_reach(write, record_id, sent, session)
        if reading:
            return _shown(record_id, answers[-1])
        return await self._written(write, record_id, session)

    async def _update(
        self,
        write: _Write,
        record_id: UUID,
        old: Mapping[str, Any],
        values: Payload,
        session: Session,
        *,
        sent: Collection[str] = (),
    ) -> Written | None:
        """Return the written record, or None when somebody else was faster.

        `sent` are the fields that the client changes, without those of hooks.
        """
        entity, ctx = write.entity, write.ctx
        change = Change(entity.name, "update", record_id, old, values, write.action)
        await self._hooks("before", write, change, session)
        values = self._columns.only_changed(entity, old, change.values)
        if not values:
            return await self._written(write, record_id, session)
        record_values.check_transitions(entity, old, values)
        merged = {**old, **values}
        record_values.check_rules(
            ctx, entity, merged, values, creating=False, rights=_rights(write)
        )
        columns = self._columns.of(ctx, entity, record_id, values, creating=False)
        entry = self._entry(write, write.action or "update", columns.changes(old))
        run = self._runner(write, session)
        if columns.lines:
            await self._references.check(run, ctx.tenant_id, entity, values, old)
        call = record_sql.update(
            entity,
            record_id,
            old["version"],
            columns.texts,
            columns.custom,
            entry,
            self._references.guarded(entity, columns.texts),
        )
        lines = self._line_calls(write, record_id, columns, creating=False)
        reading = [] if lines else await self._reading(write, "update", record_id)
        answers = await run([call, *reading])
        if not answers[0]:
            await self._references.check(run, ctx.tenant_id, entity, values, old)
            return None
        if lines:
            _check_lines(columns, await run(lines))
        change.values = values
        await self._hooks("after", write, change, session)
        await self._check_reach(write, record_id, sent, session)
        if reading:
            return _shown(record_id, answers[-1])
        return await self._written(write, record_id, session)

    async def _delete(
        self,
        write: _Write,
        record_id: UUID,
        old: Mapping[str, Any],
        session: Session,
    ) -> bool:
        change = Change(write.entity.name, "delete", record_id, old, {}, write.action)
        await self._hooks("before", write, change, session)
        entry = self._entry(write, "delete", self._columns.removed(write.entity, old))
        entity, tenant_id = write.entity, write.ctx.tenant_id
        users = await self._references.users(tenant_id, entity)
        call = record_sql.delete(
            entity, record_id, old["version"], entry, [each.exists for each in users]
        )
        run = self._runner(write, session)
        before = [lock(entity, tenant_id, record_id)] if users else []
        if not (await run([*before, call]))[-1]:
            await self._references.refuse_used(run, tenant_id, entity, record_id, users)
            return False
        await self._hooks("after", write, change, session)
        return True

    async def _old(
        self,
        write: _Write,
        record_id: UUID,
        session: Session,
        expected_version: int | None,
        *,
        deleted: bool = False,
    ) -> Mapping[str, Any]:
        """Return the whole record as stored; checks that the caller reaches it.

        In a transaction it is held first: then nobody else can be faster, and what
        hooks wrote for this write is never left behind by a lost race.
        """
        if isinstance(session, InTransaction):
            held = hold(write.entity, write.ctx.tenant_id, record_id)
            await self._run(write, session, [held])
        old, readable, reached = await self._reader.for_write(
            write.ctx,
            write.entity,
            record_id,
            read=write.read,
            grant=write.grant,
            session=session,
            deleted=deleted,
        )
        if old is None or not readable:
            raise NotFound(f"There is no such record in {write.entity.name}.")
        if not reached:
            raise Forbidden(f"Your role may not {write.grant.action} this record.")
        if expected_version is not None and old["version"] != expected_version:
            raise _changed_meanwhile()
        return old

    async def _hidden(
        self, write: _Write, record_id: UUID, payload: Payload, *, whole: bool
    ) -> frozenset[str]:
        """Return the fields of the record that the user cannot read.

        Asked only where it matters: a PUT sends all fields, and read-only ones may be
        sent back as they were read.
        """
        entity, read = write.entity, write.read
        if read.unrestricted:
            return frozenset()
        names = entity.fields if whole else payload.keys() & entity.fields.keys()
        sent_back = any(
            whole
            or entity.fields[name].definition.immutable
            or not entity.fields[name].writable
            for name in names
        )
        if not sent_back:
            return frozenset()
        shown = await self._reader.shown(write.ctx, entity, record_id, read)
        return frozenset(entity.fields) - (shown or frozenset())

    async def _check_fields(
        self,
        write: _Write,
        record_id: UUID,
        names: Collection[str],
        session: Session,
    ) -> None:
        """Refuse a change of fields that the grant reaches on other rows only."""
        grant = _for_fields(write.grant, names)
        if len(grant.allowances) == len(write.grant.allowances):
            return
        if not await self._reader.reaches(
            write.ctx, write.entity, record_id, grant, session
        ):
            raise Forbidden(
                f"Your role may not {write.grant.action} these fields of this record: "
                f"{', '.join(sorted(names))}."
            )

    async def _check_reach(
        self,
        write: _Write,
        record_id: UUID,
        names: Collection[str],
        session: Session,
    ) -> None:
        """Refuse a write whose result the grant does not reach with these fields."""
        if write.as_service or write.grant.unrestricted:
            return
        grant = _for_fields(write.grant, names)
        if not await self._reader.reaches(
            write.ctx, write.entity, record_id, grant, session
        ):
            raise Forbidden(
                f"Your role may not {write.grant.action} a record with these values."
            )

    async def _written(
        self, write: _Write, record_id: UUID, session: Session
    ) -> Written:
        call = await self._reader.call(write.ctx, write.entity, record_id, write.read)
        rows = (await session.run([call]))[0].rows if call else []
        return _shown(record_id, rows)

    async def _reading(
        self, write: _Write, operation: Operation, record_id: UUID
    ) -> list[Call]:
        """Return the statement that reads the record back in the write's round trip.

        None when a hook may still change the record after it was written.
        """
        code = self.service_code(write.entity)
        if code.hooks_for("after", operation, write.entity.name):
            return []
        call = await self._reader.call(write.ctx, write.entity, record_id, write.read)
        return [] if call is None else [call]

    def _runner(self, write: _Write, session: Session) -> Run:
        return partial(self._run, write, session)

    async def _run(
        self, write: _Write, session: Session, calls: Sequence[Call]
    ) -> list[list[tuple[bytes | None, ...]]]:
        try:
            return [result.rows for result in await session.run(calls)]
        except DatabaseError as error:
            raise as_client_error(error, write.entity, write.grant.action) from error

    async def _hooks(
        self, stage: str, write: _Write, change: Change, session: Session
    ) -> None:
        code = self.service_code(write.entity)
        hooks = code.hooks_for(stage, change.operation, write.entity.name)
        if hooks:
            host = self._host(write, session)
            for hook in hooks:
                await hook(host, change)
            if stage == "before" and change.operation in {"create", "update"}:
                entity, old = write.entity, change.old
                change.values = record_values.of_hooks(entity, change.values, old)

    # -- the parts they use ------------------------------------------------------

    async def _write(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        permission: str,
        *,
        action: str | None = None,
    ) -> _Write:
        read = await self._policy.authorize(ctx, entity.resource, "read")
        grant = await self._policy.authorize(ctx, entity.resource, permission)
        if not grant.allowed:
            raise Forbidden(
                f"Your role may not {permission} {entity.name}. An administrator of "
                f"your tenant can allow {entity.resource}:{permission}."
            )
        return _Write(ctx, entity, grant, read, action, as_service=False)

    def _as_service(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        permission: str,
        action: str | None,
    ) -> _Write:
        grant = full_grant(entity.resource, permission)
        return _Write(ctx, entity, grant, grant, action, as_service=True)

    def _needs_transaction(
        self, write: _Write, operation: Operation, values: Mapping[str, Any]
    ) -> bool:
        entity = write.entity
        return (
            any(name in values for name in entity.lines)
            or self.service_code(entity).touches(entity.name, operation)
            or not (write.grant.unrestricted or operation == "delete")
        )

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

    def _host(self, write: _Write, session: Session) -> RecordHost:
        return RecordHost(
            self, self._reader, write.ctx, write.entity.service, session, write.action
        )

    def service_code(self, entity: CompiledEntity) -> Service:
        """Return the code of an entity's service; raises Unavailable without it."""
        code = self._code.get(entity.service)
        if code is None and entity.has_code:
            raise Unavailable(
                f"The code of {entity.service} is not loaded on this server; put its "
                "folder into RANGKA_SERVICES_PATH and restart.",
                code="CODE_MISSING",
            )
        return code or _NO_CODE

    @property
    def code(self) -> Mapping[str, Service]:
        """Return the services with code on this server, by name."""
        return self._code

    def job(self, service: str, name: str) -> Job:
        """Return a job that a service declares; raises LookupError."""
        code = self._code.get(service)
        found = code.jobs.get(name) if code else None
        if found is None:
            raise LookupError(
                f"The service {service} declares no job {name}; register it by "
                f'@service.job("{name}").'
            )
        return found

    def _entry(
        self, write: _Write, action: str, changes: Mapping[str, Sequence[Any]]
    ) -> record_sql.LogEntry:
        ctx = write.ctx
        return record_sql.LogEntry(
            id=uuid7(),
            tenant_id=ctx.tenant_id,
            actor_id=ctx.user_id,
            actor_name=ctx.email,
            action=action,
            changes=changes if write.entity.history else {},
            request_id=ctx.request_id,
            ip=ctx.ip,
        )

    def _line_calls(
        self, write: _Write, record_id: UUID, columns: Columns, *, creating: bool
    ) -> list[Call]:
        tenant_id = write.ctx.tenant_id
        calls: list[Call] = []
        for child, rows in columns.lines:
            if not creating:
                kept = [UUID(row["id"]) for row in rows if row["id"]]
                calls.append(record_sql.drop_lines(child, tenant_id, record_id, kept))
            if rows:
                calls.append(record_sql.put_lines(child, tenant_id, record_id, rows))
        return calls


def _shown(record_id: UUID, rows: Sequence[Row]) -> Written:
    """Return a record as its writer may read it; his id alone when he may not."""
    found = record_of(rows)
    if found is None:
        return Written(record_id, 0, b'{"id":"%s"}' % str(record_id).encode())
    body, version = found
    return Written(record_id, version, body)


def _rights(write: _Write) -> Rights | None:
    """Return what the user may read and write; None where service code writes."""
    return None if write.as_service else Rights(write.read, write.grant)


def _for_fields(grant: Grant, fields: Collection[str]) -> Grant:
    """Return the grant narrowed to the allowances that name all these fields."""
    names = set(fields)
    allowances = tuple(
        allowance
        for allowance in grant.allowances
        if allowance.fields is None
        or names <= allowance.fields | set(allowance.presets)
    )
    return replace(
        grant,
        allowances=allowances,
        shape=f"{grant.shape}/{','.join(sorted(names))}",
        allowed=bool(allowances),
    )


def _check_lines(columns: Columns, answers: Sequence[Sequence[object]]) -> None:
    """Refuse rows whose id belongs to a line of another record.

    `answers` hold the ids written, where a statement writes lines.
    """
    written = sum(len(rows) for rows in answers)
    given = sum(len(rows) for _, rows in columns.lines)
    if written < given:
        message = "A line with this id belongs to another record; leave its id out."
        raise ValidationFailed(
            "The lines do not fit.",
            details=[Detail(columns.lines[0][0].name, "not_found", message)],
        )


def _refuse_repeat(session: Session, expected_version: int | None) -> None:
    """Raise where a write that found no row may not simply be made again.

    Inside the session's block, so that a transaction takes its hooks' writes back.
    """
    if expected_version is not None:
        raise _changed_meanwhile()
    if isinstance(session, InTransaction):
        raise Conflict("The record changed meanwhile; try again.")


def _changed_meanwhile() -> PreconditionFailed:
    return PreconditionFailed(
        "Somebody else changed this record since you read it. Read it again and "
        "repeat your change."
    )
