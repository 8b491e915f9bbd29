"""Texts of paths, queries and headers become the values that their schemas name."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metadata.definitions import Endpoint
from metadata.endpoint_forms import parameters
from registry.gateway.inputs import Inputs
from registry.gateway.texts import Texts

LIST = {"type": "array", "items": {"type": "integer"}}
OBJECT = {"type": "object", "properties": {"a": {"type": "integer"}, "b": LIST}}
TEXT = {"type": "string"}


def endpoint(**inputs: dict[str, Any]) -> Endpoint:
    schema = {"type": "object", "properties": inputs, "additionalProperties": False}
    return Endpoint(id="e", name="e", method="GET", path="/e", request_schema=schema)


def read(pairs: list[tuple[str, str]], place: str = "query", **inputs: Any) -> Any:
    placed = {name: {**schema, "x-in": place} for name, schema in inputs.items()}
    return Texts(place, parameters(endpoint(**placed))).values(pairs)


READ = {
    "text": ([("v", "5")], TEXT, "5"),
    "integer": ([("v", "-5")], {"type": "integer"}, -5),
    "no integer": ([("v", "5.0")], {"type": "integer"}, "5.0"),
    "an integer too long": ([("v", "1" * 19)], {"type": "integer"}, "1" * 19),
    "number": ([("v", "1.5e3")], {"type": "number"}, 1500.0),
    "no number": ([("v", "NaN")], {"type": "number"}, "NaN"),
    "a number too large": ([("v", "1e999")], {"type": "number"}, "1e999"),
    "boolean": ([("v", "true")], {"type": "boolean"}, True),
    "no boolean": ([("v", "True")], {"type": "boolean"}, "True"),
    "or null": ([("v", "5")], {"type": ["integer", "null"]}, 5),
    "of an enum": ([("v", "2")], {"enum": [1, 2]}, 2),
    "of a constant": ([("v", "2")], {"const": 2}, 2),
    "number before text": ([("v", "7")],
                           {"anyOf": [{"type": "integer"},
                                      {"type": "string", "enum": ["all"]}]}, 7),
    "text before number": ([("v", "all")],
                           {"anyOf": [{"type": "integer"},
                                      {"type": "string", "enum": ["all"]}]}, "all"),
    "text that is a number": ([("v", "7")], {"type": ["integer", "string"]}, "7"),
    "twice": ([("v", "a"), ("v", "b")], TEXT, ["a", "b"]),
    "list": ([("v", "1"), ("v", "2")], LIST, [1, 2]),
    "list of one": ([("v", "1")], LIST, [1]),
    "list with a comma": ([("v", "1,2")], LIST, ["1,2"]),
    "joined": ([("v", "1,2")], {**LIST, "x-style": "comma"}, [1, 2]),
    "joined by spaces": ([("v", "1 2")], {**LIST, "x-style": "spaceDelimited"}, [1, 2]),
    "joined by pipes": ([("v", "1|2")], {**LIST, "x-style": "pipeDelimited"}, [1, 2]),
    "by member": ([("v[a]", "1"), ("v[b]", "2"), ("v[b][]", "3")],
                  {**OBJECT, "x-style": "deepObject"}, {"a": 1, "b": [2, 3]}),
    "by member, twice": ([("v[a]", "1"), ("v[a]", "2")],
                         {**OBJECT, "x-style": "deepObject"}, {"a": ["1", "2"]}),
    "spread": ([("a", "1"), ("b", "2")], OBJECT, {"a": 1, "b": [2]}),
    "object, joined": ([("v", "a,1")], {**OBJECT, "x-style": "comma"}, {"a": 1}),
    "object, half": ([("v", "a,1,b")], {**OBJECT, "x-style": "comma"}, "a,1,b"),
    "object, a member twice": ([("v", "a,1,a,2")], {**OBJECT, "x-style": "comma"},
                               "a,1,a,2"),
    "JSON": ([("v", '{"a":1,"b":[2]}')], {**OBJECT, "x-style": "json"},
             {"a": 1, "b": [2]}),
    "JSON twice": ([("v", "{}"), ("v", "{}")], {**OBJECT, "x-style": "json"},
                   ["{}", "{}"]),
    "no JSON": ([("v", "{")], {**OBJECT, "x-style": "json"}, "{"),
    "JSON with a key twice": ([("v", '{"a":1,"a":2}')], {**OBJECT, "x-style": "json"},
                              '{"a":1,"a":2}'),
    "JSON with no number": ([("v", "[NaN]")], {**LIST, "x-style": "json"}, "[NaN]"),
    "JSON with a long number": ([("v", f"[{'1' * 20}]")], {**LIST, "x-style": "json"},
                                f"[{'1' * 20}]"),
    "JSON that is deep": ([("v", "[" * 33 + "]" * 33)], {**LIST, "x-style": "json"},
                          "[" * 33 + "]" * 33),
    "JSON that is endless": ([("v", "[" * 9000)], {**LIST, "x-style": "json"},
                             "[" * 9000),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_a_query_is_read(case: str) -> None:
    pairs, schema, value = READ[case]
    found = read(pairs, v=schema)["v"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("place", ["path", "header"])
@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        (LIST, "1,2", [1, 2]),
        (LIST, "1", [1]),
        (OBJECT, "a,1", {"a": 1}),
        ({**OBJECT, "x-style": "pairs"}, "a=1,b=2", {"a": 1, "b": [2]}),
        ({**OBJECT, "x-style": "json"}, '{"a":1}', {"a": 1}),
        ({**OBJECT, "x-style": "deepObject"}, "x", "x"),
        (TEXT, "1,2", "1,2"),
    ],
)
def test_a_path_and_a_header_are_read(
    place: str, schema: dict[str, Any], text: str, value: Any
) -> None:
    assert read([("v", text)], place, v=schema) == {"v": value}


def test_a_header_is_found_in_any_case_and_others_are_passed_over() -> None:
    found = read([("x-v", "1, 2"), ("accept", "*/*")], "header", **{"X-V": LIST})
    assert found == {"X-V": [1, 2]}


def test_what_nothing_declares_stays_and_is_refused() -> None:
    made = Inputs(endpoint(v={**OBJECT, "x-style": "deepObject"}, w=LIST))
    for name in ("x", "v", "v[", "v[]", "v[a][b]", "w[a]", "a", "V[a]", "[a]"):
        assert made.problems("query", [(name, "1")]) is not None, name
    assert made.problems("query", [("v[a]", "1"), ("w", "2")]) is None


def test_only_a_map_takes_names_of_its_own() -> None:
    numbers = {"type": "object", "additionalProperties": {"type": "integer"}}
    made = Inputs(endpoint(v=numbers, w=TEXT))
    assert made.problems("query", [("any", "1"), ("w", "x")]) is None
    assert made.problems("query", [("any", "x")]) is not None
    closed = Inputs(endpoint(v=OBJECT))
    assert closed.problems("query", [("a", "1")]) is None
    assert closed.problems("query", [("any", "1")]) is not None


def test_an_object_is_not_given_in_two_ways() -> None:
    made = Inputs(endpoint(v={**OBJECT, "x-style": "deepObject"}))
    assert made.problems("query", [("v[a]", "1"), ("v", "x")]) is not None


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=20)), max_size=6))
def test_no_query_is_too_strange_to_be_read(pairs: list[tuple[str, str]]) -> None:
    made = Inputs(
        endpoint(
            v={**OBJECT, "x-style": "deepObject"},
            w={**OBJECT, "x-style": "json"},
            x={"type": "object"},
            y={"anyOf": [LIST, {"type": "number"}, TEXT]},
        )
    )
    made.problems("query", pairs)
