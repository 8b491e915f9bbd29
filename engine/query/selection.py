"""What of each record is answered: fields, expanded relations, lines, actions.

Everything becomes columns of the same statement; to-one and to-many relations are
correlated subselects that PostgreSQL turns into JSON.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from engine.context import Grant
from engine.query.parameters import Expand, SortKey
from engine.query.scope import Scope, unknown_field
from metadata.compiled import CompiledField
from metadata.conditions import EVERYTHING

Column = tuple[str, sa.ColumnElement[Any]]
ExpandTree = Sequence[tuple[str, Expand]]
MAX_LINES = 1000


def columns(scope: Scope, wanted: Sequence[str], expand: ExpandTree) -> list[Column]:
    """Return the answered columns with their names, in the entity's order.

    `wanted` empty means every field the grant shows; `id` is always there. Raises
    BadRequest for a name that is no field, or not one for this user.
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
        value = _value(scope, item, tree.get(name))
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
    scope: Scope, item: CompiledField, expand: Expand | None
) -> sa.ColumnElement[Any] | None:
    if item.lines is not None:
        return scope.mask(item.name, _lines(scope, item, expand))
    if expand is not None and item.target is not None:
        return _one(scope, item, expand)
    column = scope.column(item)
    if column is None:
        return None
    if item.type.secret:
        return scope.mask(
            item.name, sa.func.json_build_object("set", column.is_not(None))
        )
    return scope.mask(item.name, item.type.to_json(item.definition, column))


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
        if action is not None and action.when != EVERYTHING:
            demands.append(scope.where(action.when, trusted=True))
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
