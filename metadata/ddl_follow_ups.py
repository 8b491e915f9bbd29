"""What may be left to do after a publish has committed; pure.

Only names are remembered between the publish and its follow-up. The SQL is made from
the version that is published when the follow-up runs, so a rename in between, or a
field that is gone, needs no care.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from metadata.compiled import CompiledEntity, CompiledField
from metadata.ddl_columns import is_required
from metadata.ddl_constraints import (
    checks_of,
    foreign_key_sql,
    not_null_name,
    not_null_sql,
)
from metadata.ddl_indexes import indexes_of
from metadata.ddl_steps import quote, table_of


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One index to build, or one rule to prove for the rows that were there before.

    Attributes:
        name: of the index or constraint.
        column: of a `not_null`, else empty.
        statements: in this order, each in a transaction of its own.
        undo: removes a half-built index; empty for rules.
    """

    name: str
    kind: Literal["index", "rule", "not_null"]
    schema: str
    table: str
    column: str
    statements: tuple[str, ...]
    undo: str = ""


def follow_ups(
    tables: Iterable[CompiledEntity], *, trigrams: bool
) -> dict[str, FollowUp]:
    """Return everything of a version that a publish can leave for later, by name."""
    found = [item for entity in tables for item in _of_table(entity, trigrams=trigrams)]
    return {item.name: item for item in found}


def _of_table(entity: CompiledEntity, *, trigrams: bool) -> Iterable[FollowUp]:
    place = (str(entity.table.schema), entity.table.name)
    for index in indexes_of(entity, trigrams=trigrams):
        if not index.unique:
            build = (index.create(concurrently=True),)
            undo = index.drop(concurrently=True)
            yield FollowUp(index.name, "index", *place, "", build, undo)
    for field in entity.stored.values():
        for name in _rule_names(entity, field):
            text = f"ALTER TABLE {table_of(entity)} VALIDATE CONSTRAINT {quote(name)}"
            yield FollowUp(name, "rule", *place, "", (text,))
        if is_required(field):
            name = not_null_name(entity, field)
            statements = not_null_sql(entity, field)
            yield FollowUp(name, "not_null", *place, str(field.column), statements)


def _rule_names(entity: CompiledEntity, field: CompiledField) -> Iterable[str]:
    yield from (name for name, _ in checks_of(entity, field))
    if field.target is not None:
        yield foreign_key_sql(entity, field, ("", ""))[0]
