"""Workers, dispatchers and brokers that die: nothing is lost and nothing is doubled.

Rows 2, 3, 4, 11 and 12 of the plan of faults: each against real processes, killed.
"""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from fault_services import fault_code
from job_world import (
    WITHIN_SECONDS,
    JobWorld,
    child,
    context,
    fresh_name,
    open_job_world,
    until,
    until_file,
    working,
)
from redis.asyncio import Redis

from engine.jobs.runner import SILENCE_SECONDS
from engine.settings import Settings
from engine.streams import STREAM

RESTART_SECONDS = 15.0
"""So soon after its worker was killed, a job runs again."""

EVENTS = 10_000


@pytest.fixture
async def world(own: Settings) -> AsyncIterator[JobWorld]:
    async with open_job_world(own) as opened:
        yield opened
        await opened.parts.jobs.stop()
        for table in ("outbox", "stream_outbox", "jobs", "job_messages"):
            await opened.execute(f"delete from rangka.{table}")


@pytest.fixture
async def redis_world(own: Settings, redis_url: str) -> AsyncIterator[JobWorld]:
    async with open_job_world(own, redis_url=redis_url) as opened:
        yield opened
        await opened.parts.jobs.stop()
        for table in ("outbox", "stream_outbox", "jobs", "job_messages"):
            await opened.execute(f"delete from rangka.{table}")


async def faulty(world: JobWorld, folder: Path) -> tuple[UUID, str]:
    """Publish a service that fails; return a tenant that has it, and its name."""
    name = fresh_name()
    await world.publish(name)
    world.run_code(fault_code(name, folder))
    return await world.tenant(name), name


async def write_events(world: JobWorld, tenant: UUID, name: str, number: int) -> None:
    """Create so many notes, each by a write of its own."""
    entity = await world.parts.catalog.entity(tenant, name, "notes")
    assert entity is not None
    turns = asyncio.Semaphore(8)

    async def write(count: int) -> None:
        async with turns:
            values = {"text": "heard", "count": count}
            await world.parts.records.create(context(tenant), entity, values)

    await asyncio.gather(*(write(count) for count in range(1, number + 1)))


async def fill_outbox(world: JobWorld, tenant: UUID, name: str, number: int) -> None:
    """Leave so many events as their writes leave them, without the writes."""
    await world.execute(
        """
        with logged as (
            insert into rangka.log
                (tenant_id, id, service, entity, record_id, action, record_version)
            select %s, gen_random_uuid(), %s, 'notes', gen_random_uuid(), 'create', 1
            from generate_series(1, %s) returning tenant_id, id)
        insert into rangka.outbox (tenant_id, log_id) select * from logged
        """,
        tenant,
        name,
        number,
    )


def patient(redis_url: str) -> Redis:
    """Return a client that waits as long as a busy machine takes."""
    return Redis.from_url(redis_url, socket_timeout=WITHIN_SECONDS)


async def test_the_job_of_a_killed_worker_runs_again_soon_and_once_in_effect(
    world: JobWorld, tmp_path: Path
) -> None:
    tenant, name = await faulty(world, tmp_path)
    async with child(world.settings, "work", name, tmp_path) as first:
        await until_file(tmp_path / "ready")
        await world.enqueue(tenant, name, "slow")
        await until_file(tmp_path / "slow-1")
        first.send_signal(signal.SIGKILL)
        await first.wait()
    killed = time.monotonic()
    async with working(world):
        await until_file(tmp_path / "slow-2")
        restarted = time.monotonic() - killed
        (tmp_path / "go").touch()

        async def done() -> bool:
            return await world.states(tenant, "slow") == ["done"]

        await until(done)
    (job,) = [job for job in await world.jobs(tenant) if job["name"] == "slow"]
    assert restarted <= RESTART_SECONDS
    assert job["result"] == {"attempt": 2}
    assert [note["text"] for note in await world.notes(tenant, name)] == ["once"]


async def test_a_job_that_always_kills_its_worker_ends_while_others_flow(
    world: JobWorld, tmp_path: Path
) -> None:
    tenant, name = await faulty(world, tmp_path)
    # What dies is started again, as whoever runs the workers does.
    await world.enqueue(tenant, name, "deadly")
    deaths = 0
    for attempt in range(1, 4):
        async with child(world.settings, "work", name, tmp_path) as worker:
            await until_file(tmp_path / f"deadly-{attempt}")
            assert await worker.wait() == -signal.SIGKILL
            deaths += 1
        await world.enqueue(tenant, name, "easy", payload={"after": attempt})
    async with working(world):

        async def ended() -> bool:
            states = await world.states(tenant, "easy", "deadly")
            return sorted(states) == ["done"] * 3 + ["failed"]

        await until(ended)
    (dead,) = [job for job in await world.jobs(tenant) if job["name"] == "deadly"]
    assert deaths == 3
    assert (dead["attempts"], dead["error_code"]) == (3, "worker_lost")
    assert not (tmp_path / "deadly-4").exists()
    assert len(await world.notes(tenant, name)) == 3


