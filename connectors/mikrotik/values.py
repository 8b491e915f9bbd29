"""Values as routers write them, brought to one form each, so that equal means equal.

`10M` and `10000000`, `1w2d03:04:05` and `1w2d3h4m5s`, `yes` and `true` are the same
said twice. Pure. What cannot be understood stays as it is and is compared as text.
"""

import re
from decimal import Decimal
from ipaddress import ip_address, ip_network

Value = str | int | bool | tuple[str, ...] | None
"""None is an absent field."""

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
_RATE = re.compile(r"(\d+(?:\.\d+)?)([kMG]?)(?:bps)?")
_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}")
_DURATION = re.compile(
    r"(?:(\d+)w)?(?:(\d+)d)?"
    r"(?:(\d+):(\d\d):(\d\d)|(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?)"
    r"(?:\.\d+|\d+ms)?"
)
_TIME_AT = 3
_PRIORITY_AT = 4


def boolean(text: str) -> bool:
    """Return whether it says yes; read back as `true`, written as `yes`."""
    return text in {"true", "yes"}


def duration(text: str) -> int:
    """Return seconds, fractions dropped.

    Raises:
        ValueError: no duration in either of the two notations.
    """
    found = _DURATION.fullmatch(text)
    if not text or found is None or not any(found.groups()):
        raise ValueError(f"{text!r} is no duration")
    week, day, hours, minutes, seconds, hour, minute, second = (
        int(part or 0) for part in found.groups()
    )
    return (
        week * _SECONDS["w"]
        + day * _SECONDS["d"]
        + (hours + hour) * _SECONDS["h"]
        + (minutes + minute) * _SECONDS["m"]
        + seconds
        + second
    )


def rate(text: str) -> int:
    """Return bits per second of `10M`, `512k`, `1000000`.

    Raises:
        ValueError: no rate.
    """
    found = _RATE.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no rate")
    return int(Decimal(found[1]) * _UNITS[found[2]])


def rate_limit(text: str) -> Value:
    """Return a `rate-limit` in one form: plain bits and seconds, both directions named.

    Its parts are `rx/tx [burst rx/tx] [threshold rx/tx] [time rx/tx] [priority]
    [minimum rx/tx]`; one value stands for both directions.
    """
    if not (parts := text.split()):
        return None
    try:
        return " ".join(_rate_part(at, part) for at, part in enumerate(parts))
    except ValueError:
        return text.strip()


def _rate_part(at: int, part: str) -> str:
    if at == _PRIORITY_AT:
        return str(int(part))
    read = _burst_time if at == _TIME_AT else rate
    first, _, second = part.partition("/")
    return f"{read(first)}/{read(second or first)}"


def _burst_time(text: str) -> int:
    return int(text) if text.isdigit() else duration(text)


def speed(*, upload: int, download: int) -> str:
    """Return a `rate-limit` of bits per second: seen from the router, rx is upload."""
    return f"{upload}/{download}"


def number(text: str) -> Value:
    """Return a whole number; 0 (no limit) is the same as absent; other text stays."""
    return int(text) or None if text.isdigit() else text


def words(text: str) -> Value:
    """Return a comma list as a tuple, None when empty."""
    return tuple(part.strip() for part in text.split(",") if part.strip()) or None


def ranges(text: str) -> Value:
    """Return address ranges as `first-last` each, networks and single ones too."""
    return (
        tuple(_range(part.strip()) for part in text.split(",") if part.strip()) or None
    )


def _range(part: str) -> str:
    try:
        if "/" in part:
            network = ip_network(part, strict=False)
            return f"{network[0]}-{network[-1]}"
        first, _, last = part.partition("-")
        return f"{ip_address(first)}-{ip_address(last or first)}"
    except ValueError:
        return part


def caller(text: str) -> Value:
    """Return a caller id; a MAC address in capitals, as routers show it."""
    return text.upper() if _MAC.fullmatch(text) else text or None


def plain(text: str) -> Value:
    """Return the text, None when empty."""
    return text or None


def named(text: str) -> Value:
    """Return the name of something; `none` is how some menus say absent."""
    return None if text in {"", "none"} else text


def choice(text: str) -> Value:
    """Return a word of a list; `true` and `false` are how some read back."""
    return {"": None, "true": "yes", "false": "no"}.get(text, text)


def written(value: Value) -> str:
    """Return how a value is sent.

    Raises:
        ValueError: an absent value is not written, it is unset.
    """
    match value:
        case None:
            raise ValueError("an absent value is unset, not written")
        case bool():
            return "yes" if value else "no"
        case tuple():
            return ",".join(value)
        case _:
            return str(value)
