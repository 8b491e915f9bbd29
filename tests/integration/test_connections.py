"""A tenant's connection to a service: kept sealed, sent with its own calls alone."""

import json
import logging
from base64 import b64decode, b64encode
from typing import Any
from urllib.parse import parse_qs

import psycopg
import pytest

from engine.settings import Settings
from tests.fixtures.api import Reply, World
from tests.fixtures.gateway import (
    BASE,
    Outside,
    Seen,
    Writer,
    call,
    endpoint,
    outside,
    publish,
    reply,
)

SECRET = "s3cret-4711-canary"
ENDPOINTS = [endpoint("show", "/show")]


def place(world: World, name: str, tenant: Any = None) -> str:
    return f"/api/v1/core/tenants/{tenant or world.ours}/services/{name}/connection"


@pytest.fixture
async def there() -> Any:
    async with outside() as made:
        yield made


@pytest.fixture
async def name(world: World, there: Outside) -> str:
    return await publish(world, there.url, ENDPOINTS, auth_type="api_key")


async def put(world: World, name: str, **document: Any) -> Reply:
    return await world.admin.request("PUT", place(world, name), document)


KINDS = {
    "api_key": ({}, ("x-api-key", SECRET)),
    "api_key in a header": (
        {"header": "X-Auth", "prefix": "Key "},
        ("x-auth", f"Key {SECRET}"),
    ),
    "bearer": ({}, ("authorization", f"Bearer {SECRET}")),
    "basic": (
        {"username": "me"},
        ("authorization", f"Basic {b64encode(f'me:{SECRET}'.encode()).decode()}"),
    ),
}


@pytest.mark.parametrize("case", KINDS)
async def test_each_kind_puts_its_header_on(
    world: World, there: Outside, name: str, case: str
) -> None:
    settings, (header, value) = KINDS[case]
    kind = case.split(" ", maxsplit=1)[0]
    found = await put(world, name, kind=kind, settings=settings, secret=SECRET)
    assert found.data["secret"] == {"set": True}
    assert (await call(world.operator, "GET", f"{BASE}/{name}/show")).status == 200
    assert there.seen[0].headers[header] == value


async def test_a_service_that_wants_credentials_is_not_called_without(
    world: World, there: Outside, name: str
) -> None:
    found = await call(world.operator, "GET", f"{BASE}/{name}/show")
    assert (found.status, found.error["code"]) == (503, "CONNECTION_MISSING")
    assert there.seen == []


async def test_a_token_is_fetched_once_and_again_when_it_is_refused(
    world: World, there: Outside
) -> None:
    tokens: list[str] = []

    async def act(seen: Seen, writer: Writer) -> None:
        if seen.target == "/token":
            tokens.append(f"t{len(tokens)}")
            said = {"access_token": tokens[-1], "token_type": "Bearer"}
            writer.write(reply(body=json.dumps({**said, "expires_in": 600}).encode()))
        else:
            is_first = seen.headers["authorization"] == "Bearer t0"
            writer.write(reply(401 if is_first and len(there.seen) > 3 else 200))

    there.act = act
    name = await publish(world, there.url, ENDPOINTS, auth_type="oauth")
    settings = {"token_url": f"{there.url}/token", "client_id": "me", "scope": "a b"}
    kind = "oauth2_client_credentials"
    await put(world, name, kind=kind, settings=settings, secret=SECRET)
    path = f"{BASE}/{name}/show"
    found = [await call(world.operator, "GET", path) for _ in range(4)]
    assert [each.status for each in found] == [200, 200, 502, 200]
    assert found[2].error["code"] == "CREDENTIALS_REFUSED"
    assert [seen.target for seen in there.seen] == [
        "/token", "/show", "/show", "/show", "/token", "/show",
    ]  # fmt: skip
    asked = there.seen[0]
    form = parse_qs(asked.body.decode())
    assert form == {"grant_type": ["client_credentials"], "scope": ["a b"]}
    basic = b64decode(asked.headers["authorization"].split(" ")[1]).decode()
    assert basic == f"me:{SECRET}"


async def test_a_token_endpoint_reaches_no_network_that_is_for_services(
    world: World, there: Outside
) -> None:
    name = await publish(world, there.url, ENDPOINTS, auth_type="oauth")
    elsewhere = there.url.replace("127.0.0.1", "127.0.0.2") + "/token"
    settings = {"token_url": elsewhere, "client_id": "me"}
    kind = "oauth2_client_credentials"
    await put(world, name, kind=kind, settings=settings, secret=SECRET)
    found = await call(world.operator, "GET", f"{BASE}/{name}/show")
    assert (found.status, found.error["code"]) == (502, "ADDRESS_REFUSED")
    assert (there.seen, there.connections) == ([], 0)


async def test_a_key_may_have_a_header_with_an_underscore(
    world: World, there: Outside
) -> None:
    name = await publish(world, there.url, ENDPOINTS, auth_type="api_key")
    await put(world, name, kind="api_key", settings={"header": "api_key"}, secret="s3")
    assert (await call(world.operator, "GET", f"{BASE}/{name}/show")).status == 200
    assert there.seen[0].headers["api_key"] == "s3"


