"""Writes to the platform's own entities, in the shape that the data routes expect.

The rules of each entity stand with its writer in `engine/platform`; here a write is
allowed or refused, its payload is checked against the definition like any other, and
the record is read back under the caller's grant.
"""

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from engine import record_values
from engine.context import Grant, RequestContext
from engine.database import Database
from engine.errors import Forbidden, NotFound, PreconditionFailed
from engine.policy import Policy
from engine.record_reads import RecordReader
from engine.record_session import RoundTrip, Session
from engine.records import Written
from metadata.compiled import CompiledEntity


class PlatformWriter(Protocol):
    """The rules of writing one platform entity; each call is one transaction."""

    async def create(self, ctx: RequestContext, values: Mapping[str, Any]) -> UUID:
        """Create a record and return its id."""

    async def update(
        self,
        ctx: RequestContext,
        record_id: UUID,
        values: Mapping[str, Any],
        *,
        expected_version: int | None,
    ) -> None:
        """Change a record; raises PreconditionFailed when its version moved."""

    async def delete(
        self, ctx: RequestContext, record_id: UUID, *, expected_version: int | None
    ) -> None:
        """Delete a record."""


class PlatformRecords:
    """Creates, changes and deletes records of platform entities."""

    def __init__(
        self,
        database: Database,
        policy: Policy,
        reader: RecordReader,
        writers: Mapping[str, PlatformWriter],
    ) -> None:
        self._database = database
        self._policy = policy
        self._reader = reader
        self._writers = writers

    async def create(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        payload: dict[str, Any],
        *,
        session: Session | None = None,
    ) -> Written:
        """Create a record; `session` is not used, writers have their own."""
        grant = await self._allowed(ctx, entity, "create")
        values = record_values.for_create(ctx, entity, payload, grant)
        record_id = await self._writer(entity, "create").create(ctx, values)
        return await self._written(ctx, entity, record_id)

    async def update(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        payload: dict[str, Any],
        *,
        expected_version: int | None = None,
        whole: bool = False,
    ) -> Written:
        """Change a record."""
        grant = await self._allowed(ctx, entity, "update")
        old = await self._old(ctx, entity, record_id, grant, expected_version)
        check = record_values.for_replace if whole else record_values.for_update
        values = check(ctx, entity, payload, grant, old)
        await self._writer(entity, "update").update(
            ctx, record_id, values, expected_version=expected_version
        )
        return await self._written(ctx, entity, record_id)

    async def delete(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        *,
        expected_version: int | None = None,
    ) -> None:
        """Delete a record."""
        grant = await self._allowed(ctx, entity, "delete")
        await self._old(ctx, entity, record_id, grant, expected_version)
        await self._writer(entity, "delete").delete(
            ctx, record_id, expected_version=expected_version
        )

    def _writer(self, entity: CompiledEntity, operation: str) -> PlatformWriter:
        storage = entity.definition.storage
        possible = storage is not None and {
            "create": storage.creatable,
            "update": storage.updatable,
            "delete": storage.deletable,
        }.get(operation, False)
        writer = self._writers.get(entity.name)
        if writer is None or not possible:
            raise Forbidden(f"{entity.name} cannot be {operation}d.")
        return writer

    async def _allowed(
        self, ctx: RequestContext, entity: CompiledEntity, action: str
    ) -> Grant:
        grant = await self._policy.authorize(ctx, entity.resource, action)
        if not grant.allowed:
            raise Forbidden(f"You need the permission {entity.resource}:{action}.")
        return grant

    async def _old(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        grant: Grant,
        expected_version: int | None,
    ) -> Mapping[str, Any]:
        read = await self._policy.authorize(ctx, entity.resource, "read")
        old, readable, reached = await self._reader.for_write(
            ctx,
            entity,
            record_id,
            read=read,
            grant=grant,
            session=RoundTrip(self._database, ctx.tenant_id),
        )
        if old is None or not readable:
            raise NotFound(f"There is no such record in {entity.name}.")
        if not reached:
            raise Forbidden(f"Your role may not {grant.action} this record.")
        if expected_version is not None and old["version"] != expected_version:
            raise PreconditionFailed(
                "Somebody else changed this record since you read it. Read it again "
                "and repeat your change."
            )
        return old

    async def _written(
        self, ctx: RequestContext, entity: CompiledEntity, record_id: UUID
    ) -> Written:
        read = await self._policy.authorize(ctx, entity.resource, "read")
        session = RoundTrip(self._database, ctx.tenant_id)
        found = await self._reader.get(ctx, entity, record_id, read, session)
        if found is None:
            return Written(record_id, 0, b'{"id":"%s"}' % str(record_id).encode())
        return Written(record_id, found[1], found[0])
