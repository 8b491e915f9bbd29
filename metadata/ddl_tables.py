"""Whole tables of a service, as steps: create, remove, rename, the bin; pure."""

from dataclasses import replace

from metadata import identifiers
from metadata.compiled import CompiledEntity
from metadata.ddl_columns import column_sql
from metadata.ddl_constraints import checks_of
from metadata.ddl_indexes import add_index, indexes_of
from metadata.ddl_security import row_security
from metadata.ddl_steps import (
    EXCLUSIVE,
    NONE,
    ROW,
    Loss,
    Step,
    count_of,
    quote,
    schema_of,
    table_of,
)


def create_table(entity: CompiledEntity, *, trigrams: bool) -> list[Step]:
    """Return the steps for a new entity: table, keys, row security, indexes.

    Foreign keys of relations come later, when every target exists.
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
        name = quote(parent_key_name(entity))
        lines.append(f"CONSTRAINT {name} {parent_key_sql(entity)}")
    body = ",\n  ".join(lines)
    steps = [
        Step(
            f"Create the table of {entity.name}",
            f"CREATE TABLE {table} (\n  {body}\n)",
            inverse=f"DROP TABLE {table}",
        ),
        *row_security(entity),
    ]
    # Nobody waits for a table that is not there yet, and it has no rows to count.
    steps.extend(
        replace(add_index(index), lock=NONE, rows_sql=None)
        for index in indexes_of(entity, trigrams=trigrams)
    )
    for field in entity.fields.values():
        if field.lines is not None:
            steps.extend(create_table(field.lines, trigrams=trigrams))
    return steps


def drop_table(entity: CompiledEntity) -> list[Step]:
    """Return the steps that remove an entity and all its records."""
    steps = [
        step
        for field in entity.fields.values()
        if field.lines is not None
        for step in drop_table(field.lines)
    ]
    table = table_of(entity)
    count = count_of(table)
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


def rename_table(schema: str, old: str, new: str) -> Step:
    """Return the step that renames a table; its rows stay."""
    place = quote(schema)
    return Step(
        f"Rename the table {old} to {new}",
        f"ALTER TABLE {place}.{quote(old)} RENAME TO {quote(new)}",
        lock=EXCLUSIVE,
        inverse=f"ALTER TABLE {place}.{quote(new)} RENAME TO {quote(old)}",
    )


def add_bin(entity: CompiledEntity) -> Step:
    """Return the step after which deleted records are kept."""
    table = table_of(entity)
    return Step(
        f"Keep deleted {entity.name} in a bin",
        f"ALTER TABLE {table} ADD COLUMN deleted_at timestamptz",
        lock=EXCLUSIVE,
        inverse=f"ALTER TABLE {table} DROP COLUMN deleted_at",
    )


def empty_bin(entity: CompiledEntity) -> list[Step]:
    """Return the steps that remove the deleted records for good, and the bin."""
    table = table_of(entity)
    deleted = f"{table} WHERE deleted_at IS NOT NULL"
    loss = Loss(f"{entity.name}.deleted_at", "the deleted records", count_of(deleted))
    return [
        Step(
            f"Empty the bin of {entity.name}",
            f"DELETE FROM {deleted}",
            lock=ROW,
            loses=loss,
            rows_sql=loss.rows_sql,
        ),
        Step(
            f"Remove the bin of {entity.name}",
            f"ALTER TABLE {table} DROP COLUMN deleted_at",
            lock=EXCLUSIVE,
            inverse=f"ALTER TABLE {table} ADD COLUMN deleted_at timestamptz",
        ),
    ]


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


def parent_key_name(entity: CompiledEntity) -> str:
    """Return the name of the foreign key from lines to their owner."""
    return identifiers.shorten(f"fk_{entity.definition.id}_parent")


def parent_key_sql(entity: CompiledEntity) -> str:
    """Return the foreign key from lines to their owner."""
    # `parent` is service.entity; the name of the lines' own table may be cut.
    parent = identifiers.table_name(str(entity.parent).partition(".")[2])
    return (
        f"FOREIGN KEY (tenant_id, parent_id) REFERENCES {schema_of(entity)}."
        f"{quote(parent)} (tenant_id, id) ON DELETE CASCADE"
    )
