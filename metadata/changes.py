"""The difference of two versions by stable id, as the ordered steps of a publish; pure.

A rename is the same id under another name, so it keeps the data. The order makes
every step possible: rules and indexes that go, then what is removed, then renames
(over temporary names where two swap), new tables, new and changed columns, and last
the rules and indexes that come.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from metadata import ddl, identifiers
from metadata.compiled import CompiledEntity, CompiledField, CompiledService
from metadata.ddl import Step

Targets = Callable[[str], tuple[str, str] | None]
"""`service.entity` → (quoted table, quoted key column) a foreign key points at."""


@dataclass(frozen=True, slots=True)
class Impossible:
    """A change that no SQL can make while keeping the data."""

    path: str
    message: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything a publish has to do, or why it cannot."""

    steps: tuple[Step, ...]
    impossible: tuple[Impossible, ...]


@dataclass(frozen=True, slots=True)
class _Pair:
    """One table in both versions."""

    old: CompiledEntity
    new: CompiledEntity

    def fields(self) -> Iterator[tuple[CompiledField, CompiledField]]:
        """Yield the stored fields that both versions have."""
        old = _by_id(self.old)
        for field_id, field in _by_id(self.new).items():
            if field_id in old:
                yield old[field_id], field


def compare(
    old: CompiledService | None,
    new: CompiledService,
    targets: Targets,
    *,
    trigrams: bool,
) -> Difference:
    """Return the steps from one version to the next; none when they store alike."""
    before = _tables(old) if old is not None else {}
    after = _tables(new)
    pairs = [_Pair(before[i], entity) for i, entity in after.items() if i in before]
    added = [entity for i, entity in after.items() if i not in before]
    removed = [entity for i, entity in before.items() if i not in after]
    impossible: list[Impossible] = []
    steps: list[Step] = []
    if old is None and after:
        steps.extend(ddl.create_schema(identifiers.schema_name(new.name)))
    for pair in pairs:
        steps.extend(_drop_rules(pair, targets, trigrams=trigrams))
    steps.extend(_remove(pairs, removed))
    steps.extend(_rename(new, pairs))
    for entity in added:
        if entity.parent is None or _parent_is_old(entity, after, before):
            steps.extend(ddl.create_table(entity, trigrams=trigrams))
    for pair in pairs:
        steps.extend(_columns(pair, impossible))
    for pair in pairs:
        steps.extend(_add_rules(pair, targets, trigrams=trigrams))
    for entity in added:
        for field in entity.stored.values():
            steps.extend(_foreign_key(entity, field, targets))
    return Difference(tuple(steps), tuple(impossible))


def _tables(service: CompiledService) -> dict[str, CompiledEntity]:
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


def _by_id(entity: CompiledEntity) -> dict[str, CompiledField]:
    return {field.id: field for field in entity.stored.values()}


