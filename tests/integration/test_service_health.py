"""Services are asked whether they live: by one process at a time, for all to read."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from engine.database import DatabaseError
from engine.settings import Settings
from registry.gateway.health import HealthChecks
from tests.fixtures.api import Client, World
from tests.fixtures.gateway import (
    Seen,
    Writer,
    endpoint,
    outside,
    publish,
    reply,
)

ENDPOINTS = [endpoint("show", "/show")]


def checks(world: World) -> HealthChecks:
    parts = world.app._app.state.parts
    return HealthChecks(parts.database.system, parts.gateway.client)


def due(settings: Settings, name: str) -> None:
    with psycopg.connect(settings.system_database_url) as system:
        system.execute(
            "update rangka.service_health set next_check_at = case service "
            "when %s then now() else now() + interval '1 hour' end",
            (name,),
        )


async def state(client: Client, name: str) -> Mapping[str, Any] | None:
    found = (await client.get("/api/v1/core/service-health")).data
    return next((each for each in found if each["service"] == name), None)


async def test_two_failures_make_it_ill_and_one_answer_well(
    world: World, settings: Settings
) -> None:
    status = 200

    async def act(seen: Seen, writer: Writer) -> None:
        writer.write(reply(status))

    await world.app._app.state.parts.gateway.health.stop()
    async with outside(act) as there:
        name = await publish(
            world,
            there.url,
            ENDPOINTS,
            tenants=[world.ours],
            health_check_url=f"{there.url}/health",
        )
        one = checks(world)
        await one.check_due()
        states = []
        for each in (200, 500, 500, 302):
            status = each
            due(settings, name)
            assert await one.check_due() == 1
            found = await state(world.viewer, name)
            assert found is not None
            states.append((found["state"], found["message"]))

        async def hang_up(seen: Seen, writer: Writer) -> None:
            writer.close()

        there.act = hang_up
        for _ in range(2):
            due(settings, name)
            await one.check_due()
    assert states == [
        ("healthy", ""),
        ("healthy", "Answered 500."),
        ("unhealthy", "Answered 500."),
        ("healthy", ""),
    ]
    found = await state(world.admin, name)
    assert found is not None
    assert (found["state"], found["breaker"]) == ("unhealthy", "closed")
    assert found["message"] == "The service's answer cannot be read."
    assert {seen.target for seen in there.seen} == {"/health"}
    assert await state(world.stranger, name) is None
    assert await state(world.root, name) is not None


async def test_checks_outlive_a_database_that_is_away(
    world: World, settings: Settings
) -> None:
    parts = world.app._app.state.parts
    looks = 0

    @asynccontextmanager
    async def away_once() -> AsyncIterator[Any]:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise DatabaseError("the connection is lost")
        async with parts.database.system() as connection:
            yield connection

    many = HealthChecks(away_once, parts.gateway.client, look_seconds=0.01)
    many.start()
    async with asyncio.timeout(20):
        while looks < 3:  # noqa: ASYNC110 - nothing tells of a look
            await asyncio.sleep(0.01)
    await many.stop()


async def test_of_many_processes_one_asks(world: World, settings: Settings) -> None:
    await world.app._app.state.parts.gateway.health.stop()
    async with outside() as there:
        name = await publish(
            world, there.url, ENDPOINTS, health_check_url=f"{there.url}/health"
        )
        many = [checks(world) for _ in range(6)]
        await many[0].check_due()
        there.seen.clear()
        due(settings, name)
        found = await asyncio.gather(*(each.check_due() for each in many))
    assert sum(found) == 1
    assert len(there.seen) == 1


async def test_a_check_reaches_no_forbidden_address(
    world: World, settings: Settings
) -> None:
    await world.app._app.state.parts.gateway.health.stop()
    name = await publish(
        world, "https://api.example", ENDPOINTS, health_check_url="http://10.0.0.1/"
    )
    one = checks(world)
    for _ in range(2):
        await one.check_due()
        due(settings, name)
    found = await state(world.root, name)
    assert found is not None
    assert "does not connect there" in found["message"]
    assert "10.0.0.1" not in found["message"]
