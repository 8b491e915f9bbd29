"""The difference of two versions by stable id, as the ordered steps of a publish; pure.

A rename is the same id under another name, so it keeps the data. The order makes
every step possible: rules and indexes that go, then what is removed, then new types
and renames (over temporary names where one is in another's way), new tables, new and
changed columns, and last the rules and indexes that come.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from metadata import ddl, identifiers
from metadata.changes_rows import (
    Pair,
    by_id,
    conversion_of,
    is_computed,
    is_converted,
)
from metadata.changes_rules import added, dropped, rules_of, targets_of
from metadata.compiled import CompiledEntity, CompiledField, CompiledService
from metadata.ddl import Step
from metadata.definitions import Service


@dataclass(frozen=True, slots=True)
class Impossible:
    """A change that no SQL can make while keeping the data, or what others rely on."""

    code: str
    path: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything a publish has to do, or why it cannot."""

    steps: tuple[Step, ...]
    impossible: tuple[Impossible, ...]


def compare(
    old: CompiledService | None,
    new: CompiledService,
    others: Mapping[str, Service],
    *,
    trigrams: bool,
    large: Callable[[CompiledEntity], bool] | None = None,
) -> Difference:
    """Return the steps from one version to the next; none when they store alike.

    `others` are the other published services, `large` says of a table of the old
    version whether work on all its rows takes long.
    """
    before = tables_of(old) if old is not None else {}
    after = tables_of(new)
    pairs = [
        Pair(before[i], entity, large is not None and large(before[i]))
        for i, entity in after.items()
        if i in before
    ]
    fresh = [entity for i, entity in after.items() if i not in before]
    removed = [entity for i, entity in before.items() if i not in after]
    old_targets = targets_of(old or new, others)
    targets = targets_of(new, others, pairs)
    rules = [
        (
            pair,
            rules_of(pair.old, old_targets, trigrams=trigrams),
            rules_of(pair.new, targets, trigrams=trigrams),
        )
        for pair in pairs
    ]
    impossible = [*_broken_relations(before, after, others)]
    steps: list[Step] = []
    if after and not before:
        steps.extend(ddl.create_schema(identifiers.schema_name(new.name)))
    for pair, was, becomes in rules:
        steps.extend(dropped(pair, was, becomes))
    for pair in pairs:
        steps.extend(_forget_computed(pair))
    steps.extend(_remove(pairs, removed, old))
    for pair in pairs:
        steps.extend(_retypes(pair, impossible))
    steps.extend(_rename(new, pairs))
    for entity in fresh:
        if entity.parent is None or _parent_is_old(entity, after, before):
            steps.extend(ddl.create_table(entity, trigrams=trigrams))
    for pair in pairs:
        steps.extend(_columns(pair))
    for pair, was, becomes in rules:
        steps.extend(added(pair, was, becomes))
    for entity in fresh:
        for field in entity.stored.values():
            target = targets(field.target) if field.target else None
            if target is not None:
                steps.extend(ddl.foreign_key(entity, field, target.place))
    if before and not after:
        steps.append(ddl.drop_schema(identifiers.schema_name(new.name)))
    return Difference(tuple(steps), tuple(impossible))


def tables_of(service: CompiledService) -> dict[str, CompiledEntity]:
    """Return every table of a service by the id of its entity, lines included."""
    found: dict[str, CompiledEntity] = {}
    for entity in service.entities.values():
        found[entity.id] = entity
        for field in entity.fields.values():
            if field.lines is not None:
                found[field.lines.id] = field.lines
    return found


def _parent_is_old(
    entity: CompiledEntity,
    after: Mapping[str, CompiledEntity],
    before: Mapping[str, CompiledEntity],
) -> bool:
    """Return whether a new lines table belongs to an entity that exists already."""
    return any(
        parent.key == entity.parent and parent.id in before for parent in after.values()
    )


# -- what other services rely on -----------------------------------------------------


def _broken_relations(
    before: Mapping[str, CompiledEntity],
    after: Mapping[str, CompiledEntity],
    others: Mapping[str, Service],
) -> Iterator[Impossible]:
    """Yield the entities that would go while other services point at their records."""
    for field_id, entity in before.items():
        if entity.parent is not None:
            continue
        stays = after.get(field_id)
        if stays is not None and stays.name == entity.name:
            continue
        users = [
            path
            for other in others.values()
            for path, target in other.relations
            if target == entity.key
        ]
        if users:
            what = "be gone" if stays is None else f"be called {stays.name}"
            yield Impossible(
                "still_used",
                "/entities",
                f"{', '.join(sorted(users))} points at the records of "
                f"{entity.name}, which would {what}",
                f"Keep {entity.name} with its id {entity.id}, or change "
                f"{', '.join(sorted({u.partition('.')[0] for u in users}))} first.",
            )


