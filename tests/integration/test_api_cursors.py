"""Cursors: no row is lost between two pages."""

from uuid import uuid4

import pytest

from metadata.definitions import Service
from registry import assignments
from tests.fixtures.api import World


@pytest.fixture(scope="module")
async def ranked(world: World) -> str:
    """Seven records; the tenant's own `rank` is required since the fourth was there."""
    name = f"ranks-{uuid4().hex[:8]}"
    fields = [{"id": "t", "name": "text", "type": "text"}]
    entity = {"id": "note", "name": "notes", "fields": fields}
    document = {"id": name, "name": name, "entities": [entity]}
    parts = world.app._app.state.parts
    async with parts.database.owner() as connection:
        await parts.publisher.publish(connection, Service.model_validate(document))
    async with parts.database.system() as connection:
        await assignments.assign(connection, world.ours, name)
    await parts.catalog.reload(name)
    parts.catalog.forget(world.ours)
    path = f"/api/v1/data/{name}/notes"
    for number in range(4):
        await world.operator.post(path, {"text": f"old {number}"})
    own = {"id": "r", "name": "rank", "type": "integer", "required": True}
    saved = await world.admin.request(
        "PUT",
        f"/api/v1/core/tenants/{world.ours}/services/{name}/overlay",
        {"overlay": {"fields": {"notes": [own]}}, "revision": 0},
    )
    assert saved.status == 200, saved.body
    for number in range(3):
        await world.operator.post(path, {"text": f"new {number}", "rank": number})
    return path


@pytest.mark.parametrize("sort", ["rank", "-rank", "rank:nulls_first", "-rank,text"])
async def test_pages_by_an_own_required_field_hold_older_records_too(
    world: World, ranked: str, sort: str
) -> None:
    found: list[str] = []
    after = ""
    for _ in range(4):
        reply = await world.viewer.get(f"{ranked}?sort={sort}&limit=2{after}")
        found.extend(row["text"] for row in reply.data)
        after = f"&cursor={reply.json['meta']['page'].get('next_cursor')}"
    assert not reply.json["meta"]["page"]["has_more"]
    old, new = [f"old {n}" for n in range(4)], [f"new {n}" for n in range(3)]
    assert sorted(found) == sorted([*old, *new])
