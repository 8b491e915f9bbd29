"""What generators and services write becomes forms that people can fill in."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metadata.endpoint_forms import form_of
from registry.openapi import Imported, import_document, import_text

VALUES = [None, True, False, 0, 1, 2, 1.5, "", "a", "b", "c", [], ["a"], [1], {},
          {"url": "x"}]  # fmt: skip
OR_NULL = [{"type": "null"}]


def document(operation: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": "Small", "version": "1"},
        "servers": [{"url": "https://small.example"}],
        "paths": {"/a/{id}": {"put": {"responses": {"200": {"description": ""}},
                                      **operation}}},
        **more,
    }  # fmt: skip


ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}


def with_body(schema: Any, kind: str = "application/json") -> dict[str, Any]:
    content = {kind: {"schema": schema}}
    body = {"required": True, "content": content}
    return document({"parameters": [ID], "requestBody": body})


def with_parameter(**parameter: Any) -> dict[str, Any]:
    return document({"parameters": [ID, {"name": "p", "in": "query", **parameter}]})


def form(made: Imported) -> dict[str, Any]:
    assert made.service is not None, made.findings
    return form_of(made.service.endpoints[0])


def control(made: Imported, name: str) -> dict[str, Any]:
    """Return schema and options of an input."""
    found = form(made)
    [element] = [
        each for each in found["ui"]["elements"] if each["scope"].endswith(f"/{name}")
    ]
    return {"schema": found["schema"]["properties"][name], **element["options"]}


def warnings(made: Imported) -> set[tuple[str, str]]:
    assert all(f.severity == "warning" and f.remedy for f in made.findings)
    return {(f.path, f.code) for f in made.findings}


SHOWN = {
    "number or null": ({"anyOf": [{"type": "integer", "minimum": 1}, *OR_NULL]},
                       "integer"),
    "null first": ({"anyOf": [*OR_NULL, {"type": "boolean"}]}, "boolean"),
    "one of, or null": ({"oneOf": [{"type": "string", "maxLength": 1}, *OR_NULL]},
                        "text"),
    "choice or null": ({"anyOf": [{"type": "string", "enum": ["a", "b"]}, *OR_NULL]},
                       "choice"),
    "object or null": ({"anyOf": [{"type": "object", "required": ["url"]}, *OR_NULL]},
                       "json"),
    "list or null": ({"anyOf": [{"type": "array", "items": {"type": "string"}},
                                *OR_NULL]}, "tags"),
    "constants": ({"oneOf": [{"const": "a", "title": "First"}, {"const": "b"}]},
                  "choice"),
    "constants of a type": ({"type": "string", "anyOf": [{"const": "a"},
                                                         {"const": "b"}]}, "choice"),
    "one constant": ({"const": "a"}, "choice"),
    "number or text": ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, "text"),
    "types in a list": ({"type": ["integer", "string", "null"]}, "text"),
    "list of choices": ({"type": "array", "items": {"enum": ["a", "b"]}},
                        "multi_choice"),
    # What cannot be said more simply stays as it is written.
    "null twice": ({"oneOf": [{"type": ["string", "null"]}, *OR_NULL]}, "json"),
    "a constant twice": ({"oneOf": [{"const": 1}, {"const": 1.0}]}, "json"),
    "constants of two kinds": ({"oneOf": [{"const": "a"}, {"type": "integer"}]},
                               "json"),
    "two and null": ({"anyOf": [{"type": "array"}, {"type": "object"}, *OR_NULL]},
                     "json"),
    "bounds beside": ({"minLength": 1, "anyOf": [{"type": "string"}, *OR_NULL]},
                      "text"),
    "not beside": ({"anyOf": [{"type": "string", "not": {"const": "a"}}, *OR_NULL]},
                   "text"),
    "a constant of another type": ({"oneOf": [{"const": "a", "type": "integer"},
                                              {"const": "b"}]}, "json"),
    "no unknown members": ({"type": "object", "unevaluatedProperties": True}, "json"),
}  # fmt: skip


@pytest.mark.parametrize("case", SHOWN)
def test_an_input_has_a_widget_and_takes_what_the_document_takes(case: str) -> None:
    schema, widget = SHOWN[case]
    body = {"type": "object", "properties": {"x": schema}}
    found = control(import_document(with_body(body)), "x")
    assert found["widget"] == widget
    given = jsonschema.Draft202012Validator(schema)
    made = jsonschema.Draft202012Validator(found["schema"])
    for value in VALUES:
        assert made.is_valid(value) == given.is_valid(value), value


SCALARS = st.sampled_from([None, True, False, 0, 1, 1.0, 1.5, "", "a", "b"])
KINDS = st.sampled_from(["null", "boolean", "integer", "number", "string", "array"])
LEAVES = st.one_of(
    KINDS.map(lambda kind: {"type": kind}),
    st.lists(KINDS, min_size=1, max_size=3, unique=True).map(lambda k: {"type": k}),
    SCALARS.map(lambda value: {"const": value}),
    st.tuples(KINDS, SCALARS).map(lambda each: {"type": each[0], "const": each[1]}),
    st.lists(SCALARS, min_size=1, max_size=3).map(lambda values: {"enum": values}),
    st.just({"type": "string", "maxLength": 1, "title": "Short"}),
    st.just({"type": "number", "minimum": 1}),
    st.just({"not": {"type": "string"}, "type": "string"}),
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    word = st.sampled_from(["anyOf", "oneOf", "allOf"])
    beside = st.sampled_from([{}, {"title": "T"}, {"minLength": 1}, {"type": "string"}])
    listed = st.lists(
        st.one_of(inner, st.just({"type": "null"})), min_size=1, max_size=3
    )
    return st.tuples(word, listed, beside).map(lambda e: {e[0]: e[1], **e[2]})


@settings(deadline=None, max_examples=300)
@given(st.recursive(LEAVES, _nested, max_leaves=5))
def test_alternatives_take_the_very_values_that_they_took(schema: Any) -> None:
    body = {"type": "object", "properties": {"x": schema}}
    made = import_document(with_body(body))
    found = form(made)["schema"]["properties"]["x"]
    before = jsonschema.Draft202012Validator(schema)
    after = jsonschema.Draft202012Validator(found)
    for value in VALUES:
        assert after.is_valid(value) == before.is_valid(value), (value, found)


LABELLED = {
    "titles": {"oneOf": [{"const": "a", "title": "First"},
                         {"const": "b", "description": "Second"}]},
    "names": {"enum": ["a", "b"], "x-enum-varnames": ["First", "Second"]},
    "names by value": {"enum": ["a", "b"],
                       "x-enum-descriptions": {"a": "First", "b": "Second"}},
    "descriptions before names": {"enum": ["a", "b"], "x-enumNames": ["A", "B"],
                                  "x-enum-descriptions": ["First", "Second"]},
    "null needs none": {"enum": ["a", "b", None],
                        "x-enum-descriptions": ["First", "Second"]},
}  # fmt: skip


@pytest.mark.parametrize("case", LABELLED)
def test_words_to_choose_of_are_called_what_the_document_calls_them(case: str) -> None:
    body = {"type": "object", "properties": {"x": LABELLED[case]}}
    found = control(import_document(with_body(body)), "x")
    said = {each["value"]: each["label"]["en"] for each in found["choices"]}
    assert said == {"a": "First", "b": "Second"}


def test_names_that_do_not_fit_their_values_are_left_out() -> None:
    wrong = {"enum": ["a", "b"], "x-enum-varnames": ["First", 2]}
    body = {"type": "object", "properties": {"x": wrong}}
    found = control(import_document(with_body(body)), "x")
    assert [each["label"]["en"] for each in found["choices"]] == ["a", "b"]


def test_numbers_say_in_their_help_what_they_mean() -> None:
    schema = {"type": "integer", "enum": [1, 2], "description": "How soon",
              "x-enum-varnames": ["later", "now"]}  # fmt: skip
    body = {"type": "object", "properties": {"x": schema}}
    found = control(import_document(with_body(body)), "x")
    assert found["help"] == {"en": "How soon · 1: later, 2: now"}


def test_a_list_of_simple_objects_is_entered_in_rows() -> None:
    item = {
        "type": "object",
        "required": ["sku"],
        "properties": {"sku": {"type": "string"}, "count": {"type": "integer"}},
    }
    body = {"type": "object", "properties": {"x": {"type": "array", "items": item}}}
    found = control(import_document(with_body(body)), "x")
    assert found["widget"] == found["type"] == "lines"
    told = [(c["scope"], c["options"]["required"]) for c in found["columns"]]
    assert told == [("#/properties/sku", True), ("#/properties/count", False)]


@pytest.mark.parametrize(
    "item",
    [
        {"properties": {"a": {"type": "object"}}},
        {"properties": {"a": {"type": "array", "items": {"type": "string"}}}},
        {"properties": {}},
        {"properties": {f"p{n}": {"type": "string"} for n in range(9)}},
        {"properties": {"a/b": {"type": "string"}}},
        {"properties": {"a": {"type": "string"}}, "required": ["b"]},
        {"properties": {"a": {"type": "string"}},
         "additionalProperties": {"type": "string"}},
        {"properties": {"a": {"type": "string"}}, "anyOf": [{"required": ["a"]}]},
    ],
)  # fmt: skip
def test_a_list_of_other_objects_is_entered_as_json(item: dict[str, Any]) -> None:
    listed = {"type": "array", "items": {"type": "object", **item}}
    body = {"type": "object", "properties": {"x": listed}}
    assert control(import_document(with_body(body)), "x")["widget"] == "json"


STYLES = {
    "form": ({"style": "form"}, None),
    "form, joined": ({"explode": False}, "comma"),
    "form, repeated": ({"style": "form", "explode": True}, None),
    "spaces": ({"style": "spaceDelimited"}, "spaceDelimited"),
    "spaces, repeated": ({"style": "spaceDelimited", "explode": True}, None),
    "pipes": ({"style": "pipeDelimited", "explode": False}, "pipeDelimited"),
    "by member": ({"style": "deepObject"}, "deepObject"),
    "by member, exploded": ({"style": "deepObject", "explode": True}, "deepObject"),
    "as JSON": ({"content": {"application/json": {"schema": {"type": "object"}}}},
                "json"),
    "header": ({"in": "header", "explode": True, "schema": {"type": "array"}}, None),
    "header by pairs": ({"in": "header", "explode": True,
                         "schema": {"type": "object"}}, "pairs"),
}  # fmt: skip


@pytest.mark.parametrize("case", STYLES)
def test_a_parameter_keeps_its_style(case: str) -> None:
    parameter, style = STYLES[case]
    found = control(import_document(with_parameter(**parameter)), "p")
    assert found["schema"].get("x-style") == style


@pytest.mark.parametrize("style", ["matrix", "label"])
def test_a_style_that_no_form_writes_is_entered_as_a_text(style: str) -> None:
    place = {**ID, "style": style, "schema": {"type": "array"}}
    made = import_document(document({"parameters": [place]}))
    assert warnings(made) == {("/paths/~1a~1{id}/put/parameters/0", "style")}
    found = control(made, "id")
    assert (found["widget"], found["schema"]["type"]) == ("text", "string")


@pytest.mark.parametrize(
    ("at", "style"),
    [("query", "simple"), ("header", "form"), ("query", 3), ("query", ["form"])],
)
def test_a_style_that_its_place_does_not_have_is_refused(at: str, style: Any) -> None:
    made = import_document(with_parameter(**{"in": at, "style": style}))
    assert made.service is None
    [found] = made.findings
    assert found.path == "/paths/~1a~1{id}/put/parameters/1/style"
    assert found.code == "openapi"


@pytest.mark.parametrize(
    "name",
    [
        "X-Tenant-Id",
        "x-user-id",
        "X-Gateway-Key",
        "api_key",
        "Via",
        "X-HTTP-Method-Override",
    ],
)
def test_a_header_that_the_gateway_sets_is_not_asked_for(name: str) -> None:
    raw = with_parameter(**{"in": "header", "name": name, "required": True})
    made = import_document(raw)
    assert warnings(made) == {("/paths/~1a~1{id}/put/parameters/1", "header")}
    assert set(form(made)["schema"]["properties"]) == {"id"}
    assert form(made)["schema"]["required"] == ["id"]


def test_what_stands_in_the_path_is_asked_for_where_nobody_describes_it() -> None:
    made = import_document(document({}))
    assert warnings(made) == {("/paths/~1a~1{id}/put", "path_parameter")}
    found = form(made)
    assert found["schema"]["required"] == ["id"]
    assert found["schema"]["properties"]["id"]["type"] == "string"
    assert found["parameters"] == [{"input": "id", "name": "id", "in": "path"}]


@pytest.mark.parametrize("name", ["", "a b", "a*", "é"])
def test_a_path_with_a_nameless_parameter_is_refused(name: str) -> None:
    raw = document({})
    raw["paths"] = {f"/a/{{{name}}}": raw["paths"].pop("/a/{id}")}
    assert import_document(raw).service is None


BYTES = {"type": "string", "format": "binary"}


@pytest.mark.parametrize("kind", ["multipart/form-data", "application/pdf", "*/*"])
@pytest.mark.parametrize("required", [True, False])
def test_what_no_form_can_send_is_not_in_the_menu(kind: str, required: bool) -> None:
    raw = with_body(BYTES, kind)
    raw["paths"]["/a/{id}"]["put"]["requestBody"]["required"] = required
    made = import_document(raw)
    assert {code for _, code in warnings(made)} == {"media_type"}
    assert made.service is not None
    assert len(made.service.endpoints) == 1
    assert bool(made.service.menu.items) is not required
    assert form(made)["body"] is None


def test_a_body_of_any_kind_that_is_an_object_is_sent_as_json() -> None:
    raw = with_body({"type": "object", "properties": {"a": {"type": "string"}}}, "*/*")
    assert set(form(import_document(raw))["schema"]["properties"]) == {"id", "a"}


def test_the_first_server_that_can_be_called_is_taken() -> None:
    servers = [
        {"url": "//small.example"},
        {"url": "/v1"},
        {"url": "https://{where}.example/", "variables": {"where": {"default": "eu"}}},
        {"url": "https://later.example"},
    ]
    made = import_document({**document({"parameters": [ID]}), "servers": servers})
    assert made.service is not None
    assert made.service.base_url == "https://eu.example"


@pytest.mark.parametrize(
    ("servers", "base"),
    [
        ("servers: [{url: /v1}]", "https://docs.example/v1"),
        ("servers: [{url: v1/}]", "https://docs.example/api/v1"),
        ("servers: []", "https://docs.example"),
        ("", "https://docs.example"),
        ("servers: [{url: 'https://b.example/x'}]", "https://b.example/x"),
    ],
)
def test_a_server_is_read_against_where_the_document_came_from(
    servers: str, base: str
) -> None:
    text = f"""openapi: 3.0.3
