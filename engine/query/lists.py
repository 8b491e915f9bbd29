"""A page of a list: its plan, its statement and its paging; pure.

One statement answers a row for each record: its JSON, its values of the sort keys
for the next cursor, and the count where asked. It answers one record more than the
page holds, where there is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from engine.context import Grant, RequestContext
from engine.driver import Call, Result
from engine.query.cursors import Cursor, digest_of, read_cursor, write_cursor
from engine.query.filters import filters
from engine.query.keyset import after, sort_keys
from engine.query.parameters import ListQuery
from engine.query.plans import MAX_VARIANTS, CompiledPlan, is_valid, plan_of
from engine.query.scope import Directory, Scope
from engine.query.selection import Answer, actions
from engine.query.shapes import ActionGrants, Shaped, action_shapes, make_shape
from metadata.compiled import CompiledEntity

MAX_LISTINGS = 500
MAX_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Listing:
    """A list query made ready for one entity.

    Attributes:
        digest: marks its cursors.
        first: the plans of its first page by the shape of the grant, where nothing but
            that grant decides the order.
    """

    shaped: Shaped
    digest: str
    first: dict[str, CompiledPlan] = field(default_factory=dict, compare=False)


def plan_list(
    directory: Directory,
    ctx: RequestContext,
    entity: CompiledEntity,
    grant: Grant,
    query: ListQuery,
    action_grants: ActionGrants = None,
) -> Call:
    """Return the call for a page; `list_page` reads its rows.

    Raises BadRequest for unknown fields, unfit operands and foreign cursors.
    """
    listing = _listing(entity, query)
    shaped = listing.shaped
    is_first = not query.cursor and action_grants is None
    known = listing.first.get(grant.shape) if is_first else None
    if known is not None and is_valid(directory, known):
        return known.call(ctx, shaped.values)
    keys = sort_keys(directory, entity, grant, query.sort)
    cursor = read_cursor(query.cursor, listing.digest, len(keys))
    nulls = tuple(value is None for value in cursor.values) if cursor else ()
    shape = (
        "list",
        shaped.query,
        keys,
        nulls,
        grant.shape,
        action_shapes(action_grants),
    )

    def build(scope: Scope) -> sa.Executable:
        return _list(scope, shaped, keys, nulls, action_grants)

    plan = plan_of(directory, entity, grant, shape, build)
    if is_first and _is_ordered_by_itself(entity, query):
        if len(listing.first) >= MAX_VARIANTS:
            listing.first.clear()
        listing.first[grant.shape] = plan
    after_values = cursor.values if cursor else ()
    return plan.call(ctx, (*shaped.values, *after_values))


def _is_ordered_by_itself(entity: CompiledEntity, query: ListQuery) -> bool:
    """Return whether no grant but the entity's decides which keys order a list.

    The entity's own order leaves out what stands behind a relation that is hidden.
    """
    return bool(query.sort) or not any("." in name for name in entity.list.sort)


def list_page(
    entity: CompiledEntity, query: ListQuery, result: Result
) -> tuple[bytes, dict[str, Any]]:
    """Return the data as a JSON array, and the paging, of a page."""
    has_more = len(result) > query.limit
    page: dict[str, Any] = {"limit": query.limit, "has_more": has_more}
    if has_more:
        last = result.row(query.limit - 1)[1 : -1 if query.count else None]
        values = tuple(None if v is None else v.decode() for v in last)
        digest = _listing(entity, query).digest
        page["next_cursor"] = write_cursor(Cursor(digest, values))
    if query.count:
        number = int(result.row(0)[-1] or 0)
        if query.count == "estimated":
            page["count_is_estimate"] = number > MAX_COUNTED
            number = min(number, MAX_COUNTED)
        page["count"] = number
    return records_of(result, query.limit), page


def records_of(result: Result, limit: int) -> bytes:
    """Return the records of a page as a JSON array, `limit` at most."""
    return b"[" + b",".join(filter(None, result.column(0, limit))) + b"]"


def _list(
    scope: Scope,
    shaped: Shaped,
    keys: Sequence[Any],
    nulls: Sequence[bool],
    action_grants: ActionGrants,
) -> sa.Executable:
    query = shaped.query
    answer = Answer(scope, query.fields, query.expand)
    if action_grants is not None:
        answer.add("_actions", actions(scope, action_grants))
    demands = [*scope.rows(deleted=query.deleted), *filters(scope, query)]
    ordered = [key.of(scope) for key in keys]
    rows = (
        sa.select(*answer.stored())
        .add_columns(*(k.value.label(f"_k{i}") for i, k in enumerate(ordered)))
        .select_from(scope.table)
        .where(*demands)
    )
    if nulls:
        rows = rows.where(after(scope, ordered, nulls, len(shaped.values)))
    rows = rows.order_by(*(key.order() for key in ordered))
    page = rows.limit(sa.literal_column(str(query.limit + 1))).subquery("q")
    shown = sa.select(*answer.shown(page)).correlate(page).lateral("f")
    # A row a record costs PostgreSQL a fifth less than one array of all of them.
    records = sa.select(
        sa.cast(sa.func.row_to_json(sa.literal_column("f")), sa.Text).label("_r"),
        *(sa.cast(page.c[f"_k{i}"], sa.Text) for i in range(len(ordered))),
    ).select_from(page.join(shown, sa.true()))
    if not query.count:
        return records
    counted = _count(scope, query, demands).subquery("c")
    found = records.subquery("p")
    return sa.select(*found.c, counted.c[0]).select_from(
        counted.outerjoin(found, sa.true())
    )


def _count(
    scope: Scope, query: ListQuery, demands: Sequence[sa.ColumnElement[bool]]
) -> sa.Select[Any]:
    rows: sa.Select[Any] = (
        sa.select(sa.literal_column("1")).select_from(scope.table).where(*demands)
    )
    if query.count == "estimated":
        rows = rows.limit(sa.literal_column(str(MAX_COUNTED + 1)))
    return sa.select(sa.cast(sa.func.count(), sa.Text)).select_from(rows.subquery("n"))


def _listing(entity: CompiledEntity, query: ListQuery) -> Listing:
    known: dict[ListQuery, Listing] = entity.plans.setdefault("listings", {})
    try:
        found = known.get(query)
    except TypeError:
        # A literal of the filter is a list or an object, which has no hash.
        return _make_listing(entity, query)
    if found is None:
        found = _make_listing(entity, query)
        if len(known) >= MAX_LISTINGS:
            known.clear()
        known[query] = found
    return found


def _make_listing(entity: CompiledEntity, query: ListQuery) -> Listing:
    shaped = make_shape(query)
    return Listing(shaped, digest_of(entity.key, shaped.marks))
