"""Network addresses: one host, a network, a hardware address."""

import ipaddress
import re
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, TypeVar

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.dialects.postgresql import CIDR, INET, MACADDR

from metadata.fields.base import (
    ORDER_OPERATORS,
    STANDARD_OPERATORS,
    FieldDefinition,
    FieldType,
    InvalidValue,
    Json,
)
from metadata.labels import Label

_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = rf"({_OCTET}\.){{3}}{_OCTET}"
_IPV6 = r"[0-9A-Fa-f:]*:[0-9A-Fa-f:]*(\.?[0-9]{1,3}){0,4}"
_MAC = re.compile(r"([0-9A-Fa-f]{2})([:\-]?)(?:[0-9A-Fa-f]{2}\2){4}[0-9A-Fa-f]{2}")
_MAC_DOTTED = re.compile(r"[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}")
_PAIR = "[0-9A-Fa-f]{2}"
MAC_PATTERN = (
    f"^({_PAIR}(:{_PAIR}){{5}}|{_PAIR}(-{_PAIR}){{5}}|[0-9A-Fa-f]{{12}}"
    r"|[0-9A-Fa-f]{4}(\.[0-9A-Fa-f]{4}){2})$"
)
_DOTTED = re.compile(_IPV4)
"""An IPv4 address, which has this one spelling: no number starts with 0."""
Version = Literal["any", "4", "6"]
_PATTERNS = {"4": _IPV4, "6": _IPV6, "any": f"({_IPV4}|{_IPV6})"}


class IpField(FieldDefinition):
    """An address of a host."""

    type: Literal["ip"]
    version: Version = Field("any", description="IPv4 only, IPv6 only, or any.")


class CidrField(FieldDefinition):
    """A network."""

    type: Literal["cidr"]
    version: Version = Field("any", description="IPv4 only, IPv6 only, or any.")


class MacField(FieldDefinition):
    """A hardware address."""

    type: Literal["mac"]


N = TypeVar("N", IpField, CidrField)


_ZONED = re.compile(r"%[^/]*")


def _text(value: Json) -> str:
    return value.strip() if isinstance(value, str) and len(value) <= 60 else ""


def _unzoned(value: Json, code: str) -> str:
    """Return an address or network to be read; raises InvalidValue for a zone.

    An IPv6 zone (RFC 4007, `fe80::1%eth0`) names a link of one machine: inet and cidr
    cannot hold it, and elsewhere it would mean nothing.
    """
    text = _text(value)
    if "%" in text:
        raise InvalidValue(
            code, f'Leave out the zone after "%": {_ZONED.sub("", text)}.'
        )
    return text


class NetworkAddress(FieldType[N]):
    """Addresses that lie in networks: `_contains` compares by subnet."""

    operators = STANDARD_OPERATORS | ORDER_OPERATORS | {"_contains"}
    widget = "text"
    renderer = "code"

    def check_version(self, field: N, version: int) -> None:
        """Raise InvalidValue for an address of the version not wanted."""
        if field.version not in {"any", str(version)}:
            raise InvalidValue("ip_version", f"Enter an IPv{field.version} address.")

    def network(self, value: Json) -> str:
        """Return a network, or a host as the smallest one, in canonical spelling."""
        text = _unzoned(value, "cidr")
        try:
            return str(ipaddress.ip_network(text))
        except ValueError:
            raise InvalidValue(
                "cidr",
                "Enter a network without host bits, such as 10.20.0.0/16.",
            ) from None

    def text_in(self, field: N, text: str) -> Json:
        """Return the address in canonical spelling."""
        return self.to_parameter(field, text.strip())


