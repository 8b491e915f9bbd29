"""The registry is the platform's: a tenant sees what it is assigned, as published."""

from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures.api import World

BASE = "/api/v1/core/services"


@pytest.fixture
async def hidden(world: World) -> str:
    """A published service that neither tenant is assigned."""
    name = f"hidden{uuid4().hex[:8]}"
    reply = await world.root.post(f"{BASE}/register", definition(name, "text"))
    assert reply.status == 201, reply.body
    assert (await world.root.post(f"{BASE}/{name}/publish")).status == 200
    return name


def definition(name: str, kind: str) -> dict[str, Any]:
    entity = {
        "id": "items",
        "name": "items",
        "fields": [{"id": "t", "name": "title", "type": kind}],
    }
    return {"id": name, "name": name, "entities": [entity]}


async def test_a_plan_of_a_tenants_own_making_shows_no_other_tenants_values(
    world: World, hidden: str
) -> None:
    for tenant in (world.ours, world.theirs):
        path = f"/api/v1/core/tenants/{tenant}/services/{hidden}"
        assert (await world.root.request("PUT", path, {})).status < 300
    secret = f"secret {uuid4().hex}"
    theirs = await world.stranger.post(
        f"/api/v1/data/{hidden}/items", {"title": secret}
    )
    assert theirs.status == 201, theirs.body

    prying = {"definition": definition(hidden, "integer")}
    seen = await world.root.post(f"{BASE}/{hidden}/plan", prying)
    assert secret in seen.body.decode()
    reply = await world.admin.post(f"{BASE}/{hidden}/plan", prying)
    assert reply.status == 403
    assert secret not in reply.body.decode()


@pytest.mark.parametrize(
    ("method", "tail"),
    [
        ("POST", "validate"),
        ("POST", "plan"),
        ("POST", "publish"),
        ("POST", "rollback"),
        ("PUT", "draft"),
        ("GET", "versions"),
        ("GET", "versions/1"),
        ("GET", "drift"),
    ],
)
async def test_the_life_of_a_definition_is_the_platforms(
    world: World, method: str, tail: str
) -> None:
    for client in (world.admin, world.operator, world.viewer):
        reply = await client.request(method, f"{BASE}/customers/{tail}", {"version": 1})
        assert reply.status == 403, reply.body


async def test_a_tenants_administrator_reads_what_it_is_assigned(
    world: World, hidden: str
) -> None:
    names = {item["name"] for item in (await world.admin.get(BASE)).data}
    assert "customers" in names
    assert hidden not in names
    for path in (f"{BASE}/{hidden}", f"{BASE}/{hidden}/export", f"{BASE}/none"):
        assert (await world.admin.get(path)).status == 404
    found = (await world.admin.get(f"{BASE}/customers")).data
    assert found["definition"]["name"] == "customers"
    assert found["draft"] is None
    assert (await world.admin.get(f"{BASE}/customers/export")).status == 200
    assert (await world.viewer.get(BASE)).status == 403
