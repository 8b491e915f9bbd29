"""Indexes, checks and foreign keys of a table in two versions; pure.

They are compared by what they say in terms of stable ids, not by what they are called,
so that a rename of a field, an entity or a target touches none of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from metadata import ddl, identifiers
from metadata.changes_rows import Pair, by_id
from metadata.compiled import CompiledEntity, CompiledField, CompiledService
from metadata.ddl import Index, Rows, Step
from metadata.definitions import Service


@dataclass(frozen=True, slots=True)
class Target:
    """What a foreign key points at.

    Attributes:
        identity: equal for the same table in two versions.
        place: quoted table and quoted key column.
        rows: what the table will hold: SQL in brackets, or the table.
    """

    identity: str
    place: tuple[str, str]
    rows: str


Targets = Callable[[str], Target | None]
"""`service.entity` → what a relation to it points at."""

_NO_ROWS = "(SELECT NULL::uuid AS tenant_id, NULL::uuid AS id WHERE false)"


def targets_of(
    service: CompiledService,
    others: Mapping[str, Service],
    pairs: Sequence[Pair] | None = None,
) -> Targets:
    """Return how relations of a version find their targets.

    `pairs` are its tables that exist already; None where all of them do.
    """
    known = None if pairs is None else {pair.new.id: pair for pair in pairs}

    def own(entity: CompiledEntity) -> Target:
        rows = ddl.table_of(entity)
        if known is not None and entity.id not in known:
            rows = _NO_ROWS
        elif known is not None:
            old = known[entity.id].old
            goes = old.soft_delete and not entity.soft_delete
            live = " WHERE deleted_at IS NULL" if goes else ""
            rows = f"(SELECT tenant_id, id FROM {ddl.table_of(old)}{live})"
        return Target(f"own {entity.id}", (ddl.table_of(entity), "id"), rows)

    def target(key: str) -> Target | None:
        name, _, entity = key.partition(".")
        if key == "platform.users":
            place = ("rangka.memberships", "user_id")
            return Target(key, place, place[0])
        if name == service.name:
            found = service.entities.get(entity)
            return own(found) if found else None
        other = others.get(name)
        ids = {item.name: item.id for item in other.entities} if other else {}
        if entity not in ids:
            return None
        table = (
            f"{ddl.quote(identifiers.schema_name(name))}."
            f"{ddl.quote(identifiers.table_name(entity))}"
        )
        return Target(f"{name} {ids[entity]}", (table, "id"), table)

    return target


@dataclass(frozen=True, slots=True)
class Rule:
    """An index, check or foreign key; `meaning` is equal for two that say the same."""

    meaning: object
    field_ids: frozenset[str]
    add: Callable[[Rows], list[Step]]
    drop: Step


def rules_of(
    entity: CompiledEntity, targets: Targets, *, trigrams: bool
) -> dict[str, Rule]:
    """Return every index, check and foreign key on the fields of a table, by name."""
    found = {
        index.name: _index_rule(entity, index)
        for index in ddl.indexes_of(entity, trigrams=trigrams)
        if index.fields
    }
    for field in entity.stored.values():
        texts = field.type.check(field.definition, "?")
        for (name, check), text in zip(
            ddl.checks_of(entity, field), texts, strict=True
        ):
            found[name] = _check_rule(entity, field, name, check, text)
        target = targets(field.target) if field.target else None
        if target is not None:
            name, _ = ddl.foreign_key_sql(entity, field, target.place)
            found[name] = _foreign_key_rule(entity, field, name, target)
    return found


def _index_rule(entity: CompiledEntity, index: Index) -> Rule:
    # The engine's own columns, such as created_at, stand under their names.
    fields = [entity.fields[n] for n in index.fields if n in entity.fields]
    ids = tuple(
        entity.fields[name].id if name in entity.fields else name
        for name in index.fields
    )
    meaning: tuple[object, ...] = ids
    if index.unique:
        # Converted values may be alike where the old ones were not: build it anew.
        kinds = tuple(ddl.type_of(field) for field in fields)
        meaning = (ids, entity.soft_delete, kinds)

    def add(rows: Rows) -> list[Step]:
        step = ddl.add_index(index, large=rows.large)
        failing = ddl.shared_values(index, rows.future) if index.unique else None
        return [replace(step, failing_sql=failing, rows_sql=ddl.count_of(rows.table))]

    own = frozenset(field.id for field in fields)
    return Rule(meaning, own, add, ddl.drop_index(index))


def _check_rule(
    entity: CompiledEntity, field: CompiledField, name: str, check: str, text: str
) -> Rule:
    def add(rows: Rows) -> list[Step]:
        return ddl.add_check(entity, field, name, check, rows)

    inverse = (
        f"ALTER TABLE {ddl.table_of(entity)} ADD CONSTRAINT {ddl.quote(name)} "
        f"CHECK ({check})"
    )
    drop = ddl.drop_constraint(entity, name, inverse)
    return Rule((text, ddl.type_of(field)), frozenset({field.id}), add, drop)


def _foreign_key_rule(
    entity: CompiledEntity, field: CompiledField, name: str, target: Target
) -> Rule:
    def add(rows: Rows) -> list[Step]:
        return ddl.foreign_key(entity, field, target.place, rows, target.rows)

    (plain,) = ddl.foreign_key(entity, field, target.place)
    drop = ddl.drop_constraint(entity, name, plain.sql)
    meaning = (target.identity, field.on_delete)
    return Rule(meaning, frozenset({field.id}), add, drop)


def dropped(pair: Pair, old: Mapping[str, Rule], new: Mapping[str, Rule]) -> list[Step]:
    """Return the steps for rules that go; with its column a rule goes by itself."""
    return [
        rule.drop
        for name, rule in old.items()
        if rule.field_ids <= pair.kept
        and (name not in new or new[name].meaning != rule.meaning)
    ]


def added(pair: Pair, old: Mapping[str, Rule], new: Mapping[str, Rule]) -> list[Step]:
    """Return the steps for rules that come, those of new columns included."""
    fresh = set(by_id(pair.new)) - pair.kept
    return [
        step
        for name, rule in new.items()
        if name not in old
        or old[name].meaning != rule.meaning
        or rule.field_ids & fresh
        for step in rule.add(pair.rows)
    ]
