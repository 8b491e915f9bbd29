"""Keyset paging: the order of a list, and the rows after a given one; pure.

Works for any sort, nulls and mixed directions included. Where all keys run in one
direction and cannot be null, it is a row comparison, which one index scan answers
(PostgreSQL manual, "Row Constructor Comparison").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from engine.context import Grant, RequestContext
from engine.query.cursors import refuse_cursor
from engine.query.parameters import SortKey
from engine.query.scope import Directory, Scope, unknown_field
from metadata.compiled import CompiledEntity, CompiledField

NOT_NULL = frozenset({"id", "created_at", "updated_at", "version"})


@dataclass(frozen=True, slots=True)
class Key:
    """A sort key before it meets a statement."""

    sort: SortKey

    def of(self, scope: Scope) -> "OrderedKey":
        """Return the key as SQL in a scope; raises BadRequest."""
        definition, kind, value = scope.value(self.sort.path)
        if not kind.sortable:
            raise unknown_field(definition.name)
        item = scope.entity.fields.get(self.sort.path[0])
        plain = len(self.sort.path) == 1
        filled = item is not None and plain and _is_filled(item)
        masked = item is not None and scope.mask(item.name, value) is not value
        nullable = not (self.sort.path[0] in NOT_NULL or (filled and not masked))
        kind_sql = kind.sql_type(definition)
        return OrderedKey(value, kind_sql, self.sort, nullable=nullable)


@dataclass(frozen=True, slots=True)
class OrderedKey:
    """A sort key as SQL."""

    value: sa.ColumnElement[Any]
    kind: sa.types.TypeEngine[Any]
    sort: SortKey
    nullable: bool

    def order(self) -> sa.ColumnElement[Any]:
        """Return the key as ORDER BY writes it."""
        ordered = self.value.desc() if self.sort.descending else self.value.asc()
        if not self.nullable:
            return ordered
        if self.sort.nulls_first:
            return ordered.nulls_first()
        return ordered.nulls_last()


def sort_keys(
    directory: Directory, entity: CompiledEntity, grant: Grant, sort: Sequence[SortKey]
) -> tuple[Key, ...]:
    """Return the keys of a list: what was asked, else the entity's order, then id.

    The entity's order leaves out what the grant hides, since nobody asked for it.
    """
    chosen = list(sort)
    if not chosen:
        for name in entity.list.sort:
            path = tuple(name.lstrip("-").split("."))
            if _is_shown(directory, entity, grant, path):
                chosen.append(SortKey(path, name.startswith("-")))
    paths = [key.path for key in chosen]
    if ("id",) not in paths:
        down = bool(chosen) and chosen[-1].descending
        chosen.append(SortKey(("id",), down))
    return tuple(Key(key) for key in chosen)


def _is_filled(item: CompiledField) -> bool:
    """Return whether a field's column is NOT NULL.

    What a tenant adds to a service stands in `custom`, where records from before lack
    it, however much it is required now.
    """
    return item.column is not None and item.definition.required


def _is_shown(
    directory: Directory, entity: CompiledEntity, grant: Grant, path: Sequence[str]
) -> bool:
    """Return whether a grant, and those of the relations on the way, show a field."""
    name, *rest = path
    if name in entity.system_columns:
        return True
    if not grant.reaches_field(name):
        return False
    if not rest:
        return True
    target = directory.entity(entity.fields[name].target or "")
    return target is not None and _is_shown(
        directory, target, directory.grant(target, "read"), rest
    )


def after(
    scope: Scope, keys: Sequence[OrderedKey], nulls: Sequence[bool], offset: int
) -> sa.ColumnElement[bool]:
    """Return the predicate for the rows after the cursor's.

    `nulls` tells which cursor values are null; they start at `offset` of the request's
    values.
    """
    if any(null and not key.nullable for key, null in zip(keys, nulls, strict=True)):
        refuse_cursor()
    bound = [
        None if null else _value(scope, key, offset + index)
        for index, (key, null) in enumerate(zip(keys, nulls, strict=True))
    ]
    same_way = len({key.sort.descending for key in keys}) == 1
    if same_way and not any(key.nullable for key in keys):
        left = sa.tuple_(*(key.value for key in keys))
        right = sa.tuple_(*(value for value in bound if value is not None))
        return left < right if keys[0].sort.descending else left > right
    alternatives = []
    for index, key in enumerate(keys):
        equal = [_equal(k, b) for k, b in zip(keys[:index], bound[:index], strict=True)]
        alternatives.append(sa.and_(sa.true(), *equal, _beyond(key, bound[index])))
    return sa.or_(*alternatives)


def _value(scope: Scope, key: OrderedKey, index: int) -> sa.ColumnElement[Any]:
    def source(_ctx: RequestContext, values: Sequence[Any]) -> bytes | None:
        return None if values[index] is None else str(values[index]).encode()

    return scope.build.binder.bind(source, key.kind)


def _equal(
    key: OrderedKey, bound: sa.ColumnElement[Any] | None
) -> sa.ColumnElement[bool]:
    return key.value.is_(None) if bound is None else key.value == bound


def _beyond(
    key: OrderedKey, bound: sa.ColumnElement[Any] | None
) -> sa.ColumnElement[bool]:
    """Return whether a row comes after the bound one by this key alone."""
    if bound is None:
        return key.value.is_not(None) if key.sort.nulls_first else sa.false()
    further = key.value < bound if key.sort.descending else key.value > bound
    if key.nullable and not key.sort.nulls_first:
        return sa.or_(further, key.value.is_(None))
    return further
