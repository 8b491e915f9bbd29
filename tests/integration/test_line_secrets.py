"""Secrets inside lines: never answered, never logged, kept until they are sent."""

from typing import Any
from uuid import UUID

import pytest
from own_services import fresh_name, give, logged

from tests.fixtures.api import World

NAME = fresh_name("keys")
DEFINITION: dict[str, Any] = {
    "id": NAME,
    "name": NAME,
    "entities": [
        {
            "id": "device",
            "name": "devices",
            "fields": [
                {"id": "n", "name": "name", "type": "text"},
                {"id": "p", "name": "password", "type": "secret"},
                {
                    "id": "a",
                    "name": "accounts",
                    "type": "lines",
                    "fields": [
                        {"id": "u", "name": "user", "type": "text"},
                        {"id": "p", "name": "pin", "type": "secret"},
                        {"id": "k", "name": "key", "type": "secret", "required": True},
                    ],
                },
            ],
        }
    ],
}
HIDDEN = ("first-pin", "second-pin", "first-key", "second-key", "top-word")


@pytest.fixture(scope="module")
async def devices(world: World) -> str:
    return f"{await give(world, DEFINITION)}/devices"


async def device(world: World, devices: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the place of a new record and its lines."""
    lines = [
        {"user": "a", "pin": "first-pin", "key": "first-key"},
        {"user": "b", "key": "second-key"},
    ]
    body = {"name": "r1", "password": "top-word", "accounts": lines}
    made = await world.admin.post(devices, body)
    assert made.status == 201, made.body
    return made.headers["location"], made.data["accounts"]


async def sealed(world: World, line: dict[str, Any], secret: str) -> str | None:
    """Return what is stored of a line's secret, opened."""
    parts = world.app._app.state.parts
    entity = await parts.catalog.entity(world.ours, NAME, "devices")
    child = entity.fields["accounts"].lines
    query = f"select {secret} as text from svc_{NAME}.{child.table.name} where id = %s"
    async with parts.database.transaction(world.ours) as connection:
        row = await (await connection.execute(query, (line["id"],))).fetchone()
    if row["text"] is None:
        return None
    return str(
        parts.records._steps._columns._secrets.open(
            row["text"],
            tenant_id=world.ours,
            place=f"{child.key}.{child.fields[secret].id}",
            record_id=UUID(line["id"]),
        )
    )


async def test_a_secret_of_a_line_is_answered_as_set_or_not(
    world: World, devices: str
) -> None:
    place, lines = await device(world, devices)
    shown = [(line["pin"], line["key"]) for line in lines]
    assert shown == [
        ({"set": True}, {"set": True}),
        ({"set": False}, {"set": True}),
    ]
    for reply in (await world.admin.get(place), await world.admin.get(devices)):
        assert not any(word in reply.body.decode() for word in HIDDEN)


async def test_no_secret_reaches_the_log_or_the_history(
    world: World, devices: str
) -> None:
    place, lines = await device(world, devices)
    lines[1] = {"id": lines[1]["id"], "pin": "second-pin"}
    changed = await world.admin.patch(place, {"name": "r2", "accounts": lines})
    assert changed.status == 200, changed.body
    history = await world.admin.get(f"{place}/history")
    gone = await world.admin.delete(place)
    assert gone.status == 204
    text = await logged(world, NAME) + history.body.decode()
    assert not any(word in text for word in HIDDEN)
    (update, create) = history.data
    shown = {each["field"]: each for each in update["changes"]}
    before, after = shown["accounts"]["old"], shown["accounts"]["new"]
    masked = [(line["pin"], line["key"]) for line in after]
    assert masked == [("•••", "•••"), ("•••", "•••")]
    assert [line["pin"] for line in before] == ["•••", None]
    assert {each["field"] for each in create["changes"]} >= {"accounts", "password"}


async def test_a_secret_that_is_not_sent_stays(world: World, devices: str) -> None:
    place, lines = await device(world, devices)
    first = {"id": lines[0]["id"], "user": "c"}
    changed = await world.admin.patch(place, {"accounts": [first]})
    assert changed.status == 200, changed.body
    (line,) = changed.data["accounts"]
    assert (line["user"], line["pin"], line["key"]) == (
        "c",
        {"set": True},
        {"set": True},
    )
    assert await sealed(world, line, "pin") == "first-pin"
    assert await sealed(world, line, "key") == "first-key"


async def test_lines_can_be_sent_back_as_they_were_read(
    world: World, devices: str
) -> None:
    place, lines = await device(world, devices)
    lines[1]["user"] = "d"
    whole = {"name": "r3", "password": {"set": True}, "accounts": lines}
    for method in ("PATCH", "PUT"):
        changed = await world.admin.request(method, place, whole)
        assert changed.status == 200, changed.body
        assert changed.data["accounts"] == lines
        assert await sealed(world, lines[0], "pin") == "first-pin"


async def test_a_secret_of_a_line_is_replaced_and_cleared(
    world: World, devices: str
) -> None:
    place, lines = await device(world, devices)
    body = {"accounts": [{"id": lines[0]["id"], "pin": None, "key": "third"}]}
    changed = await world.admin.patch(place, body)
    (line,) = changed.data["accounts"]
    assert line["pin"] == {"set": False}
    assert await sealed(world, line, "pin") is None
    assert await sealed(world, line, "key") == "third"


async def test_a_new_line_must_bring_a_required_secret(
    world: World, devices: str
) -> None:
    place, lines = await device(world, devices)
    body = {"accounts": [*lines, {"user": "e"}]}
    refused = await world.admin.patch(place, body)
    assert refused.details() == {("accounts.2.key", "required")}


async def test_a_secret_without_a_value_is_logged_as_none(
    world: World, devices: str
) -> None:
    made = await world.admin.post(devices, {"name": "r4"})
    place = made.headers["location"]
    await world.admin.patch(place, {"password": "top-word"})
    update, _ = (await world.admin.get(f"{place}/history")).data
    assert update["changes"] == [{"field": "password", "old": None, "new": "•••"}]