info: {{title: Small, version: '1'}}
paths: {{/a: {{get: {{responses: {{'200': {{description: a}}}}}}}}}}
{servers}
"""
    made = import_text(text, location="https://docs.example/api/openapi.yaml?x=1")
    assert made.service is not None, made.findings
    assert made.service.base_url == base


def test_page_and_version_are_taken_where_they_fit() -> None:
    raw = document({"parameters": [ID]})
    raw |= {"externalDocs": {"url": "https://docs.example/"}}
    raw["info"]["version"] = "2.10.3"
    made = import_document(raw).service
    assert made is not None
    assert (made.documentation_url, made.version) == ("https://docs.example/", "2.10.3")
    raw |= {"externalDocs": {"url": "javascript:alert(1)"}}
    raw["info"]["version"] = "v2-beta"
    made = import_document(raw).service
    assert made is not None
    assert (made.documentation_url, made.version) == (None, "1.0.0")


KEY = {"type": "apiKey", "in": "header", "name": "X-Key"}
IMPLICIT = {
    "type": "oauth2",
    "flows": {"implicit": {"authorizationUrl": "https://a.b", "scopes": {}}},
}
SCHEMES = {
    "what works before what is named first": (
        [{"o": []}, {"k": []}], {"o": IMPLICIT, "k": KEY}, "k"),
    "what most ask for": ([{"k": []}], {"k": KEY}, "k"),
    "a key in the query is not sent": (
        [{"q": []}, {"b": []}],
        {"q": {**KEY, "in": "query"}, "b": {"type": "http", "scheme": "basic"}}, "b"),
    "a header of the gateway is not sent": (
        [{"u": []}, {"k": []}], {"u": {**KEY, "name": "x_user_id"}, "k": KEY}, "k"),
    "no other than one that is not sent": (
        [{"u": []}], {"u": {**KEY, "name": "x_user_id"}}, "u"),
}  # fmt: skip


@pytest.mark.parametrize("case", SCHEMES)
def test_a_connection_proves_itself_in_a_way_that_works(case: str) -> None:
    asked, schemes, taken = SCHEMES[case]
    raw = document({"parameters": [ID], "security": asked})
    made = import_document({**raw, "components": {"securitySchemes": schemes}})
    assert made.security is not None
    assert made.security.scheme == taken
    told = {path.rpartition("/")[2] for path, _ in warnings(made)}
    assert (taken in told) == (taken == "u")
