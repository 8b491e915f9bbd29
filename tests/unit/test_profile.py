"""Schemas and patterns that authors bring along."""

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metadata.patterns import OPTIONS, pattern_problem
from metadata.profile import MAX_DEPTH, profile_findings


def found(schema: Any) -> set[tuple[str, str]]:
    return {(path, code) for path, code, _, _ in profile_findings(schema)}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


GOOD: tuple[dict[str, Any], ...] = (
    {},
    {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "phone": {"type": "string", "pattern": r"^\+?\d{8,15}$"},
            "to": {"$ref": "#/$defs/person"},
            "cc": {"type": "array", "items": {"$ref": "#/$defs/person"}},
        },
        "required": ["phone"],
        "$defs": {"person": {"type": "object", "properties": {"name": True}}},
        "x-order": 3,
    },
    {"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": False},
    # What looks like a reference in a value is a value.
    {"const": {"$ref": "#/$defs/nothing"}, "examples": [{"$ref": "x"}]},
    nested(MAX_DEPTH),
)


@pytest.mark.parametrize("schema", GOOD)
def test_a_schema_of_the_profile_has_no_finding(schema: dict[str, Any]) -> None:
    assert found(schema) == set()
    jsonschema_rs.Draft202012Validator(schema, pattern_options=OPTIONS)


BAD: tuple[tuple[dict[str, Any], str, str], ...] = (
    ({"$ref": "https://example.com/person.json"}, "/$ref", "remote_ref"),
    ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "/properties/a/$ref",
     "remote_ref"),
    ({"$ref": "#"}, "/$ref", "remote_ref"),
    ({"$ref": 7}, "/$ref", "remote_ref"),
    ({"$ref": "#/$defs/a"}, "/$ref", "unknown_ref"),
    ({"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, "/$defs/a", "circular_ref"),
    (
        {
            "$defs": {
                "a": {"allOf": [{"$ref": "#/$defs/b"}]},
                "b": {"properties": {"x": {"$ref": "#/$defs/a"}}},
            }
        },
        "/$defs/b",
        "circular_ref",
    ),
    ({"pattern": "^(a+)+$"}, "/pattern", "pattern"),
    ({"pattern": "(?=a)b"}, "/pattern", "pattern"),
    ({"patternProperties": {"(": {}}}, "/patternProperties/(", "pattern"),
    ({"properties": {"a/b": {"pattern": "["}}}, "/properties/a~1b/pattern", "pattern"),
    ({"$dynamicRef": "#x"}, "/$dynamicRef", "unknown_keyword"),
    ({"nullable": True}, "/nullable", "unknown_keyword"),
    ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema", "dialect"),
    ({"type": "strnig"}, "/type", "invalid_schema"),
    ({"properties": {"a": 5}}, "/properties/a", "invalid_schema"),
    ({"minLength": -1}, "/minLength", "invalid_schema"),
    (nested(MAX_DEPTH + 1), "/items" * (MAX_DEPTH + 1), "too_deep"),
    (nested(500), "", "too_deep"),
    ({"description": "x" * 300_000}, "", "too_large"),
)  # fmt: skip


@pytest.mark.parametrize(("schema", "path", "code"), BAD)
def test_what_is_outside_the_profile_is_found(
    schema: dict[str, Any], path: str, code: str
) -> None:
    assert (path, code) in found(schema)
    for _, _, message, remedy in profile_findings(schema):
        assert message
        assert len(message) < 400
        assert remedy.endswith(".") or "{" in remedy or "<name>" in remedy


def test_a_long_chain_of_references_is_followed_to_its_end() -> None:
    chain = {f"d{n}": {"$ref": f"#/$defs/d{n + 1}"} for n in range(4000)}
    assert found({"$defs": {**chain, "d4000": {}}}) == set()
    looped = {"$defs": {**chain, "d4000": {"$ref": "#/$defs/d3999"}}}
    assert ("/$defs/d4000", "circular_ref") in found(looped)


def test_all_findings_come_at_once() -> None:
    schema = {"pattern": "(", "nullable": True, "items": {"$ref": "http://x/y"}}
    assert {code for _, code in found(schema)} == {
        "pattern",
        "unknown_keyword",
        "remote_ref",
    }


HOSTILE = (
    "^(a+)+$", "(a*){2,}", "(a|a+)*b", "((a+))+", "(?:x+x+)+y", "(?<n>a+)+",
    r"(\p{L}+)*", "(a{2,5})+", "(|a+)+", "([)+]+)+", "(a)\\1", "(?=a)", "(?<!a)b",
    "[", "(", "a{1,99999}", "x" * 501,
)  # fmt: skip
HARMLESS = (
    "^[a-z]+$", r"^[\w.+-]+@[\w-]+(\.[\w-]+)+$", r"^(\+62|0)8\d{7,12}$",
    r"^(\d+,)*\d+$", r"\(a+\)+", "[(a+)]+", "(ab)+", "(a{3})+", "(a|b)*", "(?:a+)?",
    r"^\p{Lu}\p{L}*$", "()*",
)  # fmt: skip


@pytest.mark.parametrize("pattern", HOSTILE)
def test_a_hostile_pattern_is_refused(pattern: str) -> None:
    assert pattern_problem(pattern)


@pytest.mark.parametrize("pattern", HARMLESS)
def test_a_harmless_pattern_is_taken(pattern: str) -> None:
    assert pattern_problem(pattern) is None


@given(st.text("ab()[]{}*+?|\\^$.,0123<>:=!p", max_size=30))
def test_judging_a_pattern_never_fails(pattern: str) -> None:
    problem = pattern_problem(pattern)
    assert problem is None or problem


def test_the_engine_of_the_validators_cannot_backtrack() -> None:
    validator = jsonschema_rs.Draft202012Validator(
        {"type": "string", "pattern": "^(a+)+$"}, pattern_options=OPTIONS
    )
    # Backtracking would outlast the universe, and this test with it.
    assert not validator.is_valid("a" * 100_000 + "!")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "$defs", "$ref", "items", "pattern", "allOf",
                 "a", "required", "enum", "if", "x-a"]
            )
            | st.text(max_size=4),
            inner,
            max_size=5,
        ),
        max_leaves=25,
    )
)  # fmt: skip
def test_any_document_is_judged(document: Any) -> None:
    schema = document if isinstance(document, dict) else {"const": document}
    problems = list(profile_findings(json.loads(json.dumps(schema))))
    if not problems:
        jsonschema_rs.Draft202012Validator(schema, pattern_options=OPTIONS)
