"""Many writes of platform records in one request: the platform's own rules hold."""

from uuid import uuid4

import pytest

from tests.fixtures.api import PASSWORD, World

ROLES = "/api/v1/core/roles"


async def test_each_operation_goes_through_the_platforms_writer(world: World) -> None:
    name = f"r{uuid4().hex[:10]}"
    rules = [{"permission": "customers:read"}]
    role = {"name": name, "label": name, "rules": rules}
    body = {
        "atomic": False,
        "operations": [
            {"op": "create", "values": role},
            {"op": "create", "values": {**role, "name": "SUPER_ADMIN"}},
        ],
    }
    made, refused = (await world.admin.post(f"{ROLES}/bulk", body)).data
    assert made["status"] == 201
    assert refused["status"] in {403, 422}
    place = f"{ROLES}/{made['data']['id']}"
    body["operations"] = [
        {"op": "update", "id": made["data"]["id"], "values": {"label": "Other"}},
        {"op": "delete", "id": made["data"]["id"]},
    ]
    done = (await world.admin.post(f"{ROLES}/bulk", body)).data
    assert [each["status"] for each in done] == [200, 204]
    assert (await world.admin.get(place)).status == 404


async def test_an_operator_gives_himself_nothing(world: World) -> None:
    user = {
        "name": "Other",
        "email": f"o{uuid4().hex[:10]}@example.com",
        "password": PASSWORD,
        "role_names": ["TENANT_ADMIN"],
    }
    body = {"atomic": False, "operations": [{"op": "create", "values": user}]}
    (refused,) = (await world.operator.post("/api/v1/core/users/bulk", body)).data
    assert refused["status"] == 403


@pytest.mark.parametrize("entity", ["users", "roles", "tenants", "teams", "audit"])
async def test_together_is_refused(world: World, entity: str) -> None:
    path = f"/api/v1/core/{entity}"
    found = (await world.admin.get(f"{path}?limit=1")).data
    record_id = found[0]["id"] if found else str(uuid4())
    for operation in (
        {"op": "create", "values": {"name": "a"}},
        {"op": "update", "id": record_id, "values": {"name": "a"}},
        {"op": "delete", "id": record_id},
    ):
        reply = await world.admin.post(f"{path}/bulk", {"operations": [operation]})
        assert (reply.status, reply.error["code"]) in {
            (400, "NOT_TOGETHER"),
            (409, "READ_ONLY"),
        }
