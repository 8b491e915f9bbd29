"""The short registration body becomes a definition, or says all that is wrong."""

import copy
from typing import Any

import jsonschema
import pytest

from metadata.checks import check_service
from metadata.definitions import Service, as_json
from metadata.registration import is_registration, read_registration
from tests.fixtures.registration import WHATSAPP


def changed(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(WHATSAPP), **changes}


def read(document: dict[str, Any]) -> Service:
    service, findings = read_registration(document)
    assert findings == []
    assert service is not None
    return service


def test_the_required_body_becomes_an_external_service() -> None:
    service = read(WHATSAPP)
    assert (service.name, service.type) == ("whatsapp-gateway", "external")
    assert service.label == "WhatsApp Gateway"
    assert service.base_url == "https://api.whatsapp-gateway.com"
    assert service.auth_type == "api_key"
    assert check_service(service, others={}) == []
    assert Service.model_validate(as_json(service)) == service


def test_its_form_is_what_an_endpoint_takes() -> None:
    endpoint, _ = read(WHATSAPP).endpoints
    assert (endpoint.name, endpoint.method) == ("blast", "POST")
    assert endpoint.path == "/whatsapp/blast"
    assert endpoint.required_permissions == ("whatsapp:blast",)
    assert (endpoint.rate_limit, endpoint.timeout_ms) == (100, 30_000)
    validator = jsonschema.Draft202012Validator(endpoint.request_schema)
    good = {"message": "Hi", "recipients": ["+628123456789"]}
    assert validator.is_valid(good)
    for bad in (
        {"message": "x" * 1001, "recipients": ["+628123456789"]},
        {"message": "Hi", "recipients": ["call me"]},
        {"message": "Hi", "recipients": []},
        {"message": "Hi", "recipients": "+628123456789"},
        {"recipients": ["+628123456789"]},
        {**good, "other": 1},
    ):
        assert not validator.is_valid(bad), bad
    widgets = [e["options"]["widget"] for e in endpoint.request_ui["elements"]]
    assert widgets == ["long_text", "tags"]


def test_its_menu_and_permissions_are_kept() -> None:
    service = read(WHATSAPP)
    shown = [(i.name, i.label, i.path, i.icon) for i in service.menu.items]
    assert shown == [
        ("blast_message", "Blast Message", "/whatsapp/blast", "send"),
        ("message_history", "Message History", "/whatsapp/history", "history"),
    ]
    assert all(item.category == "SERVICES" for item in service.menu.items)
    (role,) = service.roles
    permissions = [rule.permission for rule in role.rules]
    assert permissions == ["whatsapp:blast", "whatsapp:read"]


def test_every_page_of_the_menu_opens_an_endpoint() -> None:
    service = read(WHATSAPP)
    calls = [(c.name, c.method, c.path) for c in service.endpoints]
    assert calls == [
        ("blast", "POST", "/whatsapp/blast"),
        ("history", "GET", "/whatsapp/history"),
    ]
    history = service.endpoints[1]
    assert history.required_permissions == ("whatsapp:read",)
    assert (history.request_schema, history.request_ui) == ({}, {})
    assert [item.endpoint for item in service.menu.items] == ["blast", "history"]


def test_pages_of_one_name_or_path_get_endpoints_of_their_own_once() -> None:
    items = [
        {"name": "A", "path": "/a/send"},
        {"name": "Docs", "path": "https://docs.example"},
        {"name": "B", "path": "/b/send", "children": [{"name": "C", "path": "/c?x=1"}]},
        {"name": "Again", "path": "/a/send#top"},
    ]
    service = read(changed(menuSchema={"items": items}))
    calls = [(c.name, c.path) for c in service.endpoints]
    assert calls == [("send", "/a/send"), ("send_2", "/b/send"), ("c", "/c")]
    a, docs, b, again = service.menu.items
    assert (a.endpoint, b.endpoint, again.endpoint) == ("send", "send_2", "send")
    assert (docs.endpoint, docs.path) == (None, "https://docs.example")
    assert b.children[0].endpoint == "c"
    assert check_service(service, others={}) == []


def test_a_form_without_a_menu_has_one_endpoint() -> None:
    service = read(changed(menuSchema={"items": []}))
    (endpoint,) = service.endpoints
    assert (endpoint.name, endpoint.method, endpoint.path) == ("submit", "POST", "/")
    assert list(endpoint.request_schema["properties"]) == ["message", "recipients"]


def test_given_endpoints_are_taken_and_the_form_finds_its_own() -> None:
    calls = [
        {"name": "history", "method": "get", "path": "/v1/messages"},
        {
            "name": "send",
            "path": "/v1/messages",
            "rateLimit": 5,
            "timeoutMs": 1000,
            "requiresAuth": False,
            "requiredPermissions": ["whatsapp:blast"],
        },
        {
            "name": "tag",
            "path": "/v1/tags",
            "requestSchema": {"type": "object"},
            "responseSchema": {"type": "object"},
        },
    ]
    history, send, tag = read(changed(endpoints=calls)).endpoints
    assert (history.method, history.request_schema) == ("GET", {})
    assert list(send.request_schema["properties"]) == ["message", "recipients"]
    assert (send.rate_limit, send.timeout_ms, send.requires_auth) == (5, 1000, False)
    assert (tag.request_schema, tag.request_ui) == ({"type": "object"}, {})


