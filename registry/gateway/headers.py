"""Which headers go to a service and which come back; everything else stays here.

Outwards an allow list, so whatever names an identity, a gateway or a forwarding, or
frames the message, comes from the gateway alone. Called by `engine/api/gateway.py`.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from random import getrandbits

import msgspec

from registry.gateway.exchange import lines_of

Raw = Iterable[tuple[bytes, bytes]]

_OUTWARDS = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"content-language",
        b"content-type",
        b"idempotency-key",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"last-event-id",
        b"prefer",
        b"range",
        b"tracestate",
        b"user-agent",
    }
)
_LISTS = frozenset({b"accept", b"accept-encoding", b"accept-language", b"prefer"})
"""What may stand in several lines (RFC 9110, section 5.3)."""
RESERVED = frozenset(
    {
        "authorization",
        "connection",
        "content-digest",
        "content-encoding",
        "content-length",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "te",
        "traceparent",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "x-real-ip",
        "x-request-id",
        "x-tenant-id",
    }
)
"""Headers that frame a message, or that the gateway alone sets."""
RESERVED_BEGINNINGS = (
    "x-user-",
    "x-org-",
    "x-gateway-",
    "x-forwarded-",
    "proxy-",
    "x-original-",
    "x-rewrite-",
    "x-http-method",
    "x-method-override",
)
RESERVED_ENDINGS = ("client-ip", "connecting-ip")
"""Also what some servers take for another path, method or address of the caller."""
MAX_VALUE_BYTES = 8190
MAX_BYTES = 32 * 1024
"""What common servers read of one header, and of all that a client may send on."""
_USUAL_BYTES, _USUAL_LINES = 2048, 32
"""Beyond these what goes out is not kept for the next call."""
_INWARDS = frozenset(
    {
        b"accept-ranges",
        b"age",
        b"allow",
        b"content-disposition",
        b"content-encoding",
        b"content-language",
        b"content-range",
        b"content-type",
        b"etag",
        b"expires",
        b"last-modified",
        b"link",
        b"location",
        b"preference-applied",
        b"retry-after",
        b"vary",
        b"x-total-count",
    }
)
_OWN = (
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"via", b"1.1 rangka"),
)
_UNSAFE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_TRACE = re.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")


class Outwards(msgspec.Struct, frozen=True):
    """The client's headers that a service may see.

    Attributes:
        pairs: names in lower case.
        lines: as they are written.
        untyped: the same without the type of the body.
    """

    pairs: tuple[tuple[str, str], ...]
    lines: bytes
    untyped: bytes


class BadHeaders(Exception):
    """The headers frame the message in two ways, or one may stand only once."""


def check_framing(headers: Raw) -> None:
    """Raise BadHeaders unless the body has one length (RFC 9112, section 6.3)."""
    lengths, codings = [], []
    for name, value in headers:
        if name == b"content-length":
            lengths.append(value)
        elif name == b"transfer-encoding":
            codings.append(value)
    if lengths and codings:
        raise BadHeaders("Content-Length and Transfer-Encoding stand together")
    if len(lengths) > 1 or (lengths and not lengths[0].isdigit()):
        raise BadHeaders("Content-Length is not one number")
    if codings and (len(codings) > 1 or codings[0].strip().lower() != b"chunked"):
        raise BadHeaders("Transfer-Encoding is not one chunked")


def outwards(headers: Raw, declared: frozenset[str] = frozenset()) -> Outwards:
    """Return the client's headers that a service may see.

    `declared` are those that the endpoint itself takes, in lower case; what is the
    gateway's to say stays the gateway's.

    Raises:
        BadHeaders: a value holds a control sign, or what stands once stands twice.
    """
    kept: list[tuple[bytes, bytes]] = []
    connection = b""
    size = 0
    for name, value in headers:
        if name in _OUTWARDS or (declared and _is_declared(name, declared)):
            size += len(name) + len(value) + 4
            kept.append((name, value))
        elif name == b"connection":
            connection += b"," + value
    if connection:
        listed = {part.strip().lower() for part in connection.split(b",")}
        kept = [pair for pair in kept if pair[0] not in listed]
    if size > MAX_BYTES:
        raise BadHeaders(f"its headers are over {MAX_BYTES // 1024} KiB")
    if size > _USUAL_BYTES or len(kept) > _USUAL_LINES:
        return _checked(tuple(kept))
    return _kept(tuple(kept))


def _checked(kept: tuple[tuple[bytes, bytes], ...]) -> Outwards:
    found: list[tuple[str, str]] = []
    seen: set[bytes] = set()
    for name, value in kept:
        if name in seen and name not in _LISTS:
            raise BadHeaders(f"{name.decode()} stands twice")
        if len(value) > MAX_VALUE_BYTES:
            raise BadHeaders(f"{name.decode()} is over {MAX_VALUE_BYTES} bytes")
        if _UNSAFE.search(value):
            raise BadHeaders(f"{name.decode()} holds a control sign")
        seen.add(name)
        found.append((str(name, "ascii"), str(value, "latin-1")))
    if b"accept-encoding" not in seen:
        found.append(("accept-encoding", "identity"))
    untyped = [pair for pair in found if pair[0] != "content-type"]
    return Outwards(tuple(found), lines_of(found), lines_of(untyped))


_kept = lru_cache(maxsize=256)(_checked)
"""The last ones, as a client sends the same again and again: 6 MiB at most."""


def _is_declared(name: bytes, declared: frozenset[str]) -> bool:
    text = name.decode("latin-1")
    return text in declared and not is_reserved(text)


def is_reserved(name: str) -> bool:
    """Return whether a header, in lower case, is the gateway's or the framing's.

    Some servers take _ for -, so a name with it could be one of these.
    """
    return (
        "_" in name
        or name in RESERVED
        or name.startswith(RESERVED_BEGINNINGS)
        or name.endswith(RESERVED_ENDINGS)
    )


def is_free(name: str) -> bool:
    """Return whether a connection may set a header of this name, in any case.

    It may hold `_`, as some services' keys do, unless it would be one of the gateway's
    or of the client's with `-`.
    """
    lower = name.lower().replace("_", "-")
    return lower == "authorization" or not (
        is_reserved(lower) or lower.encode("latin-1", "replace") in _OUTWARDS
    )


def trace_parent(value: str | None) -> str:
    """Return a traceparent for the call; it continues the client's trace, if any.

    W3C Trace Context, section 3.2: the trace id is kept, the parent id is the call's.
    """
    # Names, no secrets: nothing is believed because of them.
    ids = getrandbits(192).to_bytes(24).hex()
    match = _TRACE.fullmatch(value) if value else None
    if match and match[1].strip("0") and match[2].strip("0"):
        return f"00-{match[1]}-{ids[:16]}-{match[3]}"
    return f"00-{ids[16:]}-{ids[:16]}-00"


def inwards(headers: Raw) -> list[tuple[bytes, bytes]]:
    """Return the service's headers that a client may see, with the gateway's own.

    Names are in lower case. What a page of the service says must not run as one of
    ours, and no cache may show one user's answer to another.
    """
    found: list[tuple[bytes, bytes]] = []
    caching = b"private, no-cache"
    for pair in headers:
        name, value = pair
        if name in _INWARDS:
            found.append(pair)
        elif name == b"cache-control" and {b"private", b"no-store"} & _words(value):
            caching = value
    found += ((b"cache-control", caching), *_OWN)
    return found


def _words(value: bytes) -> set[bytes]:
    return {part.strip().lower() for part in value.split(b",")}
