"""A publish whose process is killed between any two steps, and its follow-up."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from publishing_child import COMMITTED
from publishing_world import Shelf, entity, fresh_name, service

from engine.settings import Settings
from metadata import store, store_follow_ups
from metadata.definitions import Service, as_json
from registry.catalog import Catalog
from registry.publishing import PLANNED, Publisher
from registry.publishing_follow_ups import FollowUps
from tests.fixtures.database import own_database

CHILD = Path(__file__).with_name("publishing_child.py")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Iterator[Settings]:
    with own_database(settings) as own:
        yield own


def before(name: str) -> Service:
    return service(
        name,
        entity(
            "items",
            {"id": "a", "name": "name", "type": "text", "unique": True},
            {"id": "b", "name": "amount", "type": "text", "max_length": 20},
            {"id": "c", "name": "note", "type": "text"},
            {"id": "d", "name": "extra", "type": "integer"},
            soft_delete=True,
        ),
        entity("gone", {"id": "a", "name": "name", "type": "text"}),
    )


def after(name: str) -> Service:
    """Return a version with every kind of step in it."""
    return service(
        name,
        entity(
            "items",
            # `amount` and `name` change places, and one of them its type.
            {"id": "a", "name": "amount", "type": "text", "max_length": 99},
            {"id": "b", "name": "name", "type": "integer", "required": True},
            {"id": "c", "name": "note", "type": "text", "index": True},
            {"id": "n", "name": "size", "type": "integer", "default": 4},
            {
                "id": "k",
                "name": "double",
                "type": "computed",
                "result": {"type": "integer"},
                "expression": {"_mul": [{"field": "name"}, 2]},
            },
            {"id": "r", "name": "box", "type": "relation", "to": f"{name}.boxes"},
        ),
        entity("boxes", {"id": "a", "name": "name", "type": "text"}),
    )


STATEMENTS = 9
"""How many statements `after` leaves for after its commit on a large table."""

LOSSES = ["items.extra", "items.deleted_at", "gone"]


def kill(settings: Settings, *jobs: dict[str, Any]) -> list[int]:
    """Do the jobs in processes of their own; return how each ended."""
    order = {"owner": settings.owner_database_url, "jobs": jobs}
    done = subprocess.run(
        [sys.executable, str(CHILD)],
        input=json.dumps(order),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.split()]


def job(definition: Service, step: int | str | None, **options: Any) -> dict[str, Any]:
    return {
        "definition": as_json(definition),
        "after": step,
        "accept_loss": LOSSES,
        "large_table_rows": 10**9,
        **options,
    }


async def filled(shelf: Shelf) -> str:
    """Publish the first version under a fresh name, with a record in it."""
    name = fresh_name()
    await shelf.publish(before(name))
    await shelf.insert(f"{name}.items", name="lamp", amount="7", note="n", extra=1)
    return name


async def published_version(shelf: Shelf, name: str) -> int | None:
    async with shelf.database.owner() as connection:
        stored = await store.service(connection, name)
    return stored.published_version if stored else None


async def test_killed_after_any_step_nothing_of_the_publish_is_left(
    settings: Settings,
) -> None:
    shelf = Shelf(settings)
    sample = await filled(shelf)
    steps = (await shelf.plan(after(sample))).steps
    assert len(steps) > 20
    names = [await filled(shelf) for _ in range(len(steps) + 2)]

    ended = kill(
        settings, *(job(after(name), n) for n, name in enumerate(names, PLANNED))
    )

    assert ended == [-9] * len(names)
    for name in names:
        # Waits for the killed process's transaction to be undone, like anybody.
        await shelf.plan(before(name))
        assert await published_version(shelf, name) == 1
        assert await shelf.drift(name) == []
        assert await shelf.read(f"{name}.items", "name, amount, note, extra") == [
            ("lamp", "7", "n", 1)
        ]
        assert await shelf.publish(after(name), accept_loss=LOSSES) == 2
        assert await shelf.drift(name) == []
        assert await shelf.read(
            f"{name}.items", "amount, name, note, size, double"
        ) == [("lamp", 7, "n", 4, 14)]


async def test_killed_in_its_first_publish_a_service_is_not_there(
    settings: Settings,
) -> None:
    shelf = Shelf(settings)
    steps = len((await shelf.plan(before(fresh_name()))).steps)
    names = [fresh_name() for _ in range(steps + 2)]

    ended = kill(
        settings, *(job(before(name), n) for n, name in enumerate(names, PLANNED))
    )

    assert ended == [-9] * len(names)
    for name in names:
        assert await published_version(shelf, name) is None
        assert await shelf.drift(name) == []
        assert await shelf.publish(before(name)) == 1
        assert await shelf.drift(name) == []


async def test_killed_right_after_its_commit_a_publish_reaches_other_workers(
    settings: Settings,
) -> None:
    shelf = Shelf(settings)
    await shelf.database.open()
    catalog = Catalog(shelf.database.system, shelf.database.listen)
    name = await filled(shelf)
    await catalog.start()
    await catalog.reload(name)
    try:
        assert kill(settings, job(after(name), COMMITTED)) == [-9]

        assert await published_version(shelf, name) == 2
        assert await shelf.drift(name) == []
        for _ in range(100):
            items = catalog.target(f"{name}.items")
            if items is not None and items.version == 2:
                break
            await asyncio.sleep(0.05)
        assert items is not None
        assert items.version == 2
    finally:
        await catalog.stop()
        await shelf.database.close()


@pytest.mark.parametrize("statement", range(STATEMENTS))
async def test_killed_in_its_follow_up_the_rest_is_done_by_the_next(
    settings: Settings, statement: int
) -> None:
    shelf = Shelf(settings, Publisher(large_table_rows=0))
    name = await filled(shelf)
    publish = job(after(name), None, large_table_rows=0)

    assert kill(settings, publish, {"after": statement}) == [0, -9]

    async with shelf.database.owner() as connection:
        assert await store_follow_ups.follow_ups(connection, service=name)
    left = await shelf.drift(name)
    assert all("still to be finished" in line for line in left)
    await FollowUps(shelf.database.owner).run()
    assert await shelf.drift(name) == []
    assert await shelf.read(f"{name}.items", "amount, name, note") == [("lamp", 7, "n")]


async def test_there_are_no_more_statements_than_those_killed_after(
    settings: Settings,
) -> None:
    shelf = Shelf(settings, Publisher(large_table_rows=0))
    name = await filled(shelf)
    publish = job(after(name), None, large_table_rows=0)
    assert kill(settings, publish, {"after": STATEMENTS}) == [0, 0]
    assert await shelf.drift(name) == []


async def test_an_index_that_was_cut_off_is_built_anew(settings: Settings) -> None:
    shelf = Shelf(settings, Publisher(large_table_rows=0))
    name = await filled(shelf)
    await shelf.publish(after(name), accept_loss=LOSSES)
    await shelf.run(
        f"CREATE INDEX ix_items_c ON svc_{name}.items (tenant_id, note, id)"
    )
    # What a killed server leaves behind.
    assert settings.admin_database_url is not None
    with psycopg.connect(
        settings.admin_database_url, dbname=settings.database_name
    ) as admin:
        admin.execute(
            "UPDATE pg_index SET indisvalid = false "
            "WHERE indexrelid = (%s || '.ix_items_c')::regclass",
            (f"svc_{name}",),
        )
    assert any("ix_items_c" in line for line in await shelf.drift(name))

    await FollowUps(shelf.database.owner).run()

    assert await shelf.drift(name) == []
