"""Requests that mean two things, spoofed headers, tricky paths, forbidden addresses."""

import asyncio
import re
import socket
from typing import Any

import pytest

from engine.settings import Settings
from registry.gateway.guard import Guard
from registry.gateway.upstream import UpstreamClient, UpstreamError
from tests.fixtures.api import World
from tests.fixtures.gateway import (
    BASE,
    WAIT_SECONDS,
    Outside,
    Reader,
    Seen,
    Writer,
    call,
    endpoint,
    outside,
    publish,
    reply,
)
from tests.fixtures.hostile_http import hosts, smuggled
from tests.fixtures.server import serving

ENDPOINTS = [
    endpoint("show", "/a/{id}"),
    endpoint("send", "/send", "POST"),
    endpoint("go", "/go"),
]


@pytest.fixture
async def there() -> Any:
    async with outside() as made:
        yield made


@pytest.fixture
async def name(world: World, there: Outside) -> str:
    return await publish(world, there.url, ENDPOINTS)


SPOOFED = [
    [("X-User-Id", "root")],
    [("x-USER-id", "root")],
    [("X_User_Id", "root")],
    [("X-User_Id", "root")],
    [("X-Org-Id", "x"), ("X-Org-Id", "y")],
    [("X-Tenant-ID", "TENANT")],
    [("X-User-Roles", "SUPER_ADMIN"), ("X-User-Permissions", "*")],
    [("Connection", "X-Org-Id, X-User-Id, X-Gateway-Signature")],
    [("Connection", "traceparent"), ("Keep-Alive", "x")],
    [("X-Gateway-Signature", "v2=00"), ("X-Gateway-Key-Id", "x")],
    [("X-Gateway-Identity", "eyJ"), ("Content-Digest", "sha-256=:x:")],
    [("X-Forwarded-For", "1.1.1.1"), ("Forwarded", "for=1.1.1.1")],
    [("X-Forwarded-Host", "evil"), ("X-Real-IP", "1.1.1.1"), ("Via", "1.0 evil")],
    [("Cookie", "a=b"), ("Proxy-Authorization", "Basic x")],
    [("Host", "evil.example"), ("X-HTTP-Method-Override", "DELETE")],
    [("Expect", "100-continue"), ("TE", "trailers"), ("Trailer", "x")],
    [("Upgrade", "websocket"), ("HTTP2-Settings", "x")],
]


@pytest.mark.parametrize("index", range(len(SPOOFED)))
async def test_a_service_sees_only_what_the_gateway_says(
    world: World, there: Outside, name: str, index: int
) -> None:
    given = [(n, v.replace("TENANT", str(world.ours))) for n, v in SPOOFED[index]]
    found = await call(world.operator, "GET", f"{BASE}/{name}/a/1", headers=given)
    assert found.status == 200
    (seen,) = there.seen
    names = [header.lower() for header, _ in seen.pairs]
    assert len(names) == len(set(names))
    assert not [header for header in names if "_" in header]
    headers = seen.headers
    assert headers["x-user-id"] not in {"root", ""}
    assert headers["x-org-id"] == headers["x-tenant-id"] == str(world.ours)
    assert headers["x-user-roles"] == "operator"
    assert headers["x-user-permissions"] == "lab:read"
    assert headers["host"] == there.url.removeprefix("http://")
    assert headers["forwarded"] == "for=127.0.0.1"
    assert headers["via"] == "1.1 rangka"
    assert not {
        "cookie", "authorization", "proxy-authorization", "x-forwarded-for", "expect",
        "x-forwarded-host", "x-real-ip", "te", "trailer", "upgrade", "connection",
        "keep-alive", "x-http-method-override", "http2-settings",
    } & set(names)  # fmt: skip


@pytest.mark.parametrize(
    "given",
    [
        [("User-Agent", "x" * 100_000)],
        [("Accept", "x" * 8000)] * 5,
    ],
)
async def test_headers_that_a_service_would_not_read_are_refused(
    world: World, there: Outside, name: str, given: list[tuple[str, str]]
) -> None:
    path = f"{BASE}/{name}/a/1"
    for _ in range(25):
        found = await call(world.operator, "GET", path, headers=given)
        assert found.status == 400
    found = await call(world.operator, "GET", f"{path}?q={'x' * 9000}")
    assert found.status == 400
    assert there.seen == []
    assert (await call(world.operator, "GET", path)).status == 200


