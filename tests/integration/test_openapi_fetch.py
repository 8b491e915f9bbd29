"""A document that stands at an address: fetched once, guarded, and all bounded."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pytest

from engine import proxies
from registry.gateway.upstream import UpstreamClient
from registry.openapi.fetching import NotFetched, fetched
from tests.fixtures.api import World
from tests.fixtures.gateway import WAIT_SECONDS, Act, Seen, Writer, outside, reply

CORE = "/api/v1/core"
IMPORT = f"{CORE}/services/import-openapi"
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Small", "version": "1"},
    "servers": [{"url": "/v3"}],
    "paths": {
        "/a": {
            "get": {"operationId": "read", "responses": {"200": {"description": ""}}}
        }
    },
}
JSON = json.dumps(DOCUMENT).encode()
YAML = b"""openapi: 3.0.3
info: {title: Small, version: '1'}
paths:
  /a: {get: {operationId: read, responses: {'200': {description: ''}}}}
"""


@pytest.fixture
def name() -> str:
    return f"small{uuid4().hex[:8]}"


def giving(
    status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> Act:
    async def act(seen: Seen, writer: Writer) -> None:
        writer.write(reply(status, body, headers))
        await writer.drain()

    return act


async def preview(world: World, url: str) -> Any:
    reply = await world.root.post(IMPORT, {"url": url, "dry_run": True})
    return reply.data


@pytest.mark.parametrize(
    ("body", "base"), [(JSON, "/v3"), (b"\xef\xbb\xbf" + JSON, "/v3"), (YAML, "")]
)
async def test_a_document_is_fetched_whatever_its_kind(
    world: World, name: str, body: bytes, base: str
) -> None:
    async with outside(giving(200, body, {"Content-Type": "text/plain"})) as there:
        sent = {"url": f"{there.url}/docs/api?v=1", "name": name}
        answer = await world.root.post(IMPORT, sent)
    assert answer.status == 201, answer.body
    # An address that the document gives in part is read against its own.
    assert answer.data["definition"]["base_url"] == f"{there.url}{base}"
    [seen] = there.seen
    assert (seen.method, seen.target) == ("GET", "/docs/api?v=1")
    assert not {"authorization", "cookie", "x-tenant-id"} & set(seen.headers)
    assert (await world.root.get(f"{CORE}/services/{name}")).status == 200


REFUSED = {
    "nothing there": (404, b"", {}, "404"),
    "a failure": (500, b"secret", {}, "500"),
    "a log-in": (401, b"", {}, "log-in"),
    "elsewhere": (302, b"", {"Location": "http://127.0.0.1:1/secret"}, "elsewhere"),
    "a web page": (200, b"\n<!doctype html>", {}, "web page"),
    "no text": (200, b"\x1f\x8b\x08\x00\xff", {}, "UTF-8"),
    "too large": (200, b" " * (4 * 1024 * 1024 + 1), {}, "4 MiB"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("is_dry", [True, False])
async def test_an_answer_that_is_no_document_is_one_finding(
    world: World, name: str, case: str, is_dry: bool
) -> None:
    status, body, headers, word = REFUSED[case]
    async with outside(giving(status, body, headers)) as there:
        sent = {"url": f"{there.url}/a", "name": name, "dry_run": is_dry}
        answer = await world.root.post(IMPORT, sent)
    assert len(there.seen) == 1
    assert b"secret" not in answer.body
    if is_dry:
        [found] = answer.data["findings"]
        assert (found["path"], found["code"]) == ("/url", "fetch")
        assert word in found["message"]
        assert found["remedy"]
        assert answer.data["importable"] is False
    else:
        assert (answer.status, answer.error["code"]) == (422, "VALIDATION_ERROR")
        assert answer.details() == {("/url", "fetch")}
        assert word in answer.error["details"][0]["message"]
    assert (await world.root.get(f"{CORE}/services/{name}")).status == 404


async def test_private_addresses_all_get_the_same_answer(world: World) -> None:
    """Who asks learns of no address whether it is there, open or refused."""
    async with outside(giving(200, JSON)) as there:
        port = there.port
    told = {
        json.dumps((await preview(world, url))["findings"])
        for url in (
            f"http://127.0.0.1:{port}/",  # allowed, but closed
            "http://169.254.169.254/latest/meta-data",
            "https://10.0.0.1/",
            "https://192.168.0.1:5432/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://no-such-host.invalid/",
            "http://203.0.113.9/",  # public, but in the clear
        )
    }
    [only] = told
    assert "no document can be fetched" in only
    assert not any(word in only for word in ("127.", "10.0", "refused", "private"))


async def test_another_port_than_that_of_the_web_is_not_asked() -> None:
    """With no network allowed nothing on this machine is reached."""
    client = UpstreamClient()
    await client.start()
    async with outside(giving(200, JSON)) as there:
        for scheme in ("http", "https"):
            with pytest.raises(NotFetched):
                await fetched(client, f"{scheme}://127.0.0.1:{there.port}/")
    await client.stop()
    assert there.connections == 0


async def stay_silent(seen: Seen, writer: Writer) -> None:
    await asyncio.sleep(0)


async def begin_only(seen: Seen, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()


async def trickle(seen: Seen, writer: Writer) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("act", [stay_silent, begin_only, trickle])
async def test_a_server_that_hangs_ends_with_the_time_for_all_of_it(act: Act) -> None:
    client = UpstreamClient(proxies.networks("127.0.0.0/8"))
    await client.start()
    async with asyncio.timeout(WAIT_SECONDS), outside(act) as there:
        with pytest.raises(NotFetched) as failed:
            await fetched(client, there.url, seconds=0.3)
        for _ in range(500):
            if there.left == there.connections:
                break
            await asyncio.sleep(0.01)
    await client.stop()
    assert (there.connections, there.left) == (1, 1)
    assert "within 0.3 seconds" in failed.value.finding.message


async def test_a_server_that_breaks_off_is_told_so() -> None:
    async def act(seen: Seen, writer: Writer) -> None:
        await begin_only(seen, writer)
        writer.close()

    client = UpstreamClient(proxies.networks("127.0.0.0/8"))
    await client.start()
    async with outside(act) as there:
        with pytest.raises(NotFetched, match="breaks off"):
            await fetched(client, there.url)
    await client.stop()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "file:///etc/passwd",
        "ftp://example.com/a",
        "https://",
        "https://user:word@example.com/",
        "https://example.com/a#b",
        "https://example.com/a b",
        "https://example.com/\r\nX: 1",
        "https://exämple.com/",
        "https://example.com:99999/",
        f"https://example.com/{'a' * 2000}",
        7,
        {},
    ],
)
async def test_an_address_that_is_none_is_not_asked(world: World, url: Any) -> None:
    answer = await world.root.post(IMPORT, {"url": url})
    assert answer.status == 422, answer.body
    assert answer.details() == {("/url", "url")}


async def test_only_one_source_is_given(world: World) -> None:
    for more in ({"text": "a: 1"}, {"document": {}}):
        answer = await world.root.post(IMPORT, {"url": "https://a.example/", **more})
        assert answer.status == 400
    refused = await world.admin.post(IMPORT, {"url": "https://a.example/"})
    assert refused.status == 403
