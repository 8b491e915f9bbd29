"""Checks, foreign keys and NOT NULL of a table, as steps; pure.

On a large table a rule is added NOT VALID: it holds for every write from the commit
on, and the rows that were there are checked after it, without blocking writers. Inside
the publish's transaction that would be of no use, since the lock of the first half is
held to its end; a small table is checked there and then.
"""

from dataclasses import replace

from metadata import identifiers
from metadata.compiled import CompiledEntity, CompiledField
from metadata.ddl_columns import default_sql
from metadata.ddl_indexes import indexes_of, shared_values
from metadata.ddl_steps import (
    EXCLUSIVE,
    ROW,
    SHARE_ROW,
    SHARE_UPDATE,
    Rows,
    Step,
    column_of,
    count_of,
    quote,
    table_of,
)


def checks_of(entity: CompiledEntity, field: CompiledField) -> list[tuple[str, str]]:
    """Return the named checks of a column: (name, expression)."""
    expressions = field.type.check(field.definition, column_of(field))
    return [
        (identifiers.check_name(entity.definition, field.name, number), expression)
        for number, expression in enumerate(expressions)
    ]


def not_null_name(entity: CompiledEntity, field: CompiledField) -> str:
    """Return the name of the check that stands in for NOT NULL on a large table."""
    return identifiers.shorten(f"nn_{entity.definition.id}_{field.id}")


def foreign_key_sql(
    entity: CompiledEntity, field: CompiledField, target: tuple[str, str]
) -> tuple[str, str]:
    """Return the name and the text of a relation's foreign key.

    `target` is the quoted table and the quoted key column it points at. The key holds
    the tenant, so that a record never refers to another tenant's.
    """
    column = column_of(field)
    action = {
        "restrict": "NO ACTION",
        "cascade": "CASCADE",
        "set_null": f"SET NULL ({column})",
    }[field.on_delete or "restrict"]
    place, key = target
    return identifiers.foreign_key_name(entity.definition, field.name), (
        f"FOREIGN KEY (tenant_id, {column}) REFERENCES {place} (tenant_id, {key}) "
        f"ON DELETE {action}"
    )


def _add(step: Step, name: str, *, large: bool) -> list[Step]:
    """Return the step, split at the commit where the table is large."""
    if not large:
        return [step]
    table = step.sql.removeprefix("ALTER TABLE ").partition(" ADD CONSTRAINT ")[0]
    return [
        replace(
            step,
            summary=f"{step.summary}; from now on",
            sql=f"{step.sql} NOT VALID",
            rows_sql=None,
        ),
        Step(
            f"{step.summary}; existing rows, after the publish",
            f"ALTER TABLE {table} VALIDATE CONSTRAINT {quote(name)}",
            lock=SHARE_UPDATE,
            rows_sql=step.rows_sql,
            follow_up=name,
        ),
    ]


def add_check(
    entity: CompiledEntity, field: CompiledField, name: str, check: str, rows: Rows
) -> list[Step]:
    """Return the steps for a check of a column on existing rows."""
    table = table_of(entity)
    step = Step(
        f"Check the values of {field.name} in {entity.name}",
        f"ALTER TABLE {table} ADD CONSTRAINT {quote(name)} CHECK ({check})",
        lock=EXCLUSIVE,
        inverse=f"ALTER TABLE {table} DROP CONSTRAINT {quote(name)}",
        failing_sql=(
            f"SELECT id::text AS id, {column_of(field)}::text AS value "
            f"FROM {rows.future} f WHERE NOT ({check})"
        ),
        rows_sql=count_of(rows.table),
    )
    return _add(step, name, large=rows.large)


def foreign_key(
    entity: CompiledEntity,
    field: CompiledField,
    target: tuple[str, str],
    rows: Rows | None = None,
    target_rows: str = "",
) -> list[Step]:
    """Return the steps for a relation's foreign key; it checks the rows there are.

    `target_rows` is what the target will hold: SQL in brackets, or its table. A table
    without `rows` is new: nothing of it can fail.
    """
    name, text = foreign_key_sql(entity, field, target)
    table, column = table_of(entity), column_of(field)
    step = Step(
        f"Let {entity.name}.{field.name} point at existing records only",
        f"ALTER TABLE {table} ADD CONSTRAINT {quote(name)} {text}",
        lock=SHARE_ROW,
        inverse=f"ALTER TABLE {table} DROP CONSTRAINT {quote(name)}",
    )
    if rows is None:
        return [step]
    failing = (
        f"SELECT t.id::text AS id, t.{column}::text AS value FROM {rows.future} t "
        f"WHERE t.{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {target_rows} r "
        f"WHERE r.tenant_id = t.tenant_id AND r.{target[1]} = t.{column})"
    )
    step = replace(step, failing_sql=failing, rows_sql=count_of(rows.table))
    return _add(step, name, large=rows.large)


