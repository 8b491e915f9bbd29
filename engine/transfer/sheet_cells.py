"""Cells of a workbook, as people read a value: titles, labels, local times, amounts.

A workbook is for people, CSV and JSONL are for programs and for the import. So here a
relation is its title and a choice its label, a moment is the tenant's clock, and money
is in whole units of its currency.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.query import ListQuery
from engine.query.parameters import Expand
from engine.query.scope import Directory
from engine.transfer.columns import Column
from metadata.compiled import CompiledEntity
from metadata.forms import label_of
from metadata.labels import text_of, words_of

EXACT_DIGITS = 15
"""A cell is a 64-bit float: what has more digits is written as text."""

_WEIGHT = re.compile(r"q\s*=\s*([01](?:\.[0-9]{0,3})?)")

LOCALES = ("en", "id")
"""What a workbook can be asked for in: the languages of the platform's own labels."""

Cell = str | float | bool | date | datetime | None


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose words and whose clock the cells are written in."""

    locale: str
    zone: ZoneInfo

    def heading(self, column: Column) -> str:
        """Return the label of a column's field; a path names its relation too."""
        if column.field is None:
            return words_of(column.path[-1])
        label = text_of(dict(label_of(column.field)), self.locale, column.field.name)
        return f"{words_of(column.path[0])}: {label}" if column.path[1:] else label

    def cell(self, column: Column, record: Mapping[str, Any]) -> Cell:
        """Return what stands in the cell of a record."""
        if column.many:
            return column.text(record)
        value = column.value(record)
        if value is None:
            return None
        if isinstance(value, dict) and column.title in value:
            return str(value[column.title])
        kind = column.field.type.name if column.field else _system_kind(column)
        match kind:
            case "datetime":
                moment = datetime.fromisoformat(str(value)).astimezone(self.zone)
                return moment.replace(tzinfo=None)
            case "date":
                return date.fromisoformat(str(value))
            case "choice":
                return self._label(column, value)
            case "money" | "integer" | "decimal" | "percent" | "rate" | "bytes":
                return _number(column, value)
            case "boolean":
                return bool(value)
        return column.text(record)

    def _label(self, column: Column, value: Any) -> str:
        options = column.field.type.options(column.field.definition)  # type: ignore[union-attr] # a choice is a field
        choices: Any = options["choices"]
        found = next((c["label"] for c in choices if c["value"] == value), None)
        return text_of(found, self.locale, str(value))


def locale_of(accept_language: str | None, otherwise: str) -> str:
    """Return the language that a header prefers (RFC 9110, 12.5.4), or `otherwise`.

    Only what `LOCALES` holds counts; a range without a usable weight is left out.
    """
    best, chosen = 0.0, otherwise
    for part in (accept_language or "").lower().split(","):
        tag, _, parameter = part.partition(";")
        language = tag.strip().partition("-")[0]
        weight = _weight(parameter.strip())
        if language in LOCALES and weight > best:
            best, chosen = weight, language
    return chosen


def _weight(parameter: str) -> float:
    if not parameter:
        return 1.0
    found = _WEIGHT.fullmatch(parameter)
    return float(found[1]) if found else 0.0


def with_titles(
    directory: Directory, entity: CompiledEntity, query: ListQuery
) -> tuple[ListQuery, Mapping[str, str]]:
    """Return the query with every relation expanded, and the title field of each."""
    wanted = [n for n in query.fields or entity.fields if n in entity.fields]
    chosen = dict(query.expand)
    titles: dict[str, str] = {}
    for name in wanted:
        target = entity.fields[name].target
        found = directory.entity(target) if target else None
        if found is not None and name not in chosen:
            titles[name] = found.title_field
            chosen[name] = Expand(fields=("id", found.title_field))
    text = f"{query.text}&titles={','.join(titles)}"
    return replace(query, expand=tuple(chosen.items()), text=text), titles


def _system_kind(column: Column) -> str:
    if column.path[-1] == "version":
        return "integer"
    return "datetime" if column.path[-1].endswith("_at") else "text"


def _number(column: Column, value: Any) -> Cell:
    text = str(value)
    if len(text.replace("-", "").replace(".", "")) > EXACT_DIGITS:
        return text
    field = column.field
    digits: Any = field.type.options(field.definition).get("digits") if field else 0
    scale = digits if field is not None and field.type.name == "money" else 0
    return float(text) / 10**scale if scale or "." in text else int(text)
