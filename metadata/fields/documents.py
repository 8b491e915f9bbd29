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
from metadata.profile import deeper_than, profile_findings

_WHOLE_ONLY = frozenset({"$ref", "$defs", "$id", "$schema"})
MAX_BYTES = 256 * 1024
MAX_DEPTH = 64
"""Levels of a value, as many as the body of a request may have."""

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
        """Return what keeps the schema from being part of a record's schema."""
        schema = field.schema_
        if schema is None:
            return []
        found = [
            ("schema", f"{message} ({path or '/'}). {remedy}")
            for path, _, message, remedy in profile_findings(schema)
        ]
        named = sorted(_keys(schema) & _WHOLE_ONLY)
        if not found and named:
            # "#" would be the record's schema, of which this one becomes a part.
            words = ", ".join(named)
            found = [("schema", f"remove {words}: write out what a $ref names")]
        if not found:
            try:
                jsonschema_rs.Draft202012Validator(schema)
            except jsonschema_rs.ValidationError as error:
                found = [("schema", f"is no JSON Schema 2020-12: {error.message}")]
        return found[:1]

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
        too_deep = f"Nest it at most {MAX_DEPTH} levels deep."
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False)
            size = len(text.encode())
        except RecursionError:
            raise InvalidValue("too_deep", too_deep) from None
        except (TypeError, ValueError):
            raise InvalidValue("type", "Enter JSON.") from None
        # A level takes a bracket, so few brackets need no closer look.
        may_be_deep = text.count("[") + text.count("{") > MAX_DEPTH
        if may_be_deep and deeper_than(value, MAX_DEPTH + 1):
            raise InvalidValue("too_deep", too_deep)
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
        except (ValueError, RecursionError):
            raise InvalidValue("type", 'Enter JSON, such as {"a": 1}.') from None


def _keys(schema: Json) -> set[str]:
    if isinstance(schema, dict):
        return set(schema).union(*(_keys(value) for value in schema.values()))
    if isinstance(schema, list):
        return set().union(*(_keys(value) for value in schema))
    return set()
