"""Jobs, consumers and schedules run once in effect, with Redis and without."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from job_world import (
    JobWorld,
    fresh_name,
    open_job_world,
    until,
    working,
)

from engine.settings import Settings
from registry.service import Event, JobHost, Payload, Service


@pytest.fixture(params=["postgres", "redis"])
async def world(
    request: pytest.FixtureRequest, own: Settings
) -> AsyncIterator[JobWorld]:
    redis = None
    if request.param == "redis":
        redis = request.getfixturevalue("redis_url")
    async with open_job_world(own, redis_url=redis) as opened:
        yield opened


@pytest.fixture
async def plain(own: Settings) -> AsyncIterator[JobWorld]:
    async with open_job_world(own) as opened:
        yield opened


async def service_in(world: JobWorld, code: Service) -> UUID:
    """Publish the service of this code; return a tenant that has it."""
    await world.publish(code.name)
    world.run_code(code)
    return await world.tenant(code.name)


async def test_a_job_runs_as_its_tenant_and_leaves_its_result(world: JobWorld) -> None:
    code = Service(fresh_name())

    @code.job("write")
    async def write(host: JobHost, payload: Payload) -> dict[str, Any]:
        async with host.transaction() as inside:
            made = await inside.create(f"{code.name}.notes", {"text": payload["text"]})
        await host.progress(1, 1, "written")
        return {"note": made["id"], "tenant": str(host.tenant_id)}

    tenant = await service_in(world, code)
    other = await world.tenant(code.name)
    async with working(world):
        await world.enqueue(tenant, code.name, "write", payload={"text": "kopi"})

        async def done() -> bool:
            return await world.states(tenant) == ["done"]

        await until(done)
    (job,) = await world.jobs(tenant)
    (note,) = await world.notes(tenant, code.name)
    assert job["result"] == {"note": str(note["id"]), "tenant": str(tenant)}
    assert (job["attempts"], job["error"], job["progress_text"]) == (1, None, "written")
    assert (note["text"], note["created_by"]) == ("kopi", UUID(int=7))
    assert await world.notes(other, code.name) == []
    assert await world.jobs(other) == []


async def test_a_write_that_is_taken_back_takes_its_job_with_it(
    plain: JobWorld,
) -> None:
    code = Service(fresh_name())
    code.job("write")(_nothing)
    tenant = await service_in(plain, code)

    async def write() -> None:
        async with plain.host(tenant, code.name) as host:
            await host.enqueue("write", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await write()

    assert await plain.jobs(tenant) == []


async def test_a_job_that_nobody_declared_is_refused(plain: JobWorld) -> None:
    code = Service(fresh_name())
    tenant = await service_in(plain, code)

    with pytest.raises(LookupError, match="declares no job nothing"):
        await plain.enqueue(tenant, code.name, "nothing")


async def test_a_job_that_fails_is_tried_again_and_then_is_a_dead_letter(
    plain: JobWorld,
) -> None:
    code = Service(fresh_name())

    @code.job("break", max_attempts=2)
    async def fails(host: JobHost, payload: Payload) -> None:
        raise RuntimeError(f"attempt {host.attempt}")

    tenant = await service_in(plain, code)
    async with working(plain):
        await plain.enqueue(tenant, code.name, "break")

        async def failed() -> bool:
            return await plain.states(tenant) == ["failed"]

        await until(failed)
    (job,) = await plain.jobs(tenant)
    assert (job["attempts"], job["error_code"]) == (2, "error")
    assert job["error"] == "RuntimeError: attempt 2"
    between = job["finished_at"] - job["created_at"]
    assert between.total_seconds() > 1.5


async def test_a_job_that_fails_for_good_is_not_tried_again(plain: JobWorld) -> None:
    code = Service(fresh_name())

    @code.job("refuse")
    async def refuses(host: JobHost, payload: Payload) -> None:
        host.fail("Wrong password on the router.", "credentials")

    tenant = await service_in(plain, code)
    async with working(plain):
        await plain.enqueue(tenant, code.name, "refuse")

        async def failed() -> bool:
            return await plain.states(tenant) == ["failed"]

        await until(failed)
    (job,) = await plain.jobs(tenant)
    assert (job["attempts"], job["error_code"]) == (1, "credentials")
    assert job["error"] == "Wrong password on the router."


async def test_a_job_that_takes_too_long_is_cut_off(plain: JobWorld) -> None:
    code = Service(fresh_name())

    @code.job("sleep", max_attempts=1, timeout_seconds=0.2)
    async def sleeps(host: JobHost, payload: Payload) -> None:
        await asyncio.sleep(60)

    tenant = await service_in(plain, code)
    async with working(plain):
        await plain.enqueue(tenant, code.name, "sleep")

        async def failed() -> bool:
            return await plain.states(tenant) == ["failed"]

        await until(failed)
    (job,) = await plain.jobs(tenant)
    assert (job["error_code"], job["error"]) == (
        "timeout",
        "It took longer than 0.2 s.",
    )


async def test_a_consumer_hears_of_its_actions_with_changes_by_name(
    world: JobWorld,
) -> None:
    code, heard = Service(fresh_name()), list[Event]()

    @code.on("notes", "create")
    async def hear(host: JobHost, event: Event) -> None:
        heard.append(event)

    tenant = await service_in(world, code)
    async with working(world):
        note = await world.create(
            tenant, code.name, text="satu", password="sangat rahasia"
        )

        async def done() -> bool:
            return await world.states(tenant) == ["done"]

        await until(done)
    (event,) = heard
    assert (event.entity, event.action) == (f"{code.name}.notes", "create")
    assert (event.record_id, event.version, event.tenant_id) == (note, 1, tenant)
    assert event.source == f"/services/{code.name}/notes"
    assert event.type == f"rangka.{code.name}.notes.create"
    assert event.changes["text"] == (None, "satu")
    assert "sangat rahasia" not in repr(event)
    (job,) = await world.jobs(tenant)
    assert "rahasia" not in repr(job)


async def _nothing(host: JobHost, payload: Payload) -> None:
    return None
