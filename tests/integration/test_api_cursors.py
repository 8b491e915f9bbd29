"""Cursors: no row is lost between two pages, and a made-up cursor is refused."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any
from uuid import uuid4

import pytest

from metadata.definitions import Service
from registry import assignments
from tests.fixtures.api import World

SAMPLES = "/api/v1/data/lab/samples"


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


FORGED: dict[str, tuple[str, Any]] = {
    "a word for a number": ("amount", "abc"),
    "a number out of range": ("amount", "9" * 30),
    "a number of 5,000 digits": ("price", "9" * 5_000),
    "a word for a day": ("taken_on", "someday"),
    "a day that is none": ("taken_on", "2026-02-31"),
    "a word for a moment": ("created_at", "later"),
    "a year that no calendar has": ("updated_at", "999999-01-01"),
    "a word for an id": ("id", "not-an-id"),
    "null for an id": ("id", None),
    "null for a required text": ("name", None),
    "NUL in a text": ("name", "a\0b"),
    "half a character": ("name", "\ud800"),
    "a number where a text belongs": ("amount", 1),
    "a list": ("amount", ["1"]),
}


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_cursor_is_refused(world: World, name: str) -> None:
    field, value = FORGED[name]
    mark = uuid4().hex[:10]
    for number in range(2):
        await world.operator.post(
            SAMPLES,
            {
                "name": f"{mark} {number}",
                "amount": number,
                "price": "1.5",
                "taken_on": "2026-01-01",
            },
        )
    path = f"{SAMPLES}?filter[name][_starts]={mark}&sort={field}&limit=1"
    cursor = (await world.viewer.get(path)).json["meta"]["page"]["next_cursor"]
    raw = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    raw[1] = value
    forged = urlsafe_b64encode(json.dumps(raw).encode()).rstrip(b"=").decode()
    reply = await world.viewer.get(f"{path}&cursor={forged}")
    assert (reply.status, reply.error["code"]) == (400, "INVALID_CURSOR")
    assert reply.details() == {("cursor", "invalid")}
    assert (await world.viewer.get(f"{path}&cursor={cursor}")).status == 200
