"""SQL that makes and changes the tables of a service, one step at a time; pure.

Owns the physical layout: columns, keys, checks, indexes, row security, grants. Which
steps a change of definition needs is `changes.py`. Every step says which lock it
takes (PostgreSQL manual, "Explicit Locking"), whether the table is rewritten, what it
loses and what would undo it. Identifiers are quoted and come from `identifiers.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.dialects import postgresql

from metadata import identifiers
from metadata.compiled import CompiledEntity, CompiledField

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_PREPARER = _DIALECT.identifier_preparer

EXCLUSIVE = "ACCESS EXCLUSIVE"
SHARE_ROW = "SHARE ROW EXCLUSIVE"
SHARE_UPDATE = "SHARE UPDATE EXCLUSIVE"
SHARE = "SHARE"
NONE = "none"

TENANT = "(SELECT nullif(current_setting('rangka.tenant', true), ''))::uuid"


@dataclass(frozen=True, slots=True)
class Loss:
    """What a step destroys; publishing needs consent by this name."""

    name: str
    what: str
    rows_sql: str


@dataclass(frozen=True, slots=True)
class Step:
    """One statement of a publish.

    Attributes:
        lock: strongest lock on the table it changes; `none` for a new table.
        rewrites: whether PostgreSQL writes every row anew.
        inverse: SQL that undoes it; None when nothing can bring the data back.
        failing_sql: query `(value)` for rows that would make the step fail.
        rows_sql: query for the number of rows the step reads or writes.
    """

    summary: str
    sql: str
    lock: str = NONE
    rewrites: bool = False
    loses: Loss | None = None
    inverse: str | None = None
    failing_sql: str | None = None
    rows_sql: str | None = None


def quote(name: str) -> str:
    """Return the identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return the text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def table_of(entity: CompiledEntity) -> str:
    """Return the schema-qualified, quoted table."""
    return f"{quote(str(entity.table.schema))}.{quote(entity.table.name)}"


def type_of(field: CompiledField) -> str:
    """Return the SQL type of a stored field."""
    kind = field.type.sql_type(field.definition)
    return str(kind.compile(dialect=_DIALECT))


def create_schema(schema: str) -> list[Step]:
    """Return the steps for a service's first table."""
    name = quote(schema)
    return [
        Step(
            f"Create the schema {schema}",
            f"CREATE SCHEMA {name}",
            inverse=f"DROP SCHEMA {name}",
        ),
        Step(
            "Let the application use the schema",
            f"GRANT USAGE ON SCHEMA {name} TO rangka_app",
            inverse=f"REVOKE USAGE ON SCHEMA {name} FROM rangka_app",
        ),
    ]


def create_table(entity: CompiledEntity, *, trigrams: bool) -> list[Step]:
    """Return the steps for a new entity: table, keys, row security, indexes.

    Foreign keys come later (`foreign_keys`), when every target exists.
    """
    table = table_of(entity)
    lines = [*_system_columns(entity)]
    lines.extend(column_sql(entity, field) for field in entity.stored.values())
    constraint = quote(identifiers.primary_key_name(entity.definition))
    lines.append(f"CONSTRAINT {constraint} PRIMARY KEY (tenant_id, id)")
    for field in entity.stored.values():
        lines.extend(
            f"CONSTRAINT {quote(name)} CHECK ({check})"
            for name, check in checks_of(entity, field)
        )
    if entity.parent is not None:
        lines.append(_parent_key(entity))
    body = ",\n  ".join(lines)
    steps = [
        Step(
            f"Create the table of {entity.name}",
            f"CREATE TABLE {table} (\n  {body}\n)",
            inverse=f"DROP TABLE {table}",
        ),
        *row_security(entity),
        *(replace(step, lock=NONE) for step in indexes_of(entity, trigrams=trigrams)),
    ]
    for field in entity.fields.values():
        if field.lines is not None:
            steps.extend(create_table(field.lines, trigrams=trigrams))
    return steps


