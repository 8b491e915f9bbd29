"""Calls of an external service, from the client to the service and back."""

import asyncio
import json
from typing import Any

import pytest

from registry.gateway import signing
from tests.fixtures.api import World
from tests.fixtures.gateway import (
    BASE,
    Outside,
    Seen,
    Talk,
    Writer,
    call,
    endpoint,
    outside,
    publish,
    reply,
)

SCHEMA = {
    "type": "object",
    "properties": {
        "to": {"type": "string", "pattern": "^[0-9]+$"},
        "times": {"type": "integer", "maximum": 3},
    },
    "required": ["to"],
    "additionalProperties": False,
}
READ = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "x-in": "path"},
        "page": {"type": "integer"},
        "tag": {"type": "array", "items": {"type": "string"}},
        "mode": {"type": "string", "enum": ["a", "b"], "x-in": "header",
                 "x-name": "X-Mode"},
    },
    "required": ["id"],
}  # fmt: skip
ENDPOINTS = [
    endpoint("show", "/a/{id}"),
    endpoint("change", "/a/{id}", "PUT"),
    endpoint("send", "/send", "POST", request_schema=SCHEMA),
    endpoint("read", "/items/{id}", request_schema=READ),
    endpoint("upload", "/files", "POST"),
    endpoint("mine", "/mine", required_permissions=["lab:polish", "lab:read"]),
    endpoint("polish", "/polish", required_permissions=["lab:polish"]),
    endpoint("rare", "/rare", rate_limit=2),
]


@pytest.fixture
async def there() -> Any:
    async with outside() as made:
        yield made


@pytest.fixture
async def name(world: World, there: Outside) -> str:
    return await publish(world, f"{there.url}/v1", ENDPOINTS)


async def test_a_call_reaches_the_service_and_its_answer_comes_back(
    world: World, name: str
) -> None:
    found = await call(world.operator, "GET", f"{BASE}/{name}/a/4%207?x=1&y=%20")
    assert found.json == {"method": "GET", "target": "/v1/a/4%207?x=1&y=%20"}
    assert found.headers["content-type"] == "application/json"


async def test_the_answer_comes_back_as_the_service_gave_it(
    world: World, there: Outside, name: str
) -> None:
    async def act(seen: Seen, writer: Writer) -> None:
        headers = {
            "ETag": '"7"',
            "Set-Cookie": "a=b",
            "Server": "secret/1.0",
            "X-Powered-By": "magic",
            "Cache-Control": "public, max-age=60",
            "Content-Security-Policy": "script-src *",
        }
        writer.write(reply(404, b'{"no": "such"}', headers))

    there.act = act
    found = await call(world.operator, "GET", f"{BASE}/{name}/a/1")
    assert (found.status, found.body) == (404, b'{"no": "such"}')
    assert found.headers["etag"] == '"7"'
    assert found.headers["cache-control"] == "private, no-cache"
    assert found.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert not {"set-cookie", "server", "x-powered-by"} & set(found.headers)


