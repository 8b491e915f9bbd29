"""What neither application reads is refused before either: one error, one body."""

import asyncio
import gzip
import json

import pytest

from tests.fixtures.api import Reply, World

SAMPLES = "/api/v1/data/lab/samples"


def code_of(reply: Reply) -> str:
    assert set(reply.json) == {"error"}
    assert reply.error["request_id"] == reply.headers["x-request-id"]
    assert reply.headers["x-content-type-options"] == "nosniff"
    return str(reply.error["code"])


PATHS = [
    "/api/v1/data/lab/%00",
    "/api/v1/data/%00/samples",
    f"{SAMPLES}/actions/%00",
    "/api/v1/core/services/%00",
    "/api/v1/core/services/a\0b/versions",
    "/api/v1/forms/lab/%00",
]


@pytest.mark.parametrize("path", PATHS)
async def test_a_path_with_nul_leads_nowhere(world: World, path: str) -> None:
    reply = await world.root.get(path)
    assert (reply.status, code_of(reply)) == (404, "NOT_FOUND")


ROUTES = {
    "a record": ("POST", SAMPLES, {"name": "compressed"}),
    "an import": ("POST", f"{SAMPLES}/import", {"name": "compressed"}),
    "a login": ("POST", "/api/v1/auth/login", {"email": "a@b.cc", "password": "x"}),
    "a team": ("POST", "/api/v1/core/teams", {"name": "compressed"}),
    "a draft": ("POST", "/api/v1/core/services/lab/validate", {}),
}


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "zstd", "gzip, br"])
@pytest.mark.parametrize("route", ROUTES)
async def test_a_compressed_body_is_refused(
    world: World, route: str, encoding: str
) -> None:
    method, path, body = ROUTES[route]
    plain = json.dumps(body).encode()
    # Plain JSON too: what the header says would otherwise depend on the content.
    for content in (gzip.compress(plain), plain):
        reply = await world.root.request(
            method, path, content, headers={"content-encoding": encoding}
        )
        assert code_of(reply) == "UNSUPPORTED_MEDIA_TYPE"
        assert reply.status == 415
        assert reply.headers["accept-encoding"] == "identity"


async def test_a_body_that_says_it_is_plain_is_taken(world: World) -> None:
    reply = await world.operator.post(
        SAMPLES, {"name": "plain"}, headers={"content-encoding": "Identity"}
    )
    assert reply.status == 201


@pytest.mark.parametrize("path", [f"{SAMPLES}?page_size=1", "/api/v1/data/lab/%00"])
async def test_a_request_that_has_ended_is_not_under_way(
    world: World, path: str
) -> None:
    task = asyncio.create_task(world.operator.get(path))
    await task
    assert task not in world.app._draining.under_way
