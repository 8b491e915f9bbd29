"""Publishing while others use the tables, and while others publish."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from publishing_world import NAME, NOTE, Shelf, entity, fresh_name, items, service

from engine.settings import Settings
from registry.publishing import PLANNED, Publisher, PublishError


@pytest.fixture
def shelf(settings: Settings) -> Shelf:
    return Shelf(settings)


@pytest.fixture
def name() -> str:
    return fresh_name()


@asynccontextmanager
async def in_use(shelf: Shelf, name: str) -> AsyncIterator[None]:
    """Have a transaction open that has read the table."""
    async with shelf.database.owner() as connection:
        await connection.execute(f"SELECT 1 FROM svc_{name}.items".encode())
        yield


async def test_a_table_that_is_used_for_a_while_is_waited_for(
    shelf: Shelf, name: str
) -> None:
    await shelf.publish(items(name, NAME))
    async with in_use(shelf, name):
        publish = asyncio.create_task(shelf.publish(items(name, NAME, NOTE)))
        await asyncio.sleep(0.5)
        assert not publish.done()
        # Nobody else is kept waiting by the publish that waits.
        for _ in range(20):
            await shelf.insert(f"{name}.items", name="written meanwhile")
    assert await publish == 2
    assert await shelf.drift(name) == []
    assert len(await shelf.read(f"{name}.items", "note")) == 20


async def test_a_table_that_stays_in_use_ends_in_an_error_that_says_what_to_do(
    settings: Settings, name: str
) -> None:
    shelf = Shelf(settings, Publisher(attempts=2))
    await shelf.publish(items(name, NAME))
    async with in_use(shelf, name):
        with pytest.raises(PublishError) as refused:
            await shelf.publish(items(name, NAME, NOTE))
    assert refused.value.code == "tables_busy"
    assert "Publish again when it has ended" in refused.value.message
    assert await shelf.drift(name) == []
    assert await shelf.publish(items(name, NAME, NOTE)) == 2


async def test_publishes_of_one_service_take_turns(shelf: Shelf, name: str) -> None:
    await shelf.publish(items(name, NAME))
    fields: list[dict[str, Any]] = [
        {"id": f"x{n}", "name": f"x{n}", "type": "integer"} for n in range(4)
    ]
    versions = await asyncio.gather(
        *(shelf.publish(items(name, NAME, *fields[: n + 1])) for n in range(4)),
        return_exceptions=True,
    )
    done = [version for version in versions if isinstance(version, int)]
    refused = [error for error in versions if not isinstance(error, int)]
    assert sorted(done) == list(range(2, 2 + len(done)))
    # One that would undo a later one loses columns, and says so.
    assert all(
        isinstance(error, PublishError) and error.code == "needs_consent"
        for error in refused
    )
    assert await shelf.drift(name) == []


@pytest.mark.parametrize(
    ("old", "new", "written"),
    [
        pytest.param({"type": "decimal"}, {"type": "integer"}, "2.5", id="rounded"),
        pytest.param({"type": "text"}, {"type": "integer"}, "x", id="no cast"),
        pytest.param(
            {"type": "text"}, {"type": "text", "required": True}, None, id="null"
        ),
        pytest.param(
            {"type": "text"}, {"type": "text", "max_length": 2}, "abc", id="too long"
        ),
    ],
)
async def test_a_value_written_after_the_count_stops_the_publish(
    shelf: Shelf,
    name: str,
    old: dict[str, Any],
    new: dict[str, Any],
    written: str | None,
) -> None:
    def version(value: dict[str, Any], *more: dict[str, Any]) -> Any:
        field = {"id": "v", "name": "value", **value}
        return service(name, entity("items", *more, NAME), entity("last", NAME, field))

    await shelf.publish(version(old, NOTE))

    async def write(number: int) -> None:
        if number == PLANNED:
            await shelf.insert(f"{name}.last", name="late", value=written)

    with pytest.raises(PublishError) as refused:
        await shelf.publish(version(new), accept_loss=["items.note"], after_step=write)
    assert refused.value.code == "values_do_not_fit"
    kept = Decimal(written) if written == "2.5" else written
    assert await shelf.read(f"{name}.last", "value") == [(kept,)]
    assert await shelf.read(f"{name}.items", "note") == []
    assert await shelf.drift(name) == []


async def test_tables_changed_by_hand_are_not_published_over(
    shelf: Shelf, name: str
) -> None:
    await shelf.publish(items(name, NAME, NOTE))
    await shelf.run(f"ALTER TABLE svc_{name}.items DROP COLUMN note")
    shorter = items(name, NAME, {**NOTE, "max_length": 3})
    with pytest.raises(PublishError) as refused:
        await shelf.plan(shorter)
    assert refused.value.code == "tables_differ"
    assert f"rangka service drift {name}" in refused.value.message
