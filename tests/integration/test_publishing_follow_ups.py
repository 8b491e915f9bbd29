"""What a publish leaves for after its commit: indexes and proofs of large tables."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from publishing_world import (
    NAME,
    NOTE,
    Shelf,
    entity,
    fresh_name,
    items,
    service,
)

from engine.database import CheckViolation
from engine.settings import Settings
from metadata import store_follow_ups
from registry.publishing import PLANNED, Publisher
from registry.publishing_follow_ups import FollowUps
from tests.fixtures.database import own_database

LEFT = 5
"""What `after` leaves: two indexes, a check, a foreign key and a NOT NULL."""


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Iterator[Settings]:
    with own_database(settings) as own:
        yield own


@pytest.fixture
def shelf(settings: Settings) -> Shelf:
    """A shelf to whose publisher every table is a large one."""
    return Shelf(settings, Publisher(large_table_rows=0))


@pytest.fixture
def name() -> str:
    return fresh_name()


def before(name: str) -> Any:
    return service(name, entity("items", NAME, NOTE), entity("boxes", NAME))


def after(name: str, **note: Any) -> Any:
    changed = {**NOTE, "required": True, "index": True, "max_length": 70, **note}
    box = {"id": "b", "name": "box", "type": "relation", "to": f"{name}.boxes"}
    return service(name, entity("items", NAME, changed, box), entity("boxes", NAME))


async def waiting(shelf: Shelf, name: str) -> list[store_follow_ups.StoredFollowUp]:
    async with shelf.database.owner() as connection:
        return await store_follow_ups.follow_ups(connection, service=name)


async def test_a_plan_says_what_happens_after_the_commit(
    shelf: Shelf, name: str
) -> None:
    await shelf.publish(before(name))
    steps = [p.as_json() for p in (await shelf.plan(after(name))).steps]
    later = [step for step in steps if step["after_commit"]]
    now = [step for step in steps if not step["after_commit"]]
    assert any("CREATE INDEX CONCURRENTLY" in step["sql"] for step in later)
    assert any("VALIDATE CONSTRAINT" in step["sql"] for step in later)
    assert any("SET NOT NULL" in step["sql"] for step in later)
    assert not any("SET NOT NULL" in step["sql"] for step in now)
    assert not any("CREATE INDEX" in step["sql"] for step in now)
    added = [step["sql"] for step in now if "ADD CONSTRAINT" in step["sql"]]
    assert len(added) == 3
    assert all(sql.endswith("NOT VALID") for sql in added)


async def test_a_rule_holds_from_the_commit_and_is_proved_after_it(
    shelf: Shelf, name: str
) -> None:
    await shelf.publish(before(name))
    await shelf.insert(f"{name}.items", name="a", note="n")
    await shelf.publish(after(name))

    assert len(await waiting(shelf, name)) == LEFT
    assert all("still to be finished" in line for line in await shelf.drift(name))
    for wrong in (None, "n" * 71):
        with pytest.raises(CheckViolation):
            await shelf.insert(f"{name}.items", name="a", note=wrong)

    assert await FollowUps(shelf.database.owner).run() == LEFT

    assert await waiting(shelf, name) == []
    assert await shelf.drift(name) == []
    assert await shelf.read(f"{name}.items", "name, note") == [("a", "n")]


async def test_a_key_is_built_at_once_however_large_the_table(
    shelf: Shelf, name: str
) -> None:
    await shelf.publish(items(name, NAME, NOTE))
    unique = items(name, NAME, {**NOTE, "unique": True})
    (step,) = (await shelf.plan(unique)).steps
    assert step.step.follow_up is None
    assert step.step.lock == "SHARE"
    await shelf.publish(unique)
    assert await waiting(shelf, name) == []
    assert await shelf.drift(name) == []


@pytest.mark.parametrize(("threshold", "later"), [(500, True), (5000, False)])
async def test_how_many_rows_are_many_is_estimated(
    settings: Settings, name: str, threshold: int, later: bool
) -> None:
    shelf = Shelf(settings, Publisher(large_table_rows=threshold))
    await shelf.publish(items(name, NAME, NOTE))
    await shelf.run(
        f"INSERT INTO svc_{name}.items (tenant_id, id, name) SELECT gen_random_uuid(), "
        "gen_random_uuid(), 'row ' || n FROM generate_series(1, 1000) n"
    )
    (step,) = (await shelf.plan(items(name, NAME, {**NOTE, "index": True}))).steps
    assert (step.step.follow_up is not None) is later
    assert step.rows == 1000


async def test_renames_in_between_are_followed(shelf: Shelf, name: str) -> None:
    await shelf.publish(before(name))
    await shelf.publish(after(name))
    renamed = after(name).model_dump(mode="json", by_alias=True, exclude_unset=True)
    things, boxes = renamed["entities"]
    things["name"], boxes["name"] = "boxes", "items"
    things["fields"][1]["name"] = "remark"
    things["fields"][2]["to"] = f"{name}.items"
    definition = type(after(name)).model_validate(renamed)
    await shelf.publish(definition)
    assert len(await waiting(shelf, name)) == LEFT

    await FollowUps(shelf.database.owner).run()

    assert await waiting(shelf, name) == []
    assert await shelf.drift(name) == []


async def test_what_is_not_wanted_any_more_is_forgotten(
    shelf: Shelf, name: str
) -> None:
    await shelf.publish(before(name))
    await shelf.publish(after(name))
    await shelf.publish(before(name), accept_loss=["items.box"])
    left = {item.name for item in await waiting(shelf, name)}
    assert left == {"ck_items_f2_0"}
    await FollowUps(shelf.database.owner).run()
    assert await waiting(shelf, name) == []
    assert await shelf.drift(name) == []


async def test_a_proof_that_fails_says_why_and_succeeds_once_mended(
    shelf: Shelf, name: str
) -> None:
    await shelf.publish(before(name))

    async def write(number: int) -> None:
        if number == PLANNED:
            await shelf.insert(f"{name}.items", name="late", note=None)

    await shelf.publish(after(name), after_step=write)
    assert await FollowUps(shelf.database.owner).run() == LEFT - 1

    (left,) = await waiting(shelf, name)
    assert left.attempts == 1
    assert "violated by some row" in str(left.error)
    assert any("violated by some row" in line for line in await shelf.drift(name))
    assert await FollowUps(shelf.database.owner).run() == 0

    await shelf.run(f"UPDATE svc_{name}.items SET note = 'mended'")
    await shelf.run("UPDATE rangka.follow_ups SET retry_at = now()")
    assert await FollowUps(shelf.database.owner).run() == 1
    assert await shelf.drift(name) == []


async def test_one_process_works_at_a_time(shelf: Shelf, name: str) -> None:
    await shelf.publish(before(name))
    await shelf.publish(after(name))
    done = await asyncio.gather(
        *(FollowUps(shelf.database.owner).run() for _ in range(4))
    )
    assert sum(done) == LEFT
    assert await shelf.drift(name) == []


async def test_a_running_application_finishes_what_it_finds_and_what_comes(
    shelf: Shelf, name: str
) -> None:
    await shelf.publish(before(name))
    await shelf.publish(after(name))
    await shelf.database.open()
    working = FollowUps(shelf.database.owner, shelf.database.system)
    await working.start()
    try:
        await nothing_waits(shelf, name)
        await shelf.publish(after(name, max_length=60))
        working.wake()
        await nothing_waits(shelf, name)
    finally:
        await working.stop()
        await shelf.database.close()
    assert await shelf.drift(name) == []


async def nothing_waits(shelf: Shelf, name: str) -> None:
    for _ in range(200):
        if not await waiting(shelf, name):
            return
        await asyncio.sleep(0.05)
    pytest.fail("what the publish left was not finished")
