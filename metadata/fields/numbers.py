"""Numbers: whole ones, decimals, percentages and money."""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar, Literal, TypeVar

import sqlalchemy as sa
from pydantic import Field

from metadata.fields.base import (
    ORDER_OPERATORS,
    STANDARD_OPERATORS,
    FieldDefinition,
    FieldType,
    InvalidValue,
    Json,
)
from metadata.labels import Label

MAX_INTEGER = 2**53 - 1
"""The largest integer a browser reads exactly (ECMA-262, Number.MAX_SAFE_INTEGER)."""

NUMBER_OPERATORS = STANDARD_OPERATORS | ORDER_OPERATORS
SafeInteger = int
_WHOLE = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")


class IntegerField(FieldDefinition):
    """A whole number."""

    type: Literal["integer"]
    min: int | None = Field(None, ge=-MAX_INTEGER, le=MAX_INTEGER)
    max: int | None = Field(None, ge=-MAX_INTEGER, le=MAX_INTEGER)
    format: Literal["plain", "seconds"] | None = Field(
        None,
        description=(
            "plain: shown without marks between its digits, as a port is; "
            "seconds: shown as a length of time."
        ),
    )


class MoneyField(FieldDefinition):
    """An amount in the minor unit of one currency."""

    type: Literal["money"]
    currency: str = Field("IDR", pattern=r"^[A-Z]{3}$", description="ISO 4217 code.")
    min: int | None = Field(None, ge=-MAX_INTEGER, le=MAX_INTEGER)
    max: int | None = Field(None, ge=-MAX_INTEGER, le=MAX_INTEGER)


class DecimalField(FieldDefinition):
    """A number with a fixed count of decimal places."""

    type: Literal["decimal"]
    precision: int = Field(18, ge=1, le=38, description="Digits in all.")
    scale: int = Field(2, ge=0, le=18, description="Digits after the point.")
    min: Decimal | None = Field(None, allow_inf_nan=False)
    max: Decimal | None = Field(None, allow_inf_nan=False)


class PercentField(FieldDefinition):
    """Percent: `12.50` is twelve and a half percent."""

    type: Literal["percent"]
    scale: int = Field(2, ge=0, le=6, description="Digits after the point.")
    min: Decimal | None = Field(None, allow_inf_nan=False)
    max: Decimal | None = Field(None, allow_inf_nan=False)


W = TypeVar("W", bound=FieldDefinition)


def whole(value: Json) -> int:
    """Return a JSON number without a fraction as an integer; raises InvalidValue."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidValue("type", "Enter a whole number.")
    if abs(value) > MAX_INTEGER:
        raise InvalidValue("range", f"Enter a number between ±{MAX_INTEGER}.")
    return value


def whole_text(text: str) -> int:
    """Return the integer of a CSV text; raises InvalidValue."""
    if not _WHOLE.fullmatch(text.strip()):
        raise InvalidValue("type", "Enter a whole number, such as 1500.")
    return whole(int(text)) if len(text) < 40 else whole(MAX_INTEGER + 1)


class WholeNumber(FieldType[W]):
    """What is stored as bigint: its operators are leakproof, so indexes work."""

    operators = NUMBER_OPERATORS
    widget = "number"
    renderer = "number"

    def bounds(self, field: W) -> tuple[int, int]:
        """Return the smallest and the largest value allowed."""
        low, high = getattr(field, "min", None), getattr(field, "max", None)
        return (
            -MAX_INTEGER if low is None else low,
            MAX_INTEGER if high is None else high,
        )

    def findings(self, field: W) -> Sequence[tuple[str, str]]:
        """Return bounds that leave no value."""
        low, high = self.bounds(field)
        return [("min", "is more than max; lower it")] if low > high else []

    def sql_type(self, field: W) -> sa.types.TypeEngine[Any]:
        """Return bigint."""
        return sa.BigInteger()

    def check(self, field: W, column: str) -> Sequence[str]:
        """Return the bounds."""
        low, high = self.bounds(field)
        return [f"{column} between {low} and {high}"]

    def json_schema(self, field: W) -> dict[str, Json]:
        """Return an integer within the bounds."""
        low, high = self.bounds(field)
        return {"type": "integer", "minimum": low, "maximum": high}

    def to_parameter(self, field: W, value: Json) -> str | None:
        """Return the digits."""
        number = whole(value)
        low, high = self.bounds(field)
        if number < low:
            raise InvalidValue("minimum", f"Enter {low} or more.")
        if number > high:
            raise InvalidValue("maximum", f"Enter {high} or less.")
        return str(number)

    def operand_parameter(self, field: W, operator: str, value: Json) -> str | None:
        """Return the digits; a condition may name a value outside the bounds."""
        return str(whole(value))

    def text_in(self, field: W, text: str) -> Json:
        """Return the number written in digits."""
        return whole_text(text)


class Integer(WholeNumber[IntegerField]):
    """A whole number that every JSON reader holds exactly."""

    name = "integer"
    definition = IntegerField
    label: ClassVar[Label] = {"en": "Whole number", "id": "Bilangan bulat"}
    description = "A number without decimals"

    def json_schema(self, field: IntegerField) -> dict[str, Json]:
        """Return an integer within the bounds, and what it counts if that is said."""
        schema = super().json_schema(field)
        return {**schema, "format": field.format} if field.format else schema


NO_MINOR_UNIT = frozenset({"IDR", "JPY", "KRW", "VND", "CLP", "ISK", "PYG", "UGX"})
THREE_DIGITS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


def currency_digits(currency: str) -> int:
    """Return how many decimals the amount has.

    ISO 4217, except IDR: its sen is not in use, so amounts are whole rupiah.
    """
    if currency in NO_MINOR_UNIT:
        return 0
    return 3 if currency in THREE_DIGITS else 2


class Money(WholeNumber[MoneyField]):
    """An amount of money: JSON holds minor units, CSV the amount as people write it."""

    name = "money"
    definition = MoneyField
    label: ClassVar[Label] = {"en": "Money", "id": "Uang"}
    description = "An amount in one currency"
    widget = "money"
    renderer = "money"

    def text_out(self, field: MoneyField, value: Json) -> str:
        """Return the amount in the currency's main unit."""
        return f"{Decimal(value).scaleb(-currency_digits(field.currency)):f}"

    def text_in(self, field: MoneyField, text: str) -> Json:
        """Return the minor units of an amount in the currency's main unit."""
        digits = currency_digits(field.currency)
        amount = decimal_of(text.strip()).scaleb(digits)
        if amount != amount.to_integral_value():
            raise InvalidValue(
                "scale", f"{field.currency} has {digits} digits after the point."
            )
        return whole(int(amount))

    def options(self, field: MoneyField) -> Mapping[str, Json]:
        """Return the currency and how many decimals it has."""
        return {
            "currency": field.currency,
            "digits": currency_digits(field.currency),
        }


