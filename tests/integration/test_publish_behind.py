"""A worker that has not heard of a publish answers as if it had."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from engine.app import build
from engine.settings import Settings
from metadata.definitions import Service
from registry import assignments
from tests.fixtures.api import Client, World, running

NAME = {"id": "n", "name": "name", "type": "text"}
COUNT = {"id": "x", "name": "count", "type": "integer", "required": True, "default": 1}
TEXT = {"id": "x", "name": "count", "type": "text", "default": "5"}
NUMBER = {"id": "x", "name": "count", "type": "integer", "default": 5}
LINES = {"id": "l", "name": "rows", "type": "lines"}
TITLE = {"id": "t", "name": "title", "type": "text"}
HEADING = {"id": "t", "name": "heading", "type": "text"}


class Behind:
    """One service, and a client of a worker that hears nothing."""

    def __init__(self, world: World, app: Any) -> None:
        self.catalog = app._app.state.parts.catalog
        self.name = f"s{uuid4().hex[:10]}"
        self.path = f"/api/v1/data/{self.name}/things"
        self.client = Client(app, world.admin.token)
        self.world = world

    async def publish(self, *fields: dict[str, Any]) -> None:
        """Publish a version; the other worker alone is told."""
        parts = self.world.app._app.state.parts
        requires = [f["to"].partition(".")[0] for f in fields if "to" in f]
        entity = {"id": "t", "name": "things", "fields": [NAME, *fields]}
        body = {
            "id": self.name,
            "name": self.name,
            "requires": requires,
            "entities": [entity],
        }
        definition = Service.model_validate(body)
        async with parts.database.owner() as connection:
            await parts.publisher.publish(connection, definition)
        await parts.catalog.reload(self.name)
        async with parts.database.system() as connection:
            await assignments.assign(connection, self.world.ours, self.name)
        parts.catalog.forget(self.world.ours)

    async def start(self, *fields: dict[str, Any]) -> str:
        """Publish a first version, make a record by the deaf worker; its address."""
        await self.publish(*fields)
        await self.catalog.reload(self.name)
        self.catalog.forget(self.world.ours)
        made = await self.client.post(self.path, {"name": "first"})
        assert made.status == 201, made.body
        return f"{self.path}/{made.data['id']}"

    async def logged(self, address: str) -> dict[str, Any]:
        """Return what the newest entry of a record's history says, by field."""
        newest = (await self.world.admin.get(f"{address}/history")).data[0]
        return {c["field"]: c["new"] for c in newest["changes"]}


@pytest.fixture(scope="module")
async def deaf(world: World, settings: Settings) -> AsyncIterator[Any]:
    """A running application without LISTEN and without polls."""
    async with running(build(settings)) as app:
        parts = app._app.state.parts
        await parts.database._listener.close()
        await parts.catalog.stop()
        yield app


@pytest.fixture
def behind(world: World, deaf: Any) -> Behind:
    return Behind(world, deaf)


@pytest.mark.parametrize("way", ["create", "bulk", "each", "import"])
async def test_a_new_required_field_gets_its_default(behind: Behind, way: str) -> None:
    await behind.start()
    await behind.publish(COUNT)
    create = {"op": "create", "values": {"name": "second"}}
    if way == "create":
        reply = await behind.client.post(behind.path, {"name": "second"})
    elif way == "import":
        kind = {"content-type": "text/csv"}
        place = f"{behind.path}/import"
        reply = await behind.client.post(place, b"name\nsecond\n", headers=kind)
        assert reply.data["imported"] == 1
    else:
        body = {"atomic": way == "bulk", "operations": [create]}
        reply = await behind.client.post(f"{behind.path}/bulk", body)
        assert [result["status"] for result in reply.data] == [201]
    assert reply.status < 300, reply.body
    records = (await behind.world.admin.get(behind.path)).data
    assert {record["name"]: record["count"] for record in records} == {
        "first": 1,
        "second": 1,
    }


@pytest.mark.parametrize(("before", "after"), [(TEXT, NUMBER), (NUMBER, TEXT)])
@pytest.mark.parametrize(
    ("method", "rest", "body"),
    [
        ("GET", "?filter[count][_eq]=5", None),
        ("GET", "?filter[count][_in]=5,6", None),
        ("GET", "?sort=count&limit=1", None),
        ("POST", "", {"name": "second"}),
        ("PATCH", "{id}", {"name": "changed"}),
        ("PUT", "{id}", {"name": "changed"}),
    ],
)
async def test_a_field_may_change_its_type(
    behind: Behind,
    before: dict[str, Any],
    after: dict[str, Any],
    method: str,
    rest: str,
    body: Any,
) -> None:
    address = await behind.start(before)
    await behind.publish(after)
    place = address if rest == "{id}" else f"{behind.path}{rest}"
    reply = await behind.client.request(method, place, body)
    assert reply.status in {200, 201}, reply.body
    for record in reply.data if isinstance(reply.data, list) else [reply.data]:
        assert record["count"] == after["default"]


async def test_swapped_names_are_written_and_logged_as_published(
    behind: Behind,
) -> None:
    left = {"id": "l", "name": "left", "type": "text"}
    right = {"id": "r", "name": "right", "type": "text"}
    address = await behind.start(left, right)
    await behind.client.patch(address, {"left": "L", "right": "R"})
    await behind.publish({**left, "name": "right"}, {**right, "name": "left"})
    changed = await behind.client.patch(address, {"left": "new"})
    assert changed.status == 200, changed.body
    assert (changed.data["left"], changed.data["right"]) == ("new", "L")
    assert await behind.logged(address) == {"left": "new"}


async def test_a_write_of_an_old_version_keeps_no_value(behind: Behind) -> None:
    """A decimal that became an integer would be rounded without a word."""
    decimal = {"id": "x", "name": "count", "type": "decimal"}
    address = await behind.start(decimal)
    await behind.publish({**decimal, "type": "integer"})
    reply = await behind.client.patch(address, {"count": "1.5"})
    assert reply.status == 422, reply.body
    assert (await behind.world.admin.get(address)).data["count"] is None


async def test_columns_of_lines_are_written_as_published(behind: Behind) -> None:
    address = await behind.start({**LINES, "fields": [TITLE]})
    await behind.publish({**LINES, "fields": [HEADING]})
    body = {"name": "x", "rows": []}
    assert (await behind.client.patch(address, body)).status == 200
    reply = await behind.client.post(
        behind.path, {"name": "y", "rows": [{"heading": "h"}]}
    )
    assert reply.data["rows"][0]["heading"] == "h"


async def test_a_relation_follows_a_service_that_was_published_again(
    behind: Behind, world: World, deaf: Any
) -> None:
    target = Behind(world, deaf)
    await target.start(TITLE)
    relation = {"id": "r", "name": "thing", "type": "relation"}
    await behind.start({**relation, "to": f"{target.name}.things"})
    query = f"{behind.path}?expand=thing"
    assert (await behind.client.get(query)).status == 200
    await target.publish(HEADING)
    assert (await behind.client.get(query)).status == 200


async def test_an_error_of_the_published_version_stays_an_error(
    behind: Behind,
) -> None:
    address = await behind.start(COUNT)
    over = await behind.client.patch(address, {"count": 2**70})
    assert over.status == 422
    assert (await behind.client.get(address)).data["count"] == 1
