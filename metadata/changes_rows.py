"""One table in two versions, and its rows as the next version will have them; pure.

A step is counted before anything has happened, yet it runs after columns were renamed,
converted or added. So the counting reads the present table through a query that does
all that to each row. Nothing is locked, and no count names what is not there yet.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from metadata.compiled import CompiledEntity, CompiledField
from metadata.ddl import (
    Rows,
    column_of,
    default_sql,
    generated_sql,
    is_required,
    table_of,
    type_of,
)
from metadata.fields.base import Conversion, FieldDefinition


@dataclass(frozen=True)
class Pair:
    """One table in both versions; `large` as in `Rows`."""

    old: CompiledEntity
    new: CompiledEntity
    large: bool = field(default=False)

    def fields(self) -> Iterator[tuple[CompiledField, CompiledField]]:
        """Yield the fields whose column stays."""
        old = by_id(self.old)
        for field_id, item in by_id(self.new).items():
            if field_id in self.kept:
                yield old[field_id], item

    @cached_property
    def kept(self) -> frozenset[str]:
        """Return the ids of the fields whose column stays, whatever it is called."""
        old = by_id(self.old)
        return frozenset(
            field_id
            for field_id, item in by_id(self.new).items()
            if field_id in old and self._stays(old[field_id], item)
        )

    @cached_property
    def rows(self) -> Rows:
        """Return the rows as they are and as they will be."""
        return Rows(table_of(self.old), _future(self), self.large)

    def _stays(self, before: CompiledField, after: CompiledField) -> bool:
        if not is_computed(after):
            return True
        if not is_computed(before) or type_of(before) != type_of(after):
            return False
        text = generated_sql(self.old, before, by_id=True)
        if text != generated_sql(self.new, after, by_id=True):
            return False
        # PostgreSQL neither drops nor retypes what a generated column reads.
        new = by_id(self.new)
        return not any(
            f'"{field_id}"' in str(text)
            and (field_id not in new or type_of(item) != type_of(new[field_id]))
            for field_id, item in by_id(self.old).items()
        )


def by_id(entity: CompiledEntity) -> dict[str, CompiledField]:
    """Return the fields that have a column, by stable id."""
    return {item.id: item for item in entity.stored.values()}


def is_computed(item: CompiledField) -> bool:
    """Return whether PostgreSQL computes the column."""
    return hasattr(item.type, "generated")


def is_converted(before: CompiledField, after: CompiledField) -> bool:
    """Return whether values need the rules of conversion: another type, or column."""
    if is_computed(before) and is_computed(after):
        return False
    return before.type.name != after.type.name or type_of(before) != type_of(after)


def conversion_of(before: CompiledField, after: CompiledField) -> Conversion | None:
    """Return how stored values become those of the next version; None: they cannot."""
    definition: FieldDefinition = before.definition
    if is_computed(before):
        # What was computed is a value of its result type.
        _, definition = before.type.result(definition)  # type: ignore[attr-defined]  # computed only
    return after.type.conversion(definition, after.definition)


def _future(pair: Pair) -> str:
    columns = ["tenant_id", "id"]
    refused: list[str] = []
    old = by_id(pair.old)
    computed: list[str] = []
    for field_id, item in by_id(pair.new).items():
        if is_computed(item):
            text = generated_sql(pair.new, item)
            computed.append(f"({text}) AS {column_of(item)}")
            continue
        value = f"NULL::{type_of(item)}"
        if field_id in old:
            value, fails = _value(old[field_id], item)
            refused.extend([fails] if fails else [])
        if (default := default_sql(item)) and (
            field_id not in old or is_required(item)
        ):
            value = default if field_id not in old else f"coalesce({value}, {default})"
        columns.append(f"{value} AS {column_of(item)}")
    if pair.new.soft_delete:
        has_bin = pair.old.soft_delete
        columns.append("deleted_at" if has_bin else "NULL::timestamptz AS deleted_at")
    elif pair.old.soft_delete:
        refused.append("deleted_at IS NOT NULL")
    where = "".join(f" AND ({text}) IS NOT TRUE" for text in refused)
    inner = f"(SELECT {', '.join(columns)} FROM {table_of(pair.old)} WHERE true{where})"
    if not computed:
        return inner
    return f"(SELECT b.*, {', '.join(computed)} FROM {inner} b)"


def _value(before: CompiledField, after: CompiledField) -> tuple[str, str | None]:
    """Return the value as it will be, and the predicate of those that cannot be."""
    column = column_of(before)
    if not is_converted(before, after):
        return column, None
    conversion = conversion_of(before, after)
    if conversion is None:
        # The change is refused as impossible; there is nothing to count.
        return f"NULL::{type_of(after)}", None
    if type_of(before) == type_of(after):
        # No cast that could fail; the new checks count what breaks them.
        return conversion.using, None
    if not conversion.fails:
        return conversion.using, None
    fails = f"{column} IS NOT NULL AND ({conversion.fails})"
    return f"CASE WHEN {fails} THEN NULL ELSE {conversion.using} END", fails
