"""JSON from outside: bytes or text to JSON values, strictly.

Owns what counts as readable JSON, in bodies, query strings and files alike: UTF-8, no
duplicate keys, at most 64 levels, and only what can be stored and answered again: no
NaN or Infinity, no NUL, no half characters, no endless numbers. Knows nothing of
entities.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from engine.errors import BadRequest, Detail, ValidationFailed

MAX_DEPTH = 64
MAX_DIGITS = 100
"""Signs of a whole number; `decimal`, the longest field type, has 38 digits."""

_NOT_PLAIN = object()
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode

_MANY_DIGITS = b"0" * MAX_DIGITS
_STEP = 10
_MANY_IN_STEPS = b"0" * (MAX_DIGITS // _STEP)
_AS_DIGITS = bytes(ord("0") if chr(c).isdigit() else c for c in range(128)) + bytes(128)
"""A table for `translate` after which all digits are alike."""

_TOO_LARGE = object()
"""Stands for a number that is not read, until its place in the document is known."""
_MAX_DETAILS = 20
_UNFIT = re.compile("[\0\ud800-\udfff]")
_CHARACTERS = "Remove the characters that are not text (NUL, or half of a pair)."


def decode(body: bytes) -> Any:
    """Return the JSON value of a body.

    Raises BadRequest (MALFORMED_JSON) with the line and column of what is wrong, and
    ValidationFailed with the path of each text and number that cannot be kept.
    """
    plain = _plain(body)
    if plain is not _NOT_PLAIN:
        return plain
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _malformed(f"The body is not UTF-8 (byte {error.start}).") from error
    if not text.strip():
        raise _malformed("The body is empty; send a JSON object.")
    return parse(text)


def decode_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; raises as `decode`, or when it is no object."""
    value = decode(body)
    if not isinstance(value, dict):
        raise _malformed('The body must be a JSON object, such as {"name": "…"}.')
    return value


def parse(text: str, what: str = "The body", *, any_text: bool = False) -> Any:
    """Return the JSON value of a text; raises as `decode`.

    `what` names the text in the messages. `any_text` is for who checks each text
    itself, and has a place for what it finds.
    """
    numbers = _Numbers()
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique_keys,
            parse_constant=_no_constant,
            parse_int=numbers.whole,
            parse_float=numbers.broken,
        )
    except json.JSONDecodeError as error:
        raise _malformed(
            f"{what} is not JSON: {error.msg} (line {error.lineno}, "
            f"column {error.colno})."
        ) from error
    except RecursionError as error:
        raise _too_deep(what) from error
    # A level takes a bracket, so few brackets need no closer look.
    may_be_deep = text.count("[") + text.count("{") > MAX_DEPTH
    if may_be_deep and _deeper_than(value, MAX_DEPTH):
        raise _too_deep(what)
    # Only an escape brings NUL or half a character: without one, and without a number
    # out of bounds, there is nothing to look for.
    if ("\\u" in text and not any_text) or numbers.are_too_large:
        details = list(islice(_unfit(value, ""), _MAX_DETAILS))
        if details:
            message = f"{what} holds what cannot be kept: {details[0].message}"
            raise ValidationFailed(message, details=details)
    return value


def _plain(body: bytes) -> Any:
    """Return the value of a body without anything unusual, as browsers write it.

    Decoding it loses nothing when encoding gives the same bytes again: no key twice,
    no number that is none of ours. That takes half the time of `parse`, which reads
    all else and finds the words for what is wrong.
    """
    if b"\\" in body and b"\\u" in body:
        return _NOT_PLAIN
    # Before it is decoded: endless numbers would take long.
    if _has_many_digits(body):
        return _NOT_PLAIN
    try:
        value = _decode(body)
        if _encode(value) != body:
            return _NOT_PLAIN
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NOT_PLAIN
    may_be_deep = body.count(b"[") + body.count(b"{") > MAX_DEPTH
    if may_be_deep and _deeper_than(value, MAX_DEPTH):
        return _NOT_PLAIN
    return value


def _has_many_digits(body: bytes) -> bool:
    """Return whether so many digits stand in a row."""
    # Where they do, every tenth of them is a digit too: most bodies are read thus only.
    if _MANY_IN_STEPS not in body[::_STEP].translate(_AS_DIGITS):
        return False
    return _MANY_DIGITS in body.translate(_AS_DIGITS)


def readable(text: str) -> str:
    """Return a text that UTF-8 can hold: half characters become the sign U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _Numbers:
    """Reads the numbers of one document, and remembers whether one is out of bounds."""

    def __init__(self) -> None:
        self.are_too_large = False

    def whole(self, text: str) -> Any:
        """Return an integer; int() itself refuses thousands of digits."""
        return self._too_large() if len(text) > MAX_DIGITS else int(text)

    def broken(self, text: str) -> Any:
        """Return a float; one out of range would be Infinity, which is not JSON."""
        value = float(text)
        infinite = value in {float("inf"), float("-inf")}
        return self._too_large() if infinite else value

    def _too_large(self) -> object:
        self.are_too_large = True
        return _TOO_LARGE


def _unfit(value: Any, path: str) -> Iterator[Detail]:
    """Yield each text that PostgreSQL cannot hold and each number out of bounds."""
    if value is _TOO_LARGE:
        message = "Enter a smaller number; send it as a text if it is none."
        yield Detail(path, "range", message)
    elif isinstance(value, str):
        if _UNFIT.search(value):
            yield Detail(path, "characters", _CHARACTERS)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unfit(item, _below(path, str(index)))
    elif isinstance(value, dict):
        for name, item in value.items():
            place = _below(path, readable(name).replace("\0", "\ufffd"))
            if _UNFIT.search(name):
                yield Detail(place, "characters", _CHARACTERS)
            yield from _unfit(item, place)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                name = readable(key)
                raise BadRequest(
                    "A key stands twice in one object; keep one of them.",
                    code="MALFORMED_JSON",
                    details=[Detail(name, "duplicate_key", f'"{name}" stands twice.')],
                )
            seen.add(key)
    return members


def _no_constant(name: str) -> Any:
    raise _malformed(f"{name} is not JSON; send a number or null.")


def _malformed(message: str) -> BadRequest:
    return BadRequest(message, code="MALFORMED_JSON")


def _too_deep(what: str) -> BadRequest:
    return _malformed(f"{what} is nested deeper than {MAX_DEPTH} levels.")


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