def decimal_of(value: Json) -> Decimal:
    """Return a JSON number, or a string of digits, exactly; raises InvalidValue."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise InvalidValue("type", "Enter a number, such as 12.50.")
    text = str(value)
    if len(text) > 60 or not _DECIMAL.fullmatch(text):
        raise InvalidValue("type", "Enter a number, such as 12.50.")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise InvalidValue("type", "Enter a number, such as 12.50.") from None
    if abs(number.adjusted()) > 60 and number:
        raise InvalidValue("range", "Enter a number of fewer digits.")
    return number


D = TypeVar("D", DecimalField, PercentField)


class FixedPoint(FieldType[D]):
    """Exact decimals: numeric in PostgreSQL, a string of digits in JSON.

    Input may be a JSON number or a string; output always has `scale` decimals.
    """

    operators = NUMBER_OPERATORS
    widget = "number"

    def digits(self, field: D) -> tuple[int, int]:
        """Return the precision and the scale."""
        return field.precision if isinstance(field, DecimalField) else 12, field.scale

    def findings(self, field: D) -> Sequence[tuple[str, str]]:
        """Return bounds and digits that leave no value."""
        found: list[tuple[str, str]] = []
        precision, scale = self.digits(field)
        if scale > precision:
            found.append(("scale", "is more than precision; lower it"))
        if field.min is not None and field.max is not None and field.min > field.max:
            found.append(("min", "is more than max; lower it"))
        return found

    def sql_type(self, field: D) -> sa.types.TypeEngine[Any]:
        """Return numeric with precision and scale."""
        return sa.Numeric(*self.digits(field))

    def check(self, field: D, column: str) -> Sequence[str]:
        """Return the bounds; numeric's NaN is above every one of them."""
        checks = [f"{column} <> 'NaN'::numeric"]
        if field.min is not None:
            checks.append(f"{column} >= {field.min:f}")
        if field.max is not None:
            checks.append(f"{column} <= {field.max:f}")
        return checks

    def json_schema(self, field: D) -> dict[str, Json]:
        """Return a number or a string of digits; strings are bounded on the server."""
        precision, scale = self.digits(field)
        fraction = rf"(\.[0-9]{{1,{scale}}})?" if scale else ""
        schema: dict[str, Json] = {
            "type": ["string", "number"],
            "pattern": f"^-?[0-9]{{1,{max(precision - scale, 1)}}}{fraction}$",
        }
        for keyword, bound in (("minimum", field.min), ("maximum", field.max)):
            if bound is not None:
                schema[keyword] = (
                    int(bound) if bound == bound.to_integral_value() else float(bound)
                )
        return schema

    def to_parameter(self, field: D, value: Json) -> str | None:
        """Return the digits with exactly `scale` decimals."""
        number = decimal_of(value)
        precision, scale = self.digits(field)
        if number and number.normalize().as_tuple().exponent < -scale:  # type: ignore[operator]  # finite, so an int
            raise InvalidValue(
                "scale", f"Enter at most {scale} digits after the point."
            )
        if number and number.adjusted() >= precision - scale:
            raise InvalidValue(
                "precision", f"Enter at most {precision - scale} digits before it."
            )
        if field.min is not None and number < field.min:
            raise InvalidValue("minimum", f"Enter {field.min:f} or more.")
        if field.max is not None and number > field.max:
            raise InvalidValue("maximum", f"Enter {field.max:f} or less.")
        return f"{number + 0:.{scale}f}" if number else f"{0:.{scale}f}"

    def to_json(self, field: D, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the digits as text."""
        return sa.cast(column, sa.Text())

    def operand_parameter(self, field: D, operator: str, value: Json) -> str | None:
        """Return any number: conditions may be finer than the column."""
        return f"{decimal_of(value):f}"

    def operand_type(self, field: D, operator: str) -> sa.types.TypeEngine[Any]:
        """Return numeric without a scale, which would round the operand."""
        return sa.Numeric()

    def text_in(self, field: D, text: str) -> Json:
        """Return the text, which is the API's value already."""
        decimal_of(text.strip())
        return text.strip()


class DecimalNumber(FixedPoint[DecimalField]):
    """A number with decimals."""

    name = "decimal"
    definition = DecimalField
    label: ClassVar[Label] = {"en": "Decimal number", "id": "Bilangan desimal"}
    description = "An exact number"
    renderer = "number"


class Percent(FixedPoint[PercentField]):
    """A percentage."""

    name = "percent"
    definition = PercentField
    label: ClassVar[Label] = {"en": "Percent", "id": "Persen"}
    description = "A share in percent"
    widget = "percent"
    renderer = "percent"