REFUSED = {
    "no token": ("anonymous", "GET", "/a/1", None, 401, "UNAUTHENTICATED"),
    "no permission": ("viewer", "GET", "/mine", None, 403, "FORBIDDEN"),
    "not the only permission": (
        "viewer", "GET", "/polish", None, 403, "FORBIDDEN",
    ),
    "no path": ("operator", "GET", "/b", None, 404, "NOT_FOUND"),
    "an end too much": ("operator", "GET", "/a/1/", None, 404, "NOT_FOUND"),
    "no method": ("operator", "DELETE", "/a/1", None, 405, "METHOD_NOT_ALLOWED"),
    "a strange method": ("operator", "TRACE", "/a/1", None, 405, "METHOD_NOT_ALLOWED"),
    "no JSON": ("operator", "POST", "/send", b"{", 400, "MALFORMED_JSON"),
    "no body": ("operator", "POST", "/send", None, 400, "MALFORMED_JSON"),
    "a key twice": (
        "operator", "POST", "/send", b'{"to":"1","to":"x"}', 400, "MALFORMED_JSON",
    ),
    "too long": (
        "operator", "POST", "/send", b'{"to":"%s"}' % (b"1" * 2**20), 413,
        "PAYLOAD_TOO_LARGE",
    ),
    "not fitting": (
        "operator", "POST", "/send", b'{"to":"x"}', 422, "VALIDATION_ERROR",
    ),
    "not fitting path": (
        "operator", "GET", "/items/x", None, 422, "VALIDATION_ERROR",
    ),
    "unknown query": (
        "operator", "GET", "/items/1?admin=1", None, 422, "VALIDATION_ERROR",
    ),
    "query twice": (
        "operator", "GET", "/items/1?page=1&page=2", None, 422, "VALIDATION_ERROR",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_refused_never_reaches_the_service(
    world: World, there: Outside, name: str, case: str
) -> None:
    who, method, path, body, status, code = REFUSED[case]
    # Again too: then what was decided is at hand.
    for _ in range(2):
        found = await call(getattr(world, who), method, f"{BASE}/{name}{path}", body)
        assert (found.status, found.error["code"]) == (status, code)
        assert found.error["request_id"] == found.headers["x-request-id"]
    assert there.seen == []


async def test_a_service_of_somebody_else_is_not_there(
    world: World, there: Outside
) -> None:
    name = await publish(world, there.url, ENDPOINTS, tenants=[world.theirs])
    found = await call(world.operator, "GET", f"{BASE}/{name}/a/1")
    assert found.status == 404
    found = await call(world.operator, "GET", f"{BASE}/lab/samples")
    assert found.status == 404
    assert there.seen == []


async def test_every_permission_of_an_endpoint_is_asked_for(
    world: World, there: Outside, name: str
) -> None:
    for client, status in ((world.admin, 200), (world.viewer, 403)):
        assert (await call(client, "GET", f"{BASE}/{name}/mine")).status == status
    assert len(there.seen) == 1


async def test_a_checked_body_goes_out_as_it_came(
    world: World, there: Outside, name: str
) -> None:
    body = b'{"to": "0812",  "times": 3}'
    headers = [("content-type", "text/plain")]
    found = await call(world.operator, "POST", f"{BASE}/{name}/send", body, headers)
    assert found.status == 200
    assert there.seen[0].body == body
    types = [v for n, v in there.seen[0].pairs if n.lower() == "content-type"]
    assert types == ["application/json"]


FRAMED: dict[str, tuple[str, str, bytes | None, list[tuple[str, str]]]] = {
    "nothing to post": ("POST", "/files", None, [("content-length", "0")]),
    "nothing to put": ("PUT", "/a/1", None, [("content-length", "0")]),
    "nothing to get": ("GET", "/a/1", None, []),
    "a short body": ("POST", "/files", b"ab", [("content-length", "2")]),
    "a long body": (
        "POST", "/files", b"x" * 2**21, [("content-length", str(2**21))],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FRAMED)
async def test_a_body_of_known_length_goes_out_with_it(
    world: World, there: Outside, name: str, case: str
) -> None:
    method, path, body, framing = FRAMED[case]
    found = await call(world.operator, method, f"{BASE}/{name}{path}", body)
    assert found.status == 200
    (seen,) = there.seen
    assert seen.body == (body or b"")
    names = {"content-length", "transfer-encoding"}
    assert [(n.lower(), v) for n, v in seen.pairs if n.lower() in names] == framing


async def test_declared_parameters_are_read_by_their_types(
    world: World, there: Outside, name: str
) -> None:
    path = f"{BASE}/{name}/items/7?page=2&tag=x&tag=y"
    found = await call(world.operator, "GET", path, headers=[("x-mode", "a")])
    assert found.status == 200
    assert there.seen[0].target == "/v1/items/7?page=2&tag=x&tag=y"
    assert there.seen[0].headers["x-mode"] == "a"
    found = await call(world.operator, "GET", path, headers=[("x-mode", "c")])
    assert found.details() == {("X-Mode", "choice")}


async def test_who_calls_is_said_and_signed(
    world: World, there: Outside, name: str
) -> None:
    parts = world.app._app.state.parts
    headers = [("traceparent", f"00-{'a' * 32}-{'b' * 16}-01"), ("x-request-id", "r.1")]
    await call(world.operator, "PUT", f"{BASE}/{name}/a/1?q=2", b"body", headers)
    (seen,) = there.seen
    given = seen.headers
    assert given["x-tenant-id"] == given["x-org-id"] == str(world.ours)
    assert given["x-user-roles"] == "operator"
    assert given["x-user-permissions"] == "lab:read"
    assert given["x-request-id"] == "r.1"
    version, trace, span, flags = given["traceparent"].split("-")
    assert (version, trace, flags) == ("00", "a" * 32, "01")
    assert span != "b" * 16
    assert "authorization" not in given
    key = parts.gateway.forwarder.signer.key(name, world.ours)
    message = signing.Message(
        "PUT",
        there.url.removeprefix("http://"),
        "/v1/a/1",
        "q=2",
        b"body",
        signing.Identity({header: given[header] for header in signing.IDENTITY}),
        "r.1",
    )
    now = int(given["x-gateway-timestamp"])
    assert signing.verify(key, message, given, now) is None
    other = parts.gateway.forwarder.signer.key(name, world.theirs)
    assert signing.verify(other, message, given, now) == "another key"


async def test_the_identity_token_is_for_this_service_alone(
    world: World, there: Outside, name: str
) -> None:
    import jwt

    await call(world.operator, "GET", f"{BASE}/{name}/a/1")
    token = there.seen[0].headers["x-gateway-identity"]
    keys = (await call(world.anonymous, "GET", f"{BASE}/.well-known/jwks.json")).json
    header = jwt.get_unverified_header(token)
    (found,) = [key for key in keys["keys"] if key["kid"] == header["kid"]]
    assert "d" not in found
    key = jwt.PyJWK(found).key
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience=name)
    assert claims["tid"] == str(world.ours)
    assert claims["exp"] - claims["iat"] == 60
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(token, key, algorithms=["EdDSA"], audience="other")
    # It is no access token.
    world.anonymous.token = token
    client = world.anonymous
    client.token = token
    assert (await call(client, "GET", f"{BASE}/{name}/a/1")).status == 401


async def test_an_endpoint_is_called_so_often_a_minute_by_a_tenant(
    world: World, there: Outside, name: str
) -> None:
    path = f"{BASE}/{name}/rare"
    found = [await call(world.operator, "GET", path) for _ in range(3)]
    assert [each.status for each in found] == [200, 200, 429]
    assert found[0].headers["ratelimit-policy"] == '"endpoint";q=2;w=60'
    assert found[0].headers["ratelimit"].startswith('"endpoint";r=1;t=')
    assert 1 <= int(found[2].headers["retry-after"]) <= 60
    assert found[2].error["code"] == "TOO_MANY_REQUESTS"
    assert (await call(world.stranger, "GET", path)).status == 200
    assert len(there.seen) == 3


async def test_a_long_body_streams_both_ways(
    world: World, there: Outside, name: str
) -> None:
    async def act(seen: Seen, writer: Writer) -> None:
        writer.write(reply(body=seen.body))

    there.act = act
    body = bytes(range(256)) * 20_000
    found = await call(world.operator, "POST", f"{BASE}/{name}/files", body)
    assert found.body == body
    assert found.headers["content-length"] == str(len(body))
    signature = there.seen[0].headers["x-gateway-signature"]
    assert signature.startswith("v2=")
    assert "content-digest" not in there.seen[0].headers


async def test_a_body_that_is_not_as_long_as_it_says_is_refused(
    world: World, there: Outside, name: str
) -> None:
    for length in (5, 5_000_000):
        talk = Talk(world.operator, "POST", f"{BASE}/{name}/files", b"1234")
        talk.scope["headers"][-1] = (b"content-length", str(length).encode())
        await talk.run()
        assert talk.reply.status == 400
    assert [seen.body for seen in there.seen] == []


SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("said", [1_000, 1_100_000], ids=["whole", "stream"])
@pytest.mark.parametrize("place", ["after it", "in its last piece"])
async def test_what_is_more_than_a_body_says_is_no_second_request(
    world: World, there: Outside, name: str, place: str, said: int
) -> None:
    half = b"x" * (said // 2)
    talk = Talk(world.operator, "POST", f"{BASE}/{name}/files", 2 * half)
    is_after = place == "after it"
    talk.pieces = [half, half, SMUGGLED] if is_after else [half, half + SMUGGLED]
    await talk.run()
    if is_after:
        # Nobody reads it: the body was whole before.
        assert talk.reply.status == 200
        assert [seen.body for seen in there.seen] == [b"x" * said]
    else:
        assert talk.reply.status == 400
    found = await call(world.operator, "GET", f"{BASE}/{name}/a/1")
    assert found.status == 200
    assert "/smuggled" not in {seen.target for seen in there.seen}


async def test_events_come_one_by_one(world: World, there: Outside, name: str) -> None:
    more = asyncio.Event()

    async def act(seen: Seen, writer: Writer) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n"
        )
        await writer.drain()
        await more.wait()
        writer.write(b"8\r\ndata: 2\n\r\n0\r\n\r\n")

    there.act = act
    talk = Talk(world.operator, "GET", f"{BASE}/{name}/a/1")
    running = asyncio.create_task(talk.run())
    await talk.has(2)
    assert talk.messages[1]["body"] == b"data: 1\n"
    more.set()
    await running
    assert talk.reply.body == b"data: 1\ndata: 2\n"


async def test_head_is_a_get_without_a_body(
    world: World, there: Outside, name: str
) -> None:
    async def act(seen: Seen, writer: Writer) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nETag: x\r\n\r\n")

    there.act = act
    found = await call(world.operator, "HEAD", f"{BASE}/{name}/a/1")
    assert (found.status, found.body, found.headers["etag"]) == (200, b"", "x")
    assert there.seen[0].method == "HEAD"


async def test_a_newer_version_is_called_at_once(
    world: World, there: Outside, name: str
) -> None:
    from metadata.definitions import Service

    parts = world.app._app.state.parts
    found = (await parts.catalog.service(world.ours, name)).definition
    assert (await call(world.operator, "GET", f"{BASE}/{name}/new")).status == 404
    added = json.loads(found.model_dump_json(by_alias=True))
    added["endpoints"].append(endpoint("new", "/new"))
    async with parts.database.owner() as connection:
        await parts.publisher.publish(connection, Service.model_validate(added))
    await parts.catalog.reload(name)
    assert (await call(world.operator, "GET", f"{BASE}/{name}/new")).status == 200
