"""One record by its id: read it, or ask whether a grant reaches it; pure."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from engine.context import Grant, RequestContext
from engine.driver import Call
from engine.query.parameters import GetQuery
from engine.query.plans import plan_of
from engine.query.scope import Directory, Scope
from engine.query.selection import Answer, actions
from engine.query.shapes import ActionGrants, action_shapes, lift_expand
from metadata.compiled import CompiledEntity


def plan_get(
    directory: Directory,
    ctx: RequestContext,
    entity: CompiledEntity,
    grant: Grant,
    record_id: UUID,
    query: GetQuery,
    *,
    deleted: bool = False,
    action_grants: ActionGrants = None,
) -> Call:
    """Return the call for one record; one row (JSON, version), or none."""
    values: list[Any] = []
    expand = lift_expand(query.expand, values)
    shape = (
        "get",
        query.fields,
        expand,
        deleted,
        query.deleted,
        grant.shape,
        action_shapes(action_grants),
    )
    position = len(values)

    def build(scope: Scope) -> sa.Executable:
        answer = Answer(scope, query.fields, expand)
        if action_grants is not None:
            answer.add("_actions", actions(scope, action_grants))
        rows = (
            sa.select(*answer.stored())
            .select_from(scope.table)
            .where(*scope.rows(deleted="only" if deleted else query.deleted))
            .where(_is_record(scope, position))
        )
        rows = rows.add_columns(scope.table.c.version.label("_v"))
        # PostgreSQL melts a subquery into one step, and then asks an allowance anew for
        # each column that needs it.
        record = rows.cte("q") if answer.is_masked else rows.subquery("q")
        shown = sa.select(*answer.shown(record)).correlate(record).lateral("f")
        return sa.select(
            sa.cast(sa.func.row_to_json(sa.literal_column("f")), sa.Text),
            sa.cast(record.c["_v"], sa.Text),
        ).select_from(record.join(shown, sa.true()))

    plan = plan_of(directory, entity, grant, shape, build)
    return plan.call(ctx, (*values, record_id))


def plan_reach(
    directory: Directory,
    ctx: RequestContext,
    entity: CompiledEntity,
    grant: Grant,
    record_id: UUID,
    *,
    deleted: bool = False,
) -> Call:
    """Return the call that answers a row when the grant reaches the record."""

    def build(scope: Scope) -> sa.Executable:
        return (
            sa.select(sa.literal_column("1"))
            .select_from(scope.table)
            .where(*scope.rows(deleted="only" if deleted else ""))
            .where(_is_record(scope, 0))
        )

    shape = ("reach", deleted, grant.shape)
    plan = plan_of(directory, entity, grant, shape, build)
    return plan.call(ctx, (record_id,))


def plan_reached(
    directory: Directory,
    ctx: RequestContext,
    entity: CompiledEntity,
    grant: Grant,
    record_ids: Sequence[UUID],
) -> Call:
    """Return the call that answers the ids of those records that the grant reaches.

    Records in the trash are among them.
    """

    def build(scope: Scope) -> sa.Executable:
        def source(_ctx: RequestContext, values: Sequence[Any]) -> bytes:
            return f"{{{','.join(map(str, values))}}}".encode()

        asked = scope.build.binder.bind(source, ARRAY(sa.Uuid()))
        return (
            sa.select(sa.cast(scope.table.c.id, sa.Text))
            .select_from(scope.table)
            .where(*scope.rows(deleted="with"))
            .where(scope.table.c.id == sa.any_(asked))
        )

    plan = plan_of(directory, entity, grant, ("reached", grant.shape), build)
    return plan.call(ctx, record_ids)


def _is_record(scope: Scope, position: int) -> sa.ColumnElement[bool]:
    def source(_ctx: RequestContext, values: Sequence[Any]) -> bytes:
        return str(values[position]).encode()

    identity = scope.build.binder.bind(source, sa.Uuid())
    found: sa.ColumnElement[bool] = scope.table.c.id == identity
    return found
