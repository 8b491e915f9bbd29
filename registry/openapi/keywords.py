"""Words of a Schema Object, one by one: which are kept, and which values they take.

OpenAPI 3.0 has a dialect of its own (OpenAPI Specification 3.0.4, 4.7.24), 3.1 takes
JSON Schema 2020-12 (3.1.1, 4.8.24). Pure; called by `schemas.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
LISTS = frozenset({"allOf", "anyOf", "oneOf"})
NOTES = frozenset({"title", "description", "deprecated", "readOnly", "writeOnly"})
"""Words that only tell people something."""

ONE_30 = frozenset({"items", "not", "additionalProperties"})
ONE_31 = ONE_30 | {"if", "then", "else", "contains", "propertyNames"}
NAMED_30 = frozenset({"properties"})
NAMED_31 = NAMED_30 | {"dependentSchemas", "patternProperties"}
LISTS_31 = LISTS | {"prefixItems"}
SILENT = frozenset(
    {"discriminator", "xml", "externalDocs", "example", "examples", "nullable",
     "$comment", "$schema", "$defs", "definitions"}
)  # fmt: skip
"""Left out without a word: they change nothing of what is valid, or are read apart."""
UNABLE = frozenset(
    {"$id", "$anchor", "$dynamicRef", "$dynamicAnchor", "$recursiveRef",
     "$recursiveAnchor", "$vocabulary", "unevaluatedItems", "unevaluatedProperties"}
)  # fmt: skip
"""Words that change what is valid, and that the profile does not have."""


def _whole(value: Any) -> bool:
    return type(value) is int and value >= 0


def _anything(_: Any) -> bool:
    return True


def _is_number(value: Any) -> bool:
    return type(value) in {int, float}


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _once(value: Any) -> bool:
    return _texts(value) and len(set(value)) == len(value)


def _kinds(value: Any) -> bool:
    if isinstance(value, str):
        return value in TYPES
    return _once(value) and bool(value) and TYPES.issuperset(value)


_WHOLE = (_whole, "is a whole number, 0 or more")
_NUMBER = (_is_number, "is a number")
_TEXT = (lambda value: isinstance(value, str), "is a text")
_FLAG = (lambda value: isinstance(value, bool), "is true or false")

VALUES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "type": (_kinds, f"is one of: {', '.join(sorted(TYPES))}"),
    "enum": (
        lambda value: isinstance(value, list) and bool(value),
        "is a list of values",
    ),
    "const": (_anything, ""),
    "default": (_anything, ""),
    "title": _TEXT,
    "description": _TEXT,
    "format": _TEXT,
    "pattern": _TEXT,
    "contentEncoding": _TEXT,
    "contentMediaType": _TEXT,
    "deprecated": _FLAG,
    "readOnly": _FLAG,
    "writeOnly": _FLAG,
    "uniqueItems": _FLAG,
    "minimum": _NUMBER,
    "maximum": _NUMBER,
    "exclusiveMinimum": _NUMBER,
    "exclusiveMaximum": _NUMBER,
    "multipleOf": (lambda value: _is_number(value) and value > 0, "is over 0"),
    "minLength": _WHOLE,
    "maxLength": _WHOLE,
    "minItems": _WHOLE,
    "maxItems": _WHOLE,
    "minContains": _WHOLE,
    "maxContains": _WHOLE,
    "minProperties": _WHOLE,
    "maxProperties": _WHOLE,
    "required": (_once, "is a list of names, each once"),
    "dependentRequired": (
        lambda value: isinstance(value, Mapping) and all(map(_once, value.values())),
        "is an object of lists of names",
    ),
}
"""What each plain word takes: a test, and what to say where it fails."""

_ONLY_31 = frozenset(
    {"const", "contentEncoding", "contentMediaType", "dependentRequired",
     "minContains", "maxContains"}
)  # fmt: skip


def is_plain(word: str, *, is_30: bool) -> bool:
    """Return whether a word with a plain value belongs to the dialect."""
    return word in VALUES and not (is_30 and word in _ONLY_31)


def of_30(raw: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the words of a 3.0 Schema Object as 2020-12 says them.

    `nullable` counts beside a `type` alone, and an `enum` still has to name null
    (3.0.4, 4.7.24.1). A bound with `exclusive…: true` is the exclusive one.
    """
    for word, value in raw.items():
        if word == "type" and raw.get("nullable") is True and isinstance(value, str):
            yield word, [value, "null"]
        elif word == "minimum" and raw.get("exclusiveMinimum") is True:
            yield "exclusiveMinimum", value
        elif word == "maximum" and raw.get("exclusiveMaximum") is True:
            yield "exclusiveMaximum", value
        elif word in {"exclusiveMinimum", "exclusiveMaximum"} and isinstance(
            value, bool
        ):
            continue
        else:
            yield word, value


def examples_of(raw: Mapping[str, Any]) -> list[Any]:
    """Return the examples of a schema, at most three, whichever word has them."""
    many = raw.get("examples")
    found = list(many) if isinstance(many, list) else []
    if "example" in raw:
        found.insert(0, raw["example"])
    return found[:3]
