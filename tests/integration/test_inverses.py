"""Records that point at one, listed under the name that their relation declares."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from metadata.checks import check_service
from metadata.definitions import Service
from registry import assignments
from registry.publishing import PublishError
from tests.fixtures.api import World

NAME = {"id": "n", "name": "name", "type": "text"}


def fresh() -> str:
    return f"s{uuid4().hex[:10]}"


def target(name: str) -> dict[str, Any]:
    entity = {"id": "t", "name": "things", "fields": [NAME]}
    return {"id": name, "name": name, "entities": [entity]}


def pointing(name: str, to: str, inverse: str = "uses") -> dict[str, Any]:
    relation = {"id": "r", "name": "thing", "type": "relation"}
    relation |= {"to": f"{to}.things", "inverse": inverse}
    entity = {"id": "u", "name": "users", "fields": [NAME, relation]}
    return {"id": name, "name": name, "requires": [to], "entities": [entity]}


class Shop:
    """Publishes and assigns in a running application."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.parts = world.app._app.state.parts

    async def publish(self, definition: dict[str, Any]) -> None:
        async with self.parts.database.owner() as connection:
            await self.parts.publisher.publish(
                connection, Service.model_validate(definition)
            )
        await self.parts.catalog.reload(definition["name"])

    async def assign(self, tenant: UUID, *names: str) -> None:
        async with self.parts.database.system() as connection:
            for name in names:
                await assignments.assign(connection, tenant, name)
        self.parts.catalog.forget(tenant)

    async def unload(self, name: str) -> None:
        """Make this worker one that has not served the service yet."""
        catalog = self.parts.catalog
        known = catalog._known[name]
        catalog._known[name] = type(known)(known.stored)


@pytest.fixture
def shop(world: World) -> Shop:
    return Shop(world)


async def test_it_is_known_before_its_service_was_used(shop: Shop) -> None:
    thing, user = fresh(), fresh()
    await shop.publish(target(thing))
    await shop.publish(pointing(user, thing))
    await shop.assign(shop.world.ours, thing, user)
    client = shop.world.admin
    made = await client.post(f"/api/v1/data/{thing}/things", {"name": "a"})
    values = {"name": "b", "thing": made.data["id"]}
    assert (await client.post(f"/api/v1/data/{user}/users", values)).status == 201
    for query in ("expand=uses", 'filter={"uses":{"_some":{"name":{"_eq":"b"}}}}'):
        await shop.unload(user)
        listed = await client.get(f"/api/v1/data/{thing}/things?{query}")
        assert listed.status == 200, listed.body
        assert [each["id"] for each in listed.data] == [made.data["id"]]
    await shop.unload(user)
    one = await client.get(f"{made.headers['location']}?expand=uses")
    assert [each["name"] for each in one.data["uses"]] == ["b"]


async def test_another_tenants_service_takes_no_name_of_ours(shop: Shop) -> None:
    thing, ours, theirs = fresh(), fresh(), fresh()
    await shop.publish(target(thing))
    await shop.publish(pointing(ours, thing))
    await shop.publish(pointing(theirs, thing))
    await shop.assign(shop.world.ours, thing, ours)
    await shop.assign(shop.world.theirs, thing, theirs)
    clients = {ours: shop.world.admin, theirs: shop.world.stranger}
    for name, client in clients.items():
        made = await client.post(f"/api/v1/data/{thing}/things", {"name": "a"})
        values = {"name": name, "thing": made.data["id"]}
        assert (await client.post(f"/api/v1/data/{name}/users", values)).status == 201
    for name, client in clients.items():
        listed = await client.get(f"/api/v1/data/{thing}/things?expand=uses")
        assert listed.status == 200, listed.body
        assert [each["name"] for each in listed.data[0]["uses"]] == [name]


async def test_it_is_gone_with_its_service(shop: Shop) -> None:
    thing, user = fresh(), fresh()
    await shop.publish(target(thing))
    await shop.publish(pointing(user, thing))
    await shop.assign(shop.world.ours, thing, user)
    path = f"/api/v1/data/{thing}/things?expand=uses"
    assert (await shop.world.admin.get(path)).status == 200
    async with shop.parts.database.system() as connection:
        await assignments.unassign(connection, shop.world.ours, user)
    shop.parts.catalog.forget(shop.world.ours)
    assert (await shop.world.admin.get(path)).error["code"] == "UNKNOWN_FIELD"


async def test_a_second_service_with_the_name_is_not_assigned(shop: Shop) -> None:
    thing, first, second = fresh(), fresh(), fresh()
    await shop.publish(target(thing))
    await shop.publish(pointing(first, thing))
    await shop.publish(pointing(second, thing))
    await shop.assign(shop.world.ours, thing, first)
    root, place = shop.world.root, f"/api/v1/core/tenants/{shop.world.ours}/services"
    refused = await root.request("PUT", f"{place}/{second}", {})
    assert (refused.status, refused.error["code"]) == (409, "DUPLICATE_INVERSE")
    assert f"{first}.users" in refused.error["message"]
    assert second not in {each["service"] for each in (await root.get(place)).data}
    # What a tenant has already may be changed, or it could never be taken away.
    again = await root.request("PUT", f"{place}/{first}", {"status": "suspended"})
    assert again.status == 200


async def test_a_version_that_takes_the_name_of_another_is_not_published(
    shop: Shop,
) -> None:
    thing, first, second = fresh(), fresh(), fresh()
    await shop.publish(target(thing))
    await shop.publish(pointing(first, thing))
    await shop.publish(pointing(second, thing, "others"))
    # Nobody has both yet: each may be published with the name.
    await shop.publish(pointing(second, thing, "uses"))
    await shop.publish(pointing(second, thing, "others"))
    await shop.assign(shop.world.ours, thing, first, second)
    with pytest.raises(PublishError) as error:
        await shop.publish(pointing(second, thing, "uses"))
    plan = error.value.plan
    assert plan is not None
    (finding,) = [f for f in plan.findings if f.severity == "error"]
    assert finding.code == "duplicate_inverse"
    assert finding.path == "/entities/0/fields/1/inverse"
    assert f"{first}.users.thing" in finding.message
    path = f"/api/v1/data/{thing}/things?expand=uses,others"
    assert (await shop.world.admin.get(path)).status == 200


def test_a_name_stands_once_in_a_service() -> None:
    thing, name = fresh(), fresh()
    raw = pointing(name, thing)
    first = raw["entities"][0]
    other = {**first["fields"][1], "id": "q", "name": "second"}
    first["fields"].append(other)
    others = {thing: Service.model_validate(target(thing))}
    found = check_service(Service.model_validate(raw), others=others)
    assert [(f.path, f.code) for f in found if f.severity == "error"] == [
        ("/entities/0/fields/2/inverse", "duplicate_inverse")
    ]
    other["inverse"] = "others"
    assert not check_service(Service.model_validate(raw), others=others)