# -- tables and columns --------------------------------------------------------------


def _forget_computed(pair: Pair) -> list[Step]:
    """Return the steps that free columns from what is computed out of them."""
    steps = []
    new = by_id(pair.new)
    for field_id, before in by_id(pair.old).items():
        if not is_computed(before):
            continue
        if field_id not in pair.kept:
            steps.append(ddl.drop_computed(pair.old, before))
        elif not is_computed(new[field_id]):
            steps.append(ddl.keep_computed(pair.old, before))
    return steps


def _remove(
    pairs: list[Pair], removed: list[CompiledEntity], old: CompiledService | None
) -> list[Step]:
    steps: list[Step] = []
    gone = {entity.key for entity in removed}
    for pair in pairs:
        steps.extend(
            ddl.drop_column(pair.old, field)
            for field_id, field in by_id(pair.old).items()
            if field_id not in pair.kept and not is_computed(field)
        )
    for entity in removed:
        for field in entity.stored.values():
            # Tables that point at each other would keep each other from going.
            if field.target in gone and old is not None:
                name = identifiers.foreign_key_name(entity.definition, field.name)
                steps.append(ddl.drop_constraint(entity, name, None))
    for entity in removed:
        if entity.parent not in gone:
            steps.extend(ddl.drop_table(entity))
    for pair in pairs:
        if pair.old.soft_delete and not pair.new.soft_delete:
            steps.extend(ddl.empty_bin(pair.old))
    return steps


def _rename(new: CompiledService, pairs: list[Pair]) -> list[Step]:
    schema = identifiers.schema_name(new.name)
    tables = {
        pair.old.table.name: pair.new.table.name
        for pair in pairs
        if pair.old.table.name != pair.new.table.name
    }
    steps = [
        ddl.rename_table(schema, old, target) for old, target in _over_temporary(tables)
    ]
    for pair in pairs:
        columns = {
            str(old.column): str(field.column)
            for old, field in pair.fields()
            if old.column != field.column
        }
        steps.extend(
            ddl.rename_column(pair.new, old, target)
            for old, target in _over_temporary(columns)
        )
    return steps


def _over_temporary(names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return renames in an order that works; what is in another's way goes twice."""
    wanted = set(names.values())
    parked = {
        old: identifiers.shorten(f"rangka_moving_{old}")
        for old in names
        if old in wanted
    }
    return [
        *parked.items(),
        *((parked.get(old, old), new) for old, new in names.items()),
    ]


def _retypes(pair: Pair, impossible: list[Impossible]) -> list[Step]:
    steps = []
    for before, field in pair.fields():
        if not is_converted(before, field):
            continue
        conversion = conversion_of(before, field)
        if conversion is None:
            impossible.append(_no_conversion(pair, before, field))
        elif ddl.type_of(before) != ddl.type_of(field):
            steps.append(ddl.retype(pair.old, before, field, conversion))
    return steps


def _no_conversion(
    pair: Pair, before: CompiledField, field: CompiledField
) -> Impossible:
    return Impossible(
        "impossible_change",
        f"{pair.new.name}.{field.name}",
        f"{before.type.name} cannot become {field.type.name}",
        "Add a new field of that type, move the values, then remove this one.",
    )


def _columns(pair: Pair) -> list[Step]:
    steps: list[Step] = []
    old = by_id(pair.old)
    fresh = [item for i, item in by_id(pair.new).items() if i not in pair.kept]
    # What is computed comes after the columns it is computed from.
    for field in sorted(fresh, key=is_computed):
        steps.extend(ddl.add_column(pair.new, field, pair.rows))
    for before, field in pair.fields():
        if ddl.is_required(before) == ddl.is_required(field):
            continue
        if not ddl.is_required(field):
            steps.append(ddl.set_optional(pair.new, field))
            continue
        column = ddl.column_of(old[field.id])
        empty = ddl.count_of(f"{pair.rows.table} WHERE {column} IS NULL")
        steps.extend(ddl.set_required(pair.new, field, pair.rows, empty))
    if pair.new.soft_delete and not pair.old.soft_delete:
        steps.append(ddl.add_bin(pair.new))
    return steps
