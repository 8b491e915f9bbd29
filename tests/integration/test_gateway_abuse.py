"""Requests that mean two things, spoofed headers, tricky paths, forbidden addresses."""

import asyncio
import socket
from collections.abc import Sequence
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


async def test_redirects_are_passed_on_and_never_followed(
    world: World, there: Outside, name: str
) -> None:
    async def act(seen: Seen, writer: Writer) -> None:
        place = "http://169.254.169.254/latest/meta-data"
        writer.write(reply(302, b"", {"Location": place}))

    there.act = act
    found = await call(world.operator, "GET", f"{BASE}/{name}/go")
    assert found.status == 302
    assert found.headers["location"].startswith("http://169.254.")
    assert len(there.seen) == 1


def hosts(port: int) -> list[str]:
    """Return addresses that lead, or might lead, to this machine or a cloud."""
    v4 = ["127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.1",
          "017700000001", "0177.0.0.1", "0177.1", "0", "0.0.0.00", "127.127.127.127",
          "127.0.0.1.", "localhost", "LOCALHOST", "localhost.", "00000177.0.0.1",
          "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376",
          "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "100.100.100.200",
          "192.0.0.192", "168.63.129.16", "198.18.0.1", "224.0.0.1", "255.255.255.255",
          "192.88.99.1", "240.0.0.1", "192.0.2.1", "metadata.google.internal",
          "instance-data", "%6c%6f%63%61%6c%68%6f%73%74", "127.0.0.1%00.example.com",
          "①②⑦.⓪.⓪.①", "ⓛocalhost", "127。0。0。1"]  # fmt: skip
    v6 = ["::1", "::", "::ffff:127.0.0.1", "::ffff:7f00:1", "0:0:0:0:0:ffff:7f00:1",
          "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::127.0.0.1", "64:ff9b:1::7f00:1",
          "2002:7f00:1::", "2002:a9fe:a9fe::", "2001:0:7f00:1::80ff:fffe",
          "fe80::1", "fe80::1%25lo", "fc00::1", "fd00:ec2::254", "ff02::1", "fec0::1",
          "::ffff:a9fe:a9fe", "64:ff9b::a9fe:a9fe", "100::1", "2001::1"]  # fmt: skip
    users = ["example.com@127.0.0.1", "127.0.0.1#@example.com", "a:b@127.0.0.1"]
    plain = [f"{host}:{port}" for host in v4] + [f"[{host}]:{port}" for host in v6]
    plain += [f"{user}:{port}" for user in users]
    ports = [f"127.0.0.1:{p}" for p in ("0", f"0{port}", "22", "6379", "")]
    return [f"{scheme}://{host}" for scheme in ("http", "https") for host in
            [*plain, *ports]]  # fmt: skip


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
    assert len(tried) > 130
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


async def raw(port: int, request: bytes, seconds: float = 1.0) -> bytes:
    """Send bytes and return what comes until the end or a pause."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    found = b""
    try:
        async with asyncio.timeout(seconds):
            while chunk := await reader.read(65536):
                found += chunk
    except (TimeoutError, ConnectionError):
        pass
    writer.close()
    return found


def smuggled(head: bytes, hidden: bytes) -> Sequence[bytes]:
    """Return requests that hide another one from whoever reads their length wrongly."""
    size = str(len(hidden)).encode()
    chunk = b"%x\r\n" % len(hidden) + hidden + b"\r\n0\r\n\r\n"
    te = [
        b"Transfer-Encoding: chunked", b"Transfer-Encoding : chunked",
        b"Transfer-Encoding:\tchunked", b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Transfer-Encoding: identity, chunked", b" Transfer-Encoding: chunked",
        b"X: y\r\n Transfer-Encoding: chunked", b"Transfer-Encoding\r\n: chunked",
        b"Transfer-Encoding: chunked\x0b", b"Transfer-Encoding: \"chunked\"",
        b"Transfer-Encoding: chunked;q=1", b"Transfer-Encoding: CHUNKED",
        b"Transfer_Encoding: chunked", b"Transfer-Encoding: chunked\x00",
        b"X: y\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked, chunked",
    ]  # fmt: skip
    found = []
    for each in te:
        # CL.TE and TE.CL: the two lengths disagree.
        found.append(
            head + b"Content-Length: 6\r\n" + each + b"\r\n\r\n0\r\n\r\n" + hidden
        )
        found.append(
            head + b"Content-Length: " + size + b"\r\n" + each + b"\r\n\r\n" + chunk
        )
        found.append(head + each + b"\r\nContent-Length: 4\r\n\r\n" + chunk)
    lengths = (
        b"Content-Length: 0\r\nContent-Length: " + size,
        b"Content-Length: 0, " + size,
        b"Content-Length: +" + size,
        b"Content-Length: -1",
        b"Content-Length: 0x10",
        b"Content-Length : 0",
        b"Content-Length:\x0b0",
        b"Content-Length: 00000000000000000000" + size + b"\r\nContent-Length: 0",
        b"Content-Length: 99999999999999999999999",
    )
    found.extend(head + each + b"\r\n\r\n" + hidden for each in lengths)
    for size_line in (
        b"0x4\r\n", b"4;" + b"a" * 70_000 + b"\r\n", b"4 \r\n", b"-4\r\n", b"+4\r\n",
        b"ffffffffffffffff1\r\n", b"4\n", b"4\rX", b"4\x00\r\n",
    ):  # fmt: skip
        body = size_line + b"abcd\r\n0\r\n\r\n"
        found.append(head + b"Transfer-Encoding: chunked\r\n\r\n" + body + hidden)
    found.append(head + b"Content-Length: 0\r\nX: a\r\n b\r\n\r\n" + hidden)
    found.append(head + b"X: a\x00b\r\nContent-Length: 0\r\n\r\n" + hidden)
    found.append(head.replace(b"HTTP/1.1", b"HTTP/1.0") + te[0] + b"\r\n\r\n" + chunk)
    found.append(head.replace(b" HTTP/1.1", b"") + b"\r\n" + hidden)
    return found


async def test_no_second_request_is_smuggled_to_the_service(
    world: World, there: Outside, settings: Settings
) -> None:
    name = await publish(world, there.url, ENDPOINTS)
    token = world.operator.token
    assert token is not None
    head = (
        f"POST {BASE}/{name}/send HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {token}\r\n"
    ).encode()
    # Whoever takes it for a request of its own passes no token, so it never arrives as
    # such; what counts is that the service reads no second request from our bytes.
    hidden = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
    async with serving(settings) as server:
        port = server.port
        plain = head + b"Content-Length: 2\r\n\r\nab"
        assert (await raw(port, plain)).startswith(b"HTTP/1.1 200")
        assert [seen.body for seen in there.seen] == [b"ab"]
        corpus = smuggled(head, hidden)
        assert len(corpus) > 70
        for start in range(0, len(corpus), 10):
            await asyncio.gather(
                *(raw(port, each) for each in corpus[start : start + 10])
            )
        assert (await raw(port, plain)).startswith(b"HTTP/1.1 200")
    assert {seen.target for seen in there.seen} == {"/send"}
    for seen in there.seen:
        names = [header.lower() for header, _ in seen.pairs]
        assert len({"content-length", "transfer-encoding"} & set(names)) == 1
        assert names.count("content-length") + names.count("transfer-encoding") == 1
