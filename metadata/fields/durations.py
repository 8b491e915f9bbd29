"""Lengths of time."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import sqlalchemy as sa
from pydantic import Field

from metadata.fields.base import FieldDefinition, FieldType, InvalidValue, Json
from metadata.fields.numbers import NUMBER_OPERATORS
from metadata.fields.operators import constant
from metadata.labels import Label

MAX_SECONDS = 100 * 366 * 86_400
_DURATION = re.compile(
    r"P(?:(?P<weeks>[0-9]{1,6})W|(?:(?P<days>[0-9]{1,6})D)?"
    r"(?P<time>T(?:(?P<hours>[0-9]{1,8})H)?(?:(?P<minutes>[0-9]{1,9})M)?"
    r"(?:(?P<seconds>[0-9]{1,10})S)?)?)"
)
_CLOCK = re.compile(r"([0-9]{1,6}):([0-5][0-9])(?::([0-5][0-9]))?")
_SECONDS = "[0-9]{1,10}S"
_MINUTES = f"[0-9]{{1,9}}M({_SECONDS})?"
_TIME = f"T([0-9]{{1,8}}H({_MINUTES}|{_SECONDS})?|{_MINUTES}|{_SECONDS})"
DURATION_PATTERN = f"^P([0-9]{{1,6}}W|[0-9]{{1,6}}D({_TIME})?|{_TIME})$"
"""Without lookaround: the validators' engine has none."""


class DurationField(FieldDefinition):
    """A length of time."""

    type: Literal["duration"]
    max: int | None = Field(None, ge=1, le=MAX_SECONDS, description="Seconds at most.")


def seconds_of(value: Json) -> int:
    """Return the seconds of an ISO 8601 duration; raises InvalidValue.

    Weeks are 7 days and days are 24 hours; months and years have no fixed length and
    are refused.
    """
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or value == "P" or value.endswith("T"):
        raise InvalidValue("duration", "Enter days and time, such as P1DT2H30M.")
    parts = {unit: int(match[unit] or 0) for unit in _UNITS}
    return sum(count * _UNITS[unit] for unit, count in parts.items())


_UNITS = {
    "weeks": 7 * 86_400,
    "days": 86_400,
    "hours": 3600,
    "minutes": 60,
    "seconds": 1,
}


def iso_duration(seconds: int) -> str:
    """Return the canonical ISO 8601 text: days, hours, minutes, seconds; `PT0S`."""
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    date = f"{days}D" if days else ""
    time = "".join(
        f"{count}{unit}"
        for count, unit in ((hours, "H"), (minutes, "M"), (left, "S"))
        if count
    )
    return f"P{date}T{time}" if time else f"P{date}" if date else "PT0S"


class Duration(FieldType[DurationField]):
    """Kept as whole seconds in a bigint, whose operators are leakproof and sort."""

    name = "duration"
    definition = DurationField
    label: ClassVar[Label] = {"en": "Duration", "id": "Durasi"}
    description = "A length of time"
    operators = NUMBER_OPERATORS
    widget = "duration"
    renderer = "duration"

    def sql_type(self, field: DurationField) -> sa.types.TypeEngine[Any]:
        """Return bigint: seconds."""
        return sa.BigInteger()

    def check(self, field: DurationField, column: str) -> Sequence[str]:
        """Return the bounds in seconds."""
        return [f"{column} between 0 and {field.max or MAX_SECONDS}"]

    def json_schema(self, field: DurationField) -> dict[str, Json]:
        """Return a pattern: the format `duration` also allows months and years."""
        return {"type": "string", "maxLength": 40, "pattern": DURATION_PATTERN}

    def to_parameter(self, field: DurationField, value: Json) -> str | None:
        """Return the seconds."""
        seconds = seconds_of(value)
        most = field.max or MAX_SECONDS
        if seconds > most:
            raise InvalidValue("maximum", f"Enter {iso_duration(most)} or less.")
        return str(seconds)

    def operand_parameter(
        self, field: DurationField, operator: str, value: Json
    ) -> str | None:
        """Return the seconds of any duration."""
        return str(seconds_of(value))

    def to_json(
        self, field: DurationField, column: sa.ColumnElement[Any]
    ) -> sa.ColumnElement[Any]:
        """Return the canonical ISO 8601 text."""
        days = column.op("/")(sa.literal_column("86400"))
        parts: list[sa.ColumnElement[Any]] = [
            _part(column, divisor, modulus, unit)
            for divisor, modulus, unit in ((3600, 24, "H"), (60, 60, "M"), (1, 60, "S"))
        ]
        day: sa.ColumnElement[Any] = sa.literal_column("86400")
        date = sa.case(
            (column >= day, sa.cast(days, sa.Text()).concat(constant("D"))),
            else_=constant(""),
        )
        time = sa.case(
            (
                column.op("%")(day) != sa.literal_column("0"),
                constant("T").concat(parts[0]).concat(parts[1]).concat(parts[2]),
            ),
            else_=constant(""),
        )
        return sa.case(
            (column.is_(None), sa.null()),
            (column == sa.literal_column("0"), constant("PT0S")),
            else_=constant("P").concat(date).concat(time),
        )

    def text_in(self, field: DurationField, text: str) -> Json:
        """Return the canonical text of ISO 8601, `H:MM` or `H:MM:SS`."""
        clock = _CLOCK.fullmatch(text.strip())
        if clock is None:
            return iso_duration(seconds_of(text.strip().upper()))
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return iso_duration(hours * 3600 + minutes * 60 + seconds)


def _part(
    column: sa.ColumnElement[Any], divisor: int, modulus: int, unit: str
) -> sa.ColumnElement[str]:
    count = column.op("/")(sa.literal_column(str(divisor)))
    rest = sa.func.mod(count, sa.literal_column(f"{modulus}::bigint"))
    return sa.case(
        (
            rest != sa.literal_column("0"),
            sa.cast(rest, sa.Text()).concat(constant(unit)),
        ),
        else_=constant(""),
    )
