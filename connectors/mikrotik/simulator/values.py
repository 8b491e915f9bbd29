"""Reads one value as the router would: checks it and gives the text it prints back.

Pure; references to other tables are resolved by tables. Called by tables.
"""

import ipaddress
import re

from connectors.mikrotik.simulator.menu import Argument
from connectors.mikrotik.simulator.replies import ARGUMENT, Trap

BOOLEANS = {"yes": "true", "no": "false", "true": "true", "false": "false"}
UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
CLOCK = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(\d+):(\d\d):(\d\d)")
MILLISECONDS = re.compile(r"\d+ms")
MAC = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")
RATE = re.compile(r"(\d+)([kMG]?)")
POWERS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
POLICIES = (
    "local", "telnet", "ssh", "ftp", "reboot", "read", "write", "policy", "test",
    "winbox", "password", "web", "sniff", "sensitive", "api", "romon", "rest-api",
)  # fmt: skip


def read_value(argument: Argument, text: str) -> str:
    """Return the value as `print` will say it.

    Raises:
        Trap: the value is not one the argument takes.
    """
    reader = READERS.get(argument.kind)
    return reader(argument, text) if reader else text


def invalid(argument: Argument) -> Trap:
    """Return the trap for a value that cannot be read."""
    return Trap(f"invalid value for argument {argument.name}", ARGUMENT)


def no_match(argument: Argument) -> Trap:
    """Return the trap for a value that is none of the choices or rows."""
    return Trap(f"input does not match any value of {argument.name}", ARGUMENT)


def seconds_of(text: str) -> int | None:
    """Return the seconds of `1w2d3h4m5s` or `1d03:04:05`, or None if it is neither."""
    clock = CLOCK.fullmatch(text)
    if clock:
        weeks, days, hours, minutes, rest = (int(part or 0) for part in clock.groups())
        return weeks * 604800 + days * 86400 + hours * 3600 + minutes * 60 + rest
    if text.isdecimal():
        return int(text)
    spelled = DURATION.fullmatch(text)
    if not text or spelled is None:
        return None
    parts = zip(spelled.groups(), UNITS.values(), strict=True)
    return sum(int(count or 0) * unit for count, unit in parts)


def spell_seconds(seconds: int) -> str:
    """Return the duration as `1w2d3h4m5s`; zero is `0s`."""
    told = ""
    for letter, unit in UNITS.items():
        count, seconds = divmod(seconds, unit)
        told += f"{count}{letter}" if count else ""
    return told or "0s"


def bits_of(text: str) -> int | None:
    """Return the bits per second of `10M` or `512k`, or None if it is no rate."""
    found = RATE.fullmatch(text)
    return int(found[1]) * POWERS[found[2]] if found else None


def _boolean(argument: Argument, text: str) -> str:
    if text not in BOOLEANS:
        raise invalid(argument)
    return BOOLEANS[text]


def _integer(argument: Argument, text: str) -> str:
    if not re.fullmatch(r"-?[0-9]+", text):
        raise invalid(argument)
    low, high = map(int, argument.detail.split(".."))
    if not low <= int(text) <= high:
        raise Trap(f"value of {argument.name} out of range ({low}..{high})", ARGUMENT)
    return str(int(text))


def _choice(argument: Argument, text: str) -> str:
    if text not in argument.detail.split("|"):
        raise no_match(argument)
    return text


def _address(argument: Argument, text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise invalid(argument) from None


def _ranges(argument: Argument, text: str) -> str:
    for part in text.split(","):
        try:
            if "/" in part:
                ipaddress.ip_network(part, strict=False)
                continue
            first, _, last = part.partition("-")
            low = ipaddress.IPv4Address(first)
            if last and ipaddress.IPv4Address(last) < low:
                raise invalid(argument)
        except ValueError:
            raise invalid(argument) from None
    return text


def _mac(argument: Argument, text: str) -> str:
    if not MAC.fullmatch(text.upper()):
        raise invalid(argument)
    return text.upper()


def _duration(argument: Argument, text: str) -> str:
    if MILLISECONDS.fullmatch(text):
        return text
    seconds = seconds_of(text)
    if seconds is None:
        raise invalid(argument)
    return spell_seconds(seconds)


def _rate_pair(argument: Argument, text: str) -> str:
    """Queues answer in plain bits, whatever was written: `10M/5M`, `10000000/…`."""
    rates = [bits_of(part) for part in text.split("/")]
    if len(rates) > 2 or None in rates:
        raise invalid(argument)
    return "/".join(str(rate) for rate in (rates * 2)[:2])


def _rate_limit(argument: Argument, text: str) -> str:
    """A profile's rate stays as written; the first part must be `rx[/tx]`."""
    if text:
        first = text.split(" ", maxsplit=1)[0].split("/")
        if len(first) > 2 or any(bits_of(part) is None for part in first):
            raise invalid(argument)
    return text


def _policy(argument: Argument, text: str) -> str:
    """A group lists every policy, the ones it lacks with `!` before them."""
    asked = {part for part in text.split(",") if part and not part.startswith("!")}
    if not asked <= set(POLICIES):
        raise no_match(argument)
    return ",".join(name if name in asked else f"!{name}" for name in POLICIES)


READERS = {
    "bool": _boolean,
    "int": _integer,
    "choice": _choice,
    "address": _address,
    "ranges": _ranges,
    "mac": _mac,
    "duration": _duration,
    "rate-pair": _rate_pair,
    "rate-limit": _rate_limit,
    "policy": _policy,
}
