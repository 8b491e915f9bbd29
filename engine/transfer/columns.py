"""The columns of a table that is exported, and the cell of each record in them.

A column is a field of the entity, or one behind a relation (`plan.name`), which an
import reads back as a look-up. Pure; used by `engine/transfer/exports.py`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.context import Grant
from engine.query import ListQuery
from engine.query.scope import Directory
from metadata.compiled import CompiledEntity, CompiledField


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        field: the field at the end of the path; None for what the system fills in.
        many: whether the path leads through a list (`lines.quantity`).
        title: the field of an expanded relation that people know it by.
    """

    path: tuple[str, ...]
    field: CompiledField | None
    many: bool = False
    title: str = ""

    @property
    def heading(self) -> str:
        """Return the name in the first line, as `fields` and imports write it."""
        return ".".join(self.path)

    def text(self, record: Mapping[str, Any]) -> str:
        """Return the value as CSV text, not yet guarded; a list as a JSON array."""
        values = [self._leaf(value) for value in _at(record, self.path)]
        if self.many:
            texts = [None if v is None else self._text(v) for v in values]
            return json.dumps(texts, ensure_ascii=False) if texts else ""
        return "" if values[0] is None else self._text(values[0])

    def value(self, record: Mapping[str, Any]) -> Any:
        """Return the one value of a path that leads through no list."""
        (value,) = _at(record, self.path)
        return value

    def _leaf(self, value: Any) -> Any:
        """Return a value as it is without `expand`: the id of a record."""
        expanded = self.field is not None and self.field.target is not None
        return value["id"] if expanded and isinstance(value, dict) else value

    def _text(self, value: Any) -> str:
        if self.field is None:
            return str(value)
        return self.field.type.text_out(self.field.definition, value)


def columns_of(
    directory: Directory, entity: CompiledEntity, grant: Grant, query: ListQuery
) -> list[Column]:
    """Return the columns of a query in the entity's order.

    The query is planned already, so every path of its fields leads somewhere.
    """
    order = ["id", *entity.fields, *entity.system_columns[1:]]
    if not query.fields:
        system = entity.system_columns
        shown = [n for n in order if n in system or grant.reaches_field(n)]
        return [Column((name,), entity.fields.get(name)) for name in shown]
    place = {name: index for index, name in enumerate(order)}
    paths = [tuple(name.split(".")) for name in query.fields]
    paths.sort(key=lambda path: place.get(path[0], len(order)))
    return [_column(directory, entity, path) for path in paths]


def _column(
    directory: Directory, entity: CompiledEntity, path: tuple[str, ...]
) -> Column:
    here: CompiledEntity | None = entity
    many = False
    for name in path[:-1]:
        item = here.fields.get(name) if here else None
        if item is not None and item.lines is not None:
            here, many = item.lines, True
        elif item is not None:
            here = directory.entity(str(item.target))
        elif here is not None:
            pointer = directory.inverses(here.key).get(name)
            here, many = directory.entity(pointer.entity) if pointer else None, True
    return Column(path, here.fields.get(path[-1]) if here else None, many)


def _at(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """Yield what stands at a path: one value, or one for each record of a list."""
    if not path:
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _at(item, path)
    else:
        # A relation whose target may not be read is a bare id.
        yield from _at(
            value.get(path[0]) if isinstance(value, dict) else None, path[1:]
        )
