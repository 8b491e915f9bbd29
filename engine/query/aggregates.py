"""Aggregates with groups: counts, sums and averages as the user may see them; pure."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import MACADDR

from engine.context import Grant, RequestContext
from engine.driver import Call
from engine.errors import BadRequest
from engine.query.filters import filters
from engine.query.parameters import Aggregate, ListQuery, wrong
from engine.query.plans import plan_of
from engine.query.scope import Directory, Scope, unknown_field
from engine.query.shapes import shape_of
from metadata.compiled import CompiledEntity

MAX_GROUPS = 1000

SUMMED = frozenset(
    {"integer", "decimal", "money", "percent", "rate", "bytes", "duration"}
)

_UNCOMPARED = (sa.Uuid, sa.Boolean, MACADDR)
"""Types that PostgreSQL sorts, but has no `min` and `max` for (manual, 9.21)."""


def plan_aggregate(
    directory: Directory,
    ctx: RequestContext,
    entity: CompiledEntity,
    grant: Grant,
    query: ListQuery,
) -> Call:
    """Return the call for aggregates; one row: a JSON array of groups, has_more.

    Groups are in the order of their keys, at most 1,000. Raises BadRequest.
    """
    shaped = shape_of(query)

    def build(scope: Scope) -> sa.Executable:
        keys = [
            (f"{unit}_{path}" if unit else path, _group(scope, unit, path))
            for unit, path in shaped.query.group
        ]
        totals = [(item.name, _function(scope, item)) for item in query.aggregate]
        _check_names([name for name, _ in (*keys, *totals)])
        rows = (
            sa.select(*(value.label(name) for name, value in (*keys, *totals)))
            .select_from(scope.table)
            .where(*scope.rows(deleted=query.deleted), *filters(scope, shaped.query))
        )
        if keys:
            places: list[sa.ColumnElement[Any]] = [
                sa.literal_column(str(i + 1)) for i in range(len(keys))
            ]
            rows = rows.group_by(*places).order_by(*places)
        found = rows.limit(sa.literal_column(str(MAX_GROUPS + 1))).cte("q")
        inner: sa.Select[Any] = sa.select(sa.literal_column("q.*")).select_from(found)
        shown = inner.limit(sa.literal_column(str(MAX_GROUPS))).subquery("f")
        items = sa.func.json_agg(sa.func.row_to_json(sa.literal_column("f")))
        empty: sa.ColumnElement[Any] = sa.literal_column("'[]'::json")
        groups = sa.select(sa.cast(sa.func.coalesce(items, empty), sa.Text))
        more = sa.func.count() > sa.literal_column(str(MAX_GROUPS))
        return sa.select(
            groups.select_from(shown).scalar_subquery(),
            sa.select(sa.cast(more, sa.Text)).select_from(found).scalar_subquery(),
        )

    names = tuple((a.name, a.function, a.path) for a in query.aggregate)
    shape = ("aggregate", shaped.query, names, grant.shape)
    plan = plan_of(directory, entity, grant, shape, build)
    return plan.call(ctx, shaped.values)


def _check_names(names: Sequence[str]) -> None:
    """Refuse names that are one to PostgreSQL, which cuts them off at 63 bytes."""
    for index, name in enumerate(names):
        if name.encode()[:63] in {other.encode()[:63] for other in names[:index]}:
            wrong("aggregate", f"{name} stands twice in the answer; rename it.")


def groups_page(row: Sequence[bytes | None]) -> tuple[bytes, dict[str, Any]]:
    """Return the groups and the paging of the one row that a call answers.

    There is no next page: whoever needs the groups beyond the limit narrows the filter.
    """
    data, more = row
    return data or b"[]", {"limit": MAX_GROUPS, "has_more": more == b"true"}


def _group(scope: Scope, unit: str, path: str) -> sa.ColumnElement[Any]:
    definition, kind, value = scope.value(path.split("."))
    if not unit:
        return kind.to_json(definition, value)
    if kind.name not in {"date", "datetime"}:
        raise BadRequest(
            f"{unit}() groups dates; {path} is none.", code="INVALID_QUERY"
        )
    if kind.name == "datetime":
        value = value.op("AT TIME ZONE")(_zone(scope))
    return sa.cast(sa.func.date_trunc(sa.literal_column(f"'{unit}'"), value), sa.Date)


def _zone(scope: Scope) -> sa.ColumnElement[Any]:
    def source(ctx: RequestContext, _values: Sequence[Any]) -> bytes:
        return ctx.time_zone.encode()

    return scope.build.binder.bind(source, sa.Text())


def _function(scope: Scope, item: Aggregate) -> sa.ColumnElement[Any]:
    if item.path == "*":
        if item.function != "_count":
            raise BadRequest("Only _count takes *.", code="INVALID_QUERY")
        return sa.func.count()
    definition, kind, value = scope.value(item.path.split("."))
    match item.function:
        case "_count":
            return sa.func.count(value)
        case "_count_distinct":
            return sa.func.count(value.distinct())
        case "_sum" | "_avg":
            if kind.name not in SUMMED:
                raise BadRequest(
                    f"{item.path} is no number to add up.", code="INVALID_QUERY"
                )
            add = sa.func.sum if item.function == "_sum" else sa.func.avg
            return sa.cast(add(value), sa.Numeric())
    if not kind.sortable:
        raise unknown_field(definition.name)
    if isinstance(kind.sql_type(definition), _UNCOMPARED):
        raise BadRequest(
            f"{item.path} has no least and no greatest value.", code="INVALID_QUERY"
        )
    made = sa.func.min(value) if item.function == "_min" else sa.func.max(value)
    made.type = kind.sql_type(definition)
    return kind.to_json(definition, made)
