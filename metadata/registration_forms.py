"""Inputs of a registration's form → JSON Schema 2020-12 and UI schema; pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from metadata.labels import locale_map, text_of

_KINDS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "text": ({"type": "string"}, "text"),
    "string": ({"type": "string"}, "text"),
    "textarea": ({"type": "string"}, "long_text"),
    "email": ({"type": "string", "format": "email"}, "email"),
    "url": ({"type": "string", "format": "uri"}, "url"),
    "phone": ({"type": "string"}, "phone"),
    "tel": ({"type": "string"}, "phone"),
    "password": ({"type": "string"}, "secret"),
    "number": ({"type": "number"}, "decimal"),
    "integer": ({"type": "integer"}, "integer"),
    "boolean": ({"type": "boolean"}, "boolean"),
    "checkbox": ({"type": "boolean"}, "boolean"),
    "date": ({"type": "string", "format": "date"}, "date"),
    "datetime": ({"type": "string", "format": "date-time"}, "datetime"),
    "time": ({"type": "string", "format": "time"}, "time"),
    "select": ({"type": "string"}, "choice"),
    "array": ({"type": "array"}, "tags"),
    "object": ({"type": "object"}, "json"),
}

FORM_TYPES = tuple(_KINDS)
"""The words for `type` of an input."""

_OF_TEXT = {"min_length": "minLength", "max_length": "maxLength", "pattern": "pattern"}
_OF_NUMBER = {"min": "minimum", "max": "maximum"}
_OF_LIST = {"min_items": "minItems", "max_items": "maxItems"}


def request_form(
    fields: Iterable[Mapping[str, Any]],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return `(schema, ui)` of inputs as `registration.py` reads them."""
    properties: dict[str, Any] = {}
    required: list[str] = []
    elements: list[dict[str, Any]] = []
    for field in fields:
        name, (_, widget) = field["name"], _KINDS[field["type"]]
        properties[name] = _property(field)
        if field["required"]:
            required.append(name)
        options: dict[str, Any] = {
            "widget": widget,
            "type": widget,
            "required": field["required"],
            "readonly": False,
        }
        if field["options"]:
            options["choices"] = [_choice(option) for option in field["options"]]
        if field["description"] is not None:
            options["help"] = dict(locale_map(field["description"], ""))
        elements.append(
            {
                "type": "Control",
                "scope": f"#/properties/{name}",
                "label": dict(locale_map(field["label"], name)),
                "options": options,
            }
        )
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    return schema, {"type": "VerticalLayout", "elements": elements}


def _property(field: Mapping[str, Any]) -> dict[str, Any]:
    base, _ = _KINDS[field["type"]]
    rules = field["validation"]
    schema: dict[str, Any] = {
        **base,
        "title": text_of(field["label"], "en", field["name"]),
    }
    value = schema
    if base["type"] == "array":
        value = schema["items"] = {"type": field["item_type"]}
        schema |= _rules(rules, _OF_LIST)
        if field["required"]:
            # A list that must be given must hold something.
            schema.setdefault("minItems", 1)
    if value["type"] == "string":
        value |= _rules(rules, _OF_TEXT)
        if value is schema and field["required"]:
            schema.setdefault("minLength", 1)
    if value["type"] in {"integer", "number"}:
        value |= _rules(rules, _OF_NUMBER)
    if field["options"]:
        value["enum"] = [_choice(option)["value"] for option in field["options"]]
    if field["default"] is not None:
        schema["default"] = field["default"]
    return schema


def _rules(rules: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    return {word: rules[key] for key, word in words.items() if rules[key] is not None}


def _choice(option: Any) -> dict[str, Any]:
    if isinstance(option, dict):
        value = option.get("value")
        label = locale_map(option.get("label"), str(value))
        return {"value": value, "label": dict(label)}
    return {"value": option, "label": {"en": option}}
