"""Amounts with a unit people abbreviate: bit rates and sizes in bytes."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Literal, TypeVar

from pydantic import Field

from metadata.fields.base import FieldDefinition, InvalidValue, Json
from metadata.fields.numbers import MAX_INTEGER, WholeNumber
from metadata.labels import Label

_QUANTITY = re.compile(
    r"(?P<number>[0-9]{1,16}(?:\.[0-9]{1,9})?)\s*(?P<unit>[A-Za-z/]*)"
)
_RATE_UNITS = {
    prefix + suffix: factor
    for prefix, factor in {
        "": 1,
        "k": 10**3,
        "m": 10**6,
        "g": 10**9,
        "t": 10**12,
    }.items()
    for suffix in ("", "bps", "bit/s", "b/s")
}
_BYTE_UNITS = {
    "": 1,
    "b": 1,
    "byte": 1,
    "bytes": 1,
    **{
        unit + suffix: factor**power
        for power, unit in enumerate("kmgtp", start=1)
        for suffix, factor in (("", 1000), ("b", 1000), ("i", 1024), ("ib", 1024))
    },
}


class RateField(FieldDefinition):
    """A bit rate."""

    type: Literal["rate"]
    min: int = Field(0, ge=0, le=MAX_INTEGER, description="Bit/s at least.")
    max: int | None = Field(None, ge=0, le=MAX_INTEGER, description="Bit/s at most.")


class BytesField(FieldDefinition):
    """A size in bytes."""

    type: Literal["bytes"]
    min: int = Field(0, ge=0, le=MAX_INTEGER, description="Bytes at least.")
    max: int | None = Field(None, ge=0, le=MAX_INTEGER, description="Bytes at most.")


Q = TypeVar("Q", RateField, BytesField)


class Quantity(WholeNumber[Q]):
    """A whole number of a base unit; CSV accepts abbreviated units."""

    units: ClassVar[Mapping[str, int]]
    example: ClassVar[str]

    def text_in(self, field: Q, text: str) -> Json:
        """Return the amount in the base unit; it must come out whole."""
        match = _QUANTITY.fullmatch(text.strip())
        factor = self.units.get(match["unit"].lower()) if match else None
        if match is None or factor is None:
            raise InvalidValue("type", f"Enter an amount such as {self.example}.")
        amount = Decimal(match["number"]) * factor
        if amount != amount.to_integral_value() or amount > MAX_INTEGER:
            raise InvalidValue("range", "Enter a whole number of the smallest unit.")
        return int(amount)


class Rate(Quantity[RateField]):
    """Bit/s. Prefixes are decimal, as in networking: 10M is 10,000,000 bit/s."""

    name = "rate"
    definition = RateField
    label: ClassVar[Label] = {"en": "Bit rate", "id": "Laju bit"}
    description = "A speed in bit/s"
    widget = "rate"
    renderer = "rate"
    units = _RATE_UNITS
    example = "10M or 512k"


class Bytes(Quantity[BytesField]):
    """Bytes. MiB is 1024 KiB (IEC 80000-13), MB is 1,000,000 bytes."""

    name = "bytes"
    definition = BytesField
    label: ClassVar[Label] = {"en": "Data size", "id": "Ukuran data"}
    description = "A size in bytes"
    widget = "bytes"
    renderer = "bytes"
    units = _BYTE_UNITS
    example = "10 MiB or 2 GB"
