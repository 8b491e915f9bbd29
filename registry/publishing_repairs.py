"""What an administrator runs, as the owner role, to repair one drifted thing; pure."""

from collections.abc import Mapping

from metadata import ddl, identifiers
from metadata.changes import tables_of
from metadata.changes_rules import targets_of
from metadata.compiled import CompiledEntity, CompiledService
from metadata.definitions import Service
from registry.publishing_facts import Thing

_ASK = "Restore it from a backup, or compare with the version's export."


def repair(
    service: CompiledService,
    others: Mapping[str, Service],
    thing: Thing,
    expected: str,
    *,
    missing: bool,
) -> str:
    """Return the remedy for a thing that is missing, or is not as `expected`."""
    if thing.kind == "schema":
        schema = identifiers.schema_name(service.name)
        return f"Run: {ddl.create_schema(schema)[1].sql}"
    for entity in tables_of(service).values():
        if entity.table.name != thing.table:
            continue
        if thing.kind == "table" and missing:
            return "Its records are gone: restore the table from a backup."
        sql = _statement(service, others, entity, thing, expected)
        return f"Run: {sql}" if sql else _ASK
    return _ASK


def _statement(
    service: CompiledService,
    others: Mapping[str, Service],
    entity: CompiledEntity,
    thing: Thing,
    expected: str,
) -> str | None:
    match thing.kind:
        case "table":
            return ddl.row_security(entity)[0].sql
        case "column":
            return _column(entity, thing.name, expected)
        case "constraint":
            return _constraint(entity, thing.name, expected)
        case "foreign_key":
            return _foreign_key(service, others, entity, thing.name)
        case "index":
            return _index(entity, thing.name)
        case "policy":
            return _policy(entity, thing.name)
        case "grant":
            return _grant(entity, thing.name, expected)
    return None


def _policy(entity: CompiledEntity, name: str) -> str | None:
    for step in ddl.row_security(entity):
        if step.sql.startswith(f"CREATE POLICY {name} "):
            drop = f"DROP POLICY IF EXISTS {name} ON {ddl.table_of(entity)}"
            return f"{drop}; {step.sql}"
    return None


def _grant(entity: CompiledEntity, name: str, expected: str) -> str:
    table, role = ddl.table_of(entity), ddl.quote(name)
    return f"REVOKE ALL ON {table} FROM {role}; GRANT {expected} ON {table} TO {role}"


def _column(entity: CompiledEntity, name: str, expected: str) -> str:
    table, column = ddl.table_of(entity), ddl.quote(name)
    for field in entity.stored.values():
        if field.column == name and ddl.generated_sql(entity, field) is not None:
            return (
                f"ALTER TABLE {table} DROP COLUMN IF EXISTS {column}; "
                f"ALTER TABLE {table} ADD COLUMN {ddl.column_sql(entity, field)}"
            )
    kind, _, default = expected.partition(" default ")
    kind, required, _ = kind.partition(" not null")
    changes = [
        f"ALTER COLUMN {column} TYPE {kind}",
        f"ALTER COLUMN {column} "
        + (f"SET DEFAULT {default}" if default else "DROP DEFAULT"),
        f"ALTER COLUMN {column} {'SET' if required else 'DROP'} NOT NULL",
    ]
    return (
        f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column} {kind}; "
        f"ALTER TABLE {table} {', '.join(changes)}"
    )


def _constraint(entity: CompiledEntity, name: str, text: str) -> str:
    table, quoted = ddl.table_of(entity), ddl.quote(name)
    return (
        f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {quoted}; "
        f"ALTER TABLE {table} ADD CONSTRAINT {quoted} {text}"
    )


def _foreign_key(
    service: CompiledService,
    others: Mapping[str, Service],
    entity: CompiledEntity,
    name: str,
) -> str | None:
    targets = targets_of(service, others)
    for field in entity.stored.values():
        target = targets(field.target) if field.target else None
        if target is not None:
            own, text = ddl.foreign_key_sql(entity, field, target.place)
            if own == name:
                return _constraint(entity, name, text)
    if entity.parent is not None:
        return _constraint(entity, name, ddl.parent_key_sql(entity))
    return None


def _index(entity: CompiledEntity, name: str) -> str | None:
    # Whether the extension is there does not matter for an index that is expected.
    for index in ddl.indexes_of(entity, trigrams=True):
        if index.name == name:
            return f"{index.drop()}; {index.create()}"
    return None
