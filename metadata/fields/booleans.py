"""Yes or no."""

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

WORDS = {
    **dict.fromkeys(("true", "yes", "y", "1", "ya", "benar"), True),
    **dict.fromkeys(("false", "no", "n", "0", "tidak", "salah"), False),
}


class BooleanField(FieldDefinition):
    """Yes or no."""

    type: Literal["boolean"]


class Boolean(FieldType[BooleanField]):
    """True, false or, where not required, unknown."""

    name = "boolean"
    definition = BooleanField
    label: ClassVar[Label] = {"en": "Yes or no", "id": "Ya atau tidak"}
    description = "On or off"
    operators = STANDARD_OPERATORS
    widget = "switch"
    renderer = "boolean"

    def sql_type(self, field: BooleanField) -> sa.types.TypeEngine[Any]:
        """Return boolean."""
        return sa.Boolean()

    def json_schema(self, field: BooleanField) -> dict[str, Json]:
        """Return a boolean."""
        return {"type": "boolean"}

    def to_parameter(self, field: BooleanField, value: Json) -> str | None:
        """Return true or false."""
        if not isinstance(value, bool):
            raise InvalidValue("type", "Enter true or false.")
        return "true" if value else "false"

    def text_out(self, field: BooleanField, value: Json) -> str:
        """Return true or false."""
        return "true" if value else "false"

    def text_in(self, field: BooleanField, text: str) -> Json:
        """Return the truth of an English or Indonesian yes or no."""
        try:
            return WORDS[text.strip().lower()]
        except KeyError:
            raise InvalidValue("type", "Enter true or false.") from None
