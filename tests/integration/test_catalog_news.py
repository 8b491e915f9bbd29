"""What a worker serves when the notification of a change never came."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from engine.app import build
from engine.settings import Settings
from metadata.definitions import Service
from registry import assignments
from tests.fixtures.api import Client, World, running

WITHIN_SECONDS = 5


@pytest.fixture
async def deaf(world: World, settings: Settings) -> AsyncIterator[Client]:
    """A client of an application that has lost its connection for notifications."""
    async with running(build(settings)) as app:
        await app._app.state.parts.database._listener.close()
        yield Client(app, world.admin.token)


async def publish(world: World) -> str:
    name = f"s{uuid4().hex[:10]}"
    fields = [{"id": "n", "name": "name", "type": "text"}]
    entity = {"id": "t", "name": "things", "fields": fields}
    body = {"id": name, "name": name, "entities": [entity]}
    parts = world.app._app.state.parts
    async with parts.database.owner() as connection:
        await parts.publisher.publish(connection, Service.model_validate(body))
    return name


async def change(world: World, what: Any, name: str, **options: Any) -> None:
    """Change what our tenant is assigned, past every worker."""
    async with world.app._app.state.parts.database.system() as connection:
        await what(connection, world.ours, name, **options)


async def status_becomes(client: Client, path: str, wanted: int) -> bool:
    for _ in range(WITHIN_SECONDS * 10):
        if (await client.get(path)).status == wanted:
            return True
        await asyncio.sleep(0.1)
    return False


async def test_a_lost_notification_of_an_assignment_heals(
    world: World, deaf: Client
) -> None:
    name = await publish(world)
    path = f"/api/v1/data/{name}/things"
    assert (await deaf.get(path)).status == 404
    await change(world, assignments.assign, name)
    assert await status_becomes(deaf, path, 200)
    await change(world, assignments.assign, name, status="suspended")
    assert await status_becomes(deaf, path, 404)
    await change(world, assignments.assign, name)
    assert await status_becomes(deaf, path, 200)
    await change(world, assignments.unassign, name)
    assert await status_becomes(deaf, path, 404)


async def test_a_change_for_one_tenant_leaves_the_others_known(
    world: World, deaf: Client
) -> None:
    catalog = deaf._app._app.state.parts.catalog
    await catalog.services(world.ours)
    await catalog.services(world.theirs)
    name = await publish(world)
    await change(world, assignments.assign, name)
    await catalog.check()
    assert world.ours.int not in catalog._tenants
    assert world.theirs.int in catalog._tenants
