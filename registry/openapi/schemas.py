"""Schema Objects of a document → JSON Schema 2020-12 in the profile of forms.

References into the document are put in place of themselves, each target read once; how
large a schema becomes is counted before it is written out. What the result accepts is
what the original accepts, but for `readOnly` properties of requests and `writeOnly`
ones of answers, which are left out. Called by `operations.py`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import unquote

from metadata.patterns import pattern_problem
from metadata.profile import DIALECT, MAX_DEPTH
from registry.openapi import keywords
from registry.openapi.choices import plain
from registry.openapi.merging import merged
from registry.openapi.notes import Notes, short, token

Direction = Literal["request", "response"]
Schema = dict[str, Any]

MAX_VALUES = 5_000
"""Values in one schema with its references put in place."""
MAX_WRITTEN = 1_000_000
"""Values of all references put in place, in one document."""
MAX_CHAIN = 64
MAX_NAME = 100
MAX_TEXT = 2_000
DIALECTS = frozenset({DIALECT, "https://spec.openapis.org/oas/3.1/dialect/base"})


@dataclass(frozen=True, slots=True)
class _Read:
    """A schema that was read, with how large it is, written out."""

    schema: Any
    size: int = 1
    height: int = 0
    gone: frozenset[str] = frozenset()
    """Properties that the other side alone sends; nobody demands them here."""


class Schemas:
    """Reads the schemas of one document."""

    def __init__(self, document: Mapping[str, Any], notes: Notes, *, is_30: bool):
        self._document = document
        self._notes = notes
        self._is_30 = is_30
        self._known: dict[tuple[str, Direction], _Read | None] = {}
        self._written = 0
        self._one = keywords.ONE_30 if is_30 else keywords.ONE_31
        self._named = keywords.NAMED_30 if is_30 else keywords.NAMED_31
        self._lists = keywords.LISTS if is_30 else keywords.LISTS_31

    def read(self, raw: Any, path: str, direction: Direction) -> Any:
        """Return a schema (a dict, or a bool in 3.1), `{}` where it is broken."""
        return self._schema(raw, path, direction, 0).schema

    def resolve(self, raw: Any, path: str) -> tuple[Mapping[str, Any] | None, str]:
        """Return (an object, where it stands) behind any number of references.

        For what is no schema: parameters, bodies, responses, path items.
        """
        for _ in range(MAX_CHAIN):
            if not isinstance(raw, Mapping):
                self._notes.error(
                    path, "openapi", "an object belongs here",
                    "Write it as the OpenAPI Specification says.",
                )  # fmt: skip
                return None, path
            if "$ref" not in raw:
                return raw, path
            target = self._target(raw["$ref"], path)
            if target is None:
                return None, path
            raw, path = target
        self._circle(path)
        return None, path

    def _schema(self, raw: Any, path: str, way: Direction, depth: int) -> _Read:
        if isinstance(raw, bool) and not self._is_30:
            return _Read(raw)
        if not isinstance(raw, Mapping):
            self._notes.error(
                path, "invalid_schema", "a schema is an object",
                'Write an object such as {"type": "string"}.',
            )  # fmt: skip
            return _Read({})
        if depth > MAX_CHAIN:
            self._deep(path)
            return _Read({})
        if "$ref" not in raw:
            return self._checked(self._words(raw, path, way, depth), path)
        found = self._reference(raw["$ref"], path, way, depth)
        beside = {key: value for key, value in raw.items() if key != "$ref"}
        if self._is_30 or not beside:
            return found
        own = self._words(beside, path, way, depth)
        return self._checked(_all([own, found]), path)

    def _reference(self, ref: Any, path: str, way: Direction, depth: int) -> _Read:
        target = self._target(ref, path)
        if target is None:
            return _Read({})
        raw, place = target
        key = (place, way)
        if key not in self._known:
            self._known[key] = None  # being read
            self._known[key] = self._schema(raw, place, way, depth + 1)
        found = self._known[key]
        if found is None:
            self._circle(path)
            return _Read({})
        self._written += found.size
        if self._written > MAX_WRITTEN:
            self._notes.error(
                "",
                "too_large",
                f"all schemas have over {MAX_WRITTEN:,} values, written out",
                "Leave out the operations that are not needed.",
            )
            return _Read({})
        return found

    def _target(self, ref: Any, path: str) -> tuple[Any, str] | None:
        """Return (value, path) of a reference into this document."""
        if not isinstance(ref, str) or not (ref == "#" or ref.startswith("#/")):
            self._notes.error(
                f"{path}/$ref", "remote_ref",
                f"{short(ref)} leads out of this document",
                "Copy what it names into components and write #/components/….",
            )  # fmt: skip
            return None
        if ref == "#":
            self._circle(path)
            return None
        value: Any = self._document
        parts = unquote(ref[1:]).split("/")[1:]
        names = [part.replace("~1", "/").replace("~0", "~") for part in parts]
        for name in names:
            if isinstance(value, Mapping) and name in value:
                value = value[name]
            elif (
                isinstance(value, list)
                and name.isascii()
                and name.isdigit()
                and len(name) < 7
                and int(name) < len(value)
            ):
                value = value[int(name)]
            else:
                self._notes.error(
                    f"{path}/$ref", "unknown_ref", f"there is no {short(ref)}",
                    "Correct the reference, or add what it names.",
                )  # fmt: skip
                return None
        return value, "".join(f"/{token(name)}" for name in names)

    def _words(
        self, raw: Mapping[str, Any], path: str, way: Direction, depth: int
    ) -> _Read:
        found: Schema = {}
        parts: list[_Read] = []
        members: list[_Read] = []
        words = keywords.of_30(raw) if self._is_30 else raw.items()
        for word, value in words:
            place = f"{path}/{token(word)}"
            if word in self._one:
                parts.append(self._schema_or_flag(word, value, place, way, depth))
                found[word] = parts[-1].schema
            elif word in self._lists:
                below = self._listed(value, place, way, depth)
                parts += below
                members += below if word == "allOf" else ()
                found[word] = [part.schema for part in below]
            elif word in self._named:
                by_name = self._by_name(word, value, place, way, depth)
                parts += by_name.values()
                found[word] = {name: part.schema for name, part in by_name.items()}
            elif keywords.is_plain(word, is_30=self._is_30):
                if self._takes(word, value, place):
                    found[word] = value
            else:
                self._other(word, value, place)
        examples = keywords.examples_of(raw)
        if examples:
            found["examples"] = examples
        gone = self._tidy(found, way)
        found = plain(found, raw)
        size = 1 + len(found) + sum(part.size for part in parts) + _weight(found)
        height = 1 + max((part.height for part in parts), default=0)
        if size > MAX_VALUES:
            return _Read({}, size, height)
        gone = gone.union(*(part.gone for part in members))
        return _Read(_demanding(_without_all_of(found), gone), size, height, gone)

    def _schema_or_flag(
        self, word: str, raw: Any, path: str, way: Direction, depth: int
    ) -> _Read:
        if word == "additionalProperties" and isinstance(raw, bool):
            return _Read(raw)
        return self._schema(raw, path, way, depth + 1)

    def _listed(self, raw: Any, path: str, way: Direction, depth: int) -> list[_Read]:
        if not isinstance(raw, list) or not raw:
            self._notes.error(
                path, "invalid_schema", "a list of schemas belongs here",
                "List at least one schema.",
            )  # fmt: skip
            return []
        return [
            self._schema(each, f"{path}/{index}", way, depth + 1)
            for index, each in enumerate(raw)
        ]

    def _by_name(
        self, word: str, raw: Any, path: str, way: Direction, depth: int
    ) -> dict[str, _Read]:
        if not isinstance(raw, Mapping):
            self._notes.error(
                path, "invalid_schema", f"{word} is an object of schemas",
                "Write a schema for each name.",
            )  # fmt: skip
            return {}
        for name in raw:
            if word == "patternProperties":
                self._pattern(name, f"{path}/{token(name)}")
            elif len(name) > MAX_NAME:
                self._notes.error(
                    path, "too_large", f'the name "{short(name, 40)}" is too long',
                    f"Use at most {MAX_NAME} characters.",
                )  # fmt: skip
        return {
            name: self._schema(each, f"{path}/{token(name)}", way, depth + 1)
            for name, each in raw.items()
        }

    def _takes(self, word: str, value: Any, path: str) -> bool:
        test, says = keywords.VALUES[word]
        if not test(value):
            self._notes.error(
                path, "invalid_schema", f"{word} {says}", "Correct the value.",
            )  # fmt: skip
            return False
        if word == "pattern":
            self._pattern(value, path)
        return True

    def _pattern(self, pattern: str, path: str) -> None:
        problem = pattern_problem(pattern)
        if problem is not None:
            self._notes.error(
                path, "pattern", f"the pattern {problem}", "Write a simpler pattern."
            )

    def _other(self, word: str, value: Any, path: str) -> None:
        """Note a word that is not kept, where that has to be known."""
        if word == "$schema" and value not in DIALECTS:
            self._notes.error(
                path, "dialect", "only JSON Schema 2020-12 is read here",
                f"Leave $schema out, or write {DIALECT}.",
            )  # fmt: skip
        elif word in keywords.UNABLE and not self._is_30:
            if value is True and word.startswith("unevaluated"):
                return  # It forbids nothing.
            self._notes.error(
                path, "unknown_keyword", f'"{word}" is no keyword of the profile',
                "Say it with properties, allOf and additionalProperties.",
            )  # fmt: skip
        elif not word.startswith("x-") and word not in keywords.SILENT:
            self._notes.warning(
                path, "ignored_keyword", f'"{short(word)}" is not kept',
                "Nothing has to be done when it says nothing of what is valid.",
            )  # fmt: skip

    def _tidy(self, found: Schema, way: Direction) -> frozenset[str]:
        """Leave out what the other side alone sends; return it. Shorten long texts."""
        theirs = "readOnly" if way == "request" else "writeOnly"
        properties = found.get("properties", {})
        gone = frozenset(
            name
            for name, schema in properties.items()
            if isinstance(schema, dict) and schema.get(theirs) is True
        )
        if gone:
            found["properties"] = {n: s for n, s in properties.items() if n not in gone}
        for word in ("title", "description"):
            if word in found:
                found[word] = short(found[word], MAX_TEXT)
        return gone

    def _checked(self, read: _Read, path: str) -> _Read:
        """Return a schema that is neither too large nor too deep, written out."""
        if read.size > MAX_VALUES:
            self._notes.error(
                path, "too_large",
                f"the schema has over {MAX_VALUES:,} values, written out",
                "Split it, or refer to less.",
            )  # fmt: skip
            return _Read({})
        # Two levels are those of the object that the endpoint's form is.
        if read.height > MAX_DEPTH - 2:
            self._deep(path)
            return _Read({})
        return read

    def _deep(self, path: str) -> None:
        self._notes.error(
            path, "too_deep", f"the schema is over {MAX_DEPTH - 2} levels deep",
            "Flatten it; a person fills in this form.",
        )  # fmt: skip

    def _circle(self, path: str) -> None:
        self._notes.error(
            f"{path}/$ref", "circular_ref", "what it names contains itself",
            "Write out as many levels as are needed; a form cannot be endless.",
        )  # fmt: skip


def _all(parts: Iterable[_Read]) -> _Read:
    """Return the intersection of schemas that were read."""
    listed = list(parts)
    schemas = [part.schema for part in listed if part.schema not in ({}, True)]
    size = 1 + sum(part.size for part in listed)
    height = 1 + max(part.height for part in listed)
    if not schemas:
        return _Read({})
    gone = frozenset[str]().union(*(part.gone for part in listed))
    schema = merged(schemas) or {"allOf": schemas}
    return _Read(_demanding(schema, gone), size, height, gone)


def _demanding(schema: Schema, gone: frozenset[str]) -> Schema:
    """Return a schema that demands nothing of what is gone."""
    if not gone or gone.isdisjoint(schema.get("required", ())):
        return schema
    kept = [name for name in schema["required"] if name not in gone]
    return {**schema, "required": kept}


def _without_all_of(schema: Schema) -> Schema:
    """Return a schema with its `allOf` worked into it, as far as that goes."""
    if "allOf" not in schema or not schema["allOf"]:
        return {key: value for key, value in schema.items() if key != "allOf"}
    beside = {key: value for key, value in schema.items() if key != "allOf"}
    members = [each for each in schema["allOf"] if each not in ({}, True)]
    return merged([beside, *members]) or schema


def _weight(schema: Schema) -> int:
    """Return how many values stand in the plain words of a schema."""
    total, ahead = 0, [schema[w] for w in ("enum", "const", "default", "examples",
                                           "required") if w in schema]  # fmt: skip
    while ahead:
        value = ahead.pop()
        total += 1
        if isinstance(value, dict):
            ahead.extend(value.values())
        elif isinstance(value, list):
            ahead.extend(value)
    return total
