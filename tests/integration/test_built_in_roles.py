"""Built-in roles: what the API offers of them is what it does."""

from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures.api import World

ROLES = "/api/v1/core/roles"


async def own_role(world: World) -> dict[str, Any]:
    """Make a role of the tenant's own."""
    name = f"r{uuid4().hex[:10]}"
    made = await world.admin.post(ROLES, {"name": name, "label": name, "rules": []})
    assert made.status == 201, made.body
    found: dict[str, Any] = made.data
    return found


async def test_what_is_built_in_is_offered_to_nobody_for_change(world: World) -> None:
    await own_role(world)
    rows = (await world.admin.get(f"{ROLES}?actions=true&limit=200")).data
    assert {row["is_system"] for row in rows} == {True, False}
    for row in rows:
        offered = not row["is_system"]
        assert row["_actions"] == {"update": offered, "delete": offered}, row["name"]
        one = (await world.admin.get(f"{ROLES}/{row['id']}?actions=true")).data
        assert one["_actions"] == row["_actions"]


async def test_what_is_not_offered_is_refused_and_the_rest_is_done(
    world: World,
) -> None:
    rows = (await world.admin.get(f"{ROLES}?actions=true&limit=200")).data
    (viewer,) = (row for row in rows if row["name"] == "viewer")
    for role, wanted in ((viewer, (409, 409)), (await own_role(world), (200, 204))):
        operations = [
            {"op": "update", "id": role["id"], "values": {"label": "Other"}},
            {"op": "delete", "id": role["id"]},
        ]
        body = {"atomic": False, "operations": operations}
        done = (await world.admin.post(f"{ROLES}/bulk", body)).data
        assert tuple(each["status"] for each in done) == wanted
    place = f"{ROLES}/{viewer['id']}"
    refused = await world.admin.request("PATCH", place, {"label": "Other"})
    assert (refused.status, refused.error["code"]) == (409, "SYSTEM_ROLE")
    assert (await world.admin.get(place)).data["label"] == viewer["label"]


async def test_the_form_says_which_records_stay_and_why(world: World) -> None:
    form = (await world.admin.get("/api/v1/forms/platform/roles")).data
    assert form["fixed"]["field"] == "is_system"
    assert set(form["fixed"]["reason"]) == {"en", "id"}
    assert form["permissions"]["update"] is True
    others = (await world.admin.get("/api/v1/forms/platform/users")).data
    assert others["fixed"] is None


@pytest.mark.parametrize(
    ("locale", "viewer", "cashier"),
    [
        ("id", ("Pembaca", "Membaca semua data."), "Kasir"),
        ("en", ("Viewer", "Reads all data."), "Cashier"),
    ],
)
async def test_their_words_are_in_the_tenants_language(
    world: World, locale: str, viewer: tuple[str, str], cashier: str
) -> None:
    slug = f"words-{uuid4().hex[:8]}"
    body = {"name": slug, "slug": slug, "locale": locale}
    tenant = (await world.root.post("/api/v1/core/tenants", body)).data["id"]
    for service in ("plans", "customers", "billing"):
        place = f"/api/v1/core/tenants/{tenant}/services/{service}"
        assert (await world.root.request("PUT", place)).status < 300
    database = world.app._app.state.parts.database
    async with database.system() as connection:
        found = await connection.execute(
            "SELECT name, label, description FROM rangka.roles WHERE tenant_id = %s",
            (tenant,),
        )
        roles = {row["name"]: row for row in await found.fetchall()}
    assert (roles["viewer"]["label"], roles["viewer"]["description"]) == viewer
    assert roles["cashier"]["label"] == cashier
