"""A condition evaluated over one record in Python.

Used for rules and for the states in which an action is offered. Answers as the SQL of
`engine/query` does, since operands and values go through the same field types: a
comparison with a missing value is false, `_neq` and `_nin` are true for it. Where SQL
refuses an operand of the wrong type, the comparison counts as not met.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from metadata.compiled import CompiledField
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

Variables = Callable[[Variable], Any]
Fields = Mapping[str, CompiledField]

NUMBERS = frozenset(
    {"integer", "money", "decimal", "percent", "duration", "rate", "bytes"}
)
TEXT_MATCHES = frozenset({"_contains", "_icontains", "_starts", "_ends"})
_NO_FIELDS: Fields = {}


class _Unfit(Exception):
    """A value cannot be compared with values of the field."""


def evaluate(
    condition: Condition,
    record: Mapping[str, Any],
    variables: Variables,
    fields: Fields = _NO_FIELDS,
) -> bool:
    """Return whether the record meets the condition.

    `record` holds API values by name; relations that a path walks must be expanded.
    `variables` gives the JSON value of a variable. `fields` says how the values are
    compared; a name it lacks is compared as JSON.
    """
    match condition:
        case Comparison(path, operator, value):
            field = fields.get(path[0]) if len(path) == 1 else None
            filled = _fill(value, variables)
            return _compare(operator, _walk(record, path), filled, field)
        case And(parts):
            return all(evaluate(part, record, variables, fields) for part in parts)
        case Or(parts):
            return any(evaluate(part, record, variables, fields) for part in parts)
        case Not(part):
            return not evaluate(part, record, variables, fields)
        case Quantified(path, some, inner):
            owner = fields.get(path[0])
            lines = owner.lines if owner is not None else None
            below = lines.fields if lines is not None else _NO_FIELDS
            rows = _walk(record, path) or []
            met = any(evaluate(inner, row, variables, below) for row in rows)
            return met if some else not met
    raise TypeError(f"not a condition: {condition!r}")


def _walk(record: Any, path: Sequence[str]) -> Any:
    for name in path:
        if not isinstance(record, Mapping):
            return None
        record = record.get(name)
    return record


def _fill(value: Any, variables: Variables) -> Any:
    if isinstance(value, Variable):
        filled = variables(value)
        return _NULL if filled is None else filled
    if isinstance(value, tuple):
        return tuple(_fill(item, variables) for item in value)
    return value


class _Null:
    """A variable without a value; unlike a written null it equals nothing."""


_NULL = _Null()


def _compare(
    operator: str, value: Any, operand: Any, field: CompiledField | None
) -> bool:
    if operator == "_null":
        return (value is None) is operand
    if operand is None:
        return (value is None) is (operator == "_eq")
    if operator in {"_neq", "_nin"} and value is None:
        return operator == "_nin" or operand is not _NULL
    if value is None:
        return False
    try:
        return _met(operator, value, operand, field)
    except _Unfit:
        return False


def _met(operator: str, value: Any, operand: Any, field: CompiledField | None) -> bool:
    if operator in {"_in", "_nin", "_between"}:
        # Every operand is read first: one unfit operand spoils the comparison.
        many = [_read(field, operator, item) for item in operand]
        if operator == "_between":
            low, high = many
            return _order(_own(field, value), low, high)
        known = [item for item in many if item is not _NULL]
        found = any(item in known for item in _items(field, value))
        return found if operator == "_in" else not found and len(known) == len(many)
    right = _read(field, operator, operand)
    if right is _NULL:
        return operator == "_neq"
    if operator in TEXT_MATCHES:
        if isinstance(value, list):
            return operator == "_contains" and right in value
        return _match(operator, value, right)
    left = _own(field, value)
    match operator:
        case "_eq" | "_neq":
            return _same(left, right) is (operator == "_eq")
        case "_lt":
            return _order(left, None, right) and not _same(left, right)
        case "_lte":
            return _order(left, None, right)
        case "_gt":
            return _order(left, right, None) and not _same(left, right)
    return _order(left, right, None)


def _items(field: CompiledField | None, value: Any) -> list[Any]:
    return value if isinstance(value, list) else [_own(field, value)]


def _own(field: CompiledField | None, value: Any) -> Any:
    """Return the record's side, ready to be compared."""
    return _read(field, "_eq", value)


def _read(field: CompiledField | None, operator: str, value: Any) -> Any:
    """Return a value as its field compares it; raises _Unfit.

    Without a field a number is exact and everything else is itself.
    """
    if value is _NULL:
        return value
    if field is None:
        return _plain(value)
    if operator not in field.type.operators:
        raise _Unfit
    text = _parameter(field, operator, value)
    kind = field.type.name
    if kind in NUMBERS:
        return Decimal(text)
    if kind == "datetime":
        return datetime.fromisoformat(text)
    return text


def _parameter(field: CompiledField, operator: str, value: Any) -> str:
    definition = field.definition
    try:
        text = field.type.operand_parameter(definition, operator, value)
    except InvalidValue as error:
        if not isinstance(value, str):
            raise _Unfit from error
        try:
            read = field.type.text_in(definition, value)
            text = field.type.operand_parameter(definition, operator, read)
        except InvalidValue as second:
            raise _Unfit from second
    if text is None:
        raise _Unfit
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    return value


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _order(value: Any, low: Any, high: Any) -> bool:
    """Return whether low <= value <= high; None on a side leaves it open."""
    for bound in (low, high):
        if bound is _NULL:
            return False
        if bound is not None and type(bound) is not type(value):
            raise _Unfit
    if not isinstance(value, Decimal | datetime | str):
        raise _Unfit
    above = low is None or low <= value
    return above and (high is None or value <= high)


def folded(text: str) -> str:
    """Return a text without case, each character by itself as PostgreSQL does it."""
    return "".join(character.lower()[0] for character in text)


def _match(operator: str, value: Any, part: Any) -> bool:
    if not isinstance(value, str) or not isinstance(part, str):
        raise _Unfit
    match operator:
        case "_contains":
            return part in value
        case "_icontains":
            return folded(part) in folded(value)
        case "_starts":
            return value.startswith(part)
    return value.endswith(part)
