"""Every wrong request gets the one error body, and nothing is half-written."""

import json
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.fixtures.api import Reply, World

SAMPLES = "/api/v1/data/lab/samples"


def body_is_the_one(reply: Reply) -> None:
    error = reply.error
    assert set(reply.json) == {"error"}
    assert set(error) == {"code", "message", "details", "request_id"}
    assert error["message"].endswith((".", "?", "…")), error["message"]
    assert error["request_id"] == reply.headers["x-request-id"]


BODIES = {
    "empty": (b"", 400, "MALFORMED_JSON"),
    "cut off": (b'{"name": ', 400, "MALFORMED_JSON"),
    "not UTF-8": (b'{"name": "\xff"}', 400, "MALFORMED_JSON"),
    "twice the same key": (b'{"name": "a", "name": "b"}', 400, "MALFORMED_JSON"),
    "10,000 deep": (b'{"name":' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400, None),
    "100 deep": (b'{"name":' + b"[" * 100 + b"]" * 100 + b"}", 400, None),
    "NaN": (b'{"name": "a", "amount": NaN}', 400, "MALFORMED_JSON"),
    "a list": (b"[]", 400, "MALFORMED_JSON"),
    "a wrong type": (b'{"name": 1}', 422, "VALIDATION_ERROR"),
    "NUL": (b'{"name": "a\\u0000b"}', 422, "VALIDATION_ERROR"),
    "a huge number": (b'{"name": "a", "amount": 1e400}', None, None),
    "a number out of range": (
        b'{"name": "a", "amount": 99999999999999999999}',
        422,
        None,
    ),
    "too large": (b'{"name": "' + b"a" * 11_000_000 + b'"}', 413, "PAYLOAD_TOO_LARGE"),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_bad_body_is_refused_and_nothing_is_written(
    world: World, name: str
) -> None:
    body, status, code = BODIES[name]
    before = await world.viewer.get(f"{SAMPLES}?count=exact&limit=1")
    reply = await world.operator.post(SAMPLES, body)
    assert 400 <= reply.status < 500, reply.body
    assert status in {None, reply.status}
    body_is_the_one(reply)
    assert code in {None, reply.error["code"]}
    after = await world.viewer.get(f"{SAMPLES}?count=exact&limit=1")
    assert before.json["meta"]["page"]["count"] == after.json["meta"]["page"]["count"]


SQL = "'; DROP TABLE svc_lab.samples; --"
PATHS = {
    "unknown service": ("GET", "/api/v1/data/nowhere/things", 404),
    "unknown entity": ("GET", "/api/v1/data/lab/things", 404),
    "a primary that is none": ("GET", "/api/v1/lab", 404),
    "no entity": ("GET", "/api/v1/data/lab", 404),
    "an id that is none": ("GET", f"{SAMPLES}/1", 404),
    "nobody's id": ("GET", f"{SAMPLES}/{uuid4()}", 404),
    "SQL as an entity": ("GET", f"/api/v1/data/lab/{quote(SQL)}", 404),
    "SQL as a filter field": ("GET", f"{SAMPLES}?filter[{quote(SQL)}][_eq]=1", 400),
    "SQL as a sort": ("GET", f"{SAMPLES}?sort={quote(SQL)}", 400),
    "SQL as fields": ("GET", f"{SAMPLES}?fields={quote(SQL)}", 400),
    "SQL as expand": ("GET", f"{SAMPLES}?expand={quote(SQL)}", 400),
    "SQL as group": ("GET", f"{SAMPLES}?group={quote(SQL)}", 400),
    "an unknown parameter": ("GET", f"{SAMPLES}?filtre=x", 400),
    "an unknown operator": ("GET", f"{SAMPLES}?filter[name][_like]=x", 400),
    "an operator of another type": ("GET", f"{SAMPLES}?filter[amount][_starts]=1", 400),
    "a text for a number": ("GET", f"{SAMPLES}?filter[amount][_eq]=x", 400),
    "a filter that is no JSON": ("GET", f"{SAMPLES}?filter=x", 400),
    "a limit too high": ("GET", f"{SAMPLES}?limit=201", 400),
    "a limit of 5,000 digits": ("GET", f"{SAMPLES}?limit={'9' * 5000}", 400),
    "NUL in a search": ("GET", f"{SAMPLES}?search=%00", 400),
    "NUL in the search of a download": ("GET", f"{SAMPLES}/export?search=%00", 400),
    "NUL in a filter": (
        "GET",
        f"{SAMPLES}?filter={quote(json.dumps({'name': {'_eq': chr(0)}}))}",
        400,
    ),
    "errors of no import": ("GET", f"{SAMPLES}/imports/{uuid4()}/errors", 404),
    "a limit of nothing": ("GET", f"{SAMPLES}?limit=0", 400),
    "a cursor of nowhere": ("GET", f"{SAMPLES}?cursor=abc", 400),
    "a method that is none": ("PATCH", SAMPLES, 405),
    "an unknown action": ("POST", f"{SAMPLES}/actions/explode", 404),
    "an unknown path": ("GET", "/api/v1/core/nothing", 404),
    "a form of nowhere": ("GET", "/api/v1/forms/lab/nothing", 404),
    "a form that is none": ("GET", "/api/v1/forms/lab/samples/fancy", 404),
}


@pytest.mark.parametrize("name", PATHS)
async def test_a_bad_path_or_query_is_refused_with_the_one_body(
    world: World, name: str
) -> None:
    method, path, status = PATHS[name]
    reply = await world.admin.request(method, path)
    assert reply.status == status, reply.body
    body_is_the_one(reply)


async def test_a_condition_over_the_limits_is_refused(world: World) -> None:
    deep = '{"_not":' * 40 + '{"name":{"_eq":"a"}}' + "}" * 40
    wide = '{"_or":[' + ",".join(['{"name":{"_eq":"a"}}'] * 200) + "]}"
    for condition in (deep, wide):
        reply = await world.viewer.get(f"{SAMPLES}?filter={quote(condition)}")
        assert (reply.status, reply.error["code"]) == (400, "INVALID_FILTER")


async def test_without_a_token_nothing_is_answered(world: World) -> None:
    for path in (SAMPLES, "/api/v1/menus/user", "/api/v1/core/services"):
        reply = await world.anonymous.get(path)
        assert (reply.status, reply.error["code"]) == (401, "UNAUTHENTICATED")
        assert reply.headers["www-authenticate"] == "Bearer"
    forged = world.anonymous
    forged.token = f"{world.admin.token}x"
    assert (await forged.get(SAMPLES)).status == 401


async def test_a_hint_of_another_tenant_is_refused(world: World) -> None:
    reply = await world.admin.get(SAMPLES, headers={"x-tenant-id": str(world.theirs)})
    assert (reply.status, reply.error["code"]) == (403, "TENANT_MISMATCH")


@pytest.mark.parametrize("etag", ["²", '"²"', '"9999999999999999999"', '""', '"1","2"'])
async def test_an_etag_that_is_none_is_refused(world: World, etag: str) -> None:
    made = await world.operator.post(SAMPLES, {"name": "a"})
    path = f"{SAMPLES}/{made.data['id']}"
    encoded = etag.encode("latin-1").decode("latin-1")
    reply = await world.operator.patch(
        path, {"name": "b"}, headers={"if-match": encoded}
    )
    assert reply.status == 400
    body_is_the_one(reply)
    assert (await world.operator.get(path)).data["name"] == "a"


@pytest.mark.parametrize("year", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z"])
async def test_a_moment_that_some_zone_cannot_show_is_refused(
    world: World, year: str
) -> None:
    made = await world.admin.post(
        "/api/v1/core/users",
        {"name": "a", "email": f"{uuid4().hex}@example.com", "expires_at": year},
    )
    assert made.status == 422
    assert made.details() == {("expires_at", "datetime")}


async def test_settings_that_a_service_does_not_declare_are_refused(
    world: World,
) -> None:
    path = f"/api/v1/core/tenants/{world.ours}/services/lab"
    text = await world.root.request("PUT", path, {"settings": "yes"})
    assert (text.status, text.error["code"]) == (400, "BAD_REQUEST")
    unknown = await world.root.request("PUT", path, {"settings": {"colour": 1}})
    assert unknown.details() == {("colour", "unknown_field")}
