"""Secrets: written by users, read by service code, never answered."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import sqlalchemy as sa
from pydantic import Field

from metadata.fields.base import FieldDefinition, FieldType, InvalidValue, Json
from metadata.fields.texts import storable
from metadata.labels import Label


class SecretField(FieldDefinition):
    """A password or key of something outside."""

    type: Literal["secret"]
    max_length: int = Field(4000, ge=1, le=10_000, description="Characters at most.")


class Secret(FieldType[SecretField]):
    """Sealed text. `to_parameter` gives the plain text; the writer seals it.

    The API answers `{"set": true}` whatever the value, and CSV never holds it.
    """

    name = "secret"
    definition = SecretField
    label: ClassVar[Label] = {"en": "Secret", "id": "Rahasia"}
    description = "A password or key that is never shown"
    operators = frozenset({"_null"})
    sortable = False
    secret = True
    widget = "secret"
    renderer = "secret"

    def findings(self, field: SecretField) -> Sequence[tuple[str, str]]:
        """Return options that would disclose or compare what is sealed."""
        return [
            (option, "is not possible for a secret; remove it")
            for option in ("unique", "index", "search")
            if getattr(field, option)
        ] + ([("default", "would be readable; remove it")] if field.default else [])

    def sql_type(self, field: SecretField) -> sa.types.TypeEngine[Any]:
        """Return text: the sealed form."""
        return sa.Text()

    def json_schema(self, field: SecretField) -> dict[str, Json]:
        """Return a string that is only ever written."""
        return {
            "type": "string",
            "minLength": 1,
            "maxLength": field.max_length,
            "writeOnly": True,
        }

    def to_parameter(self, field: SecretField, value: Json) -> str | None:
        """Return the plain text, blanks included; the caller seals it."""
        text = storable(value)
        if not 0 < len(text) <= field.max_length:
            raise InvalidValue(
                "max_length", f"Enter 1 to {field.max_length} characters."
            )
        return text

    def to_json(
        self, field: SecretField, column: sa.ColumnElement[Any]
    ) -> sa.ColumnElement[Any]:
        """Return that there is one, and null where there is none."""
        return sa.case(
            (
                column.is_not(None),
                sa.literal_column("""'{"set": true}'::jsonb"""),
            ),
            else_=sa.null(),
        )

    def text_out(self, field: SecretField, value: Json) -> str:
        """Return nothing: exports hold no secrets."""
        return ""
