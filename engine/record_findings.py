"""What a JSON Schema validator found, in the words a user can act on.

The one place that maps (keyword, params) to a stable detail code and a sentence. The
UI shell words the same pairs in its own languages, so `params` travel along. The
validator's own text is never shown.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError

from engine.errors import Detail

_CODES = {
    "maxLength": "max_length",
    "minLength": "min_length",
    "maximum": "maximum",
    "minimum": "minimum",
    "exclusiveMaximum": "maximum",
    "exclusiveMinimum": "minimum",
    "maxItems": "max_items",
    "minItems": "min_items",
    "uniqueItems": "duplicate_items",
    "multipleOf": "multiple_of",
    "enum": "choice",
    "const": "choice",
    "type": "type",
    "format": "format",
    "pattern": "format",
    "required": "required",
    "additionalProperties": "unknown_field",
}

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}


def findings(
    validator: Draft202012Validator, value: Any, prefix: Sequence[str | int] = ()
) -> list[Detail]:
    """Return every finding of the validator about a value, in the value's order."""
    details: list[Detail] = []
    for error in validator.iter_errors(value):
        details.extend(_details(error, prefix))
    return details


def field_path(parts: Iterable[str | int]) -> str:
    """Return a dotted path into a payload: `lines.0.quantity`."""
    return ".".join(str(part) for part in parts)


def _details(error: ValidationError, prefix: Sequence[str | int]) -> list[Detail]:
    keyword = error.kind.name
    params: Mapping[str, Any] = error.kind.as_dict()
    path = [*prefix, *error.instance_path]
    if keyword == "required":
        name = str(params["property"])
        return [Detail(field_path([*path, name]), "required", "Enter a value.")]
    if keyword == "additionalProperties":
        return [
            Detail(
                field_path([*path, name]),
                "unknown_field",
                f'There is no field "{name}" here.',
            )
            for name in params["unexpected"]
        ]
    code = _CODES.get(keyword, "invalid")
    message, kept = _sentence(code, keyword, params, error)
    return [Detail(field_path(path), code, message, kept)]


def _sentence(
    code: str, keyword: str, params: Mapping[str, Any], error: ValidationError
) -> tuple[str, Mapping[str, Any]]:
    limit = params.get("limit")
    match code:
        case "max_length":
            return f"Enter at most {limit} characters.", {"limit": limit}
        case "min_length":
            if limit == 1:
                return "Enter a value.", {"limit": 1}
            return f"Enter at least {limit} characters.", {"limit": limit}
        case "maximum":
            return f"Enter at most {_exclusive(keyword, limit)}.", {"limit": limit}
        case "minimum":
            return f"Enter at least {_exclusive(keyword, limit)}.", {"limit": limit}
        case "max_items":
            return f"Give at most {limit} entries.", {"limit": limit}
        case "min_items":
            return f"Give at least {limit} entries.", {"limit": limit}
        case "duplicate_items":
            return "Name each entry once.", {}
        case "multiple_of":
            step = params.get("multiple_of", params.get("limit"))
            return f"Enter a multiple of {step}.", {"step": step}
        case "choice":
            options = params.get("options", [params.get("expected_value")])
            words = ", ".join(str(option) for option in options if option is not None)
            return f"Choose one of: {words}.", {"options": list(options)}
        case "type":
            types = _types(params)
            words = " or ".join(_TYPES.get(t, t) for t in types if t != "null")
            if error.instance is None:
                return "Enter a value.", {"types": types}
            return f"This must be {words or 'null'}.", {"types": types}
        case "format":
            name = params.get("format", params.get("pattern"))
            return "This is not written in the expected form.", {keyword: name}
    return "This value is not allowed here.", {"keyword": keyword}


def _exclusive(keyword: str, limit: Any) -> str:
    return f"{limit} (not {limit} itself)" if "exclusive" in keyword else str(limit)


def _types(params: Mapping[str, Any]) -> list[str]:
    types = params.get("types", params.get("type", []))
    return [types] if isinstance(types, str) else [str(t) for t in types]
