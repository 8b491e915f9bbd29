"""Keys, schedules, secrets and tenants: the rules of the ledger, one by one."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from job_world import (
    JobWorld,
    context,
    fresh_name,
    open_job_world,
    until,
    working,
)

from engine.jobs.ledger import NewJob, add, announce
from engine.record_columns import MASK
from engine.settings import Settings
from registry.service import JobHost, Payload, Service

SECRET = "rahasia-router-42"


@pytest.fixture
async def world(own: Settings) -> AsyncIterator[JobWorld]:
    async with open_job_world(own) as opened:
        yield opened
        await opened.parts.jobs.stop()
        await opened.execute("delete from rangka.jobs")


def quiet(*, cron: str | None = None, every_minutes: int | None = None) -> Service:
    """Return a service with a job that does nothing and, if asked for, a schedule."""
    code = Service(fresh_name())

    @code.job("nothing")
    async def nothing(host: JobHost, payload: Payload) -> None:
        return None

    if cron is not None or every_minutes is not None:

        @code.schedule("daily", cron=cron, every_minutes=every_minutes)
        async def daily(host: JobHost) -> dict[str, str]:
            return {"tenant": str(host.tenant_id)}

    return code


async def service_in(world: JobWorld, code: Service) -> UUID:
    """Publish the service of this code; return a tenant that has it."""
    await world.publish(code.name)
    world.run_code(code)
    return await world.tenant(code.name)


async def test_a_job_is_not_added_again_while_one_with_its_key_waits(
    world: JobWorld,
) -> None:
    code = quiet()
    tenant = await service_in(world, code)
    other = await world.tenant(code.name)

    for key in ("a", "a", "b"):
        await world.enqueue(tenant, code.name, "nothing", key=key)
    await world.enqueue(other, code.name, "nothing", key="a")

    assert [job["key"] for job in await world.jobs(tenant)] == ["a", "b"]
    assert [job["key"] for job in await world.jobs(other)] == ["a"]


async def test_a_waiting_job_is_moved_forward_and_never_back(world: JobWorld) -> None:
    code = quiet()
    tenant = await service_in(world, code)

    found = []
    for delay in (600, 60, 6000):
        await world.enqueue(tenant, code.name, "nothing", key="a", delay_seconds=delay)
        (job,) = await world.jobs(tenant)
        found.append((job["run_at"] - datetime.now(UTC)).total_seconds())

    assert found == pytest.approx([600, 60, 60], abs=30)


async def test_a_job_of_a_key_waits_for_the_write_that_counts_on_it(
    world: JobWorld,
) -> None:
    code = quiet()
    tenant = await service_in(world, code)
    await world.enqueue(tenant, code.name, "nothing", key="a")
    (job,) = await world.jobs(tenant)

    async with world.host(tenant, code.name) as host:
        await host.enqueue("nothing", {}, key="a")
        running = asyncio.create_task(world.parts.jobs.runner.run(tenant, job["id"]))
        done, _ = await asyncio.wait({running}, timeout=0.5)
        assert not done
    await running

    assert await world.states(tenant) == ["done"]


async def announced(world: JobWorld, most: int) -> list[UUID]:
    """Return the tenants of what is announced next, in order."""
    async with world.parts.database.system() as connection:
        found = await announce(
            connection, most=most, again=False, patience_seconds=10.0
        )
    return [tenant for tenant, _ in found]


async def test_many_jobs_of_a_tenant_do_not_keep_others_waiting(
    world: JobWorld,
) -> None:
    code = quiet()
    many = await service_in(world, code)
    few = await world.tenant(code.name)
    for _ in range(20):
        await world.enqueue(many, code.name, "nothing")
    for _ in range(2):
        await world.enqueue(few, code.name, "nothing")

    first = await announced(world, 4)
    assert first.count(few) == 2
    assert await announced(world, 100) == [many] * 18


async def test_jobs_of_a_tenant_that_is_not_active_wait(world: JobWorld) -> None:
    code = quiet()
    tenant = await service_in(world, code)
    await world.enqueue(tenant, code.name, "nothing")
    (job,) = await world.jobs(tenant)
    status = "update rangka.tenants set status = %s where id = %s"

    await world.execute(status, "suspended", tenant)
    assert await announced(world, 10) == []
    await world.parts.jobs.runner.run(tenant, job["id"])
    assert await world.states(tenant) == ["waiting"]
    await world.execute(status, "active", tenant)
    assert await announced(world, 10) == [tenant]
    await world.parts.jobs.runner.run(tenant, job["id"])
    assert await world.states(tenant) == ["done"]


async def test_two_processes_run_a_slot_once_for_each_tenant(
    own: Settings, world: JobWorld
) -> None:
    code = quiet(cron="0 2 * * *")
    jakarta = await service_in(world, code)
    tokyo = await world.tenant(code.name, time_zone="Asia/Tokyo")
    without = await world.tenant()
    async with open_job_world(own) as second:
        second.run_code(code)
        schedulers = [each.parts.jobs.scheduler for each in (world, second)]
        begin = datetime(2026, 5, 1, 0, 0, tzinfo=UTC)
        for hours in range(49):
            now = begin + timedelta(hours=hours)
            await asyncio.gather(*(each.look(now) for each in schedulers))
            await world.execute("update rangka.jobs set state = 'done'")

    slots = {
        tenant: [job["slot"] for job in await world.jobs(tenant)]
        for tenant in (jakarta, tokyo, without)
    }
    assert sorted(slots[jakarta]) == [
        "2026-05-01T19:00:00+00:00",
        "2026-05-02T19:00:00+00:00",
    ]
    assert sorted(slots[tokyo]) == [
        "2026-05-01T17:00:00+00:00",
        "2026-05-02T17:00:00+00:00",
    ]
    assert slots[without] == []


async def test_of_missed_slots_the_latest_runs_once(world: JobWorld) -> None:
    code = quiet(every_minutes=5)
    tenant = await service_in(world, code)
    scheduler = world.parts.jobs.scheduler
    begin = datetime(2026, 5, 1, 0, 2, tzinfo=UTC)

    at_first = await scheduler.look(begin)
    await scheduler.look(begin + timedelta(hours=3))
    await scheduler.look(begin + timedelta(hours=3, minutes=1))

    assert at_first == 0
    assert [job["slot"] for job in await world.jobs(tenant)] == [
        "2026-05-01T03:00:00+00:00"
    ]


async def test_a_schedule_runs_as_its_tenant(world: JobWorld) -> None:
    code = quiet(every_minutes=5)
    tenant = await service_in(world, code)
    scheduler = world.parts.jobs.scheduler
    await scheduler.look(datetime.now(UTC) - timedelta(minutes=10))
    async with working(world, schedules=True):

        async def done() -> bool:
            return await world.states(tenant) == ["done"]

        await until(done)
    (job,) = await world.jobs(tenant)
    assert (job["kind"], job["result"]) == ("schedule", {"tenant": str(tenant)})


async def test_an_opened_secret_stays_out_of_all_that_a_job_leaves(
    world: JobWorld, caplog: pytest.LogCaptureFixture
) -> None:
    code = quiet()
    notes = f"{code.name}.notes"

    @code.job("leak", max_attempts=1)
    async def leak(host: JobHost, payload: Payload) -> None:
        plain = await host.secret("notes", payload["note"], "password")
        assert plain == SECRET
        await host.progress(1, 1, f"with {plain}")
        with pytest.raises(ValueError, match="would hold a secret"):
            await host.enqueue("nothing", {"login": f"admin:{plain}"})
        async with host.transaction() as inside:
            with pytest.raises(ValueError, match="would hold a secret"):
                await inside.enqueue("nothing", {"deep": [{"login": plain}]})
        raise RuntimeError(f"login with {plain} failed")

    @code.job("answer")
    async def answer(host: JobHost, payload: Payload) -> dict[str, list[str | None]]:
        return {"said": [await host.secret(notes, payload["note"], "password")]}

    tenant = await service_in(world, code)
    note = await world.create(tenant, code.name, text="router", password=SECRET)
    for name in ("leak", "answer"):
        await world.enqueue(tenant, code.name, name, payload={"note": str(note)})
    async with working(world):

        async def ended() -> bool:
            return set(await world.states(tenant)) == {"failed", "done"}

        await until(ended)
    jobs = {job["name"]: job for job in await world.jobs(tenant)}
    logged = await world.execute(
        "select * from rangka.log where tenant_id = %s", tenant
    )
    assert set(jobs) == {"leak", "answer"}
    assert jobs["leak"]["error"] == f"RuntimeError: login with {MASK} failed"
    assert jobs["leak"]["progress_text"] == f"with {MASK}"
    assert jobs["answer"]["result"] == {"said": [MASK]}
    assert SECRET not in repr(jobs) + repr(logged) + caplog.text


async def test_a_secret_of_another_tenant_is_not_found(world: JobWorld) -> None:
    code, found = quiet(), list[str]()

    @code.job("peek")
    async def peek(host: JobHost, payload: Payload) -> None:
        try:
            found.append(str(await host.secret("notes", payload["note"], "password")))
        except LookupError as error:
            found.append(str(error))

    ours = await service_in(world, code)
    theirs = await world.tenant(code.name)
    note = await world.create(theirs, code.name, text="router", password=SECRET)
    await world.enqueue(ours, code.name, "peek", payload={"note": str(note)})
    async with working(world):

        async def done() -> bool:
            return await world.states(ours) == ["done"]

        await until(done)
    assert found == [f"there is no {code.name}.notes {note}"]


async def test_the_ledger_shows_and_takes_no_job_of_another_tenant(
    world: JobWorld,
) -> None:
    code = quiet()
    ours = await service_in(world, code)
    theirs = await world.tenant(code.name)
    await world.enqueue(theirs, code.name, "nothing")

    async with world.parts.database.transaction(ours) as connection:
        for table in ("jobs", "job_list", "inbox", "log"):
            rows = await connection.execute(f"select tenant_id from rangka.{table}")
            assert {row["tenant_id"] for row in await rows.fetchall()} <= {ours}
    foreign = NewJob(theirs, code.name, "nothing", {}, max_attempts=1)
    with pytest.raises(Exception, match="row-level security"):
        async with world.parts.records.transaction(context(ours)) as session:
            await add(session, foreign)

    assert len(await world.jobs(theirs)) == 1


async def test_a_service_that_a_tenant_lost_ends_its_jobs(world: JobWorld) -> None:
    code = quiet()
    tenant = await service_in(world, code)
    await world.enqueue(tenant, code.name, "nothing")
    await world.execute(
        "update rangka.assignments set status = 'inactive' where tenant_id = %s", tenant
    )
    world.parts.catalog.forget(tenant)
    (job,) = await world.jobs(tenant)

    await world.parts.jobs.runner.run(tenant, job["id"])

    (job,) = await world.jobs(tenant)
    assert (job["state"], job["error_code"]) == ("failed", "not_assigned")


async def test_a_payload_that_is_too_large_is_refused(world: JobWorld) -> None:
    code = quiet()
    tenant = await service_in(world, code)

    with pytest.raises(ValueError, match="pass ids instead of data"):
        await world.enqueue(
            tenant, code.name, "nothing", payload={"text": "x" * 70_000}
        )


async def test_jobs_that_ended_long_ago_are_deleted_and_others_kept(
    world: JobWorld,
) -> None:
    code = quiet()
    tenant = await service_in(world, code)
    ages = {"done": (13, 15), "failed": (15, 91)}
    for state, days in ages.items():
        for each in days:
            await world.execute(
                "insert into rangka.jobs (tenant_id, id, service, name, state, "
                "progress_text, finished_at) values (%s, %s, 's', 'n', %s, %s, "
                "now() - %s * interval '1 day')",
                tenant,
                uuid4(),
                state,
                f"{state} {each}",
                each,
            )

    await world.parts.jobs.purge()

    kept = {job["progress_text"] for job in await world.jobs(tenant)}
    assert kept == {"done 13", "failed 15"}
