"""The field type `json`: its author's schema and the depth of its values."""

from typing import Any

import pytest

from metadata.fields import FIELD_TYPES
from metadata.fields.base import InvalidValue

JSON = FIELD_TYPES["json"]


def field(schema: dict[str, Any] | None = None) -> Any:
    return JSON.definition.model_validate(
        {"id": "j", "name": "j", "type": "json", "schema": schema}
    )


SCHEMAS: list[tuple[dict[str, Any], str]] = [
    ({"$ref": "http://127.0.0.1/x"}, "leads out"),
    ({"$ref": "#"}, "leads out"),
    ({"type": "object", "properties": {"x": {"$ref": "#"}}}, "leads out"),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, "remove $defs, $ref"),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}}, "contains itself"),
    ({"$id": "urn:x"}, "remove $id"),
    ({"type": "nonsense"}, "nonsense"),
    ({"pattern": "^(a+)+$"}, "pattern"),
    ({"patternProperties": {"^(a+)+$": {}}}, "pattern"),
]


@pytest.mark.parametrize(("schema", "words"), SCHEMAS)
def test_a_schema_that_records_could_not_be_checked_by_is_found(
    schema: dict[str, Any], words: str
) -> None:
    ((option, message),) = JSON.findings(field(schema))
    assert option == "schema"
    assert words in message


def test_a_schema_of_its_own_is_fine() -> None:
    schema = {
        "type": "object",
        "properties": {"x": {"type": "array", "items": {"type": "integer"}}},
    }
    assert JSON.findings(field(schema)) == []
    assert JSON.findings(field()) == []


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_a_value_is_kept_to_64_levels() -> None:
    assert JSON.to_parameter(field(), nested(64)) == "[" * 64 + "1" + "]" * 64
    for levels in (65, 900, 50_000):
        with pytest.raises(InvalidValue, match="64 levels"):
            JSON.to_parameter(field(), nested(levels))


def test_a_text_of_endless_levels_is_no_json() -> None:
    with pytest.raises(InvalidValue):
        JSON.text_in(field(), "[" * 100_000 + "]" * 100_000)
