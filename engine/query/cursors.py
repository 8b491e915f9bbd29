"""Cursors: where a page ended, as an opaque text; pure.

The values of the last row's sort keys as PostgreSQL wrote them (exact to the
microsecond) and a digest of the query, so that a cursor is refused by any other one.
A cursor is not signed, as it shows nothing that its list does not: whoever makes one up
gets another page of the rows he may read, or INVALID_CURSOR, since PostgreSQL reads
each value as the type of its key.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import NoReturn

import msgspec

from engine.query.parameters import wrong

MAX_LENGTH = 8192


@dataclass(frozen=True, slots=True)
class Cursor:
    """The digest of its query and the sort keys of the last row."""

    digest: str
    values: tuple[str | None, ...]


def digest_of(*parts: str) -> str:
    """Return a short digest of what a cursor belongs to."""
    return sha256("\x00".join(parts).encode()).hexdigest()[:16]


def write_cursor(cursor: Cursor) -> str:
    """Return the cursor as text for a URL."""
    raw = msgspec.json.encode((cursor.digest, *cursor.values))
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_cursor(text: str, digest: str, length: int) -> Cursor | None:
    """Return the cursor, None for no text; raises BadRequest INVALID_CURSOR."""
    if not text:
        return None
    try:
        padded = text + "=" * (-len(text) % 4)
        document = urlsafe_b64decode(padded) if len(text) <= MAX_LENGTH else b"null"
        raw = msgspec.json.decode(document)
    except (ValueError, RecursionError):
        raw = None
    if (
        not isinstance(raw, list)
        or len(raw) != length + 1
        or raw[0] != digest
        or not all(item is None or isinstance(item, str) for item in raw)
        or any("\0" in item for item in raw if item)
    ):
        refuse_cursor()
    return Cursor(digest, tuple(raw[1:]))


def refuse_cursor() -> NoReturn:
    """Raise BadRequest INVALID_CURSOR."""
    wrong(
        "cursor",
        "This cursor is not one of this list. Take the next_cursor of the page before, "
        "with the same filter, sort and search; or leave cursor out to start again.",
        "INVALID_CURSOR",
    )
