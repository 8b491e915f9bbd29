"""The expressions of computed fields, evaluated in Python.

Gives the answers of the SQL of `metadata/expressions.py`; a test with random
expressions on a real PostgreSQL holds both to each other.
"""

import math
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

from metadata.expressions import DIVISION_DIGITS, kind_of, number_of, operands
from metadata.fields.base import FieldDefinition, Json
from metadata.fields.durations import seconds_of

_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def evaluate(
    expression: Json,
    values: Mapping[str, Json],
    fields: Mapping[str, FieldDefinition],
) -> Decimal | str | bool | None:
    """Return the value of a checked expression.

    `values` are API values by name; a field without one is null. Numbers are exact
    decimals, dates ISO texts.
    """
    with localcontext() as context:
        context.prec = 2000
        answer: Decimal | str | bool | None = _value(
            expression, _referred(values, fields)
        )
        return answer


def simplified(expression: Json) -> Json:
    """Return a checked expression with the parts that name no field worked out.

    PostgreSQL folds constants of a generated column before it knows their collation,
    and refuses texts compared with texts there.
    """
    if not isinstance(expression, dict) or "field" in expression:
        return expression
    ((word, value),) = expression.items()
    if word == "_if":
        parts: Json = {key: simplified(part) for key, part in value.items()}
        if not isinstance(parts["if"], dict):
            return parts["then" if parts["if"] else "else"]
        return {word: parts}
    parts = [simplified(part) for part in operands(value)]
    if not any(isinstance(part, dict) for part in parts):
        return evaluate({word: parts}, {}, {})
    return _settled(word, parts)


_STRICT = frozenset({"_add", "_sub", "_mul", "_div"})
_COMPARISONS = frozenset({"_eq", "_lt", "_lte", "_gt", "_gte"})


def _settled(word: str, parts: list[Json]) -> Json:
    """Return the value that one literal operand settles, else the expression."""
    if word == "_and" and any(part is False or part is None for part in parts):
        return False
    if word == "_or" and any(part is True for part in parts):
        return True
    if word in _COMPARISONS and None in parts:
        return False
    if word in _STRICT and (None in parts or (word == "_div" and parts[1] == 0)):
        return None
    if word == "_coalesce":
        rest = [part for part in parts if part is not None]
        if len(rest) == 1 or not isinstance(rest[0], dict):
            return rest[0]
        return {word: rest}
    return {word: parts}


def _referred(
    values: Mapping[str, Json], fields: Mapping[str, FieldDefinition]
) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for name, field in fields.items():
        value = values.get(name)
        if value is not None and field.type == "duration":
            value = seconds_of(value)
        if value is not None and kind_of(field) in {"integer", "number"}:
            value = Decimal(str(value))
        answer[name] = value
    return answer


def _value(expression: Json, values: Mapping[str, Any]) -> Any:
    if not isinstance(expression, dict):
        if isinstance(expression, int | float | Decimal) and not isinstance(
            expression, bool
        ):
            return number_of(expression)
        return expression
    ((word, value),) = expression.items()
    if word == "field":
        return values[value]
    if word == "_if":
        return _value(value["then" if _value(value["if"], values) else "else"], values)
    if word == "_round":
        number = _value(value[0], values)
        return None if number is None else _rounded(number, value[1])
    return _apply(word, [_value(part, values) for part in operands(value)])


def _apply(word: str, parts: Sequence[Any]) -> Any:
    if word in {"_and", "_or", "_not"}:
        truths = [bool(part) for part in parts]
        if word == "_not":
            return not truths[0]
        return all(truths) if word == "_and" else any(truths)
    if word == "_concat":
        return "".join(_word(part) for part in parts)
    if word in {"_coalesce", "_min", "_max"}:
        there = [part for part in parts if part is not None]
        if not there:
            return None
        if word == "_coalesce":
            return there[0]
        return min(there) if word == "_min" else max(there)
    if word == "_neq":
        return bool(parts[0] != parts[1])
    if None in parts:
        return False if word in {"_eq", "_lt", "_lte", "_gt", "_gte"} else None
    return _plain(word, parts)


def _plain(word: str, parts: Sequence[Any]) -> Any:
    """Return the value of an operator for which no operand is null."""
    first = parts[0]
    match word:
        case "_add":
            return sum(parts, Decimal(0))
        case "_sub":
            return first - parts[1]
        case "_mul":
            return math.prod(parts, start=Decimal(1))
        case "_div":
            if not parts[1]:
                return None
            quotient = _rounded(_rounded(first, 20) / parts[1], 20)
            return _rounded(quotient, DIVISION_DIGITS)
        case "_floor":
            return Decimal(math.floor(first))
        case "_ceil":
            return Decimal(math.ceil(first))
        case "_length":
            return Decimal(len(first))
        case "_lower":
            return first.translate(_LOWER)
        case "_upper":
            return first.translate(_UPPER)
    return _compared(word, first, parts[1])


def _compared(word: str, left: Any, right: Any) -> bool:
    equal, less = bool(left == right), bool(word != "_eq" and left < right)
    return {
        "_eq": equal,
        "_lt": less,
        "_lte": less or equal,
        "_gt": not (less or equal),
        "_gte": not less,
    }[word]


def _rounded(number: Decimal, places: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _word(part: Any) -> str:
    if part is None:
        return ""
    return f"{part:f}" if isinstance(part, Decimal) else str(part)