def row_security(entity: CompiledEntity) -> list[Step]:
    """Return the steps that let each tenant see its own rows only."""
    table = table_of(entity)
    return [
        Step(
            f"Turn on row security for {entity.name}",
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            inverse=f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, "
            "DISABLE ROW LEVEL SECURITY",
        ),
        Step(
            f"Let each tenant reach its own {entity.name} only",
            f"CREATE POLICY tenant ON {table} USING (tenant_id = {TENANT}) "
            f"WITH CHECK (tenant_id = {TENANT})",
            inverse=f"DROP POLICY tenant ON {table}",
        ),
        Step(
            "Let the owner role count rows for plans and change them when published",
            f"CREATE POLICY owner ON {table} TO rangka_owner USING (true) "
            "WITH CHECK (true)",
            inverse=f"DROP POLICY owner ON {table}",
        ),
        Step(
            f"Let the application read and write {entity.name}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO rangka_app",
            inverse=f"REVOKE ALL ON {table} FROM rangka_app",
        ),
    ]


def column_sql(entity: CompiledEntity, field: CompiledField) -> str:
    """Return a column as CREATE TABLE and ADD COLUMN write it."""
    name, kind = quote(str(field.column)), type_of(field)
    generated = generated_sql(entity, field)
    if generated is not None:
        return f"{name} {kind} GENERATED ALWAYS AS ({generated}) STORED"
    return f"{name} {kind}{' NOT NULL' if is_required(field) else ''}"


def is_required(field: CompiledField) -> bool:
    """Return whether the column is NOT NULL."""
    return field.definition.required or field.type.name == "sequence"


def generated_sql(entity: CompiledEntity, field: CompiledField) -> str | None:
    """Return the expression of a generated column, None for an ordinary one."""
    expression = getattr(field.type, "generated", None)
    if expression is None:
        return None
    columns = {name: quote(str(f.column)) for name, f in entity.stored.items()}
    text: str | None = expression(field.definition, columns)
    return text


def checks_of(entity: CompiledEntity, field: CompiledField) -> list[tuple[str, str]]:
    """Return the named checks of a column: (name, expression)."""
    column = quote(str(field.column))
    expressions = field.type.check(field.definition, column)
    return [
        (identifiers.check_name(entity.definition, field.name, number), expression)
        for number, expression in enumerate(expressions)
    ]


def indexes_of(entity: CompiledEntity, *, trigrams: bool) -> list[Step]:
    """Return the steps for every key and index of an entity besides its primary key."""
    if entity.parent is not None:
        return [_index(entity, _line_index_name(entity), "parent_id, position", "")]
    steps = [
        _index(
            entity,
            identifiers.default_index_name(entity.definition),
            "created_at DESC, id DESC",
            "",
        )
    ]
    steps.extend(unique_index(entity, names) for names in unique_sets(entity))
    steps.extend(plain_index(entity, names) for names in plain_indexes(entity))
    if trigrams:
        steps.extend(trigram_index(entity, name) for name in entity.search)
    return steps


def unique_sets(entity: CompiledEntity) -> list[tuple[str, ...]]:
    """Return every set of fields that no two records of a tenant share."""
    single = [
        (name,)
        for name, field in entity.stored.items()
        if field.definition.unique or field.type.name == "sequence"
    ]
    return [*single, *entity.definition.unique]


def plain_indexes(entity: CompiledEntity) -> list[tuple[str, ...]]:
    """Return the fields of every index that only makes things fast."""
    taken = set(unique_sets(entity))
    wanted = [
        (name,)
        for name, field in entity.stored.items()
        if field.definition.index or field.target is not None
    ]
    return [
        names
        for names in dict.fromkeys([*wanted, *entity.definition.indexes])
        if names not in taken
    ]


def unique_index(entity: CompiledEntity, names: Sequence[str]) -> Step:
    """Return the step for a unique key; deleted records do not count."""
    live = " WHERE deleted_at IS NULL" if entity.soft_delete else ""
    step = _index(
        entity,
        identifiers.unique_name(entity.definition, names),
        columns_sql(entity, names),
        live,
        unique=True,
    )
    filled = " AND ".join(f"{column} IS NOT NULL" for column in _columns(entity, names))
    where = f"WHERE {filled}" + (" AND deleted_at IS NULL" if live else "")
    columns = ", ".join(_columns(entity, names))
    return replace(
        step,
        summary=f"No two {entity.name} of a tenant share {', '.join(names)}",
        failing_sql=(
            f"SELECT concat_ws(', ', {columns}) AS value FROM {table_of(entity)} "
            f"{where} GROUP BY tenant_id, {columns} HAVING count(*) > 1"
        ),
    )


