"""Columns of a table, as steps: add, remove, rename, change the type; pure."""

from metadata.compiled import CompiledEntity, CompiledField
from metadata.ddl_steps import (
    EXCLUSIVE,
    Loss,
    Rows,
    Step,
    column_of,
    count_of,
    literal,
    quote,
    table_of,
    type_of,
)
from metadata.fields.base import Conversion


def column_sql(entity: CompiledEntity, field: CompiledField) -> str:
    """Return a column as CREATE TABLE and ADD COLUMN write it."""
    name, kind = column_of(field), type_of(field)
    generated = generated_sql(entity, field)
    if generated is not None:
        return f"{name} {kind} GENERATED ALWAYS AS ({generated}) STORED"
    return f"{name} {kind}{' NOT NULL' if is_required(field) else ''}"


def is_required(field: CompiledField) -> bool:
    """Return whether the column is NOT NULL."""
    return field.definition.required or field.type.name == "sequence"


def generated_sql(
    entity: CompiledEntity, field: CompiledField, *, by_id: bool = False
) -> str | None:
    """Return the expression of a generated column, None for an ordinary one.

    `by_id` writes ids in place of columns, so that a rename makes no difference.
    """
    expression = getattr(field.type, "generated", None)
    if expression is None:
        return None
    columns = {
        name: quote(f.id) if by_id else column_of(f)
        for name, f in entity.stored.items()
    }
    text: str | None = expression(field.definition, columns)
    return text


def default_sql(field: CompiledField) -> str | None:
    """Return the constant default of a field as SQL, None when there is none."""
    value = field.definition.default
    if value is None or (isinstance(value, str) and value.startswith("$")):
        return None
    text = field.type.to_parameter(field.definition, value)
    return None if text is None else f"{literal(text)}::{type_of(field)}"


def add_column(entity: CompiledEntity, field: CompiledField, rows: Rows) -> list[Step]:
    """Return the steps for a new field, its checks apart.

    With a plain default the existing rows get it without a rewrite; a required field
    without one can only be added while there are no rows.
    """
    table, column = table_of(entity), column_of(field)
    default = default_sql(field)
    sql = f"ALTER TABLE {table} ADD COLUMN {column_sql(entity, field)}"
    generated = generated_sql(entity, field) is not None
    missing = is_required(field) and not default
    steps = [
        Step(
            f"Add {field.name} to {entity.name}",
            f"{sql} DEFAULT {default}" if default else sql,
            lock=EXCLUSIVE,
            rewrites=generated,
            inverse=f"ALTER TABLE {table} DROP COLUMN {column}",
            failing_sql=(
                f"SELECT id::text AS id, NULL::text AS value FROM {rows.future} f"
                if missing
                else None
            ),
            rows_sql=count_of(rows.table) if default or generated else None,
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
    return steps


def drop_column(entity: CompiledEntity, field: CompiledField) -> Step:
    """Return the step that removes a field and what stands in it."""
    table, column = table_of(entity), column_of(field)
    filled = count_of(f"{table} WHERE {column} IS NOT NULL")
    return Step(
        f"Remove {field.name} from {entity.name}",
        f"ALTER TABLE {table} DROP COLUMN {column}",
        lock=EXCLUSIVE,
        loses=Loss(f"{entity.name}.{field.name}", "the values of this field", filled),
        rows_sql=filled,
    )


def drop_computed(entity: CompiledEntity, field: CompiledField) -> Step:
    """Return the step that removes a computed column; its values can be had again."""
    table, column = table_of(entity), column_of(field)
    return Step(
        f"Forget the computed {field.name} of {entity.name}",
        f"ALTER TABLE {table} DROP COLUMN {column}",
        lock=EXCLUSIVE,
        inverse=f"ALTER TABLE {table} ADD COLUMN {column_sql(entity, field)}",
    )


def keep_computed(entity: CompiledEntity, field: CompiledField) -> Step:
    """Return the step that makes a computed column an ordinary one with its values."""
    table, column = table_of(entity), column_of(field)
    return Step(
        f"Keep the values computed for {field.name} of {entity.name}",
        f"ALTER TABLE {table} ALTER COLUMN {column} DROP EXPRESSION",
        lock=EXCLUSIVE,
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


def retype(
    entity: CompiledEntity,
    old: CompiledField,
    new: CompiledField,
    conversion: Conversion,
) -> Step:
    """Return the step that changes a column's type and keeps its values.

    Runs before renames: the column still has its old name. What was counted may have
    changed since, and a cast may round without an error, so it is looked at again
    under the lock.
    """
    table, column = table_of(entity), column_of(old)
    failing = (
        f"SELECT id::text AS id, {column}::text AS value FROM {table} "
        f"WHERE {column} IS NOT NULL AND ({conversion.fails})"
        if conversion.fails
        else None
    )
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
        failing_sql=failing,
        rows_sql=count_of(table),
        guard=(table, failing) if failing else None,
    )
