"""One step of a publish, and the words all SQL of a step is made of; pure.

Owns `Step`, the names of locks, and how tables, columns and literals are written.
Identifiers come from `identifiers.py` and are always quoted.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.dialects import postgresql

from metadata.compiled import CompiledEntity, CompiledField

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # not typed upstream

EXCLUSIVE = "ACCESS EXCLUSIVE"
SHARE_ROW = "SHARE ROW EXCLUSIVE"
SHARE_UPDATE = "SHARE UPDATE EXCLUSIVE"
SHARE = "SHARE"
ROW = "ROW EXCLUSIVE"
NONE = "none"


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
        failing_sql: query `(id, value)` for what would make the step fail. It runs
            before the first step, so it names tables and columns as they are then.
        rows_sql: query for the number of rows the step reads or writes, likewise.
        guard: (table, query like `failing_sql`) run under the table's lock just before
            the step, for a step that would not fail by itself but change values.
        follow_up: name of the index or constraint that the step is about, when it runs
            after the commit instead of in the transaction.
    """

    summary: str
    sql: str
    lock: str = NONE
    rewrites: bool = False
    loses: Loss | None = None
    inverse: str | None = None
    failing_sql: str | None = None
    rows_sql: str | None = None
    guard: tuple[str, str] | None = None
    follow_up: str | None = None


def quote(name: str) -> str:
    """Return the identifier in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return the text as an SQL string, whatever `standard_conforming_strings` is."""
    quoted = "'" + text.replace("'", "''") + "'"
    return " E" + quoted.replace("\\", "\\\\") if "\\" in text else quoted


def schema_of(entity: CompiledEntity) -> str:
    """Return the quoted schema."""
    return quote(str(entity.table.schema))


def table_of(entity: CompiledEntity) -> str:
    """Return the schema-qualified, quoted table."""
    return f"{schema_of(entity)}.{quote(entity.table.name)}"


def column_of(field: CompiledField) -> str:
    """Return the quoted column of a stored field."""
    return quote(str(field.column))


def columns_of(entity: CompiledEntity, names: Iterable[str]) -> list[str]:
    """Return the quoted columns of fields by their names, the engine's own included."""
    return [
        name if name in entity.system_columns else column_of(entity.fields[name])
        for name in names
    ]


def type_of(field: CompiledField) -> str:
    """Return the SQL type of a stored field."""
    kind = field.type.sql_type(field.definition)
    return str(kind.compile(dialect=_DIALECT))


def count_of(rows: str) -> str:
    """Return the query that counts rows: a quoted table, with WHERE or without."""
    return f"SELECT count(*) FROM {rows}"


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that an existing table has before the first step.

    Attributes:
        table: the table under its present name.
        future: SQL in brackets that shows each row as the new version will have it,
            under the new names; without rows that a step refuses or removes before.
        large: whether work on all rows would keep writers waiting for long.
    """

    table: str
    future: str
    large: bool