def plain_index(entity: CompiledEntity, names: Sequence[str]) -> Step:
    """Return the step for an index over fields."""
    return _index(
        entity,
        identifiers.index_name(entity.definition, names),
        f"{columns_sql(entity, names)}, id",
        "",
    )


def trigram_index(entity: CompiledEntity, name: str) -> Step:
    """Return the step for the index behind the search box (pg_trgm)."""
    column = quote(str(entity.fields[name].column))
    index = identifiers.index_name(entity.definition, (name,), "tg")
    schema = quote(str(entity.table.schema))
    return Step(
        f"Make searching {entity.name} by {name} fast",
        f"CREATE INDEX {quote(index)} ON {table_of(entity)} "
        f"USING gin ({column} public.gin_trgm_ops)",
        lock=SHARE,
        inverse=f"DROP INDEX {schema}.{quote(index)}",
        rows_sql=f"SELECT count(*) FROM {table_of(entity)}",
    )


def foreign_key(
    entity: CompiledEntity, field: CompiledField, target: tuple[str, str]
) -> Step:
    """Return the step for a relation's foreign key; it checks the rows there are.

    `target` is the quoted table and the quoted key column it points at. The key holds
    the tenant, so that a record never refers to another tenant's.
    """
    name = identifiers.foreign_key_name(entity.definition, field.name)
    table, column = table_of(entity), quote(str(field.column))
    action = {
        "restrict": "NO ACTION",
        "cascade": "CASCADE",
        "set_null": f"SET NULL ({column})",
    }[field.on_delete or "restrict"]
    place, key = target
    return Step(
        f"Let {entity.name}.{field.name} point at existing records only",
        f"ALTER TABLE {table} ADD CONSTRAINT {quote(name)} FOREIGN KEY "
        f"(tenant_id, {column}) REFERENCES {place} (tenant_id, {key}) "
        f"ON DELETE {action}",
        lock=SHARE_ROW,
        inverse=f"ALTER TABLE {table} DROP CONSTRAINT {quote(name)}",
        failing_sql=(
            f"SELECT t.{column}::text AS value FROM {table} t WHERE t.{column} "
            f"IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {place} r WHERE "
            f"r.tenant_id = t.tenant_id AND r.{key} = t.{column})"
        ),
        rows_sql=f"SELECT count(*) FROM {table}",
    )


def drop_table(entity: CompiledEntity) -> list[Step]:
    """Return the steps that remove an entity and all its records."""
    steps = [
        step
        for field in entity.fields.values()
        if field.lines is not None
        for step in drop_table(field.lines)
    ]
    table = table_of(entity)
    count = f"SELECT count(*) FROM {table}"
    loss = Loss(entity.key.partition(".")[2], f"every record of {entity.name}", count)
    return [
        *steps,
        Step(
            f"Remove {entity.name} with all its records",
            f"DROP TABLE {table}",
            lock=EXCLUSIVE,
            loses=loss,
            rows_sql=count,
        ),
    ]


def add_column(entity: CompiledEntity, field: CompiledField) -> list[Step]:
    """Return the steps for a new field.

    With a plain default the existing rows get it without a rewrite; a required field
    without one can only be added while there are no rows.
    """
    table, column = table_of(entity), quote(str(field.column))
    default = default_sql(field)
    sql = f"ALTER TABLE {table} ADD COLUMN {column_sql(entity, field)}"
    count = f"SELECT count(*) FROM {table}"
    must = is_required(field)
    generated = generated_sql(entity, field) is not None
    steps = [
        Step(
            f"Add {field.name} to {entity.name}",
            f"{sql} DEFAULT {default}" if default else sql,
            lock=EXCLUSIVE,
            rewrites=generated,
            inverse=f"ALTER TABLE {table} DROP COLUMN {column}",
            failing_sql=(
                f"SELECT id::text AS value FROM {table}"
                if must and not default
                else None
            ),
            rows_sql=count if default or generated else None,
        )
    ]
    if default:
        # New rows get their default from the engine, which knows `$now` and presets.
        steps.append(
            Step(
                f"Leave the default of {field.name} to the engine",
                f"ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT",
                lock=EXCLUSIVE,
                inverse=f"ALTER TABLE {table} ALTER COLUMN {column} "
                f"SET DEFAULT {default}",
            )
        )
    steps.extend(add_check(entity, *check) for check in checks_of(entity, field))
    return steps


