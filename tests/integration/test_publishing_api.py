"""The console's routes around publishing, over the API."""

import asyncio
from typing import Any

import pytest
from publishing_world import NAME, NOTE, fresh_name, items

from engine.cli.doctor import examine
from engine.settings import Settings
from metadata.definitions import as_json
from tests.fixtures.api import Client, World

BASE = "/api/v1/core/services"


@pytest.fixture
def root(world: World) -> Client:
    return world.root


@pytest.fixture
async def name(root: Client) -> str:
    """A service with one version and a draft of the next."""
    name = fresh_name()
    (await root.post(f"{BASE}/register", body(name, NAME, NOTE))).data  # noqa: B018
    (await root.post(f"{BASE}/{name}/publish")).data  # noqa: B018
    return name


def body(name: str, *fields: dict[str, Any]) -> Any:
    return as_json(items(name, *fields))


async def draft(root: Client, name: str, *fields: dict[str, Any]) -> int:
    reply = await root.request(
        "PUT", f"{BASE}/{name}/draft", {"definition": body(name, *fields)}
    )
    return int(reply.data["draft_revision"])


async def test_a_loss_needs_its_name_and_going_back_is_planned(
    root: Client, name: str
) -> None:
    await draft(root, name, NAME)
    plan = (await root.post(f"{BASE}/{name}/plan")).data
    assert (plan["losses"], plan["publishable"]) == (["items.note"], True)
    refused = await root.post(f"{BASE}/{name}/publish")
    assert (refused.status, refused.error["code"]) == (409, "NEEDS_CONSENT")
    assert refused.details() == {("items.note", "needs_consent")}
    agreed = {"accept_loss": ["items.note"]}
    assert (await root.post(f"{BASE}/{name}/publish", agreed)).data["version"] == 2

    back = (await root.post(f"{BASE}/{name}/plan", {"version": 1})).data
    assert next(step["summary"] for step in back["steps"]) == "Add note to items"
    assert (back["from_version"], back["to_version"]) == (2, 3)
    again = await root.post(f"{BASE}/{name}/rollback", {"version": 1})
    assert again.data["version"] == 3
    undo = await root.post(f"{BASE}/{name}/rollback", {"version": 2})
    assert undo.error["code"] == "NEEDS_CONSENT"


async def test_versions_are_answered_with_their_definitions(
    root: Client, name: str
) -> None:
    found = (await root.get(f"{BASE}/{name}/versions/1")).data
    assert found == {"version": 1, "definition": body(name, NAME, NOTE)}
    assert (await root.get(f"{BASE}/{name}/versions/2")).status == 404
    assert (await root.post(f"{BASE}/{name}/plan", {"version": 9})).status == 404
    for wrong in ("1", 0, True, 2**40):
        assert (
            await root.post(f"{BASE}/{name}/plan", {"version": wrong})
        ).status == 400


async def test_a_draft_that_somebody_else_saved_is_not_published(
    root: Client, name: str
) -> None:
    seen = await draft(root, name, {**NAME, "name": "title"}, NOTE)
    await draft(root, name, {**NAME, "name": "heading"}, NOTE)
    reply = await root.post(f"{BASE}/{name}/publish", {"draft_revision": seen})
    assert (reply.status, reply.error["code"]) == (409, "DRAFT_CONFLICT")
    latest = {"draft_revision": seen + 1}
    assert (await root.post(f"{BASE}/{name}/publish", latest)).data["version"] == 2


async def test_drift_is_answered_and_no_part_of_it_to_others(
    root: Client, world: World, name: str
) -> None:
    path = f"{BASE}/{name}/drift"
    assert (await root.get(path)).data == {"differences": []}
    assert (await root.get(f"{BASE}/nosuch/drift")).status == 404
    assert (await world.viewer.get(path)).status == 403
    assert (await world.anonymous.get(path)).status == 401

    await change(world, f"ALTER TABLE svc_{name}.items DROP COLUMN note")
    differences = (await root.get(path)).data["differences"]
    assert {item["kind"] for item in differences} == {"missing"}
    assert "column note of items" in {item["thing"] for item in differences}
    await draft(root, name, NAME)
    plan = await root.post(f"{BASE}/{name}/plan")
    assert (plan.status, plan.error["code"]) == (409, "TABLES_DIFFER")


async def test_doctor_names_the_services_whose_tables_differ(
    world: World, settings: Settings, name: str
) -> None:
    def tables() -> Any:
        (found,) = [c for c in examine(settings) if c.name == "tables of services"]
        return found

    await change(world, f"ALTER TABLE svc_{name}.items ADD COLUMN mine int")
    found = await asyncio.to_thread(tables)
    assert found.status == "failed"
    assert name in found.detail
    assert "rangka service drift" in found.remedy
    await change(world, f"ALTER TABLE svc_{name}.items DROP COLUMN mine")
    assert name not in (await asyncio.to_thread(tables)).detail


async def change(world: World, statement: str) -> None:
    async with world.app._app.state.parts.database.owner() as connection:
        await connection.execute(statement.encode())


async def test_the_draft_follows_what_is_published_unless_it_holds_other_work(
    world: World,
) -> None:
    name = fresh_name()
    console = f"/api/v1/core/services/{name}"

    def definition(label: str) -> dict[str, Any]:
        entity = {
            "id": "items",
            "name": "items",
            "fields": [{"id": "t", "name": "title", "type": "text"}],
        }
        return {"id": name, "name": name, "label": label, "entities": [entity]}

    async def draft() -> tuple[str, int]:
        found = (await world.root.get(console)).data
        return found["draft"]["label"], found["draft_revision"]

    async def publish(label: str, **more: Any) -> None:
        body = {"definition": definition(label), **more}
        reply = await world.root.post(f"{console}/publish", body)
        assert reply.status == 200, reply.body

    await world.root.post("/api/v1/core/services/register", definition("one"))
    await publish("one")
    assert (await draft())[0] == "one"
    await publish("two")
    label, revision = await draft()
    assert label == "two"
    body = {"definition": definition("own work"), "draft_revision": revision}
    await world.root.request("PUT", f"{console}/draft", body)
    await publish("three")
    label, revision = await draft()
    assert label == "own work"
    await publish("four", draft_revision=revision)
    assert (await draft())[0] == "four"
    await world.root.post(f"{console}/rollback", {"version": 1})
    assert (await draft())[0] == "one"
