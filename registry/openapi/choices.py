"""`anyOf` and `oneOf` that are choices in disguise → what a form can show; pure.

Generators write "or null" as an alternative, and words to choose of as a list of
constants. The result accepts the very same values. Called by `schemas.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from metadata.endpoint_forms import LABELS
from registry.openapi.keywords import NOTES

Schema = dict[str, Any]

_ABOUT = NOTES | {"default", "examples"}
_ANY_TYPE = frozenset(
    {"const", "not", "anyOf", "oneOf", "allOf", "if", "then", "else", LABELS}
)
"""Words that would hold for null too, once it stands beside them."""
_NAMES = ("x-enum-varnames", "x-enumNames", "x-enum-descriptions")
"""Words of generators for what the values of an `enum` mean; the last one that fits."""
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def plain(schema: Schema, raw: Mapping[str, Any]) -> Schema:
    """Return a schema without alternatives that one type or one `enum` can say.

    `raw` is what the document says, for the names of the values.
    """
    for word in ("anyOf", "oneOf"):
        if word in schema and isinstance(schema[word], list):
            schema = _constants(schema, word) or _or_null(schema, word) or schema
    labels = _labels(schema.get("enum"), raw)
    return {**schema, LABELS: labels} if labels else schema


def _or_null(schema: Schema, word: str) -> Schema | None:
    """Return `{"anyOf": [X, null]}` as X that takes null too."""
    outer = {key: value for key, value in schema.items() if key != word}
    others = [each for each in schema[word] if not _is_null(each)]
    if len(others) != 1 or len(schema[word]) != 2:
        return None
    inner = others[0]
    if not isinstance(inner, dict) or "type" not in inner or not outer.keys() <= _ABOUT:
        return None
    kinds = [inner["type"]] if isinstance(inner["type"], str) else list(inner["type"])
    if "null" in kinds or not _ANY_TYPE.isdisjoint(inner):
        return None
    found = {**inner, "type": [*kinds, "null"], **outer}
    if "enum" in inner:
        found["enum"] = [*(each for each in inner["enum"] if each is not None), None]
    return found


def _is_null(schema: Any) -> bool:
    return (
        isinstance(schema, dict)
        and schema.get("type") == "null"
        and schema.keys() <= _ABOUT | {"type"}
    )


def _constants(schema: Schema, word: str) -> Schema | None:
    """Return a list of constants as an `enum`, their titles as its labels."""
    if "enum" in schema or "const" in schema:
        return None
    values, labels = [], {}
    for each in schema[word]:
        if not isinstance(each, dict) or not each.keys() <= _ABOUT | {"const", "type"}:
            return None
        if "const" not in each or not _fits(each):
            return None
        values.append(each["const"])
        label = each.get("title") or each.get("description")
        if label:
            labels[str(each["const"])] = label
    if len(set(values)) < len(values):
        return None  # 1 is 1.0 too, and true is refused rather than taken for 1
    found = {key: value for key, value in schema.items() if key != word}
    found["enum"] = values
    return {**found, LABELS: labels} if labels else found


def _fits(schema: Schema) -> bool:
    """Return whether a constant is of the type that stands beside it."""
    kind, value = schema.get("type"), schema["const"]
    if not isinstance(value, str | int | float):
        return False
    if kind is None:
        return True
    if kind not in _KINDS or isinstance(value, bool) != (kind == "boolean"):
        return False
    return isinstance(value, _KINDS[kind])


def _labels(values: Any, raw: Mapping[str, Any]) -> dict[str, str]:
    """Return what the values of an `enum` are called, by their text."""
    if not isinstance(values, list):
        return {}
    for word in reversed(_NAMES):
        names = raw.get(word)
        if isinstance(names, Mapping):
            names = [names.get(str(value)) for value in values]
        if _is_said(names, values):
            pairs = zip(values, names or (), strict=False)
            return {str(value): name for value, name in pairs if value is not None}
    return {}


def _is_said(names: Any, values: Sequence[Any]) -> bool:
    """Return whether there is a text for each value; null needs none."""
    return (
        isinstance(names, list)
        and len(names) in {len(values), len([v for v in values if v is not None])}
        and all(isinstance(name, str) and 0 < len(name) <= 200 for name in names)
    )
