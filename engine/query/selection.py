"""What of each record is answered: fields, expanded relations, lines, actions.

Everything becomes columns of the same statement; to-one and to-many relations are
correlated subselects that PostgreSQL turns into JSON.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from engine.context import Grant
from engine.query.allowances import showing
from engine.query.parameters import Expand, SortKey
from engine.query.scope import Scope, unknown_field
from metadata.compiled import CompiledField
from metadata.conditions import EVERYTHING

Column = tuple[str, sa.ColumnElement[Any]]
ExpandTree = Sequence[tuple[str, Expand]]
Mask = Callable[[str, sa.ColumnElement[Any]], sa.ColumnElement[Any]]
MAX_LINES = 1000


class Answer:
    """The columns of a statement's records, in two steps.

    `stored` is what a subquery reads; `shown` is what is told of it. Between them, each
    allowance that gives some field on some rows only is asked once a row, not once a
    column. Whatever holds `stored` is never told itself.
    """

    def __init__(self, scope: Scope, wanted: Sequence[str], expand: ExpandTree) -> None:
        self._scope = scope
        self._places: dict[str, tuple[int, ...]] = {}
        self._columns = columns(scope, wanted, expand, self._defer)

    def add(self, name: str, value: sa.ColumnElement[Any]) -> None:
        """Add a column that every row shows."""
        self._columns.append((name, value))

    @property
    def is_masked(self) -> bool:
        """Return whether an allowance is asked for some column."""
        return bool(self._places)

    def stored(self) -> list[sa.ColumnElement[Any]]:
        """Return the columns to read, and whether each allowance reaches the row."""
        asked = sorted({place for places in self._places.values() for place in places})
        allowances = self._scope.grant.allowances
        return [
            *(value.label(name) for name, value in self._columns),
            *(self._scope.allowance(allowances[n]).label(f"_a{n}") for n in asked),
        ]

    def shown(self, rows: sa.FromClause) -> list[sa.ColumnElement[Any]]:
        """Return the columns to tell, from the rows that hold `stored`."""
        return [self._masked(rows, name) for name, _ in self._columns]

    def _masked(self, rows: sa.FromClause, name: str) -> sa.ColumnElement[Any]:
        value = rows.c[name]
        if name not in self._places:
            return value
        reached = sa.or_(sa.false(), *(rows.c[f"_a{n}"] for n in self._places[name]))
        return sa.case((reached, value), else_=sa.null()).label(name)

    def _defer(self, name: str, value: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        places = showing(self._scope.grant, name)
        if places is not None:
            self._places[name] = places
        return value


def columns(
    scope: Scope, wanted: Sequence[str], expand: ExpandTree, mask: Mask | None = None
) -> list[Column]:
    """Return the answered columns with their names, in the entity's order.

    `wanted` empty means every field the grant shows; `id` is always there. `mask` does
    in place of the scope's for columns that cost nothing to read. Raises BadRequest
    for a name that is no field, or not one for this user.
    """
    tree = _with_paths(wanted, dict(expand))
    names = [name.partition(".")[0] for name in wanted]
    system = scope.entity.system_columns
    found: list[Column] = [("id", scope.table.c.id)]
    for name in scope.entity.fields:
        if names and name not in names and name not in tree:
            continue
        item = scope.field(name)
        if item is None:
            continue
        value = _value(scope, item, tree.get(name), mask or scope.mask)
        if value is not None:
            found.append((name, value))
    found.extend(
        (name, scope.table.c[name])
        for name in system
        if name != "id" and (not names or name in names)
    )
    known = {name for name, _ in found}
    for name in names:
        if name not in known and name not in tree:
            raise unknown_field(name)
    for name, below in tree.items():
        if name not in known:
            found.append((name, _many(scope, name, below)))
    return found


def _with_paths(wanted: Sequence[str], tree: dict[str, Expand]) -> dict[str, Expand]:
    """Return the expand tree with what `fields=plan.name` asks for."""
    paths: dict[str, list[str]] = {}
    for name in wanted:
        head, dot, rest = name.partition(".")
        if dot:
            paths.setdefault(head, []).append(rest)
    for head, deeper in paths.items():
        below = tree.get(head, Expand())
        tree[head] = Expand(
            (*below.fields, *deeper),
            below.expand,
            below.filter,
            below.sort,
            below.limit,
        )
    return tree


def _value(
    scope: Scope, item: CompiledField, expand: Expand | None, mask: Mask
) -> sa.ColumnElement[Any] | None:
    if item.lines is not None:
        return scope.mask(item.name, _lines(scope, item, expand))
    if expand is not None and item.target is not None:
        return _one(scope, item, expand)
    column = scope.column(item)
    if column is None:
        return None
    if item.type.secret:
        return mask(item.name, sa.func.json_build_object("set", column.is_not(None)))
    return mask(item.name, item.type.to_json(item.definition, column))


def _one(scope: Scope, item: CompiledField, expand: Expand) -> sa.ColumnElement[Any]:
    """Return the target as an object; the bare id when the user may not read it."""
    target = scope.related(item.name)
    if not target.grant.allowed:
        return scope.mask(item.name, scope.table.c[str(item.column)])
    rows = (
        _select(target, columns(target, expand.fields, expand.expand))
        .where(*target.join_to_one(scope, item.name))
        .correlate(scope.table)
    )
    return _json_row(scope, rows)


def _lines(
    scope: Scope, item: CompiledField, expand: Expand | None
) -> sa.ColumnElement[Any]:
    child, tie = scope.to_many(item.name)
    below = expand or Expand(limit=MAX_LINES)
    rows = _select(child, columns(child, below.fields, below.expand)).where(*tie)
    if below.filter != EVERYTHING:
        rows = rows.where(child.where(below.filter))
    order = [child.table.c.position, child.table.c.id]
    rows = rows.order_by(*order).limit(below.limit).correlate(scope.table)
    return _json_list(scope, rows)


def _many(scope: Scope, name: str, expand: Expand) -> sa.ColumnElement[Any]:
    child, tie = scope.to_many(name)
    rows = _select(child, columns(child, expand.fields, expand.expand)).where(*tie)
    if expand.filter != EVERYTHING:
        rows = rows.where(child.where(expand.filter))
    order = [part for key in expand.sort for part in order_by(child, key)]
    rows = rows.order_by(*order, child.table.c.id).limit(expand.limit)
    return _json_list(scope, rows.correlate(scope.table))


def order_by(scope: Scope, key: SortKey) -> list[sa.ColumnElement[Any]]:
    """Return one sort key as SQL; raises BadRequest where a type has no order."""
    definition, kind, value = scope.value(key.path)
    if not kind.sortable:
        raise unknown_field(definition.name)
    ordered = value.desc() if key.descending else value.asc()
    return [ordered.nulls_first() if key.nulls_first else ordered.nulls_last()]


def actions(scope: Scope, grants: Mapping[str, Grant]) -> sa.ColumnElement[Any]:
    """Return `_actions`: which of these the user may do with the row."""
    pairs: list[sa.ColumnElement[Any]] = []
    for name, grant in grants.items():
        demands = list(scope.reached(grant))
        action = scope.entity.actions.get(name)
        when = scope.entity.changeable if action is None else action.when
        if when != EVERYTHING:
            demands.append(scope.where(when, trusted=True))
        pairs.append(sa.literal_column(f"'{name}'"))
        pairs.append(sa.func.coalesce(sa.and_(sa.true(), *demands), sa.false()))
    return sa.func.json_build_object(*pairs)


def _select(scope: Scope, chosen: Sequence[Column]) -> sa.Select[Any]:
    return sa.select(*(value.label(name) for name, value in chosen)).select_from(
        scope.table
    )


def _json_row(scope: Scope, rows: sa.Select[Any]) -> sa.ColumnElement[Any]:
    alias = f"j{next(scope.build.numbers)}"
    derived = rows.subquery(alias)
    return (
        sa.select(sa.func.row_to_json(sa.literal_column(alias)))
        .select_from(derived)
        .correlate(scope.table)
        .scalar_subquery()
    )


def _json_list(scope: Scope, rows: sa.Select[Any]) -> sa.ColumnElement[Any]:
    alias = f"j{next(scope.build.numbers)}"
    derived = rows.subquery(alias)
    items = sa.func.json_agg(sa.func.row_to_json(sa.literal_column(alias)))
    return (
        sa.select(sa.func.coalesce(items, sa.literal_column("'[]'::json")))
        .select_from(derived)
        .correlate(scope.table)
        .scalar_subquery()
    )
