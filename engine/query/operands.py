"""What a comparison compares with: values → parameters of the statement; pure.

Reads each operand as the field's type does and refuses what does not fit. Called by
`engine/query/scope.py`.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from engine.errors import BadRequest, Detail
from engine.query.binding import Binder
from metadata.fields.base import FieldDefinition, FieldType, InvalidValue


def operands(
    binder: Binder,
    definition: FieldDefinition,
    kind: FieldType[Any],
    operator: str,
    value: Any,
) -> list[sa.ColumnElement[Any]]:
    """Return the operands of a comparison as SQL; raises BadRequest.

    `value` is a slot of the request, a variable, or a constant of a rule.
    """
    sql_type = kind.operand_type(definition, operator)

    def convert(item: Any) -> str | None:
        return _operand(definition, kind, operator, item)

    if operator in {"_in", "_nin"}:

        def convert_list(items: Any) -> str | None:
            return _array([None if item is None else convert(item) for item in items])

        many = ARRAY(sql_type) if not isinstance(sql_type, ARRAY) else sql_type
        return [binder.of(value, convert_list, many)]
    if operator == "_between":
        return [binder.of(item, convert, sql_type) for item in value]
    return [binder.of(value, convert, sql_type)]


def _operand(
    definition: FieldDefinition, kind: FieldType[Any], operator: str, value: Any
) -> str | None:
    """Return an operand as PostgreSQL text; texts of the bracket form are read too."""
    try:
        return kind.operand_parameter(definition, operator, value)
    except InvalidValue as error:
        if isinstance(value, str):
            try:
                read = kind.text_in(definition, value)
                return kind.operand_parameter(definition, operator, read)
            except InvalidValue:
                pass
        raise BadRequest(
            f"{definition.name}: {error.message}",
            code="INVALID_FILTER",
            details=[Detail(definition.name, error.code, error.message)],
        ) from error


def _array(items: Sequence[str | None]) -> str:
    """Return PostgreSQL's text of a one-dimensional array."""
    quoted = ("NULL" if item is None else '"' + _escape(item) + '"' for item in items)
    return "{" + ",".join(quoted) + "}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