async def test_a_worker_that_fell_silent_writes_nothing_beside_its_successor(
    world: JobWorld, tmp_path: Path
) -> None:
    tenant, name = await faulty(world, tmp_path)
    async with child(world.settings, "work", name, tmp_path) as first:
        await until_file(tmp_path / "ready")
        await world.enqueue(tenant, name, "slow")
        await until_file(tmp_path / "slow-1")
        first.send_signal(signal.SIGSTOP)
        async with working(world):
            await until_file(tmp_path / "slow-2")
            (tmp_path / "go").touch()

            async def done() -> bool:
                return await world.states(tenant, "slow") == ["done"]

            await until(done)
            first.send_signal(signal.SIGCONT)
            # It finds the file, tries to write and is refused; then it is asked to go.
            await asyncio.sleep(1)
            first.send_signal(signal.SIGTERM)
            await first.wait()
    (job,) = [job for job in await world.jobs(tenant) if job["name"] == "slow"]
    assert (job["state"], job["result"]) == ("done", {"attempt": 2})
    assert [note["text"] for note in await world.notes(tenant, name)] == ["once"]


async def test_a_worker_that_is_asked_to_stop_puts_its_job_back_uncounted(
    own: Settings, tmp_path: Path
) -> None:
    async with open_job_world(own, drain_seconds=1) as world:
        tenant, name = await faulty(world, tmp_path)
        async with child(world.settings, "work", name, tmp_path) as worker:
            await until_file(tmp_path / "ready")
            await world.enqueue(tenant, name, "slow")
            await until_file(tmp_path / "slow-1")
            worker.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(worker.wait(), 20) == 0
        (job,) = await world.jobs(tenant)
    assert (job["state"], job["attempts"], job["claim"]) == ("waiting", 0, None)


async def test_10000_events_of_which_a_dispatcher_dies_are_each_counted_once(
    world: JobWorld, tmp_path: Path
) -> None:
    tenant, name = await faulty(world, tmp_path)
    await fill_outbox(world, tenant, name, EVENTS)
    async with child(world.settings, "dispatch", name, tmp_path) as dying:
        assert await dying.wait() == -signal.SIGKILL
    assert (tmp_path / "passed").exists()
    left = await world.execute("select count(*) as n from rangka.outbox")

    async def passed() -> bool:
        rows = await world.execute("select count(*) as n from rangka.outbox")
        return bool(rows[0]["n"] == 0)

    while await world.parts.jobs.dispatcher.pass_on():
        pass
    jobs = await world.execute(
        "select count(*) as n, count(distinct slot) as events from rangka.jobs "
        "where tenant_id = %s and kind = 'event'",
        tenant,
    )
    assert 0 < left[0]["n"] < EVENTS
    assert await passed()
    assert jobs == [{"n": EVENTS, "events": EVENTS}]


async def test_the_effect_of_an_event_is_one_though_its_consumer_is_killed_after_it(
    world: JobWorld, tmp_path: Path
) -> None:
    tenant, name = await faulty(world, tmp_path)
    number = 20
    await write_events(world, tenant, name, number)
    async with child(world.settings, "work", name, tmp_path) as first:
        await until_file(tmp_path / "counted")
        assert await first.wait() == -signal.SIGKILL
    async with working(world):

        async def done() -> bool:
            states = await world.states(tenant)
            return len(states) == 2 * number and set(states) == {"done"}

        await until(done, within=SILENCE_SECONDS + 60)
    notes = await world.notes(tenant, name)
    counted = sorted(note["count"] for note in notes if note["text"] == "counted")
    assert counted == list(range(1, number + 1))


async def test_10000_events_killed_between_stream_and_mark_are_all_there(
    redis_world: JobWorld, tmp_path: Path, redis_url: str
) -> None:
    world = redis_world
    tenant, name = await faulty(world, tmp_path)
    await fill_outbox(world, tenant, name, EVENTS)
    async with patient(redis_url) as redis:
        await redis.delete(STREAM)
        async with child(world.settings, "publish", name, tmp_path) as dying:
            assert await dying.wait() == -signal.SIGKILL
        first = await redis.xlen(STREAM)
        jobs = world.parts.jobs
        while await jobs.dispatcher.pass_on():
            pass
        assert jobs._streams is not None
        while await jobs._streams.publish():
            pass
        entries = await redis.xrange(STREAM)
    events = [json.loads(fields[b"event"]) for _, fields in entries]
    ours = [each for each in events if each["tenantid"] == str(tenant)]
    assert first > 0
    assert len(ours) > len({each["id"] for each in ours}) == EVENTS
    assert {each["specversion"] for each in ours} == {"1.0"}
    assert {each["type"] for each in ours} == {f"rangka.{name}.notes.create"}


async def stream_ids(redis: Redis, tenant: UUID) -> list[str]:
    """Return the ids of a tenant's events in the stream, in its order."""
    found, after = [], "-"
    while entries := await redis.xrange(STREAM, min=after, count=1000):
        after = f"({entries[-1][0].decode()}"
        events = [json.loads(fields[b"event"]) for _, fields in entries]
        found += [each["id"] for each in events if each["tenantid"] == str(tenant)]
    return found


