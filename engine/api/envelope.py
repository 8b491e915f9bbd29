"""The bodies of the HTTP API: one for success, one for failure.

Record data passes through as the bytes PostgreSQL made; only the envelope around it is
built here.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from engine.errors import Detail, RangkaError
from engine.payload import readable

API_VERSION = "1"
JSON = "application/json"

_encode = msgspec.json.Encoder().encode


def encode(value: Any) -> bytes:
    """Return a value as JSON; half characters become the sign U+FFFD.

    They come from what is quoted of a request, and UTF-8 cannot hold them.
    """
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(_readable(value))


def _readable(value: Any) -> Any:
    if isinstance(value, str):
        return readable(value)
    if isinstance(value, Mapping):
        return {_readable(name): _readable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_readable(item) for item in value]
    return value


def success(
    data: bytes,
    request_id: str,
    *,
    page: Mapping[str, Any] | None = None,
    links: Mapping[str, str] | None = None,
) -> bytes:
    """Return `{"data", "meta", "links"}` around data that is JSON already."""
    parts = [b'{"data":', data, b',"meta":', _meta(request_id)]
    if page is not None:
        parts += (b',"page":', encode(page))
    parts += (b'},"links":', encode(links) if links else b"{}", b"}")
    return b"".join(parts)


def _meta(request_id: str) -> bytes:
    """Return the meta object without its closing brace."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return (
        f'{{"request_id":"{request_id}","timestamp":"{now}","version":"{API_VERSION}"'
    ).encode()


def success_of(value: Any, request_id: str, **parts: Any) -> bytes:
    """Return the body of a Python value; for everything that is not a record."""
    return success(encode(value), request_id, **parts)


def failure(error: RangkaError, request_id: str) -> bytes:
    """Return `{"error": {"code", "message", "details", "request_id"}}`; never fails."""
    try:
        return encode(_failure(error, details_of(error.details), request_id))
    except (TypeError, ValueError, RecursionError):
        # A detail quotes what is no JSON; an answer without it is better than none.
        return encode(_failure(error, [], request_id))


def _failure(
    error: RangkaError, details: Sequence[Mapping[str, Any]], request_id: str
) -> dict[str, Any]:
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "details": details,
            "request_id": request_id,
        }
    }


def detail_of(detail: Detail) -> dict[str, Any]:
    """Return one finding as the error body shows it."""
    body: dict[str, Any] = {
        "field": detail.field,
        "code": detail.code,
        "message": detail.message,
    }
    if detail.params:
        body["params"] = detail.params
    return body


def details_of(details: Sequence[Detail]) -> list[dict[str, Any]]:
    """Return findings as the error body shows them."""
    return [detail_of(detail) for detail in details]
