"""Texts of a call → the values that they stand for: numbers, lists, objects; pure.

The styles are those of OpenAPI 3.1.1, 4.8.12; `x-style` names the one that is not the
usual of a place. What cannot be read stays a text, which then fits no schema. Made with
a route; called by `inputs.py`.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from math import isinf
from typing import Any, NoReturn

from jsonschema_rs import Draft202012Validator

from metadata.endpoint_forms import STYLE, Parameter

MAX_DEPTH = 32
"""Of a parameter that is JSON."""

_JOINTS = {"comma": ",", "spaceDelimited": " ", "pipeDelimited": "|"}
_MEMBER = re.compile(r"([^\[\]]+)\[([^\[\]]+)\](?:\[\])?")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][-+]?[0-9]{1,3})?")
_SCALARS = frozenset({"string", "integer", "number", "boolean"})

Schema = Mapping[str, Any]


class Texts:
    """Reads the parameters of one place of one endpoint."""

    def __init__(self, place: str, declared: Sequence[Parameter]) -> None:
        self._names = {
            each.name.lower() if place == "header" else each.name: each.name
            for each in declared
        }
        self._only_known = place == "header"
        self._values = {each.name: _Value(place, each.schema) for each in declared}
        # Where members stand apart: `v[a]=1` and, for an object of the query, `a=1`.
        self._deep = {
            name
            for name, value in self._values.items()
            if place == "query" and value.style == "deepObject"
        }
        spread = {
            name: value
            for name, value in self._values.items()
            if place == "query" and value.style is None and value.is_object
        }
        self._owners = {
            member: name for name, value in spread.items() for member in value.members
        }
        self._open = next((n for n, value in spread.items() if value.is_open), None)
        self._parted = {*spread, *self._deep}
        for name in self._parted:
            del self._names[name]

    def values(self, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """Return the values by the names of their parameters.

        A name that nothing declares stands beside them as it is.
        """
        texts: dict[str, list[str]] = {}
        members: dict[str, dict[str, list[str]]] = {}
        for name, text in pairs:
            known = self._names.get(name)
            if known is not None:
                texts.setdefault(known, []).append(text)
            elif not self._only_known:
                owner, member = self._owner(name)
                if owner is None:
                    texts.setdefault(name, []).append(text)
                else:
                    below = members.setdefault(owner, {})
                    below.setdefault(member, []).append(text)
        found: dict[str, Any] = {}
        for name, given in texts.items():
            value = None if name in self._parted else self._values.get(name)
            found[name] = given[0] if value is None else value.read(given)
        for name, given_members in members.items():
            # Of both, the text that is no object of members is kept, and refused.
            found.setdefault(name, self._values[name].of_members(given_members))
        return found

    def _owner(self, name: str) -> tuple[str | None, str]:
        """Return (parameter, member) of a name that stands for a part of an object."""
        match = _MEMBER.fullmatch(name)
        if match is not None and match[1] in self._deep:
            return match[1], match[2]
        if name in self._owners:
            return self._owners[name], name
        return self._open, name


class _Value:
    """How the texts of one schema are read."""

    def __init__(self, place: str, schema: Schema) -> None:
        self.style = schema.get(STYLE)
        self._strips = place == "header"
        usual = None if place == "query" else ","
        self._joint = _JOINTS.get(str(self.style), usual)
        self._kinds = _kinds(schema)
        self._check = (
            Draft202012Validator(dict(schema))
            if "string" in self._kinds and len(self._kinds & _SCALARS) > 1
            else None
        )
        parts = list(_alternatives(schema))
        self.is_object = "object" in self._kinds
        self._items: _Value | None = None
        self.members: dict[str, _Value] = {}
        self._others: _Value | None = None
        self.is_open = False
        for part in parts:
            items = part.get("items")
            if "array" in self._kinds and isinstance(items, Mapping):
                self._items = _Value("query", items)
            self._add_members(part)

    def _add_members(self, part: Schema) -> None:
        if "object" not in _kinds(part):
            return
        properties = part.get("properties", {})
        for name, inner in properties.items():
            schema = inner if isinstance(inner, Mapping) else {}
            self.members[name] = _Value("query", schema)
        others = part.get("additionalProperties", not properties)
        self.is_open |= others is not False
        if isinstance(others, Mapping):
            self._others = _Value("query", others)

    def read(self, texts: Sequence[str]) -> Any:
        """Return the value of a parameter that stands once or several times."""
        if self.style == "json":
            return _json(texts[0]) if len(texts) == 1 else list(texts)
        if len(texts) == 1 and not self._is_list(texts[0]):
            if self.is_object and self._joint is not None:
                return self._object(texts[0])
            return self._scalar(texts[0])
        if "array" in self._kinds:
            joint = self._joint
            parts = [p for t in texts for p in (t.split(joint) if joint else [t])]
            return [self._item(self._bare(part)) for part in parts]
        # Twice: servers differ in which one they take, so it fits no type.
        return list(texts)

    def of_members(self, members: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """Return the object whose members stand apart."""
        return {name: self._member(name).read(given) for name, given in members.items()}

    def _is_list(self, text: str) -> bool:
        if "array" not in self._kinds:
            return False
        is_joined = self._joint is not None and self._joint in text
        return is_joined or not self._kinds & _SCALARS

    def _object(self, text: str) -> Any:
        """Return `a,1,b,2`, or `a=1,b=2` where members stand in pairs, as an object."""
        parts = text.split(self._joint)
        if self.style == "pairs":
            pairs = [part.partition("=")[::2] for part in parts]
        elif len(parts) % 2:
            return text
        else:
            pairs = list(zip(parts[::2], parts[1::2], strict=True))
        found = {self._bare(name): self._bare(value) for name, value in pairs}
        if len(found) < len(pairs):
            return text
        return {name: self._member(name).read([value]) for name, value in found.items()}

    def _member(self, name: str) -> "_Value":
        return self.members.get(name) or self._others or _ANY

    def _item(self, text: str) -> Any:
        return text if self._items is None else self._items.read([text])

    def _bare(self, text: str) -> str:
        return text.strip(" \t") if self._strips else text

    def _scalar(self, text: str) -> Any:
        kinds = self._kinds
        if self._check is not None and self._check.is_valid(text):
            return text
        if "string" in kinds and self._check is None:
            return text
        if "integer" in kinds and _INTEGER.fullmatch(text):
            return int(text)
        if "number" in kinds and _NUMBER.fullmatch(text):
            return text if isinf(value := float(text)) else value
        if "boolean" in kinds and text in {"true", "false"}:
            return text == "true"
        return text


def _alternatives(schema: Schema) -> Iterable[Schema]:
    """Yield a schema and what it says in alternatives."""
    yield schema
    for word in ("allOf", "anyOf", "oneOf"):
        for each in schema.get(word, ()):
            if isinstance(each, Mapping):
                yield from _alternatives(each)


def _kinds(schema: Schema) -> frozenset[str]:
    """Return the types that a schema names, in itself or in an alternative."""
    found: set[str] = set()
    for part in _alternatives(schema):
        kinds = part.get("type", [])
        found.update([kinds] if isinstance(kinds, str) else kinds)
        if "type" not in part:
            values = [
                *part.get("enum", ()),
                *([part["const"]] if "const" in part else []),
            ]
            found.update(_NAMES[type(v)] for v in values if type(v) in _NAMES)
    return frozenset(found - {"null"})


_NAMES: Mapping[type, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
    dict: "object",
}
_ANY = _Value("query", {})


def _json(text: str) -> Any:
    """Return a JSON text's value; the text where it is none, or not only one."""
    try:
        value = json.loads(
            text,
            object_pairs_hook=_once,
            parse_int=_whole,
            parse_float=_finite,
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError):
        return text
    return value if _depth(value) <= MAX_DEPTH else text


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found


def _whole(text: str) -> int:
    return int(text) if len(text) <= 19 else _refuse(text)


def _finite(text: str) -> float:
    return _refuse(text) if isinf(value := float(text)) else value


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


def _depth(value: Any) -> int:
    deepest, ahead = 0, [(value, 1)]
    while ahead:
        each, depth = ahead.pop()
        deepest = max(deepest, depth)
        below = each.values() if isinstance(each, dict) else each
        if isinstance(each, dict | list):
            ahead += [(inner, depth + 1) for inner in below]
    return deepest
