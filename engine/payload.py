"""Request bodies: bytes to JSON values, strictly.

Owns what counts as readable JSON: UTF-8, no duplicate keys, no NaN or Infinity, at
most 64 levels. Knows nothing of entities.
"""

import json
from typing import Any

from engine.errors import BadRequest, Detail

MAX_DEPTH = 64
_TOO_DEEP = f"The body is nested deeper than {MAX_DEPTH} levels."


def decode(body: bytes) -> Any:
    """Return the JSON value of a body.

    Raises BadRequest (MALFORMED_JSON) with the line and column of what is wrong.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(f"The body is not UTF-8 (byte {error.start}).") from error
    if not text.strip():
        raise _malformed("The body is empty; send a JSON object.")
    try:
        value = json.loads(
            text, object_pairs_hook=_unique_keys, parse_constant=_no_constant
        )
    except json.JSONDecodeError as error:
        raise _malformed(
            f"The body is not JSON: {error.msg} (line {error.lineno}, "
            f"column {error.colno})."
        ) from error
    except RecursionError as error:
        raise _malformed(
            f"The body is nested deeper than {MAX_DEPTH} levels."
        ) from error
    if _deeper_than(value, MAX_DEPTH):
        raise _malformed(_TOO_DEEP)
    return value


def decode_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; raises BadRequest when it is something else."""
    value = decode(body)
    if not isinstance(value, dict):
        raise _malformed('The body must be a JSON object, such as {"name": "…"}.')
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise BadRequest(
                    "The body names a key twice; keep one of them.",
                    code="MALFORMED_JSON",
                    details=[Detail(key, "duplicate_key", f'"{key}" stands twice.')],
                )
            seen.add(key)
    return members


def _no_constant(name: str) -> Any:
    raise _malformed(f"{name} is not JSON; send a number or null.")


def _malformed(message: str) -> BadRequest:
    return BadRequest(message, code="MALFORMED_JSON")


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True
