"""SQL of the comparison operators that mean the same for every field type.

Built from the column and the operands alone: no binds of its own, so the caller
decides every parameter. Called by `FieldType.compare`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

Column = sa.ColumnElement[Any]
Test = sa.ColumnElement[bool]

_BINARY: dict[str, Callable[[Column, Column], Test]] = {
    "_eq": lambda column, operand: column == operand,
    # Null differs from every value, so a row without one is "not equal".
    "_neq": lambda column, operand: column.is_distinct_from(operand),
    "_lt": lambda column, operand: column < operand,
    "_lte": lambda column, operand: column <= operand,
    "_gt": lambda column, operand: column > operand,
    "_gte": lambda column, operand: column >= operand,
    "_in": lambda column, operand: column == sa.any_(operand),
    "_nin": lambda column, operand: sa.or_(
        column.is_(None), column != sa.all_(operand)
    ),
    "_contains": lambda column, operand: column.like(_pattern("%", operand, "%")),
    "_icontains": lambda column, operand: column.ilike(_pattern("%", operand, "%")),
    "_starts": lambda column, operand: column.like(_pattern("", operand, "%")),
    "_ends": lambda column, operand: column.like(_pattern("%", operand, "")),
}


def compare_standard(operator: str, column: Column, operands: Sequence[Column]) -> Test:
    """Return `column operator operands` as SQL.

    Null semantics of the condition language: `_neq` and `_nin` are true for null,
    every other comparison with null is not true. `_eq` and `_neq` without an operand
    compare with null. `_in` and `_nin` take one array. Raises KeyError for an operator
    that is not a comparison.
    """
    if operator == "_null" or (operator == "_eq" and not operands):
        return column.is_(None)
    if operator == "_neq" and not operands:
        return column.is_not(None)
    if operator == "_between":
        low, high = operands
        return sa.and_(column >= low, column <= high)
    (operand,) = operands
    return _BINARY[operator](column, operand)


def quoted(text: str) -> str:
    """Return a text as an SQL literal, for expressions that cannot have binds."""
    return "'" + text.replace("'", "''") + "'"


def constant(text: str) -> sa.ColumnElement[str]:
    """Return a text as a literal SQL expression rather than a bind."""
    return sa.literal_column(quoted(text), sa.Text())


def _pattern(before: str, operand: Column, after: str) -> sa.ColumnElement[str]:
    """Return a LIKE pattern in which the operand stands for itself."""
    text: sa.ColumnElement[str] = sa.cast(operand, sa.Text())
    for character in ("\\", "%", "_"):
        text = sa.func.replace(text, constant(character), constant("\\" + character))
    if before:
        text = constant(before).concat(text)
    return text.concat(constant(after)) if after else text
