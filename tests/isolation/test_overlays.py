"""Two tenants with overlays of one service: neither learns of the other's."""

from typing import Any
from uuid import uuid4

import pytest

from metadata.definitions import Service
from registry import assignments
from tests.fixtures.api import World

BASE = {
    "entities": [
        {
            "id": "item",
            "name": "items",
            "fields": [{"id": "n", "name": "name", "type": "text"}],
        }
    ]
}


def overlay(word: str) -> dict[str, Any]:
    """Return an overlay that says the word wherever it can."""
    return {
        "fields": {
            "items": [{"id": "own_secret", "name": f"{word}_code", "type": "text"}]
        },
        "labels": {"items": f"{word} label"},
        "lists": {"items": {"views": [{"name": f"{word}_view"}]}},
        "menu": [{"id": f"{word}_menu", "name": f"{word}_menu", "path": "/x"}],
    }


@pytest.fixture
async def name(world: World) -> str:
    """A service that both tenants have, each with an overlay."""
    name = f"twin-{uuid4().hex[:8]}"
    parts = world.app._app.state.parts
    async with parts.database.owner() as connection:
        document = {**BASE, "id": name, "name": name}
        await parts.publisher.publish(connection, Service.model_validate(document))
    await parts.catalog.reload(name)
    for tenant, word in ((world.ours, "blue"), (world.theirs, "green")):
        async with parts.database.system() as connection:
            await assignments.assign(connection, tenant, name)
        path = f"/api/v1/core/tenants/{tenant}/services/{name}/overlay"
        body = {"overlay": overlay(word), "revision": 0}
        assert (await world.root.request("PUT", path, body)).status == 200
    return name


async def test_no_answer_names_the_other_tenants_words(world: World, name: str) -> None:
    base = f"/api/v1/data/{name}/items"
    mine = (await world.operator.post(base, {"name": "a", "blue_code": "b1"})).data
    other = (await world.stranger.post(base, {"name": "a", "green_code": "g1"})).data
    for client, record, theirs in (
        (world.operator, mine, "green"),
        (world.stranger, other, "blue"),
    ):
        for path in (
            base,
            f"{base}/{record['id']}",
            f"{base}/{record['id']}/history",
            f"{base}?search=a",
            f"{base}/export?format=csv",
            f"/api/v1/forms/{name}/items",
            "/api/v1/menus/user",
        ):
            reply = await client.get(path)
            assert theirs not in reply.body.decode(), path


@pytest.mark.parametrize(
    "query",
    [
        'filter={"green_code":{"_eq":"g1"}}',
        "sort=green_code",
        "fields=green_code",
        'aggregate={"n":{"_count":"green_code"}}',
    ],
)
async def test_the_other_tenants_field_is_unknown(
    world: World, name: str, query: str
) -> None:
    base = f"/api/v1/data/{name}/items"
    # The other tenant has asked the same before, so a shared plan would answer.
    assert (await world.stranger.get(f"{base}?{query}")).status == 200
    reply = await world.operator.get(f"{base}?{query}")
    assert reply.status == 400
    made_up = await world.operator.get(f"{base}?{query.replace('green', 'absent')}")
    assert made_up.status == 400
    said = reply.error["message"].replace("green", "absent")
    assert said == made_up.error["message"]


async def test_writing_the_other_tenants_field_is_refused(
    world: World, name: str
) -> None:
    body = {"name": "a", "green_code": "x"}
    reply = await world.operator.post(f"/api/v1/data/{name}/items", body)
    assert reply.details() == {("green_code", "unknown_field")}


async def test_the_same_field_id_never_shares_values(world: World, name: str) -> None:
    base = f"/api/v1/data/{name}/items"
    made = await world.stranger.post(base, {"name": "z", "green_code": "theirs"})
    assert (await world.operator.get(f"{base}/{made.data['id']}")).status == 404
    found = (await world.operator.get(base)).data
    assert all(row["blue_code"] != "theirs" for row in found)


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_an_overlay_of_another_tenant_is_not_there(
    world: World, name: str, method: str
) -> None:
    body = {"overlay": {}, "revision": 1} if method == "PUT" else None
    answers = []
    for tenant in (world.theirs, uuid4()):
        path = f"/api/v1/core/tenants/{tenant}/services/{name}/overlay"
        reply = await world.admin.request(method, path, body)
        answers.append((reply.status, reply.error["code"], reply.error["message"]))
    assert answers[0] == answers[1]
    assert answers[0][:2] == (404, "NOT_FOUND")
    theirs = f"/api/v1/core/tenants/{world.theirs}/services/{name}/overlay"
    assert (await world.root.get(theirs)).data["revision"] == 1


async def test_who_does_not_administer_may_not_change_an_overlay(
    world: World, name: str
) -> None:
    path = f"/api/v1/core/tenants/{world.ours}/services/{name}/overlay"
    body = {"overlay": {}, "revision": 1}
    for client in (world.operator, world.viewer):
        assert (await client.request("PUT", path, body)).status == 403
    assert (await world.anonymous.request("PUT", path, body)).status == 401
    assert (await world.admin.get(path)).data["revision"] == 1
