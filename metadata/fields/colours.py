"""Colours."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import sqlalchemy as sa

from metadata.fields.base import (
    STANDARD_OPERATORS,
    FieldDefinition,
    FieldType,
    InvalidValue,
    Json,
)
from metadata.labels import Label

_COLOUR = re.compile(r"#[0-9a-f]{6}")


class ColourField(FieldDefinition):
    """A colour."""

    type: Literal["colour"]


class Colour(FieldType[ColourField]):
    """sRGB as `#rrggbb` in lower case."""

    name = "colour"
    definition = ColourField
    label: ClassVar[Label] = {"en": "Colour", "id": "Warna"}
    description = "A colour"
    operators = STANDARD_OPERATORS
    widget = "colour"
    renderer = "colour"

    def sql_type(self, field: ColourField) -> sa.types.TypeEngine[Any]:
        """Return text."""
        return sa.Text()

    def check(self, field: ColourField, column: str) -> Sequence[str]:
        """Return the canonical spelling."""
        return [f"{column} ~ '^#[0-9a-f]{{6}}$'"]

    def json_schema(self, field: ColourField) -> dict[str, Json]:
        """Return a pattern; input may be in upper case."""
        return {"type": "string", "pattern": "^#[0-9A-Fa-f]{6}$"}

    def to_parameter(self, field: ColourField, value: Json) -> str | None:
        """Return the colour in lower case."""
        text = value.strip().lower() if isinstance(value, str) else ""
        if not _COLOUR.fullmatch(text):
            raise InvalidValue("colour", "Enter a colour such as #22aa66.")
        return text

    def text_in(self, field: ColourField, text: str) -> Json:
        """Return the colour in lower case."""
        return self.to_parameter(field, text)
