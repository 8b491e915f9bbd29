"""Values that a role sets on every write, on each way of writing."""

from typing import Any

import pytest
from own_services import fresh_name, give, user_with

from tests.fixtures.api import Client, World

NAME = fresh_name("presets")
DEFINITION: dict[str, Any] = {
    "id": NAME,
    "name": NAME,
    "entities": [
        {
            "id": "item",
            "name": "items",
            "fields": [
                {"id": "n", "name": "name", "type": "text", "required": True},
                {"id": "b", "name": "branch", "type": "text"},
                {"id": "m", "name": "maker", "type": "text", "immutable": True},
            ],
        },
        {
            "id": "note",
            "name": "notes",
            "fields": [{"id": "t", "name": "text", "type": "text"}],
        },
    ],
}


@pytest.fixture(scope="module")
async def base(world: World) -> str:
    return await give(world, DEFINITION)


@pytest.fixture(scope="module")
async def clerk(world: World, base: str) -> Client:
    """A user whose role sets the branch of whatever he writes in the service."""
    presets = {"branch": "north", "maker": "$user.email"}
    return await user_with(world, {"permission": f"{NAME}:*", "presets": presets})


async def test_a_put_gets_the_preset_like_every_write(
    world: World, base: str, clerk: Client
) -> None:
    made = await clerk.post(f"{base}/items", {"name": "a"})
    assert made.data["branch"] == "north"
    place = made.headers["location"]
    put = await clerk.request("PUT", place, {"name": "b"})
    assert (put.status, put.data["name"], put.data["branch"]) == (200, "b", "north")
    await world.admin.patch(place, {"branch": "south"})
    put = await clerk.request("PUT", place, {"name": "c"})
    assert put.data["branch"] == "north"


async def test_another_value_than_the_preset_is_refused(
    base: str, clerk: Client
) -> None:
    place = (await clerk.post(f"{base}/items", {"name": "a"})).headers["location"]
    body = {"name": "b", "branch": "south"}
    for reply in (
        await clerk.post(f"{base}/items", body),
        await clerk.patch(place, body),
        await clerk.request("PUT", place, body),
    ):
        assert (reply.status, reply.details()) == (422, {("branch", "preset")})


async def test_a_preset_leaves_entities_without_its_field_alone(
    base: str, clerk: Client
) -> None:
    made = await clerk.post(f"{base}/notes", {"text": "a"})
    place = made.headers["location"]
    assert (await clerk.patch(place, {"text": "b"})).data["text"] == "b"
    assert (await clerk.request("PUT", place, {"text": "c"})).data["text"] == "c"


async def test_a_preset_does_not_change_what_was_set_for_good(
    world: World, base: str, clerk: Client
) -> None:
    made = await world.admin.post(f"{base}/items", {"name": "a", "maker": "Sari"})
    changed = await clerk.patch(made.headers["location"], {"name": "b"})
    assert (changed.data["name"], changed.data["maker"]) == ("b", "Sari")
