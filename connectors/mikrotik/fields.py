"""The menus that are managed and their fields: how each is read, and how it is cleared.

One table for reading, planning and applying; a field that is not here is never read,
compared or written. Names of arguments were checked against RouterOS 7.24.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from connectors.mikrotik import values
from connectors.mikrotik.values import Value


class Kind(StrEnum):
    """What is managed, in the order in which it is made: later ones name earlier."""

    POOL = "pool"
    PROFILE = "profile"
    SECRET = "secret"  # noqa: S105  # a kind of entry, not a password


@dataclass(frozen=True, slots=True)
class Field:
    """One managed argument of a menu.

    Attributes:
        read: text of the router to the form that is compared.
        default: what an absent field means.
        absent: the text that makes it absent; None where only `unset` does, since
            many fields refuse an empty value.
        names: the kind of entry whose name it holds.
        renews: whether a session goes on as before until it is ended.
    """

    read: Callable[[str], Value]
    default: Value = None
    absent: str | None = None
    names: Kind | None = None
    renews: bool = False


MENU: Mapping[Kind, str] = {
    Kind.POOL: "/ip/pool",
    Kind.PROFILE: "/ppp/profile",
    Kind.SECRET: "/ppp/secret",
}

FIELDS: Mapping[Kind, Mapping[str, Field]] = {
    Kind.POOL: {
        "ranges": Field(values.ranges),
        "next-pool": Field(values.named, absent="none", names=Kind.POOL),
    },
    Kind.PROFILE: {
        "local-address": Field(values.plain, names=Kind.POOL),
        "remote-address": Field(values.plain, names=Kind.POOL),
        "rate-limit": Field(values.rate_limit),
        "address-list": Field(values.plain, absent=""),
        "only-one": Field(values.choice, default="default"),
        "dns-server": Field(values.words),
        "parent-queue": Field(values.named, absent="none"),
    },
    Kind.SECRET: {
        "service": Field(values.plain, default="any"),
        "profile": Field(
            values.plain, default="default", names=Kind.PROFILE, renews=True
        ),
        "remote-address": Field(values.plain, names=Kind.POOL, renews=True),
        "caller-id": Field(values.caller, absent=""),
        "limit-bytes-in": Field(values.number, absent="0"),
        "limit-bytes-out": Field(values.number, absent="0"),
        "disabled": Field(values.boolean, default=False, renews=True),
    },
}


def observed_value(kind: Kind, name: str, row: Mapping[str, str]) -> Value:
    """Return a field of a row as it is compared."""
    field = FIELDS[kind][name]
    read = field.read(row[name]) if name in row else None
    return field.default if read is None else read


def wanted_value(kind: Kind, name: str, value: Value) -> Value:
    """Return a wanted value as it is compared: empty means absent or the default."""
    field = FIELDS[kind][name]
    if value in ("", (), None):
        return field.default
    return field.read(values.written(value))
