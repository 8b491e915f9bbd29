"""The statement of an export: the whole list, one row a record, columns as text."""

from typing import Any

import sqlalchemy as sa

from engine.context import Grant, RequestContext
from engine.driver import Call
from engine.query.filters import filters
from engine.query.keyset import sort_keys
from engine.query.parameters import ListQuery
from engine.query.plans import plan_of
from engine.query.scope import Directory, Scope
from engine.query.selection import Answer
from engine.query.shapes import shape_of
from metadata.compiled import CompiledEntity


def plan_export(
    directory: Directory,
    ctx: RequestContext,
    entity: CompiledEntity,
    grant: Grant,
    query: ListQuery,
) -> Call:
    """Return the call for every record: one row each, its JSON as the only column."""
    shaped = shape_of(query)
    keys = sort_keys(directory, entity, grant, query.sort)

    def build(scope: Scope) -> sa.Executable:
        answer = Answer(scope, query.fields, shaped.query.expand)
        rows: Any = (
            sa.select(*answer.stored())
            .select_from(scope.table)
            .where(*scope.rows(deleted=query.deleted), *filters(scope, shaped.query))
            .order_by(*(key.of(scope).order() for key in keys))
            .subquery("q")
        )
        shown = sa.select(*answer.shown(rows)).subquery("f")
        body = sa.cast(sa.func.row_to_json(sa.literal_column("f")), sa.Text)
        return sa.select(body).select_from(shown)

    shape = ("export", shaped.query, keys, grant.shape)
    plan = plan_of(directory, entity, grant, shape, build)
    return plan.call(ctx, shaped.values)
