"""Requests that hold a connection never wait for each other's, nor for exports."""

import asyncio
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from engine.app import build
from engine.settings import Settings
from tests.fixtures.api import Client, World, running

PATH = "/api/v1/data/lab/samples"


@pytest.mark.parametrize("way", ["idempotent", "bulk"])
async def test_writes_with_rules_not_loaded_yet_do_not_starve_each_other(
    world: World, way: str
) -> None:
    parts = world.app._app.state.parts
    many = parts.database._transactions.max_size + 2

    async def write() -> int:
        values = {"name": "x"}
        if way == "bulk":
            body = {"operations": [{"op": "create", "values": values}]}
            return (await world.admin.post(f"{PATH}/bulk", body)).status
        key = {"idempotency-key": uuid4().hex}
        return (await world.admin.post(PATH, values, headers=key)).status

    await asyncio.gather(*(write() for _ in range(many)))
    # Every connection is open now, so that all writes begin at once.
    parts.policy._tenants.clear()
    found = await asyncio.gather(*(write() for _ in range(many)))
    assert set(found) == {200 if way == "bulk" else 201}


async def test_rules_are_found_while_every_transaction_is_taken(world: World) -> None:
    parts = world.app._app.state.parts
    pool = parts.database._transactions
    async with AsyncExitStack() as stack:
        for _ in range(pool.max_size):
            transaction = parts.database.transaction(world.ours)
            await stack.enter_async_context(transaction)
        parts.policy._tenants.clear()
        parts.catalog.forget(world.ours)
        assert (await world.admin.get(PATH)).status == 200


async def test_running_exports_take_no_connection_of_other_requests(
    world: World, settings: Settings
) -> None:
    async with running(build(settings)) as app:
        parts = app._app.state.parts
        client = Client(app, world.admin.token)
        made = await client.post(PATH, {"name": "x"})
        # What an export holds while PostgreSQL makes its rows, for as long as allowed.
        async with AsyncExitStack() as stack:
            for _ in range(parts.database._exports.max_size):
                transaction = parts.database.export(world.ours)
                await stack.enter_async_context(transaction)
            parts.database._exports.timeout = 0.1
            another = await client.get(f"{PATH}/export?format=csv")
            assert another.status == 503
            assert int(another.headers["retry-after"]) > 0
            place = f"{PATH}/{made.data['id']}"
            parts.policy._tenants.clear()
            assert (await client.get(f"{place}/history")).status == 200
            assert (await client.patch(place, {"name": "y"})).status == 200
        assert (await client.get(f"{PATH}/export?format=csv")).status == 200
