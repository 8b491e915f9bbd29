"""Publishing on a real PostgreSQL: tables, isolation, evolution, refusals."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from engine.database import Database
from engine.settings import Settings
from metadata import store
from metadata.definitions import Service
from registry.publishing import Publisher, PublishError


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    opened = Database(
        app_dsn=settings.app_database_url,
        system_dsn=settings.system_database_url,
        owner_dsn=settings.owner_database_url,
    )
    await opened.open()
    yield opened
    await opened.close()


def shop(name: str, *fields: dict[str, Any], **entity: Any) -> Service:
    return Service.model_validate(
        {
            "id": name,
            "name": name,
            "entities": [
                {"id": "item", "name": "items", "fields": list(fields), **entity}
            ],
        }
    )


NAME = {"id": "f1", "name": "name", "type": "text", "required": True, "max_length": 50}
NOTE = {"id": "f2", "name": "note", "type": "text", "max_length": 80}


@pytest.fixture
def name() -> str:
    return f"s{uuid4().hex[:12]}"


async def publish(database: Database, definition: Service, **options: Any) -> int:
    async with database.owner() as connection:
        version, _ = await Publisher().publish(connection, definition, **options)
    return version


async def fill(database: Database, service: str, tenant: Any, /, **values: str) -> None:
    columns = ", ".join(values)
    marks = ", ".join(["%s"] * len(values))
    async with database.transaction(tenant) as connection:
        await connection.execute(
            f'INSERT INTO "svc_{service}"."items" (tenant_id, id, {columns}) '
            f"VALUES (%s, %s, {marks})",
            (tenant, uuid4(), *values.values()),
        )


async def read(database: Database, name: str, tenant: Any, columns: str) -> list[Any]:
    async with database.transaction(tenant) as connection:
        rows = await connection.execute(f'SELECT {columns} FROM "svc_{name}"."items"')
        return [tuple(row.values()) for row in await rows.fetchall()]


async def test_a_new_service_gets_tables_that_keep_tenants_apart(
    database: Database, name: str
) -> None:
    ours, theirs = uuid4(), uuid4()
    assert await publish(database, shop(name, NAME)) == 1
    await fill(database, name, ours, name="ours")
    await fill(database, name, theirs, name="theirs")
    assert await read(database, name, ours, "name") == [("ours",)]
    assert await read(database, name, theirs, "name") == [("theirs",)]
    assert await read(database, name, None, "name") == []


async def test_publishing_the_same_again_changes_nothing(
    database: Database, name: str
) -> None:
    await publish(database, shop(name, NAME))
    assert await publish(database, shop(name, NAME)) == 1
    async with database.owner() as connection:
        plan = await Publisher().plan(connection, shop(name, NAME))
    assert not plan.changed
    assert plan.steps == []


async def test_a_rename_and_a_swap_of_names_keep_the_values(
    database: Database, name: str
) -> None:
    tenant = uuid4()
    await publish(database, shop(name, NAME, NOTE))
    await fill(database, name, tenant, name="a", note="b")
    swapped = shop(name, {**NAME, "name": "note"}, {**NOTE, "name": "name"})
    assert await publish(database, swapped) == 2
    assert await read(database, name, tenant, "note, name") == [("a", "b")]


async def test_dropping_a_field_needs_consent_by_name(
    database: Database, name: str
) -> None:
    tenant = uuid4()
    await publish(database, shop(name, NAME, NOTE))
    await fill(database, name, tenant, name="a", note="b")
    with pytest.raises(PublishError) as caught:
        await publish(database, shop(name, NAME))
    assert caught.value.code == "needs_consent"
    assert caught.value.plan is not None
    assert caught.value.plan.losses == ["items.note"]
    assert caught.value.plan.steps[0].lost_rows == 1
    assert await read(database, name, tenant, "note") == [("b",)]
    assert await publish(database, shop(name, NAME), accept_loss=["items.note"]) == 2


async def test_values_that_do_not_fit_are_counted_and_refused(
    database: Database, name: str
) -> None:
    tenant = uuid4()
    await publish(database, shop(name, NAME))
    await fill(database, name, tenant, name="far too long")
    shorter = shop(name, {**NAME, "max_length": 3})
    with pytest.raises(PublishError) as caught:
        await publish(database, shorter)
    assert caught.value.code == "values_do_not_fit"
    assert caught.value.plan is not None
    assert [p.failing for p in caught.value.plan.steps if p.failing] == [1]
    assert await read(database, name, tenant, "name") == [("far too long",)]


async def test_a_failed_publish_leaves_neither_table_nor_version(
    database: Database, name: str
) -> None:
    async def stop(number: int) -> None:
        if number == 2:
            raise RuntimeError("stopped here")

    with pytest.raises(RuntimeError):
        await publish(database, shop(name, NAME), after_step=stop)
    async with database.owner() as connection:
        assert await store.service(connection, name) is None
        rows = await connection.execute(
            "SELECT 1 FROM pg_namespace WHERE nspname = %s", (f"svc_{name}",)
        )
        assert await rows.fetchone() is None


async def test_rolling_back_makes_a_new_version_of_the_old_definition(
    database: Database, name: str
) -> None:
    tenant = uuid4()
    await publish(database, shop(name, NAME))
    await publish(database, shop(name, {**NAME, "name": "title"}))
    await fill(database, name, tenant, title="kept")
    async with database.owner() as connection:
        version, _ = await Publisher().roll_back(connection, name, 1)
    assert version == 3
    assert await read(database, name, tenant, "name") == [("kept",)]


async def test_a_text_becomes_a_number_where_every_value_is_one(
    database: Database, name: str
) -> None:
    tenant = uuid4()
    await publish(database, shop(name, NAME, NOTE))
    await fill(database, name, tenant, name="a", note="12")
    number = {"id": "f2", "name": "note", "type": "integer"}
    assert await publish(database, shop(name, NAME, number)) == 2
    assert await read(database, name, tenant, "note") == [(12,)]
