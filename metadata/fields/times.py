"""Calendar dates, points in time and times of day."""

import datetime as dt
import re
from typing import Any, ClassVar, Literal

import sqlalchemy as sa

from metadata.fields.base import (
    ORDER_OPERATORS,
    STANDARD_OPERATORS,
    FieldDefinition,
    FieldType,
    InvalidValue,
    Json,
)
from metadata.labels import Label

TIME_OPERATORS = STANDARD_OPERATORS | ORDER_OPERATORS
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9])?")
TIME_PATTERN = "^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"


# A day inside the years that Python knows, so that every zone can show the moment.
EARLIEST = dt.datetime(1, 1, 2, tzinfo=dt.UTC)
LATEST = dt.datetime(9999, 12, 30, tzinfo=dt.UTC)


class DateField(FieldDefinition):
    """A day of the calendar."""

    type: Literal["date"]


class DateTimeField(FieldDefinition):
    """A point in time."""

    type: Literal["datetime"]


class TimeField(FieldDefinition):
    """A time of day, without a date and without a zone."""

    type: Literal["time"]


def parse_date(value: Json) -> dt.date:
    """Return the day of an ISO 8601 calendar date; raises InvalidValue."""
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            pass
    raise InvalidValue("date", "Enter a day as YYYY-MM-DD, such as 2026-03-31.")


def parse_datetime(value: Json, *, zone_needed: bool = True) -> dt.datetime:
    """Return the point in time, in UTC, of an RFC 3339 text; raises InvalidValue.

    Without `zone_needed` a text with no zone is taken as UTC.
    """
    match = _DATETIME.fullmatch(value) if isinstance(value, str) else None
    if match is not None and (match["zone"] or not zone_needed):
        try:
            moment = dt.datetime.fromisoformat(value.upper())
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=dt.UTC)
            moment = moment.astimezone(dt.UTC)
            if EARLIEST <= moment <= LATEST:
                return moment
        except (ValueError, OverflowError):
            pass
    raise InvalidValue(
        "datetime", "Enter date, time and zone, such as 2026-03-31T08:00:00+07:00."
    )


class Date(FieldType[DateField]):
    """A day; ISO 8601 in JSON."""

    name = "date"
    definition = DateField
    label: ClassVar[Label] = {"en": "Date", "id": "Tanggal"}
    description = "A day of the calendar"
    operators = TIME_OPERATORS
    widget = "date"
    renderer = "date"

    def sql_type(self, field: DateField) -> sa.types.TypeEngine[Any]:
        """Return date."""
        return sa.Date()

    def json_schema(self, field: DateField) -> dict[str, Json]:
        """Return the format `date` (RFC 3339 full-date)."""
        return {"type": "string", "format": "date"}

    def to_parameter(self, field: DateField, value: Json) -> str | None:
        """Return the day."""
        return parse_date(value).isoformat()

    def text_in(self, field: DateField, text: str) -> Json:
        """Return the day of YYYY-MM-DD."""
        return parse_date(text.strip()).isoformat()


class DateTime(FieldType[DateTimeField]):
    """A point in time: timestamptz; JSON is UTC with `+00:00`.

    Answers have the one form `2026-03-31T01:00:00+00:00`, with a fraction only where
    it is not zero, which is what PostgreSQL's `to_json` writes when TimeZone is UTC.
    """

    name = "datetime"
    definition = DateTimeField
    label: ClassVar[Label] = {"en": "Date and time", "id": "Tanggal dan waktu"}
    description = "A point in time"
    operators = TIME_OPERATORS
    widget = "datetime"
    renderer = "datetime"

    def sql_type(self, field: DateTimeField) -> sa.types.TypeEngine[Any]:
        """Return timestamptz."""
        return sa.DateTime(timezone=True)

    def json_schema(self, field: DateTimeField) -> dict[str, Json]:
        """Return the format `date-time` (RFC 3339)."""
        return {"type": "string", "format": "date-time"}

    def to_parameter(self, field: DateTimeField, value: Json) -> str | None:
        """Return the point in time in UTC."""
        return parse_datetime(value).isoformat()

    def operand_parameter(
        self, field: DateTimeField, operator: str, value: Json
    ) -> str | None:
        """Return a point in time; a day alone is its start in UTC."""
        if isinstance(value, str) and _DATE.fullmatch(value):
            value = f"{parse_date(value).isoformat()}T00:00:00Z"
        return parse_datetime(value).isoformat()

    def text_in(self, field: DateTimeField, text: str) -> Json:
        """Return the point in time; without a zone it is UTC."""
        return parse_datetime(text.strip(), zone_needed=False).isoformat()


class Time(FieldType[TimeField]):
    """A time of day as a clock on the wall shows it."""

    name = "time"
    definition = TimeField
    label: ClassVar[Label] = {"en": "Time of day", "id": "Jam"}
    description = "Hours and minutes"
    operators = TIME_OPERATORS
    widget = "time"
    renderer = "time"

    def sql_type(self, field: TimeField) -> sa.types.TypeEngine[Any]:
        """Return time without a time zone."""
        return sa.Time()

    def json_schema(self, field: TimeField) -> dict[str, Json]:
        """Return a pattern; JSON Schema's format `time` would demand a zone."""
        return {"type": "string", "pattern": TIME_PATTERN}

    def to_parameter(self, field: TimeField, value: Json) -> str | None:
        """Return hours, minutes and seconds."""
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise InvalidValue("time", "Enter a time as HH:MM, such as 08:30.")
        return dt.time.fromisoformat(value).isoformat()

    def text_in(self, field: TimeField, text: str) -> Json:
        """Return the time of HH:MM or HH:MM:SS."""
        return self.to_parameter(field, text.strip())
