"""Rows owned by a record, kept in a child table of their own."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.dialects.postgresql import JSONB

from metadata.fields.base import FieldDefinition, FieldType, InvalidValue, Json
from metadata.labels import Label

if TYPE_CHECKING:
    from metadata.fields import AnyField


class LinesField(FieldDefinition):
    """Rows of a record, such as the positions of an invoice."""

    type: Literal["lines"]
    fields: tuple["AnyField", ...] = Field(min_length=1, max_length=100)
    min: int = Field(0, ge=0, le=1000, description="Rows at least.")
    max: int = Field(1000, ge=1, le=1000, description="Rows at most.")


class Lines(FieldType[LinesField]):
    """An array of objects with `id`; the compiler makes the child entity.

    No column of its own: `sql_type` is the type of the answer. The compiler puts the
    child entity's schema into `items`.
    """

    name = "lines"
    definition = LinesField
    label: ClassVar[Label] = {"en": "Lines", "id": "Baris"}
    description = "Rows owned by it"
    operators: ClassVar[frozenset[str]] = frozenset()
    sortable = False
    stored = False
    widget = "lines"
    renderer = "lines"

    def findings(self, field: LinesField) -> Sequence[tuple[str, str]]:
        """Return bounds that leave no count, repeated names and nested lines."""
        found: list[tuple[str, str]] = []
        if field.min > field.max:
            found.append(("min", "is more than max; lower it"))
        for index, inner in enumerate(field.fields):
            if inner.type == "lines":
                found.append((f"fields.{index}", "lines cannot have lines; flatten it"))
        for what in ("name", "id"):
            words = [getattr(inner, what) for inner in field.fields]
            found += [
                ("fields", f'two fields have the {what} "{word}"; change one')
                for word in sorted({w for w in words if words.count(w) > 1})
            ]
        return found

    def sql_type(self, field: LinesField) -> sa.types.TypeEngine[Any]:
        """Return jsonb: the answer is an array of objects."""
        return JSONB()

    def json_schema(self, field: LinesField) -> dict[str, Json]:
        """Return an array of objects within the bounds."""
        schema: dict[str, Json] = {
            "type": "array",
            "items": {"type": "object"},
            "maxItems": field.max,
        }
        if field.min:
            schema["minItems"] = field.min
        return schema

    def to_parameter(self, field: LinesField, value: Json) -> str | None:
        """Return the rows as JSON text; each is checked by the child entity."""
        if not isinstance(value, list):
            raise InvalidValue("type", "Enter a list of rows.")
        return json.dumps(value, ensure_ascii=False)

    def text_out(self, field: LinesField, value: Json) -> str:
        """Return the rows as JSON."""
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def text_in(self, field: LinesField, text: str) -> Json:
        """Return the rows of a JSON text."""
        try:
            rows = json.loads(text)
        except ValueError:
            rows = None
        if not isinstance(rows, list):
            raise InvalidValue("type", "Enter the rows as a JSON array of objects.")
        return rows
