"""Text of a document, JSON or YAML → JSON values; bounded in bytes, values and depth.

YAML as OpenAPI allows it: the values of JSON, no anchors, aliases, tags or second
documents. Nothing in a text can name a class, a file or an address. A duplicated key is
an error in both. Called by `documents.py` alone.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

import yaml

from registry.openapi.notes import Notes, short, token

MAX_BYTES = 4 * 1024 * 1024
MAX_VALUES = 200_000
MAX_DEPTH = 64
MAX_DIGITS = 100

_UNFIT = re.compile("[\0\ud800-\udfff]")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
"""Plain scalars that are no text (YAML 1.2.2, 10.3.2); `no` and `on` are texts."""


class _Stop(Exception):
    """Reading cannot go on; what is wrong has been noted."""


class _Doubled(dict[str, Any]):
    """An object in which a key stands twice."""

    key = ""


def read_text(text: str, notes: Notes) -> Any:
    """Return the value of a text, None when it cannot be read; notes what is wrong."""
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        notes.error(
            "", "too_large", f"the document is over {MAX_BYTES // 1024**2} MiB",
            "Leave out the operations that are not needed.",
        )  # fmt: skip
        return None
    try:
        if text.lstrip("\ufeff \t\r\n").startswith("{"):
            value = _json(text.lstrip("\ufeff"), notes)
        else:
            value = _Yaml(text, notes).read()
    except _Stop:
        return None
    return value if fits(value, notes) else None


def fits(value: Any, notes: Notes) -> bool:
    """Return whether a decoded value is within the bounds; notes what is not."""
    for count, (path, each, depth) in enumerate(_every(value), start=1):
        if count > MAX_VALUES:
            notes.error(
                "", "too_large", f"the document has over {MAX_VALUES:,} values",
                "Leave out the operations that are not needed.",
            )  # fmt: skip
            return False
        if depth > MAX_DEPTH:
            notes.error(
                path, "too_deep", f"the document is over {MAX_DEPTH} levels deep",
                "Flatten it.",
            )  # fmt: skip
            return False
        if isinstance(each, _Doubled):
            _twice(f"{path}/{token(each.key)}", each.key, notes)
        if isinstance(each, str) and _UNFIT.search(each):
            notes.error(
                path, "characters", "the text holds what is no character",
                "Remove NUL and halves of pairs.",
            )  # fmt: skip
    return True


def _every(value: Any) -> Iterator[tuple[str, Any, int]]:
    """Yield (path, value, depth) of everything below, the names of keys as values."""
    ahead: list[tuple[str, Any, int]] = [("", value, 0)]
    while ahead:
        path, each, depth = ahead.pop()
        yield path, each, depth
        if isinstance(each, dict):
            for key, child in each.items():
                place = f"{path}/{token(key)}"
                if _UNFIT.search(key):
                    yield path, key, depth
                ahead.append((place, child, depth + 1))
        elif isinstance(each, list):
            ahead += [
                (f"{path}/{index}", child, depth + 1)
                for index, child in enumerate(each)
            ]


def _twice(path: str, key: str, notes: Notes) -> None:
    notes.error(
        path, "duplicate", f'"{short(key)}" stands twice',
        "Keep one of them.",
    )  # fmt: skip


def _json(text: str, notes: Notes) -> Any:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) == len(items):
            return found
        doubled = _Doubled(found)
        doubled.key = Counter(key for key, _ in items).most_common(1)[0][0]
        return doubled

    def number(text: str) -> Any:
        return _number(text, notes, "")

    try:
        return json.loads(
            text,
            object_pairs_hook=pairs,
            parse_int=number,
            parse_float=number,
            parse_constant=number,
        )
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        notes.error(
            "", "malformed_json", f"the document is not JSON: {error.msg} ({where})",
            "Correct its syntax there.",
        )  # fmt: skip
    except RecursionError:
        notes.error(
            "", "too_deep", f"the document is over {MAX_DEPTH} levels deep",
            "Flatten it.",
        )  # fmt: skip
    raise _Stop


def _number(text: str, notes: Notes, path: str) -> Any:
    """Return a number that JSON can hold and PostgreSQL can keep."""
    if len(text) <= MAX_DIGITS:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text) and abs(value := float(text)) != float("inf"):
            return value
    notes.error(
        path, "number", f"{short(text)} is no number that can be kept",
        "Write a smaller number, or a text.",
    )  # fmt: skip
    return 0


class _Yaml:
    """Builds values from the events of the parser, so that nothing is constructed."""

    def __init__(self, text: str, notes: Notes) -> None:
        self._text = text
        self._notes = notes
        self._count = 0

    def read(self) -> Any:
        """Return the value of the only document; raises _Stop."""
        loader = yaml.CSafeLoader(self._text)
        try:
            return self._document(iter(loader.get_event, None))
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
            problem = getattr(error, "problem", None) or "it cannot be read"
            self._notes.error(
                "", "malformed_yaml", f"the document is not YAML: {problem}{where}",
                "Correct its syntax there.",
            )  # fmt: skip
            raise _Stop from error
        finally:
            loader.dispose()

    def _document(self, events: Iterator[Any]) -> Any:
        """Return the value; one frame for each open object or list."""
        root: list[Any] = []
        frames: list[_Frame] = [_Frame("", root)]
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent) and root:
                self._refuse(
                    "", "yaml", "a second document begins", "Send one document."
                )
            if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                frames.pop()
            elif isinstance(event, yaml.NodeEvent):
                self._node(event, frames)
        return root[0] if root else None

    def _node(self, event: Any, frames: list["_Frame"]) -> None:
        frame = frames[-1]
        path = frame.place()
        self._count += 1
        if self._count > 2 * MAX_VALUES:
            self._refuse(
                "", "too_large", f"the document has over {MAX_VALUES:,} values",
                "Shorten it.",
            )  # fmt: skip
        if event.anchor is not None:
            self._refuse(
                path, "yaml",
                f"the document uses the anchor or alias {short(event.anchor)}",
                "Write what it stands for, or use $ref.",
            )  # fmt: skip
        tag = getattr(event, "tag", None)
        if tag is not None and tag != "!":
            self._refuse(
                path, "yaml", f"the tag {short(tag)} is not read", "Leave it out."
            )
        if isinstance(event, yaml.ScalarEvent):
            is_plain = event.implicit[0] and not event.style
            if frame.wants_key:
                self._key(frame, event.value)
            else:
                value = self._plain(event.value, path) if is_plain else event.value
                frame.put(value)
            return
        if frame.wants_key:
            self._refuse(path, "yaml", "a key is no text", "Write a text as the key.")
        if len(frames) > MAX_DEPTH + 1:
            self._refuse(
                path, "too_deep", f"the document is over {MAX_DEPTH} levels deep",
                "Flatten it.",
            )  # fmt: skip
        value = {} if isinstance(event, yaml.MappingStartEvent) else []
        frame.put(value)
        frames.append(_Frame(path, value))

    def _key(self, frame: "_Frame", key: str) -> None:
        if key == "<<":
            self._refuse(
                frame.path, "yaml", "the document merges keys (<<)", "Write them out."
            )
        if isinstance(frame.value, dict) and key in frame.value:
            _twice(f"{frame.path}/{token(key)}", key, self._notes)
        frame.key, frame.wants_key = key, False

    def _plain(self, text: str, path: str) -> Any:
        if text in _WORDS:
            return _WORDS[text]
        if _FLOAT.fullmatch(text):
            return _number(text, self._notes, path)
        return text

    def _refuse(self, path: str, code: str, message: str, remedy: str) -> NoReturn:
        self._notes.error(path, code, message, remedy)
        raise _Stop


class _Frame:
    """An object or list that is being filled."""

    __slots__ = ("key", "path", "value", "wants_key")

    def __init__(self, path: str, value: dict[str, Any] | list[Any]) -> None:
        self.path = path
        self.value = value
        self.key = ""
        self.wants_key = isinstance(value, dict)

    def place(self) -> str:
        """Return the path of the value that comes next."""
        if isinstance(self.value, dict):
            return f"{self.path}/{token(self.key)}"
        return f"{self.path}/{len(self.value)}" if self.path or self.value else ""

    def put(self, value: Any) -> None:
        """Add the next value."""
        if isinstance(self.value, dict):
            self.value[self.key] = value
            self.wants_key = True
        else:
            self.value.append(value)
