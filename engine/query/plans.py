"""Queries → SQL statements, compiled once for each shape and kept with the entity.

A plan depends on the entity's version, the shape of the query (its values apart) and
the shapes of every grant it used. On a hit only values are bound. Pure: statements
are run by `engine/record_reads.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from engine.context import Grant, RequestContext
from engine.driver import Call, Statement
from engine.query.binding import Binder, Source, lift
from engine.query.cursors import Cursor, digest_of, read_cursor, write_cursor
from engine.query.keyset import after, sort_keys
from engine.query.parameters import Expand, GetQuery, ListQuery
from engine.query.scope import Build, Directory, Scope
from engine.query.search import as_written, phone_digits, words_of
from engine.query.selection import Answer, actions
from metadata.compiled import CompiledEntity
from metadata.conditions import EVERYTHING, Condition

MAX_PLANS = 200
MAX_LISTINGS = 500
MAX_VARIANTS = 16
MAX_COUNTED = 10_000

_DIALECT = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]

ActionGrants = Mapping[str, Grant] | None


@dataclass(frozen=True, slots=True)
class CompiledPlan:
    """One SQL text and where each of its parameters comes from.

    Attributes:
        used: entities behind relations, each with the action and the shape of the
            grant that limits it there; no action where a rule looks at it whole.
    """

    statement: Statement
    sources: tuple[Source, ...]
    used: tuple[tuple[CompiledEntity, str, str], ...]

    def call(self, ctx: RequestContext, values: Sequence[Any]) -> Call:
        """Return the statement with the values of one request."""
        return self.statement, [source(ctx, values) for source in self.sources]


@dataclass(frozen=True, slots=True)
class Shaped:
    """A list query without its values, and the values.

    Attributes:
        marks: what a cursor of this query belongs to, the entity apart.
    """

    query: ListQuery
    values: tuple[Any, ...]
    marks: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A list query made ready for one entity; `digest` marks its cursors."""

    shaped: Shaped
    digest: str


def plan_list(
    directory: Directory,
    ctx: RequestContext,
    entity: CompiledEntity,
    grant: Grant,
    query: ListQuery,
    action_grants: ActionGrants = None,
) -> Call:
    """Return the call for a page; one row: data, has_more, count, cursor values.

    Raises BadRequest for unknown fields, unfit operands and foreign cursors.
    """
    listing = _listing(entity, query)
    shaped = listing.shaped
    keys = sort_keys(directory, entity, grant, query.sort)
    cursor = read_cursor(query.cursor, listing.digest, len(keys))
    nulls = tuple(value is None for value in cursor.values) if cursor else ()
    shape = ("list", shaped.query, keys, nulls, grant.shape, _shapes(action_grants))

    def build(scope: Scope) -> sa.Executable:
        return _list(scope, shaped, keys, nulls, action_grants)

    plan = plan_of(directory, entity, grant, shape, build)
    after_values = cursor.values if cursor else ()
    return plan.call(ctx, (*shaped.values, *after_values))