@pytest.mark.parametrize(
    ("field", "value", "good", "bad"),
    [
        ({"type": "email"}, {"format": "email"}, "a@b.id", 1),
        ({"type": "number", "validation": {"min": 1}}, {"minimum": 1}, 1, 0),
        ({"type": "boolean"}, {"type": "boolean"}, True, "yes"),
        ({"type": "select", "options": ["a", "b"]}, {"enum": ["a", "b"]}, "a", "c"),
        (
            {"type": "select", "options": [{"value": "a", "label": "A"}]},
            {"enum": ["a"]},
            "a",
            "A",
        ),
        (
            {"type": "array", "itemType": "integer", "validation": {"maxItems": 1}},
            {"maxItems": 1},
            [1],
            ["1"],
        ),
    ],
)
def test_each_type_of_input_says_what_fits(
    field: dict[str, Any], value: dict[str, Any], good: Any, bad: Any
) -> None:
    fields = [{"name": "x", **field}]
    endpoint, _ = read(changed(formSchema={"fields": fields})).endpoints
    schema = endpoint.request_schema["properties"]["x"]
    assert schema.items() >= value.items()
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(good)
    assert not validator.is_valid(bad)


def test_everything_wrong_is_said_at_once_in_the_callers_words() -> None:
    document = changed(
        name="Whats App",
        baseUrl="ftp://x",
        authType="PASSWORD",
        visiblity="public",
        formSchema={
            "fields": [
                {"name": "a", "type": "hologram"},
                {"name": "b", "type": "text", "validation": {"pattern": "("}},
                {"name": "c", "type": "text", "validation": {"maxlength": 3}},
            ]
        },
        menuSchema={
            "items": [
                {"name": "x", "path": "javascript:alert(1)"},
                {"name": "y", "path": "/y", "permission": "no words"},
            ]
        },
        endpoints=[
            {"name": "send", "path": "v1", "rateLimit": 0},
            {
                "name": "get",
                "path": "/x",
                "requestSchema": {"$ref": "https://evil.example/s"},
            },
        ],
    )
    service, findings = read_registration(document)
    assert service is None
    assert {finding.path for finding in findings} == {
        "/name",
        "/baseUrl",
        "/authType",
        "/visiblity",
        "/formSchema/fields/0/type",
        "/formSchema/fields/1/validation/pattern",
        "/formSchema/fields/2/validation/maxlength",
        "/menuSchema/items/0/path",
        "/menuSchema/items/1/permission",
        "/endpoints/0/path",
        "/endpoints/0/rateLimit",
        "/endpoints/1/requestSchema",
    }
    assert all(f.message and f.remedy for f in findings)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        (
            {"formSchema": {"fields": [{"name": "a", "type": "text"}] * 2}},
            "/formSchema/fields/1/name",
        ),
        (
            {"formSchema": {"fields": [{"name": "a", "type": "select"}]}},
            "/formSchema/fields/0/options",
        ),
        (
            {
                "formSchema": {
                    "fields": [{"name": "a", "type": "text"}],
                    "endpoint": "nowhere",
                }
            },
            "/formSchema/endpoint",
        ),
        ({"formSchema": {"fields": []}}, "/formSchema/fields"),
        ({"endpoints": [{"name": "a", "path": "/a"}] * 2}, "/endpoints/1/name"),
        (
            {"endpoints": [{"name": "a", "path": "/a", "method": "GET"}]},
            "/formSchema/endpoint",
        ),
    ],
)
def test_contradictions_are_found(changes: dict[str, Any], path: str) -> None:
    service, findings = read_registration(changed(**changes))
    assert service is None
    assert path in {finding.path for finding in findings}


@pytest.mark.parametrize(
    ("document", "is_short"),
    [
        (WHATSAPP, True),
        ({"name": "a", "type": "EXTERNAL"}, True),
        ({"name": "a", "type": "external", "base_url": "https://x.id"}, False),
        ({"definition": {"name": "a"}}, False),
        ({"$schema": "rangka:service/1", "displayName": "a"}, False),
        ({"name": "a", "id": "a", "entities": []}, False),
    ],
)
def test_the_two_kinds_of_bodies_are_told_apart(
    document: dict[str, Any], is_short: bool
) -> None:
    assert is_registration(document) is is_short


def test_items_of_one_name_get_ids_of_their_own() -> None:
    items = [{"name": "Send!", "path": "/a"}, {"name": "send", "path": "/b"}]
    made = read(changed(menuSchema={"items": items})).menu.items
    assert [item.id for item in made] == ["send", "send_2"]
