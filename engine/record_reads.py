"""Reads: one record or a list, as the bytes that PostgreSQL made.

Joins the parts of a read: grants from the policy, SQL from `engine/query`, one round
trip on the database. Used by the data routes, by writes (the record before and after)
and by service code.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import msgspec

from engine.context import Allowance, Grant, RequestContext, full_grant
from engine.database import Database
from engine.database_errors import InvalidValue
from engine.directory import RequestDirectory
from engine.driver import Call, Result, Row
from engine.errors import BadRequest, Forbidden, NotFound
from engine.policy import Policy
from engine.query import (
    GetQuery,
    ListQuery,
    groups_page,
    list_page,
    parse_get,
    parse_list,
    plan_aggregate,
    plan_get,
    plan_list,
    plan_reach,
    plan_reached,
    records_of,
    refuse_cursor,
)
from engine.record_session import Session
from metadata.compiled import CompiledEntity
from registry.catalog import Catalog

_PLAIN = GetQuery()


class RecordReader:
    """Reads records of any entity."""

    def __init__(self, database: Database, catalog: Catalog, policy: Policy) -> None:
        self._database = database
        self._catalog = catalog
        self._policy = policy

    def directory(
        self, ctx: RequestContext, *, trusted: bool = False
    ) -> RequestDirectory:
        """Return what planning may look up; `trusted` for service code."""
        return RequestDirectory(self._catalog, self._policy, ctx, trusted=trusted)

    async def readable(self, ctx: RequestContext, entity: CompiledEntity) -> Grant:
        """Return the read grant; raises Forbidden when there is none."""
        grant = self._policy.peek(ctx, entity.resource, "read")
        if grant is None:
            grant = await self._policy.authorize(ctx, entity.resource, "read")
        if not grant.allowed:
            raise Forbidden(
                f"Your role may not read {entity.name}. An administrator of your "
                f"tenant can allow {entity.resource}:read."
            )
        return grant

    async def page(
        self, ctx: RequestContext, entity: CompiledEntity, query_string: str
    ) -> tuple[bytes, dict[str, Any]]:
        """Return a page as a JSON array and its paging.

        Raises Forbidden, and BadRequest for what the query names or holds wrongly.
        """
        query = parse_list(query_string)
        grant = await self.readable(ctx, entity)
        if query.aggregate:
            call = await self.directory(ctx).plan(
                lambda found: plan_aggregate(found, ctx, entity, grant, query)
            )
            result = await self._fetch(ctx, call)
            return groups_page(result.rows[0])
        grants = await self._action_grants(ctx, entity) if query.actions else None
        call = await self.directory(ctx).plan(
            lambda found: plan_list(found, ctx, entity, grant, query, grants)
        )
        try:
            result = await self._fetch(ctx, call)
        except InvalidValue:
            # Planning has read the operands; a cursor's values only PostgreSQL reads.
            if not query.cursor:
                raise
            refuse_cursor()
        return list_page(entity, query, result)

    async def get_for_client(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        query_string: str,
    ) -> tuple[bytes, int]:
        """Return a record as JSON and its version; raises NotFound."""
        query = parse_get(query_string)
        grant = await self.readable(ctx, entity)
        grants = await self._action_grants(ctx, entity) if query.actions else None
        call = await self.directory(ctx).plan(
            lambda found: plan_get(
                found, ctx, entity, grant, record_id, query, action_grants=grants
            )
        )
        result = await self._fetch(ctx, call)
        record = record_of(result.rows)
        if record is None:
            raise NotFound(f"There is no such record in {entity.name}.")
        return record

    async def get(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        grant: Grant,
        session: Session,
    ) -> tuple[bytes, int] | None:
        """Return a record as this grant shows it, inside a session."""
        call = await self.call(ctx, entity, record_id, grant)
        if call is None:
            return None
        (result,) = await session.run([call])
        return record_of(result.rows)

    async def call(
        self, ctx: RequestContext, entity: CompiledEntity, record_id: UUID, grant: Grant
    ) -> Call | None:
        """Return the statement that reads a record as this grant shows it.

        None when it shows nothing. `record_of` takes the record from its rows.
        """
        if not grant.allowed:
            return None
        return await self.directory(ctx).plan(
            lambda found: plan_get(found, ctx, entity, grant, record_id, _PLAIN)
        )

    async def for_write(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        *,
        read: Grant,
        grant: Grant,
        session: Session,
        deleted: bool = False,
    ) -> tuple[dict[str, Any] | None, bool, bool]:
        """Return (whole record or None, readable, reached by the grant), at once."""
        full = full_grant(entity.resource, "read")
        trusted = self.directory(ctx, trusted=True)
        calls = [
            await trusted.plan(
                lambda found: plan_get(
                    found, ctx, entity, full, record_id, _PLAIN, deleted=deleted
                )
            )
        ]
        asked = [g for g in (read, grant) if g.allowed and not g.unrestricted]
        calls += [
            await self._reach(ctx, entity, record_id, needed, deleted=deleted)
            for needed in asked
        ]
        whole, *reached = await session.run(calls)
        if not whole.rows:
            return None, False, False
        answers = {id(g): bool(r.rows) for g, r in zip(asked, reached, strict=True)}
        readable = read.allowed and answers.get(id(read), True)
        return (
            msgspec.json.decode(_bytes(whole.rows[0][0])),
            readable,
            grant.allowed and answers.get(id(grant), True),
        )

    async def reaches(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        grant: Grant,
        session: Session,
    ) -> bool:
        """Return whether a grant reaches the record as it is in the session."""
        if not grant.allowed:
            return False
        call = await self._reach(ctx, entity, record_id, grant)
        (result,) = await session.run([call])
        return bool(result.rows)

    async def reached(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_ids: Sequence[UUID],
        grant: Grant,
    ) -> Call:
        """Return the statement that answers which of these ids a grant reaches.

        Equal for people who would get the same answer, whoever they are.
        """
        return await self.directory(ctx).plan(
            lambda found: plan_reached(found, ctx, entity, grant, record_ids)
        )

    async def shown(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        grant: Grant,
    ) -> frozenset[str] | None:
        """Return the fields that a grant shows of a record, a deleted one included.

        None when it does not show the record at all.
        """
        for deleted in (False, True) if entity.soft_delete else (False,):
            call = await self._reach(ctx, entity, record_id, grant, deleted=deleted)
            if not (await self._fetch(ctx, call)).rows:
                continue
            allowances: list[Allowance] = []
            for index, each in enumerate(grant.allowances):
                shape = f"{grant.shape}/{index}"
                alone = replace(grant, allowances=(each,), shape=shape)
                call = await self._reach(ctx, entity, record_id, alone, deleted=deleted)
                if (await self._fetch(ctx, call)).rows:
                    allowances.append(each)
            here = replace(grant, allowances=tuple(allowances))
            return frozenset(n for n in entity.fields if here.reaches_field(n))
        return None

    async def whole(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        session: Session,
    ) -> dict[str, Any] | None:
        """Return every field of a record, for service code."""
        grant = full_grant(entity.resource, "read")
        call = await self.directory(ctx, trusted=True).plan(
            lambda found: plan_get(found, ctx, entity, grant, record_id, _PLAIN)
        )
        (result,) = await session.run([call])
        if not result.rows:
            return None
        record: dict[str, Any] = msgspec.json.decode(_bytes(result.rows[0][0]))
        return record

    async def find(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        condition: Mapping[str, Any],
        sort: Sequence[str],
        limit: int,
        session: Session,
    ) -> list[dict[str, Any]]:
        """Return records that meet a condition, for service code."""
        grant = full_grant(entity.resource, "read")
        query = ListQuery.of(condition, sort=sort, limit=limit)
        call = await self.directory(ctx, trusted=True).plan(
            lambda found: plan_list(found, ctx, entity, grant, query, None)
        )
        (result,) = await session.run([call])
        found = records_of(result, limit)
        records: list[dict[str, Any]] = msgspec.json.decode(found)
        return records

    async def ids_with(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        grant: Grant,
        field: str,
        text: str,
        session: Session,
    ) -> list[str]:
        """Return the ids of records, two at most, that show this text in a field.

        `text` is read as a filter reads it, so one that does not fit finds nothing.
        """
        literal = f"${text}" if text.startswith("$") else text
        query = ListQuery.of({field: {"_eq": literal}}, limit=2)
        query = replace(query, fields=("id",))
        try:
            call = await self.directory(ctx).plan(
                lambda found: plan_list(found, ctx, entity, grant, query, None)
            )
        except BadRequest:
            return []
        (result,) = await session.run([call])
        records = msgspec.json.decode(records_of(result, 2))
        return [str(record["id"]) for record in records]

    async def entity(self, tenant_id: UUID, key: str) -> CompiledEntity | None:
        """Return an entity the tenant has by `service.entity`."""
        service, _, name = key.partition(".")
        return await self._catalog.entity(tenant_id, service, name)

    async def settings(self, tenant_id: UUID, service: str) -> Mapping[str, Any]:
        """Return a tenant's settings of a service."""
        return await self._catalog.settings(tenant_id, service)

    async def _reach(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        record_id: UUID,
        grant: Grant,
        *,
        deleted: bool = False,
    ) -> Call:
        return await self.directory(ctx).plan(
            lambda found: plan_reach(
                found, ctx, entity, grant, record_id, deleted=deleted
            )
        )

    async def _action_grants(
        self, ctx: RequestContext, entity: CompiledEntity
    ) -> dict[str, Grant]:
        """Return the grants behind `_actions`: update, delete and every own action."""
        wanted = {"update": "update", "delete": "delete"}
        wanted.update(
            (name, action.permission)
            for name, action in entity.actions.items()
            if action.definition.scope == "record"
        )
        return {
            name: await self._policy.authorize(ctx, entity.resource, permission)
            for name, permission in wanted.items()
        }

    async def _fetch(self, ctx: RequestContext, call: Call) -> Result:
        statement, params = call
        return await self._database.fetch(
            ctx.tenant_id, statement, params, idempotent=True
        )


def record_of(rows: Sequence[Row]) -> tuple[bytes, int] | None:
    """Return the JSON and the version that the statement of a record answered."""
    if not rows:
        return None
    body, version = rows[0][:2]
    return _bytes(body), int(version or 0)


def _bytes(value: bytes | None) -> bytes:
    return b"null" if value is None else value