WRONG = {
    "unknown kind": ({"kind": "x", "secret": "s"}, "kind"),
    "no secret": ({"kind": "bearer"}, "secret"),
    "unknown setting": (
        {"kind": "bearer", "secret": "s", "settings": {"a": "b"}},
        "settings.a",
    ),
    "unknown key": ({"kind": "bearer", "secret": "s", "x": 1}, "x"),
    "a line break": ({"kind": "bearer", "secret": "a\r\nX: y"}, "secret"),
    **{
        f"a header that steers: {header}": (
            {"kind": "api_key", "secret": "s", "settings": {"header": header}},
            "settings.header",
        )
        for header in (
            "Content-Type",
            "User-Agent",
            "Idempotency-Key",
            "X-Original-URL",
            "X-Rewrite-URL",
            "X-HTTP-Method-Override",
            "True-Client-IP",
        )
    },
    "a header of the gateway": (
        {"kind": "api_key", "secret": "s", "settings": {"header": "X-User-Id"}},
        "settings.header",
    ),
    "a framing header": (
        {"kind": "api_key", "secret": "s", "settings": {"header": "Content-Length"}},
        "settings.header",
    ),
    "a folded header": (
        {"kind": "api_key", "secret": "s", "settings": {"header": "X_User_Id"}},
        "settings.header",
    ),
    "no name": ({"kind": "basic", "secret": "s"}, "settings.username"),
    "a colon": (
        {"kind": "basic", "secret": "s", "settings": {"username": "a:b"}},
        "settings.username",
    ),
    "no address": (
        {
            "kind": "oauth2_client_credentials",
            "secret": "s",
            "settings": {"token_url": "file:///etc/passwd", "client_id": "c"},
        },
        "settings.token_url",
    ),
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_no_connection_is_refused_with_its_place(
    world: World, name: str, case: str
) -> None:
    document, field = WRONG[case]
    found = await put(world, name, **document)
    assert found.status == 422
    assert {each["field"] for each in found.error["details"]} == {field}
    assert (await world.admin.get(place(world, name))).status == 404


async def test_a_secret_stays_only_where_it_was_sent(world: World, name: str) -> None:
    kind = "oauth2_client_credentials"
    settings = {"token_url": "https://id.example/token", "client_id": "me"}
    await put(world, name, kind=kind, settings=settings, secret=SECRET)
    renamed = {**settings, "client_id": "you"}
    assert (await put(world, name, kind=kind, settings=renamed)).status == 200
    elsewhere = {**settings, "token_url": "https://evil.example/token"}
    found = await put(world, name, kind=kind, settings=elsewhere)
    assert found.details() == {("secret", "required")}
    assert (await put(world, name, kind="bearer")).status == 422


async def test_a_secret_is_shown_nowhere(
    world: World,
    there: Outside,
    name: str,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    texts = []
    found = await put(world, name, kind="bearer", secret=SECRET)
    texts.append(found.body)
    texts.append((await world.admin.get(place(world, name))).body)
    texts.append((await world.admin.post(f"{place(world, name)}/test")).body)

    async def act(seen: Seen, writer: Writer) -> None:
        writer.write(reply(500, f"failed for {seen.headers}".encode()))

    there.act = act
    texts.append((await call(world.operator, "GET", f"{BASE}/{name}/show")).body)
    wrong = await put(world, name, kind="bearer", secret=f"{SECRET}\n")
    texts.append(wrong.body)
    parts = world.app._app.state.parts
    held = await parts.gateway.connections.get(world.ours, name)
    assert held.secret.reveal() == SECRET
    texts.append(repr(held).encode())
    with psycopg.connect(settings.owner_database_url) as owner:
        for tenant in (world.ours, world.theirs):
            owner.execute(
                "select set_config('rangka.tenant', %s, true)", (str(tenant),)
            )
            for table in ("connections", "log", "jobs", "outbox"):
                rows = owner.execute(f"select t::text from rangka.{table} t".encode())
                texts.extend(row[0].encode() for row in rows.fetchall())
    texts.append(caplog.text.encode())
    assert there.seen[0].headers["authorization"] == f"Bearer {SECRET}"
    assert not [text for text in texts if SECRET.encode() in text]


async def test_the_test_button_says_what_is_wrong(
    world: World, there: Outside, name: str
) -> None:
    assert (await world.admin.post(f"{place(world, name)}/test")).status == 404
    await put(world, name, kind="api_key", secret=SECRET)
    found = (await world.admin.post(f"{place(world, name)}/test")).data
    assert found == {"ok": True, "status": 200, "message": ""}
    assert there.seen[0].headers["x-api-key"] == SECRET

    async def act(seen: Seen, writer: Writer) -> None:
        writer.write(reply(401))

    there.act = act
    found = (await world.admin.post(f"{place(world, name)}/test")).data
    assert (found["ok"], found["status"]) == (False, 401)
    assert "credentials" in found["message"]


async def test_a_deleted_connection_is_gone_at_once(
    world: World, there: Outside, name: str
) -> None:
    await put(world, name, kind="bearer", secret=SECRET)
    path = f"{BASE}/{name}/show"
    assert (await call(world.operator, "GET", path)).status == 200
    assert (await world.admin.delete(place(world, name))).status == 204
    assert (await world.admin.delete(place(world, name))).status == 404
    assert (await call(world.operator, "GET", path)).status == 503


async def test_only_administrators_keep_connections_each_of_the_own_tenant(
    world: World, name: str
) -> None:
    document = {"kind": "bearer", "secret": "x"}
    own, other = place(world, name), place(world, name, world.theirs)
    for client in (world.operator, world.viewer):
        assert (await client.request("PUT", own, document)).status == 403
        assert (await client.get(own)).status == 403
    for method in ("GET", "PUT", "DELETE"):
        body = document if method == "PUT" else None
        assert (await world.admin.request(method, other, body)).status == 404
    assert (await world.admin.post(f"{other}/test")).status == 404
    key = own.replace("/connection", "/signing-key")
    assert (await world.admin.get(key)).status == 403
    assert len(bytes.fromhex((await world.root.get(key)).data["secret"])) == 32
