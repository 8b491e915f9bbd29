"""The difference of two versions by stable id, as the ordered steps of a publish; pure.

A rename is the same id under another name, so it keeps the data. The order makes
every step possible: rules and indexes that go, then what is removed, then renames
(over temporary names where two swap), new tables, new and changed columns, and last
the rules and indexes that come.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

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
    for pair in pairs:
        steps.extend(_retypes(pair, impossible))
    steps.extend(_rename(new, pairs))
    for entity in added:
        if entity.parent is None or _parent_is_old(entity, after, before):
            steps.extend(ddl.create_table(entity, trigrams=trigrams))
    for pair in pairs:
        steps.extend(_columns(pair))
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


@dataclass(frozen=True, slots=True)
class _Rule:
    """An index, check or foreign key.

    `meaning` is equal for two that say the same, whatever the fields are called.
    """

    meaning: object
    step: Step
    is_index: bool
    field_ids: frozenset[str]


def _rules(
    entity: CompiledEntity, targets: Targets, *, trigrams: bool
) -> dict[str, _Rule]:
    """Return every index, check and foreign key of a table by name."""
    found: dict[str, _Rule] = {}

    def add(name: str, meaning: object, step: Step, *ids: str, index: bool) -> None:
        found[name] = _Rule(meaning, step, index, frozenset(ids))

    if entity.parent is None:
        for names in ddl.unique_sets(entity):
            name = identifiers.unique_name(entity.definition, names)
            ids = _ids(entity, names)
            step = ddl.unique_index(entity, names)
            add(name, (ids, entity.soft_delete), step, *ids, index=True)
        for names in ddl.plain_indexes(entity):
            name = identifiers.index_name(entity.definition, names)
            ids = _ids(entity, names)
            add(name, ids, ddl.plain_index(entity, names), *ids, index=True)
        for searched in entity.search if trigrams else ():
            name = identifiers.index_name(entity.definition, (searched,), "tg")
            field_id = entity.fields[searched].id
            step = ddl.trigram_index(entity, searched)
            add(name, field_id, step, field_id, index=True)
    for field in entity.stored.values():
        texts = field.type.check(field.definition, "?")
        for (name, check), text in zip(
            ddl.checks_of(entity, field), texts, strict=True
        ):
            said = (text, ddl.type_of(field))
            step = ddl.add_check(entity, name, check)
            add(name, said, step, field.id, index=False)
        for step in _foreign_key(entity, field, targets):
            name = identifiers.foreign_key_name(entity.definition, field.name)
            pointed = (targets(str(field.target)), field.on_delete)
            add(name, pointed, step, field.id, index=False)
    return found


def _drop_rules(pair: _Pair, targets: Targets, *, trigrams: bool) -> list[Step]:
    old = _rules(pair.old, targets, trigrams=trigrams)
    new = _rules(pair.new, targets, trigrams=trigrams)
    kept = set(_by_id(pair.new))
    return [
        (ddl.drop_index if rule.is_index else ddl.drop_constraint)(
            pair.old, name, rule.step.sql
        )
        for name, rule in old.items()
        # What stands on a removed column goes with the column.
        if rule.field_ids <= kept
        and (name not in new or new[name].meaning != rule.meaning)
    ]


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
    counting = _counting(pair)
    return [
        replace(rule.step, failing_sql=counting.get(name, rule.step.failing_sql))
        for name, rule in new.items()
        if name not in own and (name not in old or old[name].meaning != rule.meaning)
    ]


def _counting(pair: _Pair) -> dict[str, str | None]:
    """Return, by check, the query for stored values that would break it.

    The step runs after renames and new types; the query runs now, so it reads the old
    column under its old name, converted as the new type would have it.
    """
    queries: dict[str, str | None] = {}
    table = ddl.table_of(pair.old)
    for before, field in pair.fields():
        column, guard = ddl.quote(str(before.column)), "false"
        value = column
        if ddl.type_of(before) != ddl.type_of(field):
            conversion = field.type.conversion(before.definition, field.definition)
            if conversion is None:
                # The change is refused as impossible; there is nothing to count.
                queries.update(
                    (name, None) for name, _ in ddl.checks_of(pair.new, field)
                )
                continue
            value, guard = f"({conversion.using})", conversion.fails or "false"
        names = [name for name, _ in ddl.checks_of(pair.new, field)]
        texts = field.type.check(field.definition, value)
        for name, text in zip(names, texts, strict=True):
            queries[name] = (
                f"SELECT {column}::text AS value FROM {table} WHERE {column} "
                f"IS NOT NULL AND CASE WHEN {guard} THEN false ELSE NOT ({text}) END"
            )
    return queries


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


def _retypes(pair: _Pair, impossible: list[Impossible]) -> list[Step]:
    return [
        step
        for before, field in pair.fields()
        for step in _retype(pair, before, field, impossible)
    ]


def _columns(pair: _Pair) -> list[Step]:
    steps: list[Step] = []
    old = _by_id(pair.old)
    for field_id, field in _by_id(pair.new).items():
        if field_id not in old:
            steps.extend(ddl.add_column(pair.new, field))
            continue
        before = old[field_id]
        if _is_generated(pair.old, before) or _is_generated(pair.new, field):
            steps.extend(_regenerate(pair, before, field))
            continue
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
    if _is_generated(pair.old, before) or _is_generated(pair.new, field):
        return []
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
    return [ddl.retype(pair.old, before, field, conversion)]


def _is_generated(entity: CompiledEntity, field: CompiledField) -> bool:
    return ddl.generated_sql(entity, field) is not None


def _regenerate(pair: _Pair, before: CompiledField, field: CompiledField) -> list[Step]:
    """Return the steps for a computed column whose expression or type changed."""
    same = ddl.generated_sql(pair.old, before) == ddl.generated_sql(
        pair.new, field
    ) and ddl.type_of(before) == ddl.type_of(field)
    if same:
        return []
    drop = ddl.drop_column(pair.new, field)
    if _is_generated(pair.old, before):
        # Nothing is lost: the values are computed anew.
        drop = replace(drop, loses=None)
    return [drop, *ddl.add_column(pair.new, field)]