def drop_constraint(entity: CompiledEntity, name: str, inverse: str | None) -> Step:
    """Return the step that removes a check or foreign key."""
    table = table_of(entity)
    return Step(
        f"Drop the rule {name} of {entity.name}",
        f"ALTER TABLE {table} DROP CONSTRAINT {quote(name)}",
        lock=EXCLUSIVE,
        inverse=inverse,
    )


def set_required(
    entity: CompiledEntity, field: CompiledField, rows: Rows, empty_sql: str
) -> list[Step]:
    """Return the steps that demand a value in every record.

    Records without one get the default, if there is one and no unique key forbids that
    they share it. `empty_sql` counts the records that have none now.
    """
    table, column = table_of(entity), column_of(field)
    steps = []
    default = default_sql(field)
    if default:
        steps.append(
            Step(
                f"Give existing {entity.name} without {field.name} its default",
                f"UPDATE {table} SET {column} = {default} WHERE {column} IS NULL",
                lock=ROW,
                failing_sql=" UNION ALL ".join(
                    shared_values(index, rows.future)
                    for index in indexes_of(entity, trigrams=False)
                    if index.unique and field.name in index.fields
                )
                or None,
                rows_sql=empty_sql,
            )
        )
    failing = (
        f"SELECT id::text AS id, NULL::text AS value FROM {rows.future} f "
        f"WHERE {column} IS NULL"
    )
    demand = Step(
        f"Demand {field.name} in {entity.name}",
        f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL",
        lock=EXCLUSIVE,
        inverse=f"ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL",
        failing_sql=None if default else failing,
        rows_sql=count_of(rows.table),
    )
    return [*steps, *(_demand_later(entity, field, demand) if rows.large else [demand])]


def not_null_sql(entity: CompiledEntity, field: CompiledField) -> tuple[str, ...]:
    """Return what turns the check that stands in for NOT NULL into NOT NULL.

    With the check proved, SET NOT NULL reads no row (PG manual, ALTER TABLE).
    """
    change = f"ALTER TABLE {table_of(entity)}"
    name = quote(not_null_name(entity, field))
    return (
        f"{change} VALIDATE CONSTRAINT {name}",
        f"{change} ALTER COLUMN {column_of(field)} SET NOT NULL",
        f"{change} DROP CONSTRAINT IF EXISTS {name}",
    )


def _demand_later(
    entity: CompiledEntity, field: CompiledField, demand: Step
) -> list[Step]:
    name = not_null_name(entity, field)
    text = f"CHECK ({column_of(field)} IS NOT NULL)"
    now = replace(
        demand,
        sql=f"ALTER TABLE {table_of(entity)} ADD CONSTRAINT {quote(name)} {text}",
        inverse=f"ALTER TABLE {table_of(entity)} DROP CONSTRAINT {quote(name)}",
    )
    added, proved = _add(now, name, large=True)
    validate, set_it, drop = not_null_sql(entity, field)
    words = f"{field.name} of {entity.name}"
    short = Step(
        f"Make {words} NOT NULL, which reads no row any more",
        set_it,
        lock=EXCLUSIVE,
        inverse=demand.inverse,
        follow_up=name,
    )
    last = Step(
        f"Drop the check that stood in for NOT NULL of {words}",
        drop,
        lock=EXCLUSIVE,
        follow_up=name,
    )
    return [added, replace(proved, sql=validate), short, last]


def set_optional(entity: CompiledEntity, field: CompiledField) -> Step:
    """Return the step that stops demanding a value, finished demanding or not."""
    table, column = table_of(entity), column_of(field)
    name = quote(not_null_name(entity, field))
    return Step(
        f"Let {field.name} of {entity.name} be empty",
        f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}, "
        f"ALTER COLUMN {column} DROP NOT NULL",
        lock=EXCLUSIVE,
        inverse=f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL",
    )
