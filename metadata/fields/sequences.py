"""Numbers that count up per tenant, written into a pattern: `INV-2026-0001`."""

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import sqlalchemy as sa
from pydantic import Field

from metadata.fields.base import (
    FieldDefinition,
    FieldType,
    Json,
)
from metadata.fields.texts import ALL_OPERATORS, storable
from metadata.labels import Label

PLACEHOLDER = re.compile(r"\{(?P<name>[a-z]+)(?::0(?P<width>[1-9]|1[0-8]))?\}")
MAX_LENGTH = 120


class SequenceField(FieldDefinition):
    """A running number."""

    type: Literal["sequence"]
    pattern: str = Field(
        "{n}",
        min_length=1,
        max_length=80,
        description="Text with {n} or {n:05}, {year}, {month}, {day}.",
    )
    gap_free: bool = Field(
        True, description="No number is ever missing; new records wait for each other."
    )
    start: int = Field(1, ge=0, le=10**15, description="The first number.")
    unique: bool = Field(True, description="Always: two records never share a number.")


def render(pattern: str, n: int, when: dt.datetime) -> str:
    """Return the pattern with number `n` and the date of `when` filled in.

    `{n:05}` pads with zeros to five digits; a longer number is written in full.
    """

    def replace(match: re.Match[str]) -> str:
        name, width = match["name"], int(match["width"] or 0)
        if name == "n":
            return str(n).zfill(width)
        if name == "year":
            return f"{when.year:04d}"
        return f"{when.month if name == 'month' else when.day:02d}"

    return PLACEHOLDER.sub(replace, pattern)


def counter_period(pattern: str, when: dt.datetime) -> str:
    """Return which counter the number comes from; counting restarts with a new one.

    The finest date part of the pattern decides: empty without one, `2026`, `2026-03`
    or `2026-03-31`.
    """
    names = {match["name"] for match in PLACEHOLDER.finditer(pattern)}
    if "day" in names:
        return when.strftime("%Y-%m-%d")
    if "month" in names:
        return when.strftime("%Y-%m")
    return when.strftime("%Y") if "year" in names else ""


class SequenceNumber(FieldType[SequenceField]):
    """A number given by the engine when the record is created; never written."""

    name = "sequence"
    definition = SequenceField
    label: ClassVar[Label] = {"en": "Running number", "id": "Nomor urut"}
    description = "A number that counts up"
    operators = ALL_OPERATORS
    writable = False
    widget = "readonly"
    renderer = "code"

    def findings(self, field: SequenceField) -> Sequence[tuple[str, str]]:
        """Return what is wrong with the pattern."""
        found: list[tuple[str, str]] = []
        names = [match["name"] for match in PLACEHOLDER.finditer(field.pattern)]
        if names.count("n") != 1:
            found.append(("pattern", "needs {n} once, such as CUST{n:05}"))
        unknown = sorted(set(names) - {"n", "year", "month", "day"})
        rest = PLACEHOLDER.sub("", field.pattern)
        if unknown or "{" in rest or "}" in rest:
            found.append(("pattern", "knows {n}, {n:05}, {year}, {month} and {day}"))
        if {"month", "day"} & set(names) and "year" not in names:
            found.append(("pattern", "repeats itself next year; add {year}"))
        if "day" in names and "month" not in names:
            found.append(("pattern", "repeats itself next month; add {month}"))
        if not field.unique:
            found.append(("unique", "is always true; remove it"))
        return found

    def sql_type(self, field: SequenceField) -> sa.types.TypeEngine[Any]:
        """Return text."""
        return sa.Text()

    def check(self, field: SequenceField, column: str) -> Sequence[str]:
        """Return the longest text a pattern can make."""
        return [f"char_length({column}) <= {MAX_LENGTH}"]

    def json_schema(self, field: SequenceField) -> dict[str, Json]:
        """Return a string; forms show it read-only."""
        return {"type": "string", "maxLength": MAX_LENGTH, "readOnly": True}

    def to_parameter(self, field: SequenceField, value: Json) -> str | None:
        """Return the text of a number given by the engine."""
        return storable(value)
