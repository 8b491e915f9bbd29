"""JSON of any shape, or of the shape a JSON Schema gives it."""

import json
import re
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import jsonschema_rs
import sqlalchemy as sa
from pydantic import ConfigDict, Field
from sqlalchemy.dialects.postgresql import JSONB

from metadata.fields.base import FieldDefinition, FieldType, InvalidValue, Json
from metadata.labels import Label

_BANNED = frozenset({"$dynamicRef", "$dynamicAnchor", "$id", "$schema"})
MAX_BYTES = 256 * 1024
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The escape of a NUL character, not an escaped backslash before `u0000`."""


class JsonField(FieldDefinition):
    """Structured data without fields of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    type: Literal["json"]
    schema_: dict[str, Json] | None = Field(
        None, alias="schema", description="JSON Schema 2020-12 of the value."
    )


class JsonDocument(FieldType[JsonField]):
    """Kept as jsonb; filtered only by whether it is there."""

    name = "json"
    definition = JsonField
    label: ClassVar[Label] = {"en": "JSON", "id": "JSON"}
    description = "Structured data"
    operators = frozenset({"_null"})
    sortable = False
    widget = "json"
    renderer = "json"

    def findings(self, field: JsonField) -> Sequence[tuple[str, str]]:
        """Return what keeps the schema from being one of the profile."""
        if field.schema_ is None:
            return []
        banned = sorted(_keys(field.schema_) & _BANNED)
        remote = [r for r in _references(field.schema_) if not r.startswith("#")]
        if banned:
            return [("schema", f"remove {', '.join(banned)}: it is not supported")]
        if remote:
            return [("schema", f"{remote[0]} is remote; copy it into $defs")]
        try:
            jsonschema_rs.Draft202012Validator(field.schema_)
        except jsonschema_rs.ValidationError as error:
            return [("schema", f"is no JSON Schema 2020-12: {error.message}")]
        return []

    def sql_type(self, field: JsonField) -> sa.types.TypeEngine[Any]:
        """Return jsonb."""
        return JSONB()

    def check(self, field: JsonField, column: str) -> Sequence[str]:
        """Return that "no value" has one spelling, SQL's null."""
        return [f"{column} <> 'null'::jsonb"]

    def json_schema(self, field: JsonField) -> dict[str, Json]:
        """Return the author's schema; without one, anything but null."""
        if field.schema_ is not None:
            return dict(field.schema_)
        return {"type": ["object", "array", "string", "number", "boolean"]}

    def to_parameter(self, field: JsonField, value: Json) -> str | None:
        """Return the value as JSON text."""
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
            size = len(text.encode())
        except (TypeError, ValueError):
            raise InvalidValue("type", "Enter JSON.") from None
        if _NUL.search(text):
            raise InvalidValue("characters", "Remove the NUL characters.")
        if size > MAX_BYTES:
            raise InvalidValue("max_length", "Shorten the JSON to 256 KiB.")
        return text

    def text_out(self, field: JsonField, value: Json) -> str:
        """Return compact JSON."""
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def text_in(self, field: JsonField, text: str) -> Json:
        """Return the value of a JSON text."""
        try:
            return json.loads(text)
        except ValueError:
            raise InvalidValue("type", 'Enter JSON, such as {"a": 1}.') from None


def _keys(schema: Json) -> set[str]:
    if isinstance(schema, dict):
        return set(schema).union(*(_keys(value) for value in schema.values()))
    if isinstance(schema, list):
        return set().union(*(_keys(value) for value in schema))
    return set()


def _references(schema: Json) -> list[str]:
    if isinstance(schema, list):
        return [r for value in schema for r in _references(value)]
    if not isinstance(schema, dict):
        return []
    own = schema.get("$ref")
    inner = [r for value in schema.values() for r in _references(value)]
    return [own, *inner] if isinstance(own, str) else inner