class Ip(NetworkAddress[IpField]):
    """One host, IPv4 or IPv6; inet.

    `_contains` reads the other way round: the network given contains the address
    (`{"address": {"_contains": "10.20.0.0/16"}}`). IPv4 sorts before IPv6, each by
    number.
    """

    name = "ip"
    definition = IpField
    label: ClassVar[Label] = {"en": "IP address", "id": "Alamat IP"}
    description = "An address of a host"

    def sql_type(self, field: IpField) -> sa.types.TypeEngine[Any]:
        """Return inet."""
        return INET()

    def check(self, field: IpField, column: str) -> Sequence[str]:
        """Return that it is one host, of the version wanted."""
        checks = [
            f"masklen({column}) = case family({column}) when 4 then 32 else 128 end"
        ]
        if field.version != "any":
            checks.append(f"family({column}) = {field.version}")
        return checks

    def json_schema(self, field: IpField) -> dict[str, Json]:
        """Return a pattern; for IPv6 the format too, which both validators share."""
        if field.version == "6":
            return {"type": "string", "format": "ipv6"}
        pattern = f"^{_PATTERNS[field.version]}$"
        return {"type": "string", "maxLength": 45, "pattern": pattern}

    def to_parameter(self, field: IpField, value: Json) -> str | None:
        """Return the address in canonical spelling (RFC 5952)."""
        text = _unzoned(value, "ip")
        if _DOTTED.fullmatch(text) and field.version != "6":
            return text
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise InvalidValue("ip", "Enter an address such as 192.0.2.10.") from None
        self.check_version(field, address.version)
        return str(address)

    def to_json(
        self, field: IpField, column: sa.ColumnElement[Any]
    ) -> sa.ColumnElement[Any]:
        """Return the address without a mask."""
        return sa.func.host(column)

    def compare(
        self,
        field: IpField,
        operator: str,
        column: sa.ColumnElement[Any],
        operands: Sequence[sa.ColumnElement[Any]],
    ) -> sa.ColumnElement[bool]:
        """Return subnet membership for `_contains`."""
        if operator == "_contains":
            return column.op("<<=", is_comparison=True)(operands[0])
        return super().compare(field, operator, column, operands)

    def operand_parameter(
        self, field: IpField, operator: str, value: Json
    ) -> str | None:
        """Return a network for `_contains`, otherwise an address of any version."""
        if operator == "_contains":
            return self.network(value)
        text = _unzoned(value, "ip")
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            raise InvalidValue("ip", "Compare with one address.") from None


class Cidr(NetworkAddress[CidrField]):
    """A network; cidr. `_contains` asks whether it contains an address or a network."""

    name = "cidr"
    definition = CidrField
    label: ClassVar[Label] = {"en": "Network", "id": "Jaringan"}
    description = "A range of IP addresses"

    def sql_type(self, field: CidrField) -> sa.types.TypeEngine[Any]:
        """Return cidr."""
        return CIDR()

    def check(self, field: CidrField, column: str) -> Sequence[str]:
        """Return the version wanted."""
        if field.version == "any":
            return []
        return [f"family({column}) = {field.version}"]

    def json_schema(self, field: CidrField) -> dict[str, Json]:
        """Return a pattern: address, slash, prefix length."""
        pattern = rf"^{_PATTERNS[field.version]}\/[0-9]{{1,3}}$"
        return {"type": "string", "maxLength": 49, "pattern": pattern}

    def to_parameter(self, field: CidrField, value: Json) -> str | None:
        """Return the network in canonical spelling."""
        if "/" not in _text(value):
            raise InvalidValue("cidr", "Enter a network such as 10.20.0.0/16.")
        network = self.network(value)
        self.check_version(field, ipaddress.ip_network(network).version)
        return network

    def to_json(
        self, field: CidrField, column: sa.ColumnElement[Any]
    ) -> sa.ColumnElement[Any]:
        """Return address, slash, prefix length."""
        return sa.cast(column, sa.Text())

    def compare(
        self,
        field: CidrField,
        operator: str,
        column: sa.ColumnElement[Any],
        operands: Sequence[sa.ColumnElement[Any]],
    ) -> sa.ColumnElement[bool]:
        """Return subnet membership for `_contains`."""
        if operator == "_contains":
            return column.op(">>=", is_comparison=True)(operands[0])
        return super().compare(field, operator, column, operands)

    def operand_parameter(
        self, field: CidrField, operator: str, value: Json
    ) -> str | None:
        """Return a network, or an address as the smallest one."""
        return self.network(value)


class Mac(FieldType[MacField]):
    """48 bits (EUI-48), written `aa:bb:cc:dd:ee:ff`."""

    name = "mac"
    definition = MacField
    label: ClassVar[Label] = {"en": "MAC address", "id": "Alamat MAC"}
    description = "A hardware address"
    operators = STANDARD_OPERATORS | ORDER_OPERATORS
    widget = "text"
    renderer = "code"

    def sql_type(self, field: MacField) -> sa.types.TypeEngine[Any]:
        """Return macaddr."""
        return MACADDR()

    def json_schema(self, field: MacField) -> dict[str, Json]:
        """Return a pattern of the usual spellings."""
        return {"type": "string", "maxLength": 17, "pattern": MAC_PATTERN}

    def to_parameter(self, field: MacField, value: Json) -> str | None:
        """Return six pairs in lower case with colons."""
        text = _text(value)
        if not _MAC.fullmatch(text) and not _MAC_DOTTED.fullmatch(text):
            raise InvalidValue("mac", "Enter an address such as 48:8f:5a:12:34:56.")
        digits = re.sub(r"[^0-9a-f]", "", text.lower())
        return ":".join(digits[start : start + 2] for start in range(0, 12, 2))

    def text_in(self, field: MacField, text: str) -> Json:
        """Return the address in canonical spelling."""
        return self.to_parameter(field, text)