def _ids(entity: CompiledEntity, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(entity.fields[name].id for name in names)


# -- rules and indexes: compared by what they say, not by what they are called -------


def _rules(
    entity: CompiledEntity, targets: Targets, *, trigrams: bool
) -> dict[str, tuple[object, Step, str]]:
    """Return every index, check and foreign key: name → (meaning, step, kind)."""
    found: dict[str, tuple[object, Step, str]] = {}
    if entity.parent is None:
        for names in ddl.unique_sets(entity):
            name = identifiers.unique_name(entity.definition, names)
            unique = (_ids(entity, names), entity.soft_delete)
            found[name] = (unique, ddl.unique_index(entity, names), "index")
        for names in ddl.plain_indexes(entity):
            name = identifiers.index_name(entity.definition, names)
            found[name] = (_ids(entity, names), ddl.plain_index(entity, names), "index")
        for searched in entity.search if trigrams else ():
            name = identifiers.index_name(entity.definition, (searched,), "tg")
            found[name] = (searched, ddl.trigram_index(entity, searched), "index")
    for field in entity.stored.values():
        texts = field.type.check(field.definition, "?")
        for (name, check), text in zip(
            ddl.checks_of(entity, field), texts, strict=True
        ):
            said = (text, ddl.type_of(field))
            found[name] = (said, ddl.add_check(entity, name, check), "rule")
        for step in _foreign_key(entity, field, targets):
            name = identifiers.foreign_key_name(entity.definition, field.name)
            pointed = (targets(str(field.target)), field.on_delete)
            found[name] = (pointed, step, "rule")
    return found


def _drop_rules(pair: _Pair, targets: Targets, *, trigrams: bool) -> list[Step]:
    old = _rules(pair.old, targets, trigrams=trigrams)
    new = _rules(pair.new, targets, trigrams=trigrams)
    steps = []
    for name, (meaning, step, kind) in old.items():
        if name in new and new[name][0] == meaning:
            continue
        drop = ddl.drop_index if kind == "index" else ddl.drop_constraint
        steps.append(drop(pair.old, name, step.sql))
    return steps


def _add_rules(pair: _Pair, targets: Targets, *, trigrams: bool) -> list[Step]:
    old = _rules(pair.old, targets, trigrams=trigrams)
    new = _rules(pair.new, targets, trigrams=trigrams)
    # The checks of a new column come with the column.
    fresh = set(_by_id(pair.new)) - set(_by_id(pair.old))
    own = {
        name
        for field in pair.new.stored.values()
        if field.id in fresh
        for name, _ in ddl.checks_of(pair.new, field)
    }
    return [
        step
        for name, (meaning, step, _) in new.items()
        if name not in own and (name not in old or old[name][0] != meaning)
    ]


def _foreign_key(
    entity: CompiledEntity, field: CompiledField, targets: Targets
) -> list[Step]:
    if field.target is None:
        return []
    target = targets(field.target)
    return [] if target is None else [ddl.foreign_key(entity, field, target)]


# -- tables and columns --------------------------------------------------------------


def _remove(pairs: list[_Pair], removed: list[CompiledEntity]) -> list[Step]:
    steps: list[Step] = []
    gone = {entity.key for entity in removed}
    for pair in pairs:
        kept = _by_id(pair.new)
        steps.extend(
            ddl.drop_column(pair.old, field)
            for field_id, field in _by_id(pair.old).items()
            if field_id not in kept
        )
    for entity in removed:
        if entity.parent not in gone:
            steps.extend(ddl.drop_table(entity))
    return steps


def _rename(new: CompiledService, pairs: list[_Pair]) -> list[Step]:
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
    """Return renames in an order that works; those in each other's way go twice."""
    blocked = {old for old, new in names.items() if new in names}
    parked = {old: identifiers.shorten(f"rangka_moving_{old}") for old in blocked}
    first = list(parked.items())
    return [*first, *((parked.get(old, old), new) for old, new in names.items())]


def _columns(pair: _Pair, impossible: list[Impossible]) -> list[Step]:
    steps: list[Step] = []
    old = _by_id(pair.old)
    for field_id, field in _by_id(pair.new).items():
        if field_id not in old:
            steps.extend(ddl.add_column(pair.new, field))
            continue
        before = old[field_id]
        steps.extend(_retype(pair, before, field, impossible))
        required = ddl.is_required(field)
        if ddl.is_required(before) != required:
            steps.extend(ddl.set_required(pair.new, field, required=required))
    if pair.old.soft_delete != pair.new.soft_delete:
        steps.append(ddl.set_soft_delete(pair.new, on=pair.new.soft_delete))
    return steps


def _retype(
    pair: _Pair,
    before: CompiledField,
    field: CompiledField,
    impossible: list[Impossible],
) -> list[Step]:
    old_sql, new_sql = (
        ddl.generated_sql(pair.old, before),
        ddl.generated_sql(pair.new, field),
    )
    if old_sql is not None or new_sql is not None:
        same = old_sql == new_sql and ddl.type_of(before) == ddl.type_of(field)
        if same:
            return []
        return [ddl.drop_column(pair.new, field), *ddl.add_column(pair.new, field)]
    if ddl.type_of(before) == ddl.type_of(field):
        return []
    conversion = field.type.conversion(before.definition, field.definition)
    if conversion is None:
        impossible.append(
            Impossible(
                f"{pair.new.name}.{field.name}",
                f"{before.type.name} cannot become {field.type.name}",
                "Add a new field of that type, move the values, then remove this one.",
            )
        )
        return []
    return [ddl.retype(pair.new, before, field, conversion)]
