"""What no text or number can hold is refused wherever it comes in, not answered 500."""

import json
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from tests.fixtures.api import Client, Reply, World

SAMPLES = "/api/v1/data/lab/samples"
DIGITS = "1" + "0" * 5000
UNFIT = {"NUL": "a\0b", "half a character": "a\ud800b", "5,001 digits": "<digits>"}


def raw(document: Any) -> bytes:
    """Return JSON; Python itself writes no integer of more than 4,300 digits."""
    return json.dumps(document).replace('"<digits>"', DIGITS).encode()


def one_error(reply: Reply) -> dict[str, Any]:
    assert set(reply.json) == {"error"}
    assert set(reply.error) == {"code", "message", "details", "request_id"}
    assert reply.error["request_id"] == reply.headers["x-request-id"]
    return reply.error


def bodies(odd: str, tenant: UUID) -> dict[str, tuple[str, str, str, Any]]:
    """Return (who, method, path, body) of every route that keeps what it is sent."""
    rules = [{"permission": "lab:read", "filter": {"name": {"_eq": odd}}}]
    name = f"r{uuid4().hex[:8]}"
    mail = f"{name}@example.com"
    service = f"/api/v1/core/tenants/{tenant}/services/lab"
    lab = "/api/v1/core/services/lab"
    definition = {"id": name, "name": name, "label": odd}
    return {
        "a record": ("operator", "POST", SAMPLES, {"name": odd}),
        "a name of a field": ("operator", "POST", SAMPLES, {f"{odd}x": odd}),
        "a line": (
            "operator",
            "POST",
            SAMPLES,
            {"name": "a", "parts": [{"quantity": odd}]},
        ),
        "a bulk": (
            "operator",
            "POST",
            f"{SAMPLES}/bulk",
            {"operations": [{"op": "create", "values": {"name": odd}}]},
        ),
        "a login": (
            "anonymous",
            "POST",
            "/api/v1/auth/login",
            {"email": odd, "password": "x"},
        ),
        "a password": (
            "anonymous",
            "POST",
            "/api/v1/auth/login",
            {"email": "a@example.com", "password": odd},
        ),
        "a tenant to log in to": (
            "anonymous",
            "POST",
            "/api/v1/auth/login",
            {"email": "a@example.com", "password": "x", "tenant": odd},
        ),
        "a role": ("admin", "POST", "/api/v1/core/roles", {"name": name, "label": odd}),
        "a rule": (
            "admin",
            "POST",
            "/api/v1/core/roles",
            {"name": name, "label": "x", "rules": rules},
        ),
        "a team": ("admin", "POST", "/api/v1/core/teams", {"name": odd}),
        "a user": (
            "admin",
            "POST",
            "/api/v1/core/users",
            {"name": odd, "email": mail},
        ),
        "settings": ("root", "PUT", service, {"settings": {"a": odd}}),
        "a status": ("root", "PUT", service, {"status": odd}),
        "an overlay": (
            "admin",
            "PUT",
            f"{service}/overlay",
            {"overlay": {"label": odd}, "revision": 0},
        ),
        "a registration": (
            "root",
            "POST",
            "/api/v1/core/services/register",
            definition,
        ),
        "a draft": (
            "root",
            "PUT",
            f"{lab}/draft",
            {"definition": definition, "draft_revision": 1},
        ),
        "what is validated": (
            "root",
            "POST",
            f"{lab}/validate",
            {"definition": definition},
        ),
        "a comment": ("root", "POST", f"{lab}/publish", {"comment": odd}),
        "a version": ("root", "POST", f"{lab}/rollback", {"version": odd}),
    }


@pytest.mark.parametrize("route", bodies("", UUID(int=0)))
@pytest.mark.parametrize("unfit", UNFIT)
async def test_a_body_that_cannot_be_kept_is_refused(
    world: World, route: str, unfit: str
) -> None:
    who, method, path, body = bodies(UNFIT[unfit], world.ours)[route]
    client: Client = getattr(world, who)
    reply = await client.request(method, path, raw(body))
    error = one_error(reply)
    assert (reply.status, error["code"]) == (422, "VALIDATION_ERROR")
    code = "range" if unfit == "5,001 digits" else "characters"
    assert {detail["code"] for detail in error["details"]} == {code}
    assert all(detail["field"] for detail in error["details"])


HALF = quote('"\\ud800"')
NUL = quote('"\\u0000"')
QUERIES = {
    "half a character in expand": f"expand={{{HALF}:{{}}}}",
    "NUL in expand": f"expand={{{NUL}:{{}}}}",
    "NUL in the filter of expand": f'expand={{"parts":{{"filter":{{"id":{NUL}}}}}}}',
    "half a character in a filter": f'filter={{"name":{{"_eq":{HALF}}}}}',
    "half a character as a field": f'filter={{{HALF}:{{"_eq":1}}}}',
    "NUL in brackets": "filter[name][_eq]=%00",
    "NUL as a field in brackets": "filter[%00][_eq]=1",
    "5,001 digits in a filter": f'filter={{"amount":{{"_eq":{DIGITS}}}}}',
    "5,001 digits in brackets": f"filter[amount][_eq]={DIGITS}",
    "20 digits in a filter": f'filter={{"amount":{{"_eq":{DIGITS[:20]}}}}}',
    "an endless exponent": 'filter={"price":{"_eq":1e999}}',
    "NaN": 'filter={"price":{"_eq":NaN}}',
    "a name twice": 'filter={"name":{"_eq":"a"},"name":{"_eq":"b"}}',
    "70 levels": f'filter={{"name":{{"_eq":{"[" * 70}{"]" * 70}}}}}',
    "half a character in aggregate": f"aggregate={{{HALF}:{{}}}}",
    "NUL in sort": "sort=%00",
    "NUL in fields": "fields=name,%00",
    "bytes that are no text in fields": "fields=%ED%A0%80",
    "an endless limit in expand": f'expand={{"parts":{{"limit":{DIGITS}}}}}',
}


@pytest.mark.parametrize("name", QUERIES)
async def test_a_query_that_cannot_be_read_is_refused(world: World, name: str) -> None:
    for path in (SAMPLES, f"{SAMPLES}/export"):
        reply = await world.admin.get(f"{path}?{QUERIES[name]}")
        error = one_error(reply)
        assert reply.status == 400
        assert error["code"] in {
            "INVALID_QUERY",
            "INVALID_FILTER",
            "UNKNOWN_FIELD",
        }
        assert error["details"]


LINES = {
    "5,001 digits": b'{"name":"a","amount":1' + b"0" * 5000 + b"}",
    "NaN": b'{"name":"a","price":NaN}',
    "a name twice": b'{"name":"a","name":"b"}',
    "70 levels": b'{"name":"a","price":' + b"[" * 70 + b"]" * 70 + b"}",
}


@pytest.mark.parametrize("name", LINES)
async def test_a_line_of_an_import_that_cannot_be_read_stands_in_its_report(
    world: World, name: str
) -> None:
    mark = uuid4().hex
    content = f'{{"name":"{mark}"}}\n'.encode() + LINES[name]
    headers = {"content-type": "application/x-ndjson"}
    reply = await world.admin.post(f"{SAMPLES}/import", content, headers=headers)
    found = [(e["row"], e["code"]) for e in reply.data["errors"]]
    assert found == [(2, "malformed")]
    assert not (await world.viewer.get(f"{SAMPLES}?filter[name][_eq]={mark}")).data
