"""The steps of a write: what happens between a checked payload and its answer.

`before` hooks → rules and transitions → row + log + outbox in one statement → owned
lines → `after` hooks → the new record read back under the caller's read grant.
`records.py` decides who may begin them and in which session.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from engine import record_sql, record_values
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
from engine.record_columns import Columns, ColumnWriter
from engine.record_errors import as_client_error
from engine.record_reach import Reach, Write
from engine.record_reads import RecordReader, record_of
from engine.record_references import References, Run, hold, lock
from engine.record_rules import Rights
from engine.record_session import InTransaction, Session
from metadata.compiled import CompiledEntity
from registry.service import Change, Host, Operation, Service

Payload = dict[str, Any]
_NO_CODE = Service("none")


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
class _New:
    """A record that is about to be created: its statements, the first writes it."""

    change: Change
    columns: Columns
    calls: list[Call]


class Steps:
    """The steps, each for any entity."""

    def __init__(
        self,
        reader: RecordReader,
        columns: ColumnWriter,
        code: Mapping[str, Service],
        references: References,
        host: Callable[[Write, Session], Host],
    ) -> None:
        """Take the parts; `host` makes what hooks of a write are given."""
        self._reader = reader
        self._reach = Reach(reader)
        self._columns = columns
        self.code = code
        self._references = references
        self._host = host

    async def create(
        self,
        write: Write,
        values: Payload,
        session: Session,
        *,
        sent: Collection[str] = (),
    ) -> Written:
        """Return the new record; `sent` are the fields that the client gave."""
        new = await self._new(write, values, session)
        reading = await self._reading(write, "create", new.change.id)
        run = self._runner(write, session)
        answers = await run([*new.calls, *reading])
        await self._finish_new(write, new, answers, session)
        await self._reach.check_result(write, new.change.id, sent, session)
        if reading:
            return _shown(new.change.id, answers[-1])
        return await self.written(write, new.change.id, session)

    async def create_many(
        self, write: Write, rows: Sequence[Payload], session: Session
    ) -> list[UUID]:
        """Return the ids of new records, written together; for service code alone.

        Every `before` hook has run before the first of them is there, and every
        `after` hook runs when all are.
        """
        made = [await self._new(write, values, session) for values in rows]
        run = self._runner(write, session)
        answers = await run([call for new in made for call in new.calls])
        at = 0
        for new in made:
            own = answers[at : at + len(new.calls)]
            at += len(new.calls)
            await self._finish_new(write, new, own, session)
        return [new.change.id for new in made]

    async def _new(self, write: Write, values: Payload, session: Session) -> _New:
        """Return what a new record takes, after its `before` hooks and checks."""
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
        if columns.lines:
            run = self._runner(write, session)
            await self._references.check(run, write.ctx.tenant_id, write.entity, values)
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
        return _New(change, columns, calls)

    async def _finish_new(
        self,
        write: Write,
        new: _New,
        answers: Sequence[Sequence[object]],
        session: Session,
    ) -> None:
        """Look at the answers of a new record's statements; run its `after` hooks."""
        if not answers[0]:
            run, values = self._runner(write, session), new.change.values
            await self._references.check(run, write.ctx.tenant_id, write.entity, values)
            raise Conflict("A record chosen here was just restored; try again.")
        _check_lines(new.columns, answers[1 : len(new.calls)])
        await self._hooks("after", write, new.change, session)

    async def update(
        self,
        write: Write,
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
            return await self.written(write, record_id, session)
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
        await self._reach.check_result(write, record_id, sent, session)
        if reading:
            return _shown(record_id, answers[-1])
        return await self.written(write, record_id, session)

    async def delete(
        self,
        write: Write,
        record_id: UUID,
        old: Mapping[str, Any],
        session: Session,
    ) -> bool:
        """Return whether it was deleted; False when somebody else was faster."""
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

    async def old(
        self,
        write: Write,
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
            raise changed_meanwhile()
        return old

    async def restore(
        self,
        write: Write,
        record_id: UUID,
        old: Mapping[str, Any],
        session: Session,
    ) -> Written:
        """Take a soft delete back and return the record."""
        entity = write.entity
        await self._references.check_restored(
            self._runner(write, session), write.ctx.tenant_id, entity, old
        )
        change = Change(entity.name, "restore", record_id, old, {})
        await self._hooks("before", write, change, session)
        entry = self._entry(write, "restore", {})
        call = record_sql.restore(entity, record_id, old["version"], entry)
        rows = await self._run(write, session, [call])
        if not rows[0]:
            raise changed_meanwhile()
        await self._hooks("after", write, change, session)
        return await self.written(write, record_id, session)

    def changed(
        self, entity: CompiledEntity, old: Mapping[str, Any], values: Payload
    ) -> Payload:
        """Return the values that differ from what is stored."""
        return self._columns.only_changed(entity, old, values)

    async def written(self, write: Write, record_id: UUID, session: Session) -> Written:
        """Return the record as its writer may read it now."""
        if write.as_service:
            # Code reads what it wants to see, all of it.
            return _shown(record_id, [])
        call = await self._reader.call(write.ctx, write.entity, record_id, write.read)
        rows = (await session.run([call]))[0].rows if call else []
        return _shown(record_id, rows)

    async def _reading(
        self, write: Write, operation: Operation, record_id: UUID
    ) -> list[Call]:
        """Return the statement that reads the record back in the write's round trip.

        None when a hook may still change the record after it was written.
        """
        if write.as_service:
            return []
        code = self.service_code(write.entity)
        if code.hooks_for("after", operation, write.entity.name):
            return []
        call = await self._reader.call(write.ctx, write.entity, record_id, write.read)
        return [] if call is None else [call]

    def _runner(self, write: Write, session: Session) -> Run:
        return partial(self._run, write, session)

    async def _run(
        self, write: Write, session: Session, calls: Sequence[Call]
    ) -> list[list[tuple[bytes | None, ...]]]:
        try:
            return [result.rows for result in await session.run(calls)]
        except DatabaseError as error:
            raise as_client_error(error, write.entity, write.grant.action) from error

    async def _hooks(
        self, stage: str, write: Write, change: Change, session: Session
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

    def service_code(self, entity: CompiledEntity) -> Service:
        """Return the code of an entity's service; raises Unavailable without it."""
        code = self.code.get(entity.service)
        if code is None and entity.has_code:
            raise Unavailable(
                f"The code of {entity.service} is not loaded on this server; put its "
                "folder into RANGKA_SERVICES_PATH and restart.",
                code="CODE_MISSING",
            )
        return code or _NO_CODE

    def needs_transaction(
        self, write: Write, operation: Operation, values: Mapping[str, Any]
    ) -> bool:
        """Return whether the write takes more than one statement."""
        entity = write.entity
        return (
            any(name in values for name in entity.lines)
            or self.service_code(entity).touches(entity.name, operation)
            or not (write.grant.unrestricted or operation == "delete")
        )

    def _entry(
        self, write: Write, action: str, changes: Mapping[str, Sequence[Any]]
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
        self, write: Write, record_id: UUID, columns: Columns, *, creating: bool
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


def _rights(write: Write) -> Rights | None:
    """Return what the user may read and write; None where service code writes."""
    return None if write.as_service else Rights(write.read, write.grant)


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


def changed_meanwhile() -> PreconditionFailed:
    """Return the error of a write that lost a race."""
    return PreconditionFailed(
        "Somebody else changed this record since you read it. Read it again and "
        "repeat your change."
    )
