"""SQL that makes and changes the tables of a service, one step at a time; pure.

The door to the physical layout: columns, keys, checks, indexes, row security, grants.
Which steps a change of definition needs is `changes.py`. Every step says which lock it
takes (PostgreSQL manual, "Explicit Locking"), whether the table is rewritten, what it
loses and what would undo it.
"""

from metadata.ddl_columns import (
    add_column,
    column_sql,
    default_sql,
    drop_column,
    drop_computed,
    generated_sql,
    is_required,
    keep_computed,
    rename_column,
    retype,
)
from metadata.ddl_constraints import (
    add_check,
    checks_of,
    drop_constraint,
    foreign_key,
    foreign_key_sql,
    not_null_name,
    not_null_sql,
    set_optional,
    set_required,
)
from metadata.ddl_indexes import (
    Index,
    add_index,
    drop_index,
    indexes_of,
    shared_values,
)
from metadata.ddl_security import create_schema, drop_schema, row_security
from metadata.ddl_steps import (
    Loss,
    Rows,
    Step,
    column_of,
    columns_of,
    count_of,
    quote,
    schema_of,
    table_of,
    type_of,
)
from metadata.ddl_tables import (
    add_bin,
    create_table,
    drop_table,
    empty_bin,
    parent_key_name,
    parent_key_sql,
    rename_table,
)

__all__ = [
    "Index",
    "Loss",
    "Rows",
    "Step",
    "add_bin",
    "add_check",
    "add_column",
    "add_index",
    "checks_of",
    "column_of",
    "column_sql",
    "columns_of",
    "count_of",
    "create_schema",
    "create_table",
    "default_sql",
    "drop_column",
    "drop_computed",
    "drop_constraint",
    "drop_index",
    "drop_schema",
    "drop_table",
    "empty_bin",
    "foreign_key",
    "foreign_key_sql",
    "generated_sql",
    "indexes_of",
    "is_required",
    "keep_computed",
    "not_null_name",
    "not_null_sql",
    "parent_key_name",
    "parent_key_sql",
    "quote",
    "rename_column",
    "rename_table",
    "retype",
    "row_security",
    "schema_of",
    "set_optional",
    "set_required",
    "shared_values",
    "table_of",
    "type_of",
]
