"""The steps that every writer of a platform entity takes around its own rules.

Grant → record as it is → checked values → the writer's transaction → log → record as
the caller may read it. The transaction is of the system role: the app role cannot
write the platform's tables.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol
from uuid import UUID

from engine.context import Grant, RequestContext
from engine.database import Database, Transaction, translate_errors
from engine.errors import (
    BadRequest,
    Conflict,
    Detail,
    Forbidden,
    NotFound,
    PreconditionFailed,
    ValidationFailed,
)
from engine.identity import event_log
from engine.platform.escalation import uncovered
from engine.policy import Policy, load_rules
from engine.policy_rules import Rule
from engine.record_reads import RecordReader
from engine.record_session import InSystemTransaction, RoundTrip, Session
from engine.record_steps import Written
from metadata.compiled import CompiledEntity

Values = dict[str, Any]


class PlatformWriter(Protocol):
    """What the data routes ask of a platform entity; as `Records` answers it."""

    async def create(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        payload: Values,
        *,
        session: Session | None = None,
    ) -> Written:
        """Create a record; raises Forbidden, ValidationFailed, Conflict."""

    async def update(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        payload: Values,
        *,
        expected_version: int | None = None,
        whole: bool = False,
        session: Session | None = None,
    ) -> Written:
        """Change a record; raises also NotFound and PreconditionFailed."""

    async def delete(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        *,
        expected_version: int | None = None,
        session: Session | None = None,
    ) -> None:
        """Delete a record."""


class Steps:
    """The shared steps."""

    def __init__(
        self, database: Database, policy: Policy, reader: RecordReader
    ) -> None:
        self.database = database
        self._policy = policy
        self._reader = reader

    async def grant(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        action: str,
        session: Session | None,
    ) -> Grant:
        """Return the grant for an action; raises Forbidden without one.

        Only a create may belong to a transaction of somebody else.
        """
        together = action == "create" and isinstance(session, InSystemTransaction)
        if session is not None and not together:
            raise BadRequest(
                f"{entity.name} are written one at a time; send single requests, or "
                'bulk with "atomic": false and no Idempotency-Key.',
                code="NOT_TOGETHER",
            )
        grant = await self._policy.authorize(ctx, entity.resource, action)
        if not grant.allowed:
            raise Forbidden(
                f"Your role may not {action} {entity.name}. It needs "
                f"{entity.resource}:{action}."
            )
        return grant

    async def old(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        grant: Grant,
    ) -> Values:
        """Return the whole record; raises NotFound or Forbidden as the grants say."""
        read = await self._policy.authorize(ctx, entity.resource, "read")
        record, readable, reached = await self._reader.for_write(
            ctx,
            entity,
            record_id,
            read=read,
            grant=grant,
            session=RoundTrip(self.database, ctx.tenant_id),
        )
        if record is None or not (readable or reached):
            raise NotFound(f"There is no such record in {entity.name}.")
        if not reached:
            raise Forbidden(f"Your role does not reach this record of {entity.name}.")
        return record

    @asynccontextmanager
    async def transaction(self, session: Session | None) -> AsyncIterator[Transaction]:
        """Open a transaction of the system role, or go on in the session's."""
        if isinstance(session, InSystemTransaction):
            with translate_errors():
                yield session.connection
        else:
            async with self.database.system() as connection:
                yield connection

    async def written(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        session: Session | None = None,
    ) -> Written:
        """Return a record just written, as the caller may read it."""
        grant = await self._policy.authorize(ctx, entity.resource, "read")
        own = session or RoundTrip(self.database, ctx.tenant_id)
        found = await self._reader.get(ctx, entity, record_id, grant, own)
        if found is None:
            return Written(record_id, 1, b'{"id":"%s"}' % str(record_id).encode())
        body, version = found
        return Written(record_id, version, body)

    async def refuse_escalation(
        self,
        connection: Transaction,
        ctx: RequestContext,
        wanted: Sequence[Rule],
        field: str,
        sentence: str = "You cannot give what you do not have yourself",
    ) -> None:
        """Raise Forbidden when the caller lacks a right that these rules give."""
        if ctx.is_super_admin:
            return
        rules = await load_rules(connection, ctx.tenant_id)
        missing = uncovered(rules.of(ctx.role_ids), wanted, ctx.now)
        if missing:
            named = ", ".join(dict.fromkeys(rule.permission for rule in missing))
            message = f"{sentence}: {named}."
            raise Forbidden(
                message,
                code="PRIVILEGE_ESCALATION",
                details=[Detail(field, "not_yours", message)],
            )


async def log(
    connection: Transaction,
    ctx: RequestContext,
    entity: CompiledEntity,
    action: str,
    record_id: UUID,
    changes: Mapping[str, Sequence[Any]],
    *,
    version: int | None = None,
    tenant_id: UUID | None = None,
) -> None:
    """Append the write to the log of a tenant, the request's by default."""
    await event_log.write(
        connection,
        event_log.Event(
            tenant_id=tenant_id or ctx.tenant_id,
            entity=entity.name,
            action=action,
            record_id=record_id,
            actor_id=ctx.user_id,
            actor_name=ctx.email,
            changes={entity.fields[name].id: pair for name, pair in changes.items()},
            version=version,
            request_id=ctx.request_id,
            ip=ctx.ip,
        ),
    )


def changes_of(old: Mapping[str, Any], values: Mapping[str, Any]) -> Values:
    """Return {field: (old, new)} of what differs."""
    return {
        name: (old.get(name), value)
        for name, value in values.items()
        if old.get(name) != value
    }


def check_version(row: Mapping[str, Any] | None, expected: int | None) -> int:
    """Return the version of a locked row; raises NotFound, PreconditionFailed."""
    if row is None:
        raise NotFound("This record is gone.")
    version = int(row["version"])
    if expected is not None and expected != version:
        raise PreconditionFailed(
            "Somebody else changed this record since you read it. Read it again and "
            "repeat your change."
        )
    return version


def taken(field: str, message: str) -> ValidationFailed:
    """Return the error for a value that must be unique and is not."""
    return ValidationFailed(message, details=[Detail(field, "unique", message)])


class ReadOnly:
    """The writer of an entity that nobody writes through the API."""

    async def create(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        payload: Values,
        *,
        session: Session | None = None,
    ) -> Written:
        """Refuse."""
        raise _read_only(entity)

    async def update(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        payload: Values,
        *,
        expected_version: int | None = None,
        whole: bool = False,
        session: Session | None = None,
    ) -> Written:
        """Refuse."""
        raise _read_only(entity)

    async def delete(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        *,
        expected_version: int | None = None,
        session: Session | None = None,
    ) -> None:
        """Refuse."""
        raise _read_only(entity)


def _read_only(entity: CompiledEntity) -> Conflict:
    return Conflict(
        f"{entity.name} are kept by the system and only read.", code="READ_ONLY"
    )
