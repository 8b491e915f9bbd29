"""Indexes over fields and over what every record has."""

from engine.settings import Settings
from tests.integration.publishing_world import NAME, Shelf, fresh_name, items


async def test_an_index_may_stand_on_the_time_of_creation(settings: Settings) -> None:
    shelf, name = Shelf(settings), fresh_name()
    await shelf.publish(items(name, NAME))

    await shelf.publish(items(name, NAME, indexes=[["name", "created_at"], ["id"]]))

    rows = await shelf.run(
        f"SELECT indexdef FROM pg_indexes WHERE schemaname = 'svc_{name}'"
    )
    found = " ".join(row["indexdef"] for row in rows)
    assert "(tenant_id, name, created_at, id)" in found
    assert "(tenant_id, id)" in found
    assert await shelf.drift(name) == []