def default_sql(field: CompiledField) -> str | None:
    """Return the constant default of a field as SQL, None when there is none."""
    value = field.definition.default
    if value is None or (isinstance(value, str) and value.startswith("$")):
        return None
    text = field.type.to_parameter(field.definition, value)
    return None if text is None else f"{literal(text)}::{type_of(field)}"


def drop_column(entity: CompiledEntity, field: CompiledField) -> Step:
    """Return the step that removes a field and what stands in it."""
    table, column = table_of(entity), quote(str(field.column))
    filled = f"SELECT count(*) FROM {table} WHERE {column} IS NOT NULL"
    return Step(
        f"Remove {field.name} from {entity.name}",
        f"ALTER TABLE {table} DROP COLUMN {column}",
        lock=EXCLUSIVE,
        loses=Loss(f"{entity.name}.{field.name}", "the values of this field", filled),
        rows_sql=filled,
    )


def rename_column(entity: CompiledEntity, old: str, new: str) -> Step:
    """Return the step that renames a column; its values stay."""
    table = table_of(entity)
    change = f"ALTER TABLE {table} RENAME COLUMN"
    return Step(
        f"Rename {old} to {new} in {entity.name}",
        f"{change} {quote(old)} TO {quote(new)}",
        lock=EXCLUSIVE,
        inverse=f"{change} {quote(new)} TO {quote(old)}",
    )


def rename_table(schema: str, old: str, new: str) -> Step:
    """Return the step that renames a table; its rows stay."""
    place = quote(schema)
    return Step(
        f"Rename the table {old} to {new}",
        f"ALTER TABLE {place}.{quote(old)} RENAME TO {quote(new)}",
        lock=EXCLUSIVE,
        inverse=f"ALTER TABLE {place}.{quote(new)} RENAME TO {quote(old)}",
    )


def retype(
    entity: CompiledEntity, old: CompiledField, new: CompiledField, conversion: Any
) -> Step:
    """Return the step that changes a column's type and keeps its values.

    Runs before renames: the column still has its old name.
    """
    table, column = table_of(entity), quote(str(old.column))
    fails = conversion.fails
    return Step(
        f"Turn {old.name} of {entity.name} from {old.type.name} into {new.type.name}",
        f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {type_of(new)} "
        f"USING ({conversion.using})",
        lock=EXCLUSIVE,
        rewrites=conversion.rewrites,
        inverse=(
            f"ALTER TABLE {table} ALTER COLUMN {column} TYPE {type_of(old)} "
            f"USING ({column}::{type_of(old)})"
        ),
        failing_sql=(
            f"SELECT {column}::text AS value FROM {table} "
            f"WHERE {column} IS NOT NULL AND ({fails})"
            if fails
            else None
        ),
        rows_sql=f"SELECT count(*) FROM {table}",
    )


def set_required(
    entity: CompiledEntity, field: CompiledField, *, required: bool
) -> list[Step]:
    """Return the steps that demand a value, or stop demanding one."""
    table, column = table_of(entity), quote(str(field.column))
    change = f"ALTER TABLE {table} ALTER COLUMN {column}"
    if not required:
        return [
            Step(
                f"Let {field.name} of {entity.name} be empty",
                f"{change} DROP NOT NULL",
                lock=EXCLUSIVE,
                inverse=f"{change} SET NOT NULL",
            )
        ]
    steps = []
    default = default_sql(field)
    empty = f"{table} WHERE {column} IS NULL"
    if default:
        steps.append(
            Step(
                f"Give existing {entity.name} without {field.name} its default",
                f"UPDATE {table} SET {column} = {default} WHERE {column} IS NULL",
                lock="ROW EXCLUSIVE",
                rows_sql=f"SELECT count(*) FROM {empty}",
            )
        )
    failing = None if default else f"SELECT id::text AS value FROM {empty}"
    steps.append(
        Step(
            f"Demand {field.name} in {entity.name}",
            f"{change} SET NOT NULL",
            lock=EXCLUSIVE,
            inverse=f"{change} DROP NOT NULL",
            failing_sql=failing,
            rows_sql=f"SELECT count(*) FROM {table}",
        )
    )
    return steps


