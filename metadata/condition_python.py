"""A condition evaluated over one record in Python.

Used for rules, row conditions of actions and permission checks on values that are not
in the database yet. Answers as the SQL of `engine/query` does: a comparison with a
missing value is false, `_neq` and `_nin` are true for it.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
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

Variables = Callable[[Variable], Any]


def evaluate(
    condition: Condition, record: Mapping[str, Any], variables: Variables
) -> bool:
    """Return whether the record meets the condition.

    `record` holds API values by name; relations that a path walks must be expanded.
    `variables` gives the JSON value of a variable.
    """
    match condition:
        case Comparison(path, operator, value):
            return _compare(operator, _walk(record, path), _fill(value, variables))
        case And(parts):
            return all(evaluate(part, record, variables) for part in parts)
        case Or(parts):
            return any(evaluate(part, record, variables) for part in parts)
        case Not(part):
            return not evaluate(part, record, variables)
        case Quantified(path, some, inner):
            rows = _walk(record, path) or []
            met = any(evaluate(inner, row, variables) for row in rows)
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
        return variables(value)
    if isinstance(value, tuple):
        return tuple(_fill(item, variables) for item in value)
    return value


def _compare(operator: str, left: Any, right: Any) -> bool:
    if operator == "_null":
        return (left is None) is bool(right)
    if operator in {"_eq", "_neq"}:
        equal = _equal(left, right)
        return equal if operator == "_eq" else not equal
    if operator in {"_in", "_nin"}:
        found = left is not None and _among(left, right)
        return found if operator == "_in" else not found
    if left is None or right is None:
        return False
    if operator in {"_contains", "_icontains", "_starts", "_ends"}:
        return _text(operator, left, right)
    if operator == "_between":
        return _order(left, right[0]) >= 0 and _order(left, right[1]) <= 0
    difference = _order(left, right)
    return {
        "_lt": difference < 0,
        "_lte": difference <= 0,
        "_gt": difference > 0,
        "_gte": difference >= 0,
    }[operator]


def _among(left: Any, right: Sequence[Any]) -> bool:
    if isinstance(left, list):
        return any(_equal(item, value) for item in left for value in right)
    return any(_equal(left, value) for value in right)


def _equal(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return left is right
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    left, right = _comparable(left, right)
    return bool(left == right)


def _order(left: Any, right: Any) -> int:
    left, right = _comparable(left, right)
    try:
        return int(left > right) - int(left < right)
    except TypeError:
        one, other = str(left), str(right)
        return int(one > other) - int(one < other)


def _comparable(left: Any, right: Any) -> tuple[Any, Any]:
    """Return both as numbers when one is a number and the other spells one."""
    if isinstance(left, str) == isinstance(right, str):
        return left, right
    if isinstance(left, bool | list | dict) or isinstance(right, bool | list | dict):
        return left, right
    try:
        return Decimal(str(left)), Decimal(str(right))
    except InvalidOperation:
        return left, right


def _text(operator: str, left: Any, right: Any) -> bool:
    if isinstance(left, list):
        return operator == "_contains" and _among(left, [right])
    whole, part = str(left), str(right)
    match operator:
        case "_contains":
            return part in whole
        case "_icontains":
            return part.lower() in whole.lower()
        case "_starts":
            return whole.startswith(part)
    return whole.endswith(part)