async def publish_all(world: JobWorld) -> None:
    """Pass on what waits, to the stream too, as the background does."""
    jobs = world.parts.jobs
    assert jobs._streams is not None
    await jobs._streams.restore()
    while await jobs.dispatcher.pass_on():
        pass
    while await jobs._streams.publish():
        pass


@pytest.mark.parametrize("loss", ["everything", "what came after a snapshot"])
async def test_events_that_redis_forgot_are_published_again(
    redis_world: JobWorld, tmp_path: Path, redis_url: str, loss: str
) -> None:
    world = redis_world
    tenant, name = await faulty(world, tmp_path)
    async with patient(redis_url) as redis:
        await redis.flushall()
        await write_events(world, tenant, name, 500)
        await publish_all(world)
        snapshot = await redis.dump(STREAM)
        await write_events(world, tenant, name, 500)
        await publish_all(world)
        before = await stream_ids(redis, tenant)
        assert len(before) == len(set(before)) == 1000
        await redis.flushall()
        if loss != "everything":
            await redis.restore(STREAM, 0, snapshot)
            assert len(await stream_ids(redis, tenant)) == 500
        # What is written before the loss is noticed hides nothing.
        await write_events(world, tenant, name, 10)
        jobs = world.parts.jobs
        assert jobs._streams is not None
        while await jobs.dispatcher.pass_on():
            pass
        assert await jobs._streams.publish() == 10
        await publish_all(world)
        after = await stream_ids(redis, tenant)
        assert set(before) - set(after) == set()
        assert len(set(after)) == 1010
        # Nothing is lost any more, so nothing is published again.
        length = await redis.xlen(STREAM)
        assert await jobs._streams.restore() is False
        await publish_all(world)
        assert await redis.xlen(STREAM) == length


async def test_of_several_processes_one_publishes_again(
    own: Settings, tmp_path: Path, redis_url: str
) -> None:
    async with (
        open_job_world(own, redis_url=redis_url) as one,
        open_job_world(own, redis_url=redis_url) as other,
        patient(redis_url) as redis,
    ):
        await redis.flushall()
        tenant, name = await faulty(one, tmp_path)
        await write_events(one, tenant, name, 20)
        for world in (one, other):
            await publish_all(world)
        await redis.flushall()
        for world in (one, other):
            await publish_all(world)
        for world in (other, one):
            await publish_all(world)
        ids = await stream_ids(redis, tenant)
        for world in (one, other):
            await world.parts.jobs.stop()
        for table in ("outbox", "stream_outbox", "jobs", "job_messages"):
            await one.execute(f"delete from rangka.{table}")
    assert len(ids) == len(set(ids)) == 20


async def test_jobs_outlive_a_redis_that_forgets_everything(
    redis_world: JobWorld, tmp_path: Path, redis_url: str
) -> None:
    world = redis_world
    tenant, name = await faulty(world, tmp_path)
    for _ in range(50):
        await world.enqueue(tenant, name, "easy")
    assert await world.parts.jobs.announcer.announce() >= 50
    async with patient(redis_url) as redis:
        assert await redis.dbsize() > 0
        await redis.flushall()
    async with working(world):

        async def done() -> bool:
            states = await world.states(tenant)
            return states.count("done") >= 50

        await until(done)
    notes = [n for n in await world.notes(tenant, name) if n["text"] == "easy"]
    assert len(notes) == 50


async def test_a_wiped_broker_table_loses_no_job(
    world: JobWorld, tmp_path: Path
) -> None:
    tenant, name = await faulty(world, tmp_path)
    for _ in range(20):
        await world.enqueue(tenant, name, "easy")
    assert await world.parts.jobs.announcer.announce() >= 20
    await world.execute("delete from rangka.job_messages")
    async with working(world):

        async def done() -> bool:
            states = await world.states(tenant)
            return states.count("done") >= 20

        await until(done)
    notes = [n for n in await world.notes(tenant, name) if n["text"] == "easy"]
    assert len(notes) == 20


async def test_without_redis_events_and_jobs_wait_and_writes_go_on(
    own: Settings, tmp_path: Path, unused_tcp_address: str
) -> None:
    async with open_job_world(own, redis_url=unused_tcp_address) as world:
        tenant, name = await faulty(world, tmp_path)
        async with working(world):
            await world.create(tenant, name, text="written")
            await world.enqueue(tenant, name, "easy")

            async def passed() -> bool:
                rows = await world.execute(
                    "select 1 from rangka.stream_outbox where tenant_id = %s", tenant
                )
                return bool(rows)

            await until(passed)
        states = {job["name"]: job["state"] for job in await world.jobs(tenant)}
    assert states == {"count": "waiting", "easy": "waiting"}
    async with open_job_world(own) as healed:
        healed.run_code(fault_code(name, tmp_path))
        async with working(healed):

            async def done() -> bool:
                return set(await healed.states(tenant)) == {"done"}

            await until(done)


@pytest.fixture
def unused_tcp_address() -> str:
    """Return the address of a Redis that is not there."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"redis://127.0.0.1:{probe.getsockname()[1]}/0"