def add_check(entity: CompiledEntity, name: str, expression: str) -> Step:
    """Return the step for a check on existing rows."""
    table = table_of(entity)
    return Step(
        f"Check the values of {entity.name}",
        f"ALTER TABLE {table} ADD CONSTRAINT {quote(name)} CHECK ({expression})",
        lock=EXCLUSIVE,
        inverse=f"ALTER TABLE {table} DROP CONSTRAINT {quote(name)}",
        failing_sql=f"SELECT id::text AS value FROM {table} WHERE NOT ({expression})",
        rows_sql=f"SELECT count(*) FROM {table}",
    )


def drop_constraint(entity: CompiledEntity, name: str, inverse: str | None) -> Step:
    """Return the step that removes a check or foreign key."""
    table = table_of(entity)
    return Step(
        f"Drop the rule {name} of {entity.name}",
        f"ALTER TABLE {table} DROP CONSTRAINT {quote(name)}",
        lock=EXCLUSIVE,
        inverse=inverse,
    )


def drop_index(entity: CompiledEntity, name: str, inverse: str | None) -> Step:
    """Return the step that removes an index."""
    return Step(
        f"Drop the index {name} of {entity.name}",
        f"DROP INDEX {quote(str(entity.table.schema))}.{quote(name)}",
        lock=EXCLUSIVE,
        inverse=inverse,
    )


def set_soft_delete(entity: CompiledEntity, *, on: bool) -> Step:
    """Return the step that adds or removes the column of soft delete."""
    table = table_of(entity)
    add = f"ALTER TABLE {table} ADD COLUMN deleted_at timestamptz"
    drop = f"ALTER TABLE {table} DROP COLUMN deleted_at"
    if on:
        return Step(
            f"Keep deleted {entity.name} in a bin", add, lock=EXCLUSIVE, inverse=drop
        )
    deleted = f"SELECT count(*) FROM {table} WHERE deleted_at IS NOT NULL"
    return Step(
        f"Remove the bin of {entity.name}",
        f"DELETE FROM {table} WHERE deleted_at IS NOT NULL; {drop}",
        lock=EXCLUSIVE,
        loses=Loss(f"{entity.name}.deleted_at", "the deleted records", deleted),
        rows_sql=deleted,
    )


def columns_sql(entity: CompiledEntity, names: Iterable[str]) -> str:
    """Return the quoted columns of fields, comma-separated."""
    return ", ".join(_columns(entity, names))


def _columns(entity: CompiledEntity, names: Iterable[str]) -> list[str]:
    return [quote(str(entity.fields[name].column)) for name in names]


def _index(
    entity: CompiledEntity, name: str, columns: str, where: str, *, unique: bool = False
) -> Step:
    kind = "UNIQUE INDEX" if unique else "INDEX"
    schema = quote(str(entity.table.schema))
    return Step(
        f"Make finding {entity.name} by {columns.replace(chr(34), '')} fast",
        f"CREATE {kind} {quote(name)} ON {table_of(entity)} "
        f"(tenant_id, {columns}){where}",
        lock=SHARE,
        inverse=f"DROP INDEX {schema}.{quote(name)}",
        rows_sql=f"SELECT count(*) FROM {table_of(entity)}",
    )


def _system_columns(entity: CompiledEntity) -> list[str]:
    if entity.parent is not None:
        return [
            "tenant_id uuid NOT NULL",
            "id uuid NOT NULL",
            "parent_id uuid NOT NULL",
            "position integer NOT NULL",
        ]
    columns = [
        "tenant_id uuid NOT NULL",
        "id uuid NOT NULL",
        "version integer NOT NULL DEFAULT 1",
        "created_at timestamptz NOT NULL DEFAULT now()",
        "created_by uuid",
        "updated_at timestamptz NOT NULL DEFAULT now()",
        "updated_by uuid",
        "custom jsonb NOT NULL DEFAULT '{}'",
    ]
    if entity.soft_delete:
        columns.append("deleted_at timestamptz")
    return columns


def _parent_key(entity: CompiledEntity) -> str:
    parent = quote(entity.table.name.split("__", 1)[0])
    name = identifiers.shorten(f"fk_{entity.definition.id}_parent")
    schema = quote(str(entity.table.schema))
    return (
        f"CONSTRAINT {quote(name)} FOREIGN KEY (tenant_id, parent_id) "
        f"REFERENCES {schema}.{parent} (tenant_id, id) ON DELETE CASCADE"
    )


def _line_index_name(entity: CompiledEntity) -> str:
    return identifiers.shorten(f"ix_{entity.definition.id}_parent")
