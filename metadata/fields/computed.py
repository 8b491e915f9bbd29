"""Fields whose value PostgreSQL computes from other fields of the same record."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import sqlalchemy as sa
from pydantic import Field, ValidationError

from metadata.fields.base import (
    ORDER_OPERATORS,
    STANDARD_OPERATORS,
    FieldDefinition,
    FieldType,
    Json,
)
from metadata.fields.numbers import MAX_INTEGER
from metadata.labels import Label

if TYPE_CHECKING:
    from metadata.expressions import Kind

_RESULTS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("integer", "money", "rate", "bytes"), frozenset({"integer"})),
    **dict.fromkeys(("decimal", "percent"), frozenset({"integer", "number"})),
    "text": frozenset({"text"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"date"}),
}
"""Which kinds of value a result type can show."""


class ComputedField(FieldDefinition):
    """A value computed from other fields of the record."""

    type: Literal["computed"]
    result: dict[str, Json] = Field(
        description='What it shows: {"type": "decimal", "scale": 2}.'
    )
    expression: Json = Field(description="How it is computed; docs/field-types.md.")


class Computed(FieldType[ComputedField]):
    """A stored generated column. Never written; shown as its result type is.

    A value that its result type cannot hold (too many digits) is null.
    """

    name = "computed"
    definition = ComputedField
    label: ClassVar[Label] = {"en": "Computed", "id": "Terhitung"}
    description = "A value computed from other fields"
    operators = STANDARD_OPERATORS | ORDER_OPERATORS
    writable = False
    widget = "readonly"
    renderer = "computed"

    def result(self, field: ComputedField) -> tuple[FieldType[Any], FieldDefinition]:
        """Return the field type of the value and a definition of it.

        Raises KeyError for a type that cannot be a result, ValidationError for
        options it does not have.
        """
        from metadata.fields import FIELD_TYPES

        kind = FIELD_TYPES[str(field.result["type"])]
        options = {**field.result, "id": field.id, "name": field.name}
        return kind, kind.definition.model_validate(options)

    def findings(self, field: ComputedField) -> Sequence[tuple[str, str]]:
        """Return what is wrong with the result and the common options."""
        found = [
            (option, "is not possible for a computed field; remove it")
            for option in ("required", "unique", "default")
            if getattr(field, option)
        ]
        if field.result.get("type") not in tuple(_RESULTS):
            known = ", ".join(sorted(_RESULTS))
            return [*found, ("result", f"needs a type; there are: {known}")]
        try:
            kind, inner = self.result(field)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            return [*found, (f"result.{place}", first["msg"])]
        return [*found, *((f"result.{o}", m) for o, m in kind.findings(inner))]

    def findings_among(
        self, field: ComputedField, fields: Mapping[str, FieldDefinition]
    ) -> Sequence[tuple[str, str]]:
        """Return what is wrong with the expression, given the entity's fields."""
        from metadata.expressions import check

        checked = check(field.expression, fields)
        found = [(f"expression{at}", message) for at, message in checked.findings]
        takes: frozenset[str] = _RESULTS.get(str(field.result.get("type")), frozenset())
        kind: Kind | None = checked.kind
        if kind is not None and takes and kind not in {*takes, "null"}:
            found.append(
                ("expression", f"gives a {kind}, which is no {field.result['type']}")
            )
        return found

    def generated(self, field: ComputedField, columns: Mapping[str, str]) -> str:
        """Return the SQL of the generated column; `columns` are quoted, by name."""
        from metadata.expression_python import simplified
        from metadata.expressions import to_sql

        value = f"({to_sql(simplified(field.expression), columns)})"
        kind, inner = self.result(field)
        sql_type = kind.sql_type(inner)
        if isinstance(sql_type, sa.BigInteger):
            inside = f"abs({value}::numeric) <= {MAX_INTEGER}"
            return f"case when {inside} then {value}::bigint end"
        if isinstance(sql_type, sa.Numeric):
            scale, precision = sql_type.scale or 0, sql_type.precision or 0
            rounded = f"round({value}::numeric, {scale})"
            inside = f"abs({rounded}) < {10 ** (precision - scale)}"
            return f"case when {inside} then {rounded} end"
        return f"{value}::{sql_type.compile()}"

    def sql_type(self, field: ComputedField) -> sa.types.TypeEngine[Any]:
        """Return the result's type."""
        kind, inner = self.result(field)
        return kind.sql_type(inner)

    def json_schema(self, field: ComputedField) -> dict[str, Json]:
        """Return the result's schema, read-only."""
        kind, inner = self.result(field)
        return {**kind.json_schema(inner), "readOnly": True}

    def to_parameter(self, field: ComputedField, value: Json) -> str | None:
        """Return a value of the result's type, to compare with."""
        kind, inner = self.result(field)
        return kind.to_parameter(inner, value)

    def to_json(
        self, field: ComputedField, column: sa.ColumnElement[Any]
    ) -> sa.ColumnElement[Any]:
        """Return the value as its result type answers it."""
        kind, inner = self.result(field)
        return kind.to_json(inner, column)

    def operand_parameter(
        self, field: ComputedField, operator: str, value: Json
    ) -> str | None:
        """Return an operand of the result's type."""
        kind, inner = self.result(field)
        return kind.operand_parameter(inner, operator, value)

    def operand_type(
        self, field: ComputedField, operator: str
    ) -> sa.types.TypeEngine[Any]:
        """Return the operand type of the result's type."""
        kind, inner = self.result(field)
        return kind.operand_type(inner, operator)

    def text_out(self, field: ComputedField, value: Json) -> str:
        """Return the value as its result type writes it."""
        kind, inner = self.result(field)
        return kind.text_out(inner, value)

    def text_in(self, field: ComputedField, text: str) -> Json:
        """Return the value as its result type reads it."""
        kind, inner = self.result(field)
        return kind.text_in(inner, text)

    def options(self, field: ComputedField) -> Mapping[str, Json]:
        """Return how the result is shown."""
        kind, inner = self.result(field)
        shown = {"type": kind.name, "renderer": kind.renderer}
        return {**kind.options(inner), "result": shown}
