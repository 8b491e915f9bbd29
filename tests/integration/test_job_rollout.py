"""Processes of two releases side by side: no event is lost to a consumer of either."""

from collections.abc import AsyncIterator
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
from registry.service import Event, JobHost, Service


@pytest.fixture
async def old(own: Settings) -> AsyncIterator[JobWorld]:
    """A process of the old release, that knows no consumer."""
    async with open_job_world(own) as opened:
        yield opened
        await opened.execute("delete from rangka.consumers")


def listening(name: str) -> Service:
    """Return the code of the new release."""
    code = Service(name)

    @code.on("notes", "create")
    async def follow(host: JobHost, event: Event) -> None:
        if event.changes["text"][1] != "written":
            return
        async with host.transaction() as inside:
            await inside.create(f"{name}.notes", {"text": "heard"})

    return code


async def begin(world: JobWorld) -> None:
    """Start a process and let it end before it does anything."""
    await world.parts.jobs.start(work=False)
    await world.parts.jobs.stop()


async def names(world: JobWorld) -> set[str]:
    found = await world.execute("select service from rangka.consumers")
    return {row["service"] for row in found} - {"network"}


async def test_an_old_process_passes_events_on_to_a_consumer_it_does_not_know(
    old: JobWorld,
) -> None:
    name = fresh_name()
    await old.publish(name)
    tenant, other = await old.tenant(name), await old.tenant()
    async with open_job_world(old.settings) as new:
        new.run_code(listening(name))
        await begin(new)
    await old.create(tenant, name, text="written")
    while await old.parts.jobs.dispatcher.pass_on():
        pass
    async with open_job_world(old.settings) as new:
        new.run_code(listening(name))
        async with working(new):

            async def heard() -> bool:
                return "heard" in await texts(old, tenant, name)

            await until(heard)
    assert sorted(await texts(old, tenant, name)) == ["heard", "written"]
    assert await old.jobs(other) == []


async def test_a_consumer_that_nobody_names_any_more_is_forgotten(
    old: JobWorld,
) -> None:
    gone, kept = fresh_name(), fresh_name()
    for name in (gone, kept):
        async with open_job_world(old.settings) as process:
            process.run_code(listening(name))
            await begin(process)
    await old.execute(
        "update rangka.consumers set seen_at = now() - interval '1 hour' "
        "where service = %s",
        gone,
    )
    await old.parts.jobs.consumers.tell()
    assert await names(old) == {kept}


async def test_after_a_standstill_of_all_nobody_is_forgotten(old: JobWorld) -> None:
    other, own = fresh_name(), fresh_name()
    async with open_job_world(old.settings) as process:
        process.run_code(listening(other))
        await begin(process)
    await old.execute("update rangka.consumers set seen_at = now() - interval '1 day'")
    old.run_code(listening(own))
    await old.parts.jobs.consumers.tell()
    assert await names(old) == {other, own}


async def texts(world: JobWorld, tenant: UUID, name: str) -> list[str]:
    return [note["text"] for note in await world.notes(tenant, name)]
