"""The bodies of the HTTP API: one for success, one for failure.

Record data passes through as the bytes PostgreSQL made; only the envelope around it is
built here.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from engine.errors import Detail, RangkaError

API_VERSION = "1"
JSON = "application/json"

logger = logging.getLogger("rangka.api")
encode = msgspec.json.Encoder().encode


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
    """Return `{"error": {"code", "message", "details", "request_id"}}`."""
    return encode(
        {
            "error": {
                "code": error.code,
                "message": error.message,
                "details": [detail_of(detail) for detail in error.details],
                "request_id": request_id,
            }
        }
    )


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
