"""A condition over a new record as JSON Schema 2020-12, for clients with a validator.

Says only what a schema can say exactly of the values that the fields take: "9.50" and
9.5 are one decimal, and " VIP " is stored as "VIP", but a schema compares spellings.
Anything else gives None, and the server alone decides. `metadata/form_rules.py` asks.
"""

from collections.abc import Callable, Mapping
from typing import Any

from metadata.compiled import CompiledField
from metadata.condition_python import evaluate
from metadata.conditions import (
    And,
    Comparison,
    Condition,
    Not,
    Or,
    Quantified,
    Variable,
)
from metadata.fields.base import InvalidValue

Schema = dict[str, Any]
Fields = Mapping[str, CompiledField]

NEVER: Schema = {"not": {}}
_NULL: Schema = {"type": "null"}
_WHOLE = frozenset({"integer", "money", "rate", "bytes"})
_ONE_SPELLING = _WHOLE | {"boolean", "choice", "date"}
"""Types whose every value has one spelling in JSON."""
_BLANK_IS_NULL = frozenset({"text", "long_text", "rich_text"})
"""Types that store nothing for some texts."""


def to_schema(condition: Condition, fields: Fields) -> Schema | None:
    """Return a schema that a new record meets exactly when the condition is true of it.

    The record holds values that its fields take, as a client sends them: what is left
    out gets its default, or is null.
    """
    match condition:
        case Comparison():
            return _comparison(condition, fields)
        case And(parts):
            return _joined("allOf", parts, fields)
        case Or(parts):
            return _joined("anyOf", parts, fields) if parts else NEVER
        case Not(part):
            schema = to_schema(part, fields)
            return None if schema is None else {"not": schema}
        case Quantified():
            return None


def _joined(
    keyword: str, parts: tuple[Condition, ...], fields: Fields
) -> Schema | None:
    schemas = [to_schema(part, fields) for part in parts]
    if any(schema is None for schema in schemas):
        return None
    return {keyword: schemas} if schemas else {}


def _comparison(comparison: Comparison, fields: Fields) -> Schema | None:
    field = fields.get(comparison.path[0]) if len(comparison.path) == 1 else None
    if field is None or not field.writable:
        return None
    default = field.definition.default
    if isinstance(default, str) and default.startswith("$"):
        return None
    value = _value(comparison, field)
    if value is None:
        return None
    schema: Schema = {"properties": {field.name: value}}
    left_out = {} if default is None else {field.name: default}
    if not evaluate(comparison, left_out, _unknown, fields):
        schema["required"] = [field.name]
    return schema


def _value(comparison: Comparison, field: CompiledField) -> Schema | None:
    """Return the schema of the values that meet a comparison, null among them."""
    operator, operand = comparison.operator, comparison.value
    if operator == "_null" or operand is None:
        if field.type.name in _BLANK_IS_NULL or not (field.custom or field.column):
            return None
        wants_null = operand if operator == "_null" else operator == "_eq"
        return _NULL if wants_null else {"not": _NULL}
    listed = operand if isinstance(operand, tuple) else (operand,)
    if operator not in field.type.operators:
        return None
    if not all(_is_spelt_so(field, item) for item in listed):
        return None
    if operator not in _EQUALITY and field.type.name not in _WHOLE:
        return None
    make = _OPERATORS.get(operator)
    return None if make is None else make(operand)


def _is_spelt_so(field: CompiledField, operand: Any) -> bool:
    """Return whether a value equals the operand exactly when JSON is the same."""
    kind = field.type.name
    if kind not in _ONE_SPELLING or isinstance(operand, Variable):
        return False
    if kind in _WHOLE and (isinstance(operand, bool) or not isinstance(operand, int)):
        return False
    try:
        text = field.type.operand_parameter(field.definition, "_eq", operand)
    except InvalidValue:
        return False
    return kind != "date" or text == operand


def _unknown(_variable: Variable) -> None:
    """Stand for variables, of which none gets here."""


def _listed(values: tuple[Any, ...]) -> Schema:
    return {"enum": list(dict.fromkeys(values))} if values else NEVER


_OPERATORS: dict[str, Callable[[Any], Schema]] = {
    "_eq": lambda value: {"const": value},
    "_neq": lambda value: {"not": {"const": value}},
    "_in": _listed,
    "_nin": lambda values: {"not": _listed(values)},
    "_lt": lambda value: {"type": "number", "exclusiveMaximum": value},
    "_lte": lambda value: {"type": "number", "maximum": value},
    "_gt": lambda value: {"type": "number", "exclusiveMinimum": value},
    "_gte": lambda value: {"type": "number", "minimum": value},
    "_between": lambda pair: {"type": "number", "minimum": pair[0], "maximum": pair[1]},
}
_EQUALITY = frozenset({"_eq", "_neq", "_in", "_nin"})
