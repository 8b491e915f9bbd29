"""What belongs to a record is named to those alone who may read it."""

from typing import Any

import pytest

from tests.fixtures.api import Client, World
from tests.isolation.test_restricted_users import Holders, customer, plan

FORM = "/api/v1/forms/plans/plans"
CUSTOMERS_OF_A_PLAN = {
    "name": "customers",
    "service": "customers",
    "entity": "customers",
    "field": "plan",
    "label": {"en": "Customers", "id": "Pelanggan"},
}


@pytest.fixture
async def holders(world: World) -> Any:
    """Return who makes users with rules of their own."""
    made = Holders(world)
    yield made
    await made.leave()


async def related(client: Client, form: str = FORM) -> list[Any]:
    found = (await client.get(form)).data["related"]
    assert isinstance(found, list)
    return found


async def test_a_form_names_what_points_at_its_records(world: World) -> None:
    assert await related(world.admin) == [CUSTOMERS_OF_A_PLAN]
    names = [
        (each["service"], each["entity"], each["field"])
        for each in await related(world.admin, "/api/v1/forms/customers/customers")
    ]
    assert sorted(names) == [
        ("billing", "invoices", "customer"),
        ("network", "logins", "customer"),
    ]
    assert await related(world.admin, "/api/v1/forms/lab/samples") == []


async def test_its_list_has_those_of_one_record(world: World) -> None:
    of = await plan(world)
    made = await customer(world, plan=of["id"])
    await customer(world)
    (link,) = await related(world.admin)
    query = f'?filter={{"{link["field"]}":{{"_eq":"{of["id"]}"}}}}&count=exact'
    path = f"/api/v1/data/{link['service']}/{link['entity']}"
    listed = await world.admin.get(path + query)
    assert [row["id"] for row in listed.data] == [made["id"]]
    assert listed.json["meta"]["page"]["count"] == 1


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [{"permission": "customers:create"}],
        [{"permission": "customers:read", "fields": ["name"]}],
        [
            {"permission": "customers:read"},
            {"permission": "customers:read", "effect": "deny"},
        ],
    ],
    ids=["no rule", "only to create", "not the relation", "denied"],
)
async def test_who_may_not_follow_it_is_not_told_of_it(
    world: World, holders: Holders, rules: list[dict[str, Any]]
) -> None:
    user = await holders.make({"permission": "plans:read"}, *rules)
    assert await related(user) == []


async def test_a_service_that_the_tenant_does_not_have_is_not_named(
    world: World,
) -> None:
    services = f"/api/v1/core/tenants/{world.theirs}/services"
    for name in ("billing", "network"):
        assert (await world.root.request("DELETE", f"{services}/{name}")).status == 204
    try:
        form = "/api/v1/forms/customers/customers"
        assert await related(world.stranger, form) == []
        assert await related(world.admin, form) != []
    finally:
        for name in ("network", "billing"):
            await world.root.request("PUT", f"{services}/{name}")


@pytest.mark.parametrize("status", ["maintenance", "inactive"])
async def test_a_service_that_is_out_of_use_takes_no_other_form_with_it(
    world: World, status: str
) -> None:
    place = "/api/v1/core/services/billing/status"
    form = "/api/v1/forms/customers/customers"
    await world.root.request("PUT", place, {"status": status})
    try:
        assert [each["service"] for each in await related(world.admin, form)] == [
            "network"
        ]
    finally:
        await world.root.request("PUT", place, {"status": "active"})
    assert len(await related(world.admin, form)) == 2
