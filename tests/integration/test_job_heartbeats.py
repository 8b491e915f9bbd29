"""A worker whose heartbeats nobody confirms stops before others may run its jobs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from uuid import UUID

import pytest
from job_world import JobWorld, fresh_name, open_job_world, until

from engine.database import Database
from engine.jobs.host import JobTools
from engine.jobs.runner import Runner
from engine.secrets import SecretBox
from engine.settings import Settings, derive_key
from registry.service import JobHost, Payload, Service

SILENCE = 2.0
WITHIN = 30.0
"""A guard against hanging; nothing is measured by it."""


@pytest.fixture
async def world(own: Settings) -> AsyncIterator[JobWorld]:
    async with open_job_world(own) as opened:
        yield opened
        await opened.execute("delete from rangka.jobs")


class Link:
    """The way to a database that may fall silent: no answer, not even to a cancel."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.back = asyncio.Event()
        self.back.set()

    @contextmanager
    def silent(self) -> Iterator[None]:
        self.back.clear()
        try:
            yield
        finally:
            self.back.set()

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Any]:
        while not self.back.is_set():
            with suppress(asyncio.CancelledError):
                await self.back.wait()
        async with self._database.system() as connection:
            yield connection


class Watched:
    """A job that goes on until it is cancelled."""

    def __init__(self) -> None:
        self.code = Service(fresh_name())
        self.begun = asyncio.Event()
        self.cancelled = asyncio.Event()

        @self.code.job("endless")
        async def endless(host: JobHost, payload: Payload) -> None:
            self.begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.set()


def runner(world: JobWorld, database: Any) -> Runner:
    parts = world.parts
    box = SecretBox(derive_key(world.settings.secret_key, "fields"))
    tools = JobTools(parts.database, parts.records, parts.reader, box)
    return Runner(
        database,
        parts.catalog,
        tools,
        lambda: parts.records.code,
        silence_seconds=SILENCE,
    )


@asynccontextmanager
async def running(world: JobWorld, runner: Runner, job: Watched) -> AsyncIterator[UUID]:
    """Run the job by this runner inside the block; give its tenant."""
    await world.publish(job.code.name)
    world.run_code(job.code)
    tenant = await world.tenant(job.code.name)
    await world.enqueue(tenant, job.code.name, "endless")
    (row,) = await world.jobs(tenant)
    runner.start()
    attempt = asyncio.create_task(runner.run(tenant, row["id"]))
    async with asyncio.timeout(WITHIN):
        await job.begun.wait()
    try:
        yield tenant
    finally:
        await runner.stop()
        await attempt


async def test_a_silent_database_ends_a_job_before_another_worker_may_take_it(
    world: JobWorld,
) -> None:
    link, job = Link(world.parts.database), Watched()
    other = runner(world, world.parts.database)
    async with running(world, runner(world, link), job) as tenant:

        async def taken_back() -> bool:
            return await other.take_back() == 1

        with link.silent():
            await until(taken_back, within=WITHIN)
            assert job.cancelled.is_set()
            assert await world.states(tenant) == ["waiting"]


async def test_a_job_whose_heartbeats_arrive_goes_on(world: JobWorld) -> None:
    job = Watched()
    other = runner(world, world.parts.database)
    async with running(world, runner(world, world.parts.database), job) as tenant:

        async def outlived() -> bool:
            (row,) = await world.jobs(tenant)
            alive = row["heartbeat_at"] - row["started_at"]
            return bool(alive.total_seconds() > SILENCE)

        await until(outlived, within=WITHIN)
        assert await other.take_back() == 0
        assert not job.cancelled.is_set()