def list_page(
    entity: CompiledEntity, query: ListQuery, row: Sequence[bytes | None]
) -> tuple[bytes, dict[str, Any]]:
    """Return the data and the paging of a list's one row."""
    data, more, counted, *last = row
    has_more = more == b"true"
    page: dict[str, Any] = {"limit": query.limit, "has_more": has_more}
    if has_more:
        values = tuple(None if v is None else v.decode() for v in last)
        digest = _listing(entity, query).digest
        page["next_cursor"] = write_cursor(Cursor(digest, values))
    if counted is not None:
        number = int(counted)
        if query.count == "estimated":
            page["count_is_estimate"] = number > MAX_COUNTED
            number = min(number, MAX_COUNTED)
        page["count"] = number
    return data or b"[]", page


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
    expand = _lift_expand(query.expand, values)
    shape = (
        "get",
        query.fields,
        expand,
        deleted,
        query.deleted,
        grant.shape,
        _shapes(action_grants),
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
        record = rows.add_columns(scope.table.c.version.label("_v")).cte("q")
        inner = sa.select(*answer.shown(record)).subquery("f")
        body = sa.select(sa.cast(sa.func.row_to_json(sa.literal_column("f")), sa.Text))
        return sa.select(
            body.select_from(inner).scalar_subquery(), sa.cast(record.c["_v"], sa.Text)
        )

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
    page = rows.limit(sa.literal_column(str(query.limit + 1))).cte("q")
    inner = (
        sa.select(*answer.shown(page))
        .limit(sa.literal_column(str(query.limit)))
        .subquery("f")
    )
    data = sa.select(
        sa.cast(
            sa.func.coalesce(_aggregated(), sa.literal_column("'[]'::json")), sa.Text
        )
    ).select_from(inner)
    more = sa.select(
        sa.cast(sa.func.count() > sa.literal_column(str(query.limit)), sa.Text)
    ).select_from(page)
    last = (
        sa.select(*(sa.cast(page.c[f"_k{i}"], sa.Text) for i in range(len(ordered))))
        .limit(sa.literal_column("1"))
        .offset(sa.literal_column(str(query.limit - 1)))
        .subquery("l")
    )
    single = sa.select(
        data.scalar_subquery(),
        more.scalar_subquery(),
        _count(scope, query, demands),
        *last.c,
    )
    one = sa.select(sa.literal_column("1")).subquery("o")
    return single.select_from(one.outerjoin(last, sa.true()))


def _aggregated() -> sa.ColumnElement[Any]:
    return sa.func.json_agg(sa.func.row_to_json(sa.literal_column("f")))


def _count(
    scope: Scope, query: ListQuery, demands: Sequence[sa.ColumnElement[bool]]
) -> sa.ColumnElement[Any]:
    if not query.count:
        return sa.cast(sa.null(), sa.Text)
    rows: sa.Select[Any] = (
        sa.select(sa.literal_column("1")).select_from(scope.table).where(*demands)
    )
    if query.count == "estimated":
        rows = rows.limit(sa.literal_column(str(MAX_COUNTED + 1)))
    counted = sa.select(sa.cast(sa.func.count(), sa.Text)).select_from(
        rows.subquery("c")
    )
    return counted.scalar_subquery()


def filters(scope: Scope, query: ListQuery) -> list[sa.ColumnElement[bool]]:
    """Return what the user asked for: filter and search."""
    found = []
    if query.filter != EVERYTHING:
        found.append(scope.where(query.filter))
    names = [name for name in scope.entity.search if scope.field(name)]
    phones = [n for n in names if scope.entity.fields[n].type.name == "phone"]
    for index in range(query.search.count("?")):
        word = _word(scope.build.binder, index, as_written)
        tried = [scope.stored(name)[2].op("~~*")(word) for name in names]
        if phones:
            digits = _word(scope.build.binder, index, phone_digits)
            tried += [scope.stored(name)[2].op("~~*")(digits) for name in phones]
        found.append(sa.or_(sa.false(), *tried))
    return found


def _word(
    binder: Binder, index: int, spelt: Callable[[str], str]
) -> sa.ColumnElement[Any]:
    """Return the pattern of the n-th searched word; words follow the other values."""

    def source(_ctx: RequestContext, values: Sequence[Any]) -> bytes:
        return f"%{_escape(spelt(values[index]))}%".encode()

    return binder.bind(source, sa.Text())


def _escape(word: str) -> str:
    for sign in ("\\", "%", "_"):
        word = word.replace(sign, "\\" + sign)
    return word


def _is_record(scope: Scope, position: int) -> sa.ColumnElement[bool]:
    def source(_ctx: RequestContext, values: Sequence[Any]) -> bytes:
        return str(values[position]).encode()

    identity = scope.build.binder.bind(source, sa.Uuid())
    found: sa.ColumnElement[bool] = scope.table.c.id == identity
    return found


@lru_cache(maxsize=4096)
def _shape_cached(query: ListQuery) -> Shaped:
    return _make_shape(query)


def shape_of(query: ListQuery) -> Shaped:
    """Return the query without its values, and the values."""
    try:
        return _shape_cached(query)
    except TypeError:
        # A literal of the filter is a list or an object, which has no hash.
        return _make_shape(query)


def _make_shape(query: ListQuery) -> Shaped:
    words = words_of(query.search)
    values: list[Any] = list(words)
    condition: Condition = lift(query.filter, values)
    shape = replace(
        query,
        filter=condition,
        expand=_lift_expand(query.expand, values),
        search="?" * len(words),
        cursor="",
        text="",
    )
    marks = repr((query.sort, query.filter, query.search, query.deleted))
    return Shaped(shape, tuple(values), marks)


def _lift_expand(
    tree: Sequence[tuple[str, Expand]], values: list[Any]
) -> tuple[tuple[str, Expand], ...]:
    return tuple(
        (
            name,
            replace(
                below,
                filter=lift(below.filter, values),
                expand=_lift_expand(below.expand, values),
            ),
        )
        for name, below in tree
    )


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
    shaped = _make_shape(query)
    return Listing(shaped, digest_of(entity.key, shaped.marks))


def _shapes(grants: ActionGrants) -> tuple[tuple[str, str, bool], ...]:
    return tuple((n, g.shape, g.allowed) for n, g in (grants or {}).items())


def plan_of(
    directory: Directory,
    entity: CompiledEntity,
    grant: Grant,
    shape: Any,
    build: Callable[[Scope], sa.Executable],
) -> CompiledPlan:
    """Return the plan of a shape, compiled now or known and still valid."""
    variants: list[CompiledPlan] = entity.plans.get(shape, [])
    for known in variants:
        if all(
            directory.entity(used.key) is used
            and (not action or directory.grant(used, action).shape == used_shape)
            for used, action, used_shape in known.used
        ):
            return known
    work = Build(directory)
    plan = _compile(work, build(Scope(work, entity, grant)))
    if len(entity.plans) >= MAX_PLANS:
        entity.plans.pop(next(iter(entity.plans)))
    entity.plans[shape] = [plan, *variants[: MAX_VARIANTS - 1]]
    return plan


def _compile(work: Build, query: sa.Executable) -> CompiledPlan:
    compiled: Any = query.compile(  # type: ignore[attr-defined]
        dialect=_DIALECT, compile_kwargs={"literal_binds": False}
    )
    sources = []
    for name in compiled.positiontup or ():
        source = work.binder.sources.get(name)
        if source is None:
            # A literal that SQLAlchemy itself bound, such as a boolean.
            source = _literal(compiled.params[name])
        sources.append(source)
    used = {(id(e), a): (e, a, g.shape) for e, a, g in work.used}
    return CompiledPlan(Statement(str(compiled)), tuple(sources), tuple(used.values()))


def _literal(value: Any) -> Source:
    raw = None if value is None else str(value).encode()
    return lambda _ctx, _values: raw
