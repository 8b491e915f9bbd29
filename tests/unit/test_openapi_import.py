"""Documents of the usual kinds become services; mistakes are all told, with a place."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from metadata.checks import check_service
from metadata.definitions import Endpoint, Service, as_json
from metadata.endpoint_forms import body_schema, form_of, needs_body, parameters
from metadata.payloads import validator
from registry.openapi import import_document, import_text
from registry.openapi.names import name_of

FOLDER = Path(__file__).parents[1] / "fixtures" / "openapi"
PETS = (FOLDER / "petstore-3.0.yaml").read_text(encoding="utf-8")
PAYMENTS = (FOLDER / "payments-3.1.json").read_text(encoding="utf-8")


SCHEMA = "/paths/~1a/post/requestBody/content/application~1json/schema"


def service_of(text: str, **options: Any) -> Service:
    found = import_text(text, **options)
    assert found.service is not None, found.findings
    return found.service


def calls_of(service: Service) -> dict[str, Endpoint]:
    return {call.name: call for call in service.endpoints}


def small(**changes: Any) -> dict[str, Any]:
    """Return a document with one operation."""
    get = {"operationId": "read", "responses": {"200": {"description": ""}}}
    return copy.deepcopy(
        {
            "openapi": "3.1.0",
            "info": {"title": "Small", "version": "1"},
            "servers": [{"url": "https://small.example"}],
            "paths": {"/a": {"get": get}},
            **changes,
        }
    )


def posting(schema: Any, **more: Any) -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    post = {"requestBody": body, "responses": {"200": {"description": ""}}}
    return small(paths={"/a": {"post": post}}, **more)


def errors_of(document: Any) -> set[tuple[str, str]]:
    found = import_document(document)
    assert found.service is None
    assert all(f.message and f.remedy for f in found.findings)
    return {(f.path, f.code) for f in found.findings if f.severity == "error"}


@pytest.mark.parametrize("text", [PETS, PAYMENTS])
def test_what_is_imported_could_be_published_as_it_is(text: str) -> None:
    service = service_of(text)
    assert check_service(service, others={}) == []
    assert Service.model_validate(as_json(service)) == service


def test_a_pet_store_has_names_an_address_and_a_key() -> None:
    service = service_of(PETS)
    assert (service.name, service.label, service.type) == (
        "pet-store",
        "Pet Store",
        "external",
    )
    assert service.base_url == "https://eu.pets.example/v1"
    assert (service.auth_type, service.contact_email) == ("api_key", "pets@example.com")
    assert {role.name for role in service.roles} == {
        "pet_store_user",
        "pet_store_reader",
    }


def test_inputs_remember_where_they_go() -> None:
    calls = calls_of(service_of(PETS))
    listed = [(p.input, p.name, p.place) for p in parameters(calls["list_pets"])]
    assert listed == [
        ("X-Trace", "X-Trace", "header"),
        ("limit", "limit", "query"),
        ("filter_kind", "filter[kind]", "query"),
    ]
    assert body_schema(calls["list_pets"]) is None
    replace = calls["replace_pet"]
    assert [(p.input, p.name) for p in parameters(replace)] == [("path_petId", "petId")]
    body = body_schema(replace)
    assert body is not None
    assert "petId" in body["properties"]
    assert "path_petId" not in body["properties"]
    assert body["required"] == ["name", "reason"]


def test_a_request_is_not_asked_for_what_the_server_makes() -> None:
    call = calls_of(service_of(PETS))["create_pet"]
    body = body_schema(call)
    assert body is not None
    assert "id" not in body["properties"]
    assert "secret" in body["properties"]
    assert {"id"} <= set(call.response_schema["properties"])
    assert "secret" not in call.response_schema["properties"]
    fits = validator(body)
    assert fits.is_valid({"name": "Rex", "born": None, "kind": None})
    assert not fits.is_valid({"name": None})
    assert not fits.is_valid({"name": "Rex", "kind": "cow"})


def test_what_a_form_cannot_send_is_said_and_left_out() -> None:
    found = import_text(PETS)
    told = {(f.path, f.code) for f in found.findings}
    assert told == {
        ("/paths/~1pets/get/parameters/2", "cookie"),
        ("/paths/~1store~1photo/post/requestBody/content", "media_type"),
    }
    assert found.service is not None
    assert calls_of(found.service)["post_store_photo"].request_schema == {}


def test_the_menu_has_a_group_for_each_tag_without_what_is_deprecated() -> None:
    pets, store = service_of(PETS).menu.items
    assert (pets.label, store.label) == ("Pets", "Store")
    assert [i.endpoint for i in pets.children] == [
        "list_pets",
        "create_pet",
        "replace_pet",
    ]


def test_a_payment_offers_one_of_two_ways() -> None:
    found = import_text(PAYMENTS)
    assert found.security is not None
    assert found.security.token_url == "https://pay.example/token"
    service = service_of(PAYMENTS)
    assert (service.name, service.auth_type) == ("payments-more", "oauth")
    call = calls_of(service)["payments_create"]
    assert [p.input for p in parameters(call)] == ["Idempotency-Key"]
    body = body_schema(call)
    assert body is not None
    fits = validator(body)
    card = {"kind": "card", "number": "4111111111111111"}
    assert fits.is_valid({"amount": 1, "method": card, "note": None})
    assert not fits.is_valid({"amount": 0, "method": card})
    assert not fits.is_valid({"amount": 1, "method": {**card, "kind": "cash"}})
    assert not fits.is_valid({"amount": 1, "method": card, "Idempotency-Key": "x"})


def test_a_body_that_is_no_object_is_one_input() -> None:
    call = calls_of(service_of(PAYMENTS))["payments_search"]
    form = form_of(call)
    assert (form["body"], list(form["schema"]["properties"])) == ("body", ["body"])
    assert form["ui"]["elements"][0]["options"]["widget"] == "tags"
    body = body_schema(call)
    assert body is not None
    assert body["type"] == "array"
    assert not needs_body(call)


def test_a_form_encoded_body_is_shown_and_not_checked_as_json() -> None:
    call = calls_of(service_of(PAYMENTS))["token"]
    form = form_of(call)
    assert form["media_type"] == "application/x-www-form-urlencoded"
    assert list(form["schema"]["properties"]) == ["code"]
    assert body_schema(call) is None


def test_three_hundred_operations_keep_apart() -> None:
    schema = {"$ref": "#/components/schemas/T"}
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    paths = {
        f"/things{n}/{{id}}": {
            "parameters": [
                {"name": "id", "in": "path", "required": True, "schema": {}}
            ],
            **{
                method: {"tags": [f"T{n % 7}"], "requestBody": body,
                         "responses": {"200": {"description": ""}}}
                for method in ("post", "put", "patch")
            },
        }
        for n in range(100)
    }  # fmt: skip
    named = {"T": {"type": "object", "properties": {f"f{n}": {} for n in range(30)}}}
    found = import_document(small(paths=paths, components={"schemas": named}))
    assert found.service is not None, found.findings
    assert len(found.service.endpoints) == 300
    assert len({call.id for call in found.service.endpoints}) == 300
    assert len(found.service.menu.items) == 7
    assert len(
        {p for c in found.service.endpoints for p in c.required_permissions}
    ) == (300)


PLAIN = {"type": "object", "properties": {"a": {"type": "number"}}}


@pytest.mark.parametrize(
    ("parts", "is_one"),
    [
        ([PLAIN, {"properties": {"b": {}}, "required": ["b"]}], True),
        ([PLAIN, {"properties": {"a": {"type": "integer"}}}], True),
        ([PLAIN, {"properties": {"a": {"minimum": 2}}}], True),
        ([{"minLength": 1}, {"minLength": 3, "maxLength": 5}], True),
        ([{"maxLength": 5}, {"maxLength": 2}], True),
        ([PLAIN, {"properties": {"b": {}}, "additionalProperties": False}], False),
        ([PLAIN, {"additionalProperties": {"type": "string"}}], False),
        ([PLAIN, {"patternProperties": {"^a": {"minimum": 2}}}], False),
        ([{"items": {"type": "string"}}, {"prefixItems": [{}]}], False),
        ([{"contains": {"const": 1}}, {"contains": {}, "minContains": 2}], False),
        ([{"type": "string"}, {"type": "integer"}], False),
        ([{"type": ["integer", "null"]}, {"type": "number"}], True),
        ([{"const": 1}, {"const": True}], False),
        ([{"enum": [1, 2]}, {"enum": [2, 3]}], False),
        ([PLAIN, {"not": {"required": ["a"]}}], True),
    ],
)
def test_schemas_are_put_together_only_where_that_says_the_same(
    parts: list[Any], is_one: bool
) -> None:
    found = import_document(posting({"allOf": parts}))
    assert found.service is not None, found.findings
    schema = body_schema(found.service.endpoints[0])
    assert schema is not None
    assert ("allOf" not in schema) is is_one
    ours = validator(schema)
    oracle = jsonschema.Draft202012Validator({"allOf": parts})
    rows = [{}, {"a": 1}, {"a": 1.5}, {"a": 2}, {"a": "x"}, {"b": "x"}, {"b": 1}]
    rows += [{"a": 3, "b": "x"}, {"a": 1, "b": 1}, {"a": 3, "c": "x"}]
    others = [
        "",
        "abc",
        "abcdef",
        "a",
        1,
        2,
        3,
        1.5,
        None,
        True,
        ["a"],
        [1, 1],
        [1, "a"],
    ]
    for value in (*rows, *others):
        assert ours.is_valid(value) is oracle.is_valid(value), (schema, value)


def test_two_paths_that_match_the_same_calls_are_refused() -> None:
    def get(name: str) -> dict[str, Any]:
        known = {"name": name, "in": "path", "required": True, "schema": {}}
        return {"get": {"parameters": [known], "responses": {"200": {}}}}

    found = errors_of(small(paths={"/a/{x}": get("x"), "/a/{y}": get("y")}))
    assert found == {("/endpoints", "duplicate")}
    two = small(paths={"/a/{x}": get("x"), "/b/{x}": get("x")})
    assert import_document(two).service is not None


@pytest.mark.parametrize(
    ("changes", "is_right"),
    [
        ({"id": "b", "name": "b", "path": "/b"}, True),
        ({"id": "b", "name": "b", "method": "PUT"}, True),
        ({"name": "b", "path": "/b"}, False),
        ({"id": "b", "path": "/b"}, False),
        ({"id": "b", "name": "b"}, False),
    ],
)
def test_endpoints_of_a_definition_keep_apart(
    changes: dict[str, Any], is_right: bool
) -> None:
    one = {"id": "a", "name": "a", "method": "POST", "path": "/a"}
    service = Service.model_validate(
        {
            "id": "s",
            "name": "s",
            "type": "external",
            "base_url": "https://s.example",
            "endpoints": [one, {**one, **changes}],
        }
    )
    found = [(f.path, f.code) for f in check_service(service, others={})]
    assert found == ([] if is_right else [("/endpoints", "duplicate")])


def test_ids_stay_when_others_come_and_go() -> None:
    one = calls_of(service_of(PETS))
    text = PETS.replace("  /store/photo:\n    post:", "  /store/photos:\n    put:")
    other = calls_of(service_of(text))
    assert {n: c.id for n, c in one.items() if n in other} == {
        n: c.id for n, c in other.items() if n in one
    }
    assert "put_store_photos" in other


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("listPets", "list_pets"),
        ("getHTTPStatus", "get_http_status"),
        ("payments.create", "payments_create"),
        ("get /pets/{petId}", "get_pets_pet_id"),
        ("2fa", "call_2fa"),
    ],
)
def test_names_read_like_words(key: str, name: str) -> None:
    assert name_of(key) == name


def test_any_operation_id_becomes_a_name_of_its_own() -> None:
    keys = ["a" * 200, "a" * 201, "日本", "中国", "get-x", "get_x", "get x"]
    paths = {
        f"/p{n}": {"get": {"operationId": k, "responses": {"200": {"description": ""}}}}
        for n, k in enumerate(keys)
    }
    found = import_document(small(paths=paths))
    assert found.service is not None, found.findings
    assert len(calls_of(found.service)) == len(keys)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"swagger": "2.0"}, ("/openapi", "openapi_version")),
        ([], ("", "openapi")),
        (small(paths={}), ("/paths", "required")),
        (small(servers=[]), ("/servers/0/url", "base_url")),
        (small(servers=[{"url": "/v1"}]), ("/servers/0/url", "base_url")),
        (small(servers=[{"url": "https://u:p@x.id"}]), ("/servers/0/url", "base_url")),
        (small(servers=[{"url": "ftp://x.id"}]), ("/servers/0/url", "base_url")),
        (small(jsonSchemaDialect="urn:x"), ("/jsonSchemaDialect", "dialect")),
        (posting({"$ref": "http://e/s"}), (
            f"{SCHEMA}/$ref",
            "remote_ref")),
        (posting({"$ref": "#"}), (f"{SCHEMA}/$ref", "circular_ref")),
        (posting({"type": "text"}), (
            f"{SCHEMA}/type",
            "invalid_schema")),
        (posting({"unevaluatedProperties": False}), (
            f"{SCHEMA}/unevaluatedProperties", "unknown_keyword")),
        (small(security=[{"none": []}]), (
            "/components/securitySchemes", "unknown_security")),
        (small(components={"schemas": {"A": {"$ref": "#/components/schemas/A"}}}), (
            "/components/schemas/A/$ref", "circular_ref")),
        (small(components={"links": {"e": {"$ref": "file:///etc/passwd"}}}), (
            "/components/links/e/$ref", "remote_ref")),
    ],
)  # fmt: skip
def test_one_mistake_keeps_all_of_it_out(
    document: Any, expected: tuple[str, str]
) -> None:
    assert expected in errors_of(document)


def test_everything_wrong_is_told_at_once() -> None:
    same = {"operationId": "same", "responses": {"200": {"description": ""}}}
    document = small(
        paths={
            "/a/{}": {"get": same, "put": same},
            "no-slash": {"get": same},
            "/b": {"get": {"responses": {}}},
            "/c": {"get": {**same, "operationId": "c", "parameters": [{"in": "body"}]}},
        },
        components={"schemas": {"P": {"pattern": "(a+)+$"}, "M": {"minLength": -1}}},
    )
    assert errors_of(document) >= {
        ("/paths/~1a~1{}/get", "path"),
        ("/paths/~1a~1{}/put/operationId", "duplicate"),
        ("/paths/no-slash", "path"),
        ("/paths/~1b/get/responses", "openapi"),
        ("/paths/~1c/get/parameters/0", "openapi"),
        ("/components/schemas/P/pattern", "pattern"),
        ("/components/schemas/M/minLength", "invalid_schema"),
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: &x 1\nb: *x", "yaml"),
        ("a: !!python/name:os.system ''", "yaml"),
        ("a: 1\na: 2", "duplicate"),
        ('{"a": {"b": 1, "b": 2}}', "duplicate"),
        ("a: {", "malformed_yaml"),
        ('{"a": ', "malformed_json"),
        ('{"a": NaN}', "number"),
        ('{"a": "\\u0000"}', "characters"),
        ("[" * 100, "too_deep"),
        ("- " * 100, "too_deep"),
        ("a: 1\n--- \nb: 2", "yaml"),
    ],
)
def test_a_text_is_read_within_bounds(text: str, code: str) -> None:
    found = import_text(text)
    assert found.service is None
    assert code in {f.code for f in found.findings}


def test_words_of_yaml_that_are_no_values_of_json_stay_words() -> None:
    text = PETS.replace("enum: [cat, dog, null]", "enum: [no, on, null]")
    call = calls_of(service_of(text))["create_pet"]
    assert call.request_schema["properties"]["kind"]["enum"] == ["no", "on", None]


def test_json_and_yaml_of_one_document_become_the_same() -> None:
    assert import_document(json.loads(PAYMENTS)).service == service_of(PAYMENTS)
