"""Publishing while two processes serve: no request fails, no write is lost."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from engine.app import build
from engine.settings import Settings
from tests.fixtures.api import Client, World, running

ROUNDS = 8


def definition(name: str, extra: list[dict[str, Any]], title: str) -> dict[str, Any]:
    fields = [
        {"id": "t", "name": title, "type": "text"},
        {"id": "n", "name": "number", "type": "integer"},
        *extra,
    ]
    entity = {"id": "items", "name": "items", "fields": fields}
    return {"id": name, "name": name, "entities": [entity]}


async def test_no_request_fails_while_versions_change(
    world: World, settings: Settings
) -> None:
    name = f"load{uuid4().hex[:10]}"
    path, console = f"/api/v1/data/{name}/items", f"/api/v1/core/services/{name}"
    first = definition(name, [], "title")
    assert (await world.root.post("/api/v1/core/services/register", first)).status < 300
    assert (await world.root.post(f"{console}/publish")).status == 200
    place = f"/api/v1/core/tenants/{world.ours}/services/{name}"
    assert (await world.root.request("PUT", place, {})).status < 300

    async with running(build(settings)) as second:
        clients = [world.admin, Client(second, world.admin.token)]
        await _until_served(clients, path)
        stop = asyncio.Event()
        created: list[str] = []

        async def work(client: Client, number: int) -> int:
            calls = 0
            while not stop.is_set():
                made = await client.post(path, {"number": number})
                assert made.status == 201, made.body
                created.append(made.data["id"])
                one = await client.get(f"{path}/{made.data['id']}")
                assert one.status == 200, one.body
                changed = await client.patch(
                    f"{path}/{made.data['id']}", {"number": number + 1}
                )
                assert changed.status == 200, changed.body
                many = await client.get(f"{path}?sort=number&limit=5&count=exact")
                assert many.status == 200, many.body
                calls += 4
            return calls

        workers = [
            asyncio.create_task(work(client, n)) for n, client in enumerate(clients * 2)
        ]
        for number in range(ROUNDS):
            # Adds a field, takes it away again, and renames another one meanwhile.
            extra = [{"id": "x", "name": "extra", "type": "date"}] * (number % 2)
            title = ("title", "heading")[number // 2 % 2]
            body = {
                "definition": definition(name, extra, title),
                "accept_loss": ["items.extra"],
            }
            reply = await world.root.post(f"{console}/publish", body)
            assert reply.status == 200, reply.body
            await asyncio.sleep(0.2)
        stop.set()
        calls = sum(await asyncio.gather(*workers))

    total = await world.admin.get(f"{path}?limit=1&count=exact")
    assert total.json["meta"]["page"]["count"] == len(created)
    assert len(created) == len(set(created))
    assert calls > 4 * ROUNDS


async def _until_served(clients: list[Client], path: str) -> None:
    """Wait until every process has heard of the assignment."""
    for client in clients:
        for _ in range(100):
            if (await client.get(path)).status == 200:
                break
            await asyncio.sleep(0.05)
        else:
            pytest.fail("The service was not served within five seconds.")
