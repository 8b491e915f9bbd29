"""A whole installation whose Redis is killed, and comes back empty.

Rows 11 and 12 of the plan of faults. Jobs and events alone are in `test_job_faults.py`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from engine.app import build
from engine.settings import Settings
from engine.streams import STREAM
from tests.fixtures.api import PASSWORD, Client, World, open_world, running
from tests.fixtures.database import own_database
from tests.fixtures.gateway import BASE, call, endpoint, outside, publish
from tests.fixtures.redis import RedisServer

REVOKED_SECONDS = 3
"""So soon a revocation binds every process, with Redis or without."""

WAIT_SECONDS = 30
"""A guard against hanging; nothing is measured by it."""

SAMPLES = "/api/v1/data/lab/samples"


@pytest.fixture
async def lost(
    settings: Settings, test_run_dir: Path, mortal_redis: RedisServer
) -> AsyncIterator[World]:
    with own_database(settings) as own:
        async with open_world(replace(own, redis_url=mortal_redis.url)) as world:
            yield world


async def until(holds: Callable[[], Awaitable[Any]], within: float) -> None:
    async with asyncio.timeout(within):
        while not await holds():  # noqa: ASYNC110 - asked of other processes
            await asyncio.sleep(0.05)


async def told(redis_url: str) -> set[str]:
    """Return the subjects of the events in the stream."""
    async with Redis.from_url(redis_url) as redis:
        entries = await redis.xrange(STREAM)
    return {json.loads(fields[b"event"])["subject"] for _, fields in entries}


async def session(app: Any, world: World) -> Client:
    """Log in as the operator."""
    email = (await world.operator.get("/api/v1/auth/me")).data["user"]["email"]
    body = {"email": email, "password": PASSWORD}
    reply = await Client(app).post("/api/v1/auth/login", body)
    return Client(app, reply.data["access_token"])


async def test_an_installation_lives_on_without_its_redis(
    lost: World, mortal_redis: RedisServer
) -> None:
    parts = lost.app._app.state.parts
    first = (await lost.operator.post(SAMPLES, {"name": "first"})).data["id"]

    async def is_there(*ids: str) -> bool:
        return set(ids) <= await told(mortal_redis.url)

    await until(lambda: is_there(first), WAIT_SECONDS)
    other = build(parts.settings)
    async with outside() as there, running(other):
        name = await publish(
            lost, there.url, [endpoint("rare", "/rare", rate_limit=10)]
        )
        path = f"{BASE}/{name}/rare"
        assert (await call(lost.operator, "GET", path)).status == 200
        await asyncio.to_thread(mortal_redis.kill)

        # Log-ins, permissions and what was published go on.
        fresh = await session(lost.app, lost)
        assert (await fresh.get(SAMPLES)).status == 200
        assert (await lost.viewer.post(SAMPLES, {"name": "no"})).status == 403

        # It is still limited: by what each process counts itself.
        found = [(await call(fresh, "GET", path)).status for _ in range(30)]
        # The call before counts too where Redis took longer than it may.
        passed = found.count(200)
        assert passed in {9, 10}
        assert found == [200] * passed + [429] * (30 - passed)

        # A session ended in one process ends in the other.
        elsewhere = Client(other, fresh.token)
        assert (await elsewhere.get(SAMPLES)).status == 200
        assert (await fresh.post("/api/v1/auth/logout", {})).status in {200, 204}

        async def refused() -> bool:
            return (await elsewhere.get(SAMPLES)).status == 401

        await until(refused, REVOKED_SECONDS)

        # Writes go on, their events wait; the process stays in service.
        second = (await lost.operator.post(SAMPLES, {"name": "second"})).data["id"]

        async def waits() -> bool:
            async with parts.database.system() as connection:
                found = await connection.execute(
                    "select 1 from rangka.stream_outbox o join rangka.log l "
                    "on l.tenant_id = o.tenant_id and l.id = o.log_id "
                    "where l.record_id = %s",
                    (second,),
                )
                return bool(await found.fetchall())

        await until(waits, WAIT_SECONDS)
        assert (await lost.anonymous.get("/health/ready")).status == 200
        report = (await lost.anonymous.get("/health")).json
        assert report["status"] == "degraded"
        assert report["dependencies"]["redis"]["state"] == "down"

        # It comes back with nothing: the sessions are there, and all the events.
        await asyncio.to_thread(mortal_redis.start)
        await until(lambda: is_there(first, second), WAIT_SECONDS)
        assert (await lost.operator.get(SAMPLES)).status == 200
        third = (await lost.operator.post(SAMPLES, {"name": "third"})).data["id"]
        await until(lambda: is_there(first, second, third), WAIT_SECONDS)

        async def counts_together() -> bool:
            await parts.gateway.limits.take("together", 10)
            async with Redis.from_url(mortal_redis.url) as redis:
                return bool(await redis.keys("*together"))

        await until(counts_together, WAIT_SECONDS)


async def test_a_redis_that_forgets_everything_ends_no_session(
    lost: World, mortal_redis: RedisServer
) -> None:
    made = [
        (await lost.operator.post(SAMPLES, {"name": f"sample {n}"})).data["id"]
        for n in range(200)
    ]

    async def all_are_there() -> bool:
        return set(made) <= await told(mortal_redis.url)

    await until(all_are_there, WAIT_SECONDS)
    refresh = await lost.operator.get("/api/v1/auth/sessions")
    sessions = len(refresh.data)
    async with Redis.from_url(mortal_redis.url) as redis:
        await redis.flushall()
        assert await redis.xlen(STREAM) == 0
    assert (await lost.operator.get(SAMPLES)).status == 200
    assert len((await lost.operator.get("/api/v1/auth/sessions")).data) == sessions
    await until(all_are_there, WAIT_SECONDS)
    found = (await lost.operator.get(f"{SAMPLES}?count=exact&limit=1")).json
    assert found["meta"]["page"]["count"] == 200
