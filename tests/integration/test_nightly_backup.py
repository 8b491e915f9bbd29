"""The backup of every night: the core tenant's, once, and visible when it fails."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.backup import restore
from engine.identity.passwords import Passwords
from engine.platform import ensure_core
from engine.settings import Settings
from tests.fixtures.api import PASSWORD
from tests.fixtures.database import own_database
from tests.integration.job_world import (
    JobWorld,
    open_job_world,
    until,
    working,
)

EVENING = datetime(2026, 11, 20, 12, tzinfo=UTC)
NIGHT = datetime(2026, 11, 20, 19, 30, tzinfo=UTC)
"""02:30 in Jakarta, 21 November."""


@pytest.fixture
async def world(
    settings: Settings, test_run_dir: Path, tmp_path: Path
) -> AsyncIterator[JobWorld]:
    """A process with a core tenant in Jakarta and another tenant beside it."""
    with own_database(settings) as own:
        async with open_job_world(own, backup_dir=tmp_path, backup_keep=2) as made:
            await ensure_core(
                made.parts.database,
                Passwords(),
                email="root@example.com",
                password=PASSWORD,
                name="Root",
            )
            await made.execute("update rangka.tenants set time_zone = 'Asia/Jakarta'")
            await made.tenant(time_zone="Asia/Jakarta")
            yield made


async def ledger(world: JobWorld) -> list[dict[str, object]]:
    return await world.execute(
        "select j.*, t.type from rangka.jobs j join rangka.tenants t "
        "on t.id = j.tenant_id where j.name = 'backup' order by j.created_at"
    )


async def ended(world: JobWorld) -> bool:
    jobs = await ledger(world)
    return bool(jobs) and all(j["state"] in {"done", "failed"} for j in jobs)


def written(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_one_backup_a_night_whatever_number_of_processes(
    world: JobWorld, tmp_path: Path
) -> None:
    look = world.parts.jobs.scheduler.look
    assert await look(EVENING) == 0
    async with open_job_world(world.settings) as other:
        added = await look(NIGHT), await other.parts.jobs.scheduler.look(NIGHT)
    assert sum(added) == 1
    assert await look(NIGHT + timedelta(minutes=5)) == 0
    async with working(world):
        await until(lambda: ended(world))
    (job,) = await ledger(world)
    assert (job["type"], job["service"], job["state"]) == ("core", "platform", "done")
    (file,) = written(tmp_path)
    result = job["result"]
    assert isinstance(result, dict)
    assert (result["file"], result["bytes"]) == (file.name, file.stat().st_size)


async def test_what_it_wrote_can_be_restored(world: JobWorld, tmp_path: Path) -> None:
    await world.parts.jobs.scheduler.look(EVENING)
    await world.parts.jobs.scheduler.look(NIGHT)
    async with working(world):
        await until(lambda: ended(world))
    settings = world.settings
    await world.parts.hub.stop()
    await world.parts.database.close()
    assert restore(settings, written(tmp_path)[0]).tenants == 2


async def test_a_backup_that_fails_says_why_and_is_tried_again(
    world: JobWorld, tmp_path: Path
) -> None:
    file = tmp_path / "taken"
    file.touch()
    async with open_job_world(world.settings, backup_dir=file / "below") as broken:
        await broken.parts.jobs.scheduler.look(EVENING)
        await broken.parts.jobs.scheduler.look(NIGHT)
        async with working(broken):

            async def tried() -> bool:
                jobs = await ledger(world)
                return bool(jobs) and jobs[0]["error"] is not None

            await until(tried)
    (job,) = await ledger(world)
    assert job["state"] == "waiting"
    assert "cannot be written" in str(job["error"])
    assert "RANGKA_BACKUP_DIR" in str(job["error"])


async def test_it_can_be_left_to_the_operator(world: JobWorld) -> None:
    async with open_job_world(world.settings, backup="off") as other:
        await other.parts.jobs.scheduler.look(EVENING)
        assert await other.parts.jobs.scheduler.look(NIGHT) == 0
    assert await ledger(world) == []


async def test_a_process_that_stops_ends_its_backup_and_the_next_one_makes_it(
    world: JobWorld, tmp_path: Path
) -> None:
    await world.parts.jobs.scheduler.look(EVENING)
    await world.parts.jobs.scheduler.look(NIGHT)
    hasty = {"backup_dir": tmp_path, "backup_keep": 2, "drain_seconds": 1}

    async def dumping() -> bool:
        return bool(written(tmp_path)) and bool(
            await world.execute(
                "select pid from pg_locks where not granted "
                "and relation = 'rangka.stream_outbox'::regclass"
            )
        )

    # pg_dump wants to read this table and waits for as long as it is locked.
    async with world.parts.database.owner() as connection:
        await connection.execute(
            "lock table rangka.stream_outbox in access exclusive mode"
        )
        async with (
            open_job_world(world.settings, **hasty) as stopped,
            working(stopped),
        ):
            await until(dumping)
        assert written(tmp_path) == []
    (job,) = await ledger(world)
    assert (job["state"], job["attempts"]) == ("waiting", 0)
    async with working(world):
        await until(lambda: ended(world))
    assert len(written(tmp_path)) == 1
