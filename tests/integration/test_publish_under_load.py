"""Publishing while two processes serve: no request fails, no write goes astray."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest

from engine.app import build
from engine.settings import Settings
from tests.fixtures.api import Client, World, running

NUMBER = {"id": "n", "name": "number", "type": "integer"}
LEFT = {"id": "l", "name": "left", "type": "text"}
RIGHT = {"id": "r", "name": "right", "type": "text"}
TITLE = {"id": "t", "name": "title", "type": "text"}
EXTRA = {"id": "x", "name": "extra", "type": "date"}
NEEDED = {"id": "x", "name": "extra", "type": "integer", "required": True, "default": 7}
TEXT = {"id": "x", "name": "extra", "type": "text", "default": "7"}
COUNT = {"id": "x", "name": "extra", "type": "integer", "default": 7}

CHANGES = {
    "a field comes and goes, another is renamed": (
        [TITLE],
        [TITLE, EXTRA],
        [{**TITLE, "name": "heading"}],
        [{**TITLE, "name": "heading"}, EXTRA],
    ),
    "a required field with a default comes and goes": ([], [NEEDED]),
    "a field changes its type and back": ([TEXT], [COUNT]),
}
"""Versions, each with `number` before; they are published in turn, again and again."""

ROUNDS = 8

Work = Callable[[Client, int], Awaitable[None]]


def definition(name: str, fields: Sequence[dict[str, Any]]) -> dict[str, Any]:
    entity = {"id": "items", "name": "items", "fields": [NUMBER, *fields]}
    return {"id": name, "name": name, "entities": [entity]}


class Load:
    """A service, two processes that serve it, and clients that never stop asking."""

    def __init__(self, world: World, second: Any) -> None:
        self.name = f"load{uuid4().hex[:10]}"
        self.path = f"/api/v1/data/{self.name}/items"
        self.console = f"/api/v1/core/services/{self.name}"
        self.world = world
        self.clients = [world.admin, Client(second, world.admin.token)]

    async def run(
        self, versions: Sequence[Sequence[dict[str, Any]]], work: Work
    ) -> None:
        """Publish the versions in turn while every client repeats `work`."""
        await self._begin(versions[0])
        stop = asyncio.Event()

        async def repeat(client: Client, number: int) -> None:
            while not stop.is_set():
                await work(client, number)

        async with asyncio.TaskGroup() as group:
            for number, client in enumerate(self.clients * 2):
                group.create_task(repeat(client, number))
            for number in range(1, ROUNDS + 1):
                fields = versions[number % len(versions)]
                body = {
                    "definition": definition(self.name, fields),
                    "accept_loss": ["items.extra"],
                }
                reply = await self.world.root.post(f"{self.console}/publish", body)
                assert reply.status == 200, reply.body
                await asyncio.sleep(0.2)
            stop.set()

    async def _begin(self, fields: Sequence[dict[str, Any]]) -> None:
        root = self.world.root
        register = "/api/v1/core/services/register"
        reply = await root.post(register, definition(self.name, fields))
        assert reply.status < 300, reply.body
        assert (await root.post(f"{self.console}/publish")).status == 200
        place = f"/api/v1/core/tenants/{self.world.ours}/services/{self.name}"
        assert (await root.request("PUT", place, {})).status < 300
        await _until_served(self.clients, self.path)


@pytest.mark.parametrize("versions", CHANGES.values(), ids=CHANGES)
async def test_no_request_fails_while_versions_change(
    world: World, settings: Settings, versions: Sequence[Sequence[dict[str, Any]]]
) -> None:
    async with running(build(settings)) as second:
        load = Load(world, second)
        created: list[str] = []

        async def work(client: Client, number: int) -> None:
            made = await client.post(load.path, {"number": number})
            assert made.status == 201, made.body
            created.append(made.data["id"])
            one = await client.get(f"{load.path}/{made.data['id']}")
            assert one.status == 200, one.body
            changed = await client.patch(
                f"{load.path}/{made.data['id']}", {"number": number + 1}
            )
            assert changed.status == 200, changed.body
            many = await client.get(f"{load.path}?sort=number&limit=5&count=exact")
            assert many.status == 200, many.body
            if all("extra" in [f["name"] for f in fields] for fields in versions):
                query = "filter[extra][_eq]=7&sort=-extra&limit=5"
                found = await client.get(f"{load.path}?{query}")
                assert found.status == 200, found.body
            operation = {"op": "update", "id": made.data["id"]}
            operation["values"] = {"number": number}
            body = {"atomic": number % 2 == 0, "operations": [operation]}
            bulk = await client.post(f"{load.path}/bulk", body)
            assert [each["status"] for each in bulk.data] == [200]

        await load.run(versions, work)
        total = await world.admin.get(f"{load.path}?limit=1&count=exact")
    assert total.json["meta"]["page"]["count"] == len(set(created)) == len(created)
    assert len(created) > ROUNDS


async def test_no_value_lands_in_the_wrong_field_while_names_are_swapped(
    world: World, settings: Settings
) -> None:
    straight = [LEFT, RIGHT]
    crossed = [{**LEFT, "name": "right"}, {**RIGHT, "name": "left"}]
    async with running(build(settings)) as second:
        load = Load(world, second)
        created: list[str] = []

        async def work(client: Client, number: int) -> None:
            sent = {"number": number, "left": "first", "right": "second"}
            made = await client.post(load.path, sent)
            assert made.status == 201, made.body
            assert (made.data["left"], made.data["right"]) == ("first", "second")
            created.append(made.data["id"])
            for name in ("left", "right"):
                place = f"{load.path}/{made.data['id']}"
                changed = await client.patch(place, {name: f"new {name}"})
                assert changed.status == 200, changed.body
                assert changed.data[name] == f"new {name}"

        await load.run([straight, crossed], work)

    # Fields are logged by their ids: what the log says last is what must stand there.
    parts = world.app._app.state.parts
    service = await parts.catalog.service(world.ours, load.name)
    names = {f.id: f.name for f in service.entities["items"].fields.values()}
    for record_id in created:
        record = (await world.admin.get(f"{load.path}/{record_id}")).data
        logged: dict[str, Any] = {}
        async with parts.database.transaction(world.ours) as connection:
            rows = await connection.execute(
                "SELECT changes FROM rangka.log WHERE tenant_id = %s "
                "AND record_id = %s ORDER BY id",
                (world.ours, record_id),
            )
            for row in await rows.fetchall():
                for field_id, (_, new) in row["changes"].items():
                    logged[names[field_id]] = new
        assert logged == {name: record[name] for name in logged}


async def _until_served(clients: list[Client], path: str) -> None:
    """Wait until every process has heard of the assignment."""
    for client in clients:
        for _ in range(100):
            if (await client.get(path)).status == 200:
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("The service was not served within five seconds.")
