"""A condition as JSON Schema 2020-12, so that a form can check it in the browser.

Only conditions over the record's own fields that JSON Schema can say exactly; anything
else gives None, and the server alone decides.
"""

from collections.abc import Callable
from typing import Any

from metadata.conditions import (
    And,
    Comparison,
    Condition,
    Not,
    Or,
    Quantified,
    Variable,
)

Schema = dict[str, Any]

_NULL: Schema = {"type": "null"}


def to_schema(condition: Condition) -> Schema | None:
    """Return a schema that a record meets exactly when the condition is true of it.

    A missing property counts as null, as it does in a record.
    """
    match condition:
        case Comparison():
            return _comparison(condition)
        case And(parts):
            return _joined("allOf", parts)
        case Or(parts):
            return _joined("anyOf", parts) if parts else {"not": {}}
        case Not(part):
            schema = to_schema(part)
            return None if schema is None else {"not": schema}
        case Quantified():
            return None


def _joined(keyword: str, parts: tuple[Condition, ...]) -> Schema | None:
    schemas = [to_schema(part) for part in parts]
    if any(schema is None for schema in schemas):
        return None
    return {keyword: schemas} if schemas else {}


def _comparison(comparison: Comparison) -> Schema | None:
    values = comparison.value
    listed = values if isinstance(values, tuple) else (values,)
    if len(comparison.path) != 1 or any(isinstance(v, Variable) for v in listed):
        return None
    make = _OPERATORS.get(comparison.operator)
    return None if make is None else make(comparison.path[0], values)


def _holds(name: str, schema: Schema) -> Schema:
    return {"required": [name], "properties": {name: schema}}


def _is_null(name: str) -> Schema:
    return {"anyOf": [{"not": {"required": [name]}}, _holds(name, _NULL)]}


def _equal(name: str, value: Any) -> Schema:
    return _is_null(name) if value is None else _holds(name, {"const": value})


def _ordered(keyword: str) -> Callable[[str, Any], Schema | None]:
    def make(name: str, value: Any) -> Schema | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return _holds(name, {"type": "number", keyword: value})

    return make


def _between(name: str, value: tuple[Any, Any]) -> Schema | None:
    if any(isinstance(v, bool) or not isinstance(v, int | float) for v in value):
        return None
    low, high = value
    return _holds(name, {"type": "number", "minimum": low, "maximum": high})


_OPERATORS: dict[str, Callable[[str, Any], Schema | None]] = {
    "_eq": _equal,
    "_neq": lambda name, value: {"not": _equal(name, value)},
    "_in": lambda name, value: _holds(name, {"enum": list(value)}),
    "_nin": lambda name, value: {"not": _holds(name, {"enum": list(value)})},
    "_null": lambda name, value: _is_null(name) if value else {"not": _is_null(name)},
    "_lt": _ordered("exclusiveMaximum"),
    "_lte": _ordered("maximum"),
    "_gt": _ordered("exclusiveMinimum"),
    "_gte": _ordered("minimum"),
    "_between": _between,
}
