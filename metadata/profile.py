"""The restricted profile of JSON Schema 2020-12 for schemas that authors bring along.

What a form can show and two validators agree on: no references out of the document, no
recursion, known keywords, patterns of linear cost, bounded size. Pure; `checks.py`
turns what is yielded into findings. Described in docs/field-types.md.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema_rs import meta

from metadata.fields.base import Json
from metadata.patterns import pattern_problem

Found = tuple[str, str, str, str]
"""Path below the schema, code, message, remedy."""

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_ONE = frozenset({"items", "not", "if", "then", "else", "additionalProperties",
                  "contains", "propertyNames"})  # fmt: skip
_LIST = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_BY_NAME = frozenset({"properties", "$defs", "dependentSchemas", "patternProperties"})
_VALUES = frozenset(
    {
        "$schema", "$id", "$ref", "$comment", "title", "description", "default",
        "examples", "deprecated", "readOnly", "writeOnly", "type", "enum", "const",
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
        "minLength", "maxLength", "pattern", "format", "contentEncoding",
        "contentMediaType", "minItems", "maxItems", "uniqueItems", "minContains",
        "maxContains", "required", "minProperties", "maxProperties",
        "dependentRequired",
    }
)  # fmt: skip
KEYWORDS = _ONE | _LIST | _BY_NAME | _VALUES
_DATA = frozenset({"default", "examples", "enum", "const"})
_OWN_WORDS = ("x-", "x_")
"""Annotations of other tools; kept and ignored."""


def profile_findings(schema: Mapping[str, Json]) -> Iterator[Found]:
    """Yield everything that keeps a schema out of the profile."""
    if deeper_than(schema, MAX_DEPTH * 2):
        yield _deep()
        return
    size = len(json.dumps(schema).encode())
    if size > MAX_BYTES:
        yield (
            "", "too_large", f"the schema has {size:,} bytes",
            f"Describe it in at most {MAX_BYTES // 1024} KiB.",
        )  # fmt: skip
        return
    found = list(_walk(schema, "", 0))
    yield from found
    if found:
        return
    if not meta.is_valid({**schema, "$schema": DIALECT}):
        yield from _misuses(schema)
    yield from _circles(schema)


def _misuses(schema: Mapping[str, Json]) -> Iterator[Found]:
    """Yield the first word that has a value it does not take; slow, but it explains."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        path = "".join(f"/{_token(str(part))}" for part in error.absolute_path)
        yield (
            path, "invalid_schema", _short(error.message),
            "Correct it; the words are those of JSON Schema 2020-12.",
        )  # fmt: skip


def _walk(schema: Any, path: str, depth: int) -> Iterator[Found]:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        yield (
            path, "invalid_schema", "a schema is an object, true or false",
            "Write an object such as {\"type\": \"string\"}.",
        )  # fmt: skip
        return
    if depth > MAX_DEPTH:
        yield _deep(path)
        return
    for word, value in schema.items():
        place = f"{path}/{_token(word)}"
        if word in _ONE:
            yield from _walk(value, place, depth + 1)
        elif word in _LIST and isinstance(value, list):
            for index, each in enumerate(value):
                yield from _walk(each, f"{place}/{index}", depth + 1)
        elif word in _BY_NAME and isinstance(value, Mapping):
            for name, each in value.items():
                if word == "patternProperties":
                    yield from _pattern(name, f"{place}/{_token(name)}")
                yield from _walk(each, f"{place}/{_token(name)}", depth + 1)
        elif word == "pattern" and isinstance(value, str):
            yield from _pattern(value, place)
        elif word == "$ref":
            yield from _reference(value, place)
        elif word == "$schema" and value != DIALECT:
            yield (
                place, "dialect", "only JSON Schema 2020-12 is read here",
                f"Leave $schema out, or write {DIALECT}.",
            )  # fmt: skip
        elif word not in KEYWORDS and not word.startswith(_OWN_WORDS):
            yield (
                place, "unknown_keyword", f'"{word}" is no keyword of the profile',
                "Take it out, or call it x-… when it is a note for another tool.",
            )  # fmt: skip


def _pattern(pattern: str, path: str) -> Iterator[Found]:
    problem = pattern_problem(pattern)
    if problem is not None:
        yield (path, "pattern", f"the pattern {problem}", "Write a simpler pattern.")


def _reference(target: Any, path: str) -> Iterator[Found]:
    if not isinstance(target, str) or not target.startswith("#/$defs/"):
        yield (
            path, "remote_ref", f"{_short(repr(target))} leads out of this schema",
            "Copy what it names into $defs and write #/$defs/<name>.",
        )  # fmt: skip


def _circles(schema: Mapping[str, Json]) -> Iterator[Found]:
    """Yield references to nothing, and definitions that contain themselves."""
    definitions = schema.get("$defs")
    names = definitions if isinstance(definitions, Mapping) else {}
    uses: dict[str, set[str]] = {
        name: {target for _, target in _references(each, "")}
        for name, each in names.items()
    }
    for path, target in _references(schema, ""):
        if target not in names:
            yield (
                f"{path}/$ref", "unknown_ref", f'there is no $defs "{target}"',
                f"There are: {', '.join(sorted(names)) or 'none'}.",
            )  # fmt: skip
    for name in names:
        if _reaches(name, uses):
            yield (
                f"/$defs/{_token(name)}", "circular_ref",
                f'"{name}" contains itself',
                "Write out as many levels as are needed; a form cannot be endless.",
            )  # fmt: skip


def _references(schema: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield (path, name) of every $ref; values that are data hold none."""
    if isinstance(schema, Mapping):
        target = schema.get("$ref")
        if isinstance(target, str):
            name = target.removeprefix("#/$defs/")
            yield path, name.replace("~1", "/").replace("~0", "~")
        for word, value in schema.items():
            if word not in _DATA:
                yield from _references(value, f"{path}/{_token(str(word))}")
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from _references(value, f"{path}/{index}")


def _reaches(start: str, uses: Mapping[str, set[str]]) -> bool:
    """Return whether a definition leads back to itself."""
    seen: set[str] = set()
    ahead = list(uses.get(start, ()))
    while ahead:
        name = ahead.pop()
        if name == start:
            return True
        if name not in seen:
            seen.add(name)
            ahead.extend(uses.get(name, ()))
    return False


def deeper_than(value: Any, limit: int) -> bool:
    """Return whether a JSON value has more levels, the innermost values included."""
    level: list[Any] = [value]
    for _ in range(limit):
        level = [
            child
            for parent in level
            for child in (
                parent.values()
                if isinstance(parent, Mapping)
                else parent
                if isinstance(parent, list)
                else ()
            )
        ]
        if not level:
            return False
    return True


def _deep(path: str = "") -> Found:
    return (
        path, "too_deep", f"the schema is over {MAX_DEPTH} levels deep",
        "Flatten it; a person fills in this form.",
    )  # fmt: skip


def _token(name: str) -> str:
    """Return a name as a part of a JSON Pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}…"
