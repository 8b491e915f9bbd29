"""Users alike for one entity, not for another: neither gets the other's statement."""

from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures.api import World
from tests.integration.own_services import fresh_name, give, user_with

NAME = fresh_name("plans")
TEXT = {"id": "n", "name": "name", "type": "text"}


@pytest.fixture(scope="module")
async def path(world: World) -> str:
    """Publish things that stand in the order of their depots."""
    depot = {"id": "d", "name": "depot", "type": "relation", "to": f"{NAME}.depots"}
    document: dict[str, Any] = {
        "id": NAME,
        "name": NAME,
        "entities": [
            {"id": "depot", "name": "depots", "fields": [TEXT]},
            {
                "id": "thing",
                "name": "things",
                "fields": [TEXT, depot],
                "list": {"sort": ["depot.name"]},
            },
        ],
    }
    found = await give(world, document)
    for name in ("b", "c", "a"):
        made = await world.admin.post(f"{found}/depots", {"name": name})
        body = {"name": f"in {name}", "depot": made.data["id"]}
        await world.admin.post(f"{found}/things", body)
    return found


@pytest.mark.parametrize("readers_first", [True, False])
async def test_an_order_behind_a_relation_is_only_its_readers(
    world: World, path: str, readers_first: bool
) -> None:
    things = {"permission": f"{NAME}.things:read", "filter": _anything()}
    reader = await user_with(world, things, {"permission": f"{NAME}.depots:read"})
    other = await user_with(world, things)
    for user in (reader, other, reader) if readers_first else (other, reader, other):
        for _ in range(2):
            found = (await user.get(f"{path}/things")).data
            if user is reader:
                assert [each["name"] for each in found] == ["in a", "in b", "in c"]
            else:
                ids = [each["id"] for each in found]
                assert ids == sorted(ids)
                assert len(ids) == 3


@pytest.mark.parametrize("readers_first", [True, False])
async def test_what_is_expanded_is_only_its_readers(
    world: World, path: str, readers_first: bool
) -> None:
    things = {"permission": f"{NAME}.things:read", "filter": _anything()}
    reader = await user_with(world, things, {"permission": f"{NAME}.depots:read"})
    other = await user_with(world, things)
    for user in (reader, other, reader) if readers_first else (other, reader, other):
        for _ in range(2):
            found = (await user.get(f"{path}/things?sort=id&expand=depot")).data
            shown = {isinstance(each["depot"], dict) for each in found}
            assert shown == {user is reader}
            if user is other:
                reply = await user.get(f"{path}/things?sort=depot.name")
                assert reply.error["code"] == "UNKNOWN_FIELD"


def _anything() -> dict[str, Any]:
    """Return a filter that every row meets and no other test shares."""
    return {"name": {"_neq": uuid4().hex}}
