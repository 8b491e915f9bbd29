"""Points on the map."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Literal

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from metadata.fields.base import FieldDefinition, FieldType, InvalidValue, Json
from metadata.fields.numbers import decimal_of
from metadata.labels import Label

_PLACES = Decimal("0.0000001")
"""Seven decimals of a degree are about 1 cm, more than any receiver gives."""


class GeoPointField(FieldDefinition):
    """A point on the map."""

    type: Literal["geo_point"]


def _degrees(value: Json, limit: int, what: str) -> Decimal:
    number = decimal_of(value)
    if abs(number) > limit:
        raise InvalidValue("range", f"The {what} lies between -{limit} and {limit}.")
    return number.quantize(_PLACES).normalize() + 0


class GeoPoint(FieldType[GeoPointField]):
    """Latitude and longitude in degrees (WGS 84), rounded to seven decimals.

    Kept as jsonb `{"lat", "lng"}`: one column, no extension. Filtered only by whether
    it is there.
    """

    name = "geo_point"
    definition = GeoPointField
    label: ClassVar[Label] = {"en": "Map point", "id": "Titik peta"}
    description = "Latitude and longitude"
    operators = frozenset({"_null"})
    sortable = False
    widget = "geo-point"
    renderer = "geo-point"

    def sql_type(self, field: GeoPointField) -> sa.types.TypeEngine[Any]:
        """Return jsonb."""
        return JSONB()

    def check(self, field: GeoPointField, column: str) -> Sequence[str]:
        """Return that both are there and lie on the globe."""
        return [
            f"case when {column} is null then true "
            f"when jsonb_typeof({column} -> '{key}') = 'number' "
            f"then ({column} ->> '{key}')::numeric between -{limit} and {limit} "
            "else false end"
            for key, limit in (("lat", 90), ("lng", 180))
        ]

    def json_schema(self, field: GeoPointField) -> dict[str, Json]:
        """Return an object of two numbers."""
        return {
            "type": "object",
            "properties": {
                "lat": {"type": "number", "minimum": -90, "maximum": 90},
                "lng": {"type": "number", "minimum": -180, "maximum": 180},
            },
            "required": ["lat", "lng"],
            "additionalProperties": False,
        }

    def to_parameter(self, field: GeoPointField, value: Json) -> str | None:
        """Return the point as JSON text with at most seven decimals."""
        if not isinstance(value, dict) or set(value) != {"lat", "lng"}:
            raise InvalidValue("type", "Enter latitude and longitude.")
        lat = _degrees(value["lat"], 90, "latitude")
        lng = _degrees(value["lng"], 180, "longitude")
        return f'{{"lat": {lat:f}, "lng": {lng:f}}}'

    def text_out(self, field: GeoPointField, value: Json) -> str:
        """Return `latitude, longitude`."""
        return f"{decimal_of(value['lat']):f}, {decimal_of(value['lng']):f}"

    def text_in(self, field: GeoPointField, text: str) -> Json:
        """Return the point of `latitude, longitude`, as maps copy it."""
        parts = [part.strip() for part in text.split(",")]
        if len(parts) != 2:
            raise InvalidValue("type", "Enter a point such as -6.2088, 106.8456.")
        lat, lng = parts
        return {
            "lat": float(_degrees(lat, 90, "latitude")),
            "lng": float(_degrees(lng, 180, "longitude")),
        }
