"""`allOf` → one schema, where that accepts the very same values; pure.

A form shows properties, and no intersection of schemas. What cannot be said in one
schema stays an `allOf`. Called by `schemas.py`.
"""

from collections.abc import Callable, Mapping
from typing import Any

from registry.openapi.keywords import NOTES

Schema = dict[str, Any]

_TOGETHER = (
    frozenset({"properties", "patternProperties", "additionalProperties"}),
    frozenset({"items", "prefixItems"}),
    frozenset({"contains", "minContains", "maxContains"}),
    frozenset({"if", "then", "else"}),
)
"""Words that are read together: those of two schemas cannot be mixed."""

_BOUNDS: Mapping[str, Callable[[Any, Any], Any]] = {
    "minimum": max,
    "exclusiveMinimum": max,
    "minLength": max,
    "minItems": max,
    "minProperties": max,
    "maximum": min,
    "exclusiveMaximum": min,
    "maxLength": min,
    "maxItems": min,
    "maxProperties": min,
}
_ABOUT = NOTES | {"default", "examples"}


def merged(schemas: list[Any]) -> Schema | None:
    """Return the schema that says what all of them say, None when there is none.

    Of what only tells people something, the first word counts.
    """
    found: Any = schemas[0]
    for schema in schemas[1:]:
        if not isinstance(found, dict) or not isinstance(schema, dict):
            return None
        found = _two(found, schema)
        if found is None:
            return None
    return found if isinstance(found, dict) else None


def _two(one: Schema, other: Schema) -> Schema | None:
    for words in _TOGETHER:
        both = (one.keys() & words, other.keys() & words)
        if all(both) and not _mixes(one, other, words):
            return None
    found = dict(one)
    for word, value in other.items():
        if word not in found:
            found[word] = value
            continue
        is_one, both = _word(word, found[word], value)
        if not is_one:
            return None
        found[word] = both
    return found


def _mixes(one: Schema, other: Schema, words: frozenset[str]) -> bool:
    """Return whether both say only `properties`, or the same of everything."""
    if "properties" in words:
        said = (one.keys() | other.keys()) & words
        closes = [s.get("additionalProperties", True) for s in (one, other)]
        return said <= {"properties", "additionalProperties"} and closes == [True] * 2
    return all(one.get(word) == other.get(word) for word in words)


def _word(word: str, one: Any, other: Any) -> tuple[bool, Any]:
    """Return (whether both can be said at once, how)."""
    if word in _ABOUT or _same(one, other):
        return True, one
    if word in _BOUNDS:
        return True, _BOUNDS[word](one, other)
    if word == "required":
        return True, list(dict.fromkeys((*one, *other)))
    if word == "allOf":
        return True, [*one, *other]
    if word == "properties":
        found = dict(one)
        for name, schema in other.items():
            if name in found:
                both = [found[name], schema]
                found[name] = merged(both) or {"allOf": both}
            else:
                found[name] = schema
        return True, found
    if word == "type":
        return _types(one, other)
    return False, None


def _types(one: Any, other: Any) -> tuple[bool, Any]:
    first = {one} if isinstance(one, str) else set(one)
    second = {other} if isinstance(other, str) else set(other)
    kept = first & second
    for mine, theirs in ((first, second), (second, first)):
        if "integer" in mine and "number" in theirs:
            kept.add("integer")
    if "number" in kept:
        kept.discard("integer")
    if not kept:
        return False, None
    return True, next(iter(kept)) if len(kept) == 1 else sorted(kept)


def _same(one: Any, other: Any) -> bool:
    """Return whether two JSON values are one; true is not 1 here."""
    return one == other and repr(one) == repr(other)