@pytest.mark.parametrize(
    "given",
    ["", "a\n", "a\r\n", "a\r\nX-User-Roles: root", "a\0", "a b", "\u00e9", "a" * 65],
)
async def test_a_request_id_that_could_be_more_than_one_is_not_passed_on(
    world: World, there: Outside, name: str, given: str
) -> None:
    path, pair = f"{BASE}/{name}/a/1", ("x-request-id", given)
    found = await call(world.operator, "GET", path, headers=[pair])
    assert found.status == 200
    (seen,) = there.seen
    shown = seen.headers["x-request-id"]
    assert shown == found.headers["x-request-id"]
    assert shown.startswith("req_")
    assert seen.headers["x-user-roles"] == "operator"


async def test_headers_that_stand_once_do_not_stand_twice(
    world: World, there: Outside, name: str
) -> None:
    for pair in (
        [("content-type", "a/b"), ("content-type", "c/d")],
        [("idempotency-key", "1"), ("idempotency-key", "2")],
        [("accept", "a\x00b")],
        [("user-agent", "a\rb")],
        [("content-length", "1"), ("transfer-encoding", "chunked")],
        [("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
        [("transfer-encoding", "gzip, chunked")],
        [("content-length", "+1")],
    ):
        found = await call(world.operator, "POST", f"{BASE}/{name}/send", headers=pair)
        assert (found.status, found.error["code"]) == (400, "BAD_REQUEST"), pair
    assert there.seen == []


TRICKS = [
    "/a/..", "/a/.", "/a/%2e%2e", "/a/%2E.", "/a/.%2e", "/a/../send", "/a/%2e%2e/send",
    "/a/%252e%252e", "/a/%252f", "/a/x%2fy", "/a/x%2Fy", "/a/x%5cy", "/a/x\\y",
    "/a//send", "//a/1", "/a/..;/x", "/a/..;x=1", "/a/%2e%2e;x", "/a/%00", "/a/%0a",
    "/a/%0d%0aX:1", "/a/%7f", "/a/%zz", "/a/%", "/a/%e2%80%a5", "/a/%ef%bc%8e%ef%bc%8e",
    "/a/x%ef%bc%8fy", "/a/%c0%ae%c0%ae", "/a/%c0%af", "/a/\u00e9", "/a/%25%32%65",
    "/a/x%255cy", "/a/%2500", "/./a/1", "/%2e/a/1", "/a/1\x7f", "/a/%e2%80%a4%e2%80%a4",
]  # fmt: skip


@pytest.mark.parametrize("path", TRICKS)
async def test_a_path_that_could_mean_another_is_refused(
    world: World, there: Outside, name: str, path: str
) -> None:
    found = await call(world.operator, "GET", f"{BASE}/{name}{path}")
    assert found.status in {400, 404}
    assert there.seen == []


SAME = {
    "/a/x;y=1": "/a/x%3By%3D1",
    "/a/100%25": "/a/100%25",
    "/a/%C3%A9": "/a/%C3%A9",
    "/a/a+b": "/a/a%2Bb",
    "/a/...": "/a/...",
    "/%61/1": "/a/1",
    "/a/~x": "/a/~x",
    "/a/x%3Fy%23": "/a/x%3Fy%23",
    "/a/x@y:1": "/a/x%40y%3A1",
}


@pytest.mark.parametrize("path", SAME)
async def test_a_parameter_stays_one_segment(
    world: World, there: Outside, name: str, path: str
) -> None:
    found = await call(world.operator, "GET", f"{BASE}/{name}{path}")
    assert found.status == 200
    assert there.seen[0].target == SAME[path]


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
async def test_redirects_are_passed_on_and_never_followed(
    world: World, there: Outside, name: str, status: int
) -> None:
    async with outside() as canary:
        places = [
            "http://169.254.169.254/latest/meta-data",
            # It could be followed: calls of this address are allowed.
            f"{canary.url}/a/1",
            f"//127.0.0.1:{canary.port}/a/1",
            "/a/1",
        ]
        for place in places:

            async def act(seen: Seen, writer: Writer, place: str = place) -> None:
                writer.write(reply(status, b"", {"Location": place, "Refresh": "0"}))

            there.act = act
            there.seen.clear()
            for method, path in (("GET", "go"), ("POST", "send")):
                found = await call(world.operator, method, f"{BASE}/{name}/{path}")
                assert (found.status, found.headers["location"]) == (status, place)
                assert "refresh" not in found.headers
            assert len(there.seen) == 2
        assert canary.connections == 0


async def test_no_forbidden_address_is_connected_to(world: World) -> None:
    touched = 0

    async def canary(reader: Reader, writer: Writer) -> None:
        nonlocal touched
        touched += 1
        writer.close()

    server = await asyncio.start_server(canary, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    six = await asyncio.start_server(canary, "::1", port) if socket.has_ipv6 else None
    client = UpstreamClient()
    await client.start()
    tried = hosts(port)
    refused = 0
    for address in tried:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                answer = await client.open("GET", f"{address}/", [], None)
                answer.close()
        except (UpstreamError, ValueError):
            refused += 1
    await client.stop()
    server.close()
    if six is not None:
        six.close()
    assert len(set(tried)) >= 300
    assert refused == len(tried)
    assert touched == 0


async def test_a_name_that_changes_its_mind_is_asked_at_connect_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard sees the address that is connected, not one looked up before."""
    guard = Guard()
    for address in ("93.184.215.14", "127.0.0.1"):
        info = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
        if address.startswith("127"):
            with pytest.raises(OSError, match="not public"):
                guard.socket(info)
        else:
            guard.socket(info).close()


async def test_a_refused_address_is_a_502_that_names_none(world: World) -> None:
    for base in ("http://10.0.0.1", "https://169.254.169.254", "https://a@127.0.0.1"):
        name = await publish(world, base, ENDPOINTS)
        found = await call(world.operator, "GET", f"{BASE}/{name}/go")
        assert found.status == 502
        assert "169.254" not in found.error["message"]
        assert "10.0.0" not in found.error["message"]


# -- raw sockets against the real server -----------------------------------------------


async def raw(port: int, request: bytes) -> tuple[list[int], bool]:
    """Send bytes; return the statuses that come back, and whether the server closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    found, has_closed = b"", False
    try:
        async with asyncio.timeout(WAIT_SECONDS):
            while not has_closed:
                # What follows an answer comes at once, or not at all.
                pause = 0.5 if found else WAIT_SECONDS
                chunk = await asyncio.wait_for(reader.read(65536), pause)
                found += chunk
                has_closed = not chunk
    except TimeoutError:
        pass
    except ConnectionError:
        has_closed = True
    writer.close()
    return [int(each) for each in STATUS.findall(found)], has_closed


STATUS = re.compile(rb"HTTP/1.1 (?!100)(\d{3})")


async def test_no_second_request_is_smuggled_to_the_service(
    world: World, there: Outside, settings: Settings
) -> None:
    """Row 22 of the plan of faults."""
    name = await publish(world, there.url, ENDPOINTS)
    token = world.operator.token
    assert token is not None
    # Whoever takes it for a request of its own finds no token in it, so it never comes
    # to the service as such; what counts is that nothing of our bytes does.
    hidden = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    refused = 0

    async def ask(case: str, request: bytes, port: int) -> None:
        nonlocal refused
        statuses, has_closed = await raw(port, request)
        mark = case.encode().hex()
        came = [seen for seen in there.seen if seen.headers.get("user-agent") == mark]
        assert statuses, case
        if statuses[0] == 400:
            # Nothing that follows is read any more.
            assert (statuses, has_closed, came) == ([400], True, []), case
            refused += 1
            return
        assert statuses[0] == 200, case
        assert [seen.target for seen in came] == ["/send"], case
        if "TE" in case and "Transfer_" not in case:
            # Chunks win, and the connection ends with the answer (RFC 9112, 6.1).
            assert (statuses, has_closed) == ([200], True), case

    async with serving(settings) as server:
        head = (
            f"POST {BASE}/{name}/send HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {token}\r\n"
        )
        plain = head.encode() + b"Content-Length: 2\r\n\r\nab"
        assert await raw(server.port, plain) == ([200], False)
        assert [seen.body for seen in there.seen] == [b"ab"]
        kinds = list(smuggled(head.encode(), hidden))
        for start in range(0, len(kinds), 20):
            asked = []
            for kind in kinds[start : start + 20]:
                marked = f"{head}User-Agent: {kind.encode().hex()}\r\n".encode()
                request = smuggled(marked, hidden)[kind]
                asked.append(ask(kind, request, server.port))
            await asyncio.gather(*asked)
        assert await raw(server.port, plain) == ([200], False)
    assert len(kinds) >= 140
    assert refused >= 110
    assert {seen.target for seen in there.seen} == {"/send"}
    for seen in there.seen:
        names = [header.lower() for header, _ in seen.pairs]
        assert len({"content-length", "transfer-encoding"} & set(names)) == 1
        assert names.count("content-length") + names.count("transfer-encoding") == 1
