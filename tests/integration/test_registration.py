"""An external service from its registration to the menu of a tenant's user."""

import asyncio
from uuid import uuid4

from tests.fixtures.api import World
from tests.fixtures.registration import WHATSAPP

CORE = "/api/v1/core"
NAME = "wa-one"
DOCUMENT = {**WHATSAPP, "name": NAME}


async def test_registered_published_assigned_and_in_the_menu(world: World) -> None:
    reply = await world.root.post(f"{CORE}/services/register", DOCUMENT)
    assert (reply.status, reply.data) == (201, {"name": NAME, "draft_revision": 1})
    again = await world.root.post(f"{CORE}/services/register", DOCUMENT)
    assert (again.status, again.error["code"]) == (409, "SERVICE_EXISTS")
    draft = (await world.root.get(f"{CORE}/services/{NAME}")).data["draft"]
    assert (draft["type"], draft["auth_type"]) == ("external", "api_key")
    findings = await world.root.post(f"{CORE}/services/{NAME}/validate")
    assert findings.data["findings"] == []
    plan = await world.root.post(f"{CORE}/services/{NAME}/plan")
    assert plan.data["publishable"] is True
    published = await world.root.post(f"{CORE}/services/{NAME}/publish")
    assert published.data["version"] == 1
    place = f"{CORE}/tenants/{world.ours}/services/{NAME}"
    assert (await world.root.request("PUT", place)).status == 200
    assigned = (await world.root.get(f"{CORE}/tenants/{world.ours}/services")).data
    assert NAME in {item["service"] for item in assigned}
    menus = (await world.admin.get("/api/v1/menus/user")).data["menus"]
    mine = {item["path"]: item for item in menus if item["id"].startswith(NAME)}
    assert set(mine) == {f"/x/{NAME}/blast", f"/x/{NAME}/history"}
    assert mine[f"/x/{NAME}/blast"]["icon"] == "send"
    form = (await world.admin.get(f"/api/v1/forms/{NAME}/blast")).data
    assert list(form["schema"]["properties"]) == ["message", "recipients"]
    assert form["ui"]["elements"][0]["options"]["widget"] == "long_text"
    assert (form["method"], form["permissions"]) == ("POST", {"call": True})
    assert (await world.viewer.get(f"/api/v1/forms/{NAME}/blast")).status == 403
    assert (await world.stranger.get(f"/api/v1/forms/{NAME}/blast")).status == 404
    theirs = (await world.stranger.get("/api/v1/menus/user")).data["menus"]
    assert not [item for item in theirs if item["id"].startswith(NAME)]
    for path in (f"/api/v1/data/{NAME}/blast", f"/api/v1/forms/{NAME}/nothing"):
        assert (await world.admin.get(path)).status == 404
    seen = (await world.root.get(f"{CORE}/services/{NAME}/export")).data
    assert [call["name"] for call in seen["endpoints"]] == ["blast", "history"]
    assert (await world.root.request("DELETE", place)).status == 204
    menus = (await world.admin.get("/api/v1/menus/user")).data["menus"]
    assert not [item for item in menus if item["id"].startswith(NAME)]


async def test_its_role_gives_what_the_menu_asks_for(world: World) -> None:
    document = {**WHATSAPP, "name": "wa-two"}
    await world.root.post(f"{CORE}/services/register", document)
    await world.root.post(f"{CORE}/services/wa-two/publish")
    await world.root.request("PUT", f"{CORE}/tenants/{world.ours}/services/wa-two")
    role = await world.role("wa_two_user")
    permissions = {rule["permission"] for rule in role["rules"]}
    assert permissions == {"whatsapp:blast", "whatsapp:read"}


async def test_a_body_with_mistakes_registers_nothing(world: World) -> None:
    document = {**WHATSAPP, "name": "broken", "baseUrl": "no url", "authTyp": "x"}
    reply = await world.root.post(f"{CORE}/services/register", document)
    assert reply.status == 422
    assert {d["field"] for d in reply.error["details"]} == {"/baseUrl", "/authTyp"}
    assert (await world.root.get(f"{CORE}/services/broken")).status == 404


async def test_only_a_super_admin_registers(world: World) -> None:
    document = {**WHATSAPP, "name": "mine"}
    for client in (world.admin, world.operator):
        reply = await client.post(f"{CORE}/services/register", document)
        assert reply.status == 403


async def test_of_two_registrations_at_once_one_is_told_the_name_is_taken(
    world: World,
) -> None:
    name = f"race{uuid4().hex[:8]}"
    entity = {
        "id": "items",
        "name": "items",
        "fields": [{"id": "t", "name": "title", "type": "text"}],
    }
    body = {"id": name, "name": name, "entities": [entity]}
    replies = await asyncio.gather(
        *(world.root.post("/api/v1/core/services/register", body) for _ in range(4))
    )
    assert sorted(reply.status for reply in replies) == [201, 409, 409, 409]


async def test_a_name_that_makes_the_schema_of_another_is_taken_too(
    world: World,
) -> None:
    mark = uuid4().hex[:8]
    path = "/api/v1/core/services/register"
    replies = [
        await world.root.post(path, {"id": name, "name": name, "entities": []})
        for name in (f"two-{mark}", f"two_{mark}")
    ]
    assert [reply.status for reply in replies] == [201, 409]
    assert replies[1].error["code"] == "SERVICE_EXISTS"
    gone = await world.root.get(f"/api/v1/core/services/two_{mark}")
    assert gone.status == 404
