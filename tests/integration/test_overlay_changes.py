"""What an overlay changes beside own fields, and how it lives on with its service."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from engine.parts import open_parts
from metadata.definitions import Service
from registry import assignments
from tests.fixtures.api import Client, Reply, World

BASE = {
    "id": "kit",
    "name": "kit",
    "entities": [
        {
            "id": "item",
            "name": "items",
            "label": "Item",
            "title_field": "name",
            "fields": [
                {"id": "n", "name": "name", "type": "text", "required": True},
                {"id": "w", "name": "weight", "type": "integer"},
                {
                    "id": "p",
                    "name": "parts",
                    "type": "lines",
                    "fields": [{"id": "q", "name": "count", "type": "integer"}],
                },
            ],
            "actions": {"weigh": {"set": {"weight": 1}}},
            "forms": {
                "default": {"fields": ["name", "weight"]},
                "drawn": {
                    "ui": {
                        "type": "Group",
                        "elements": [{"type": "Control", "scope": "#/properties/name"}],
                    }
                },
            },
            "list": {"columns": ["name", "weight"], "sort": ["name"]},
        },
        {
            "id": "place",
            "name": "places",
            "fields": [{"id": "n", "name": "name", "type": "text"}],
        },
    ],
}
GRADE = {"id": "own_grade", "name": "grade", "type": "integer"}
COLOUR = {"id": "own_colour", "name": "shade", "type": "text", "required": True}


class Kit:
    """A service of its own for one test, assigned to both tenants."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.name = f"kit-{uuid4().hex[:8]}"
        self.parts = world.app._app.state.parts

    async def publish(self, **changes: Any) -> None:
        document = {**BASE, "id": self.name, "name": self.name, **changes}
        async with self.parts.database.owner() as connection:
            definition = Service.model_validate(document)
            await self.parts.publisher.publish(
                connection, definition, accept_loss=["items.weight"]
            )
        await self.parts.catalog.reload(self.name)

    async def give(self) -> None:
        for tenant in (self.world.ours, self.world.theirs):
            async with self.parts.database.system() as connection:
                await assignments.assign(connection, tenant, self.name)
            self.parts.catalog.forget(tenant)

    def overlay(self, tenant: Any) -> str:
        return f"/api/v1/core/tenants/{tenant}/services/{self.name}/overlay"

    @property
    def items(self) -> str:
        return f"/api/v1/data/{self.name}/items"

    async def save(
        self, overlay: dict[str, Any], *, client: Client | None = None, **more: Any
    ) -> Reply:
        world, place = self.world, self.overlay(self.world.ours)
        present = (await world.admin.get(place)).data["revision"]
        body = {"overlay": overlay, "revision": present, **more}
        return await (client or world.admin).request("PUT", place, body)

    async def form(self, client: Client, form: str = "default") -> Any:
        reply = await client.get(f"/api/v1/forms/{self.name}/items/{form}")
        return reply.data


@pytest.fixture
async def kit(world: World) -> Kit:
    kit = Kit(world)
    await kit.publish()
    await kit.give()
    return kit


async def test_labels_reach_forms_lists_and_actions(kit: Kit) -> None:
    labels = {
        "items": {"en": "Tool"},
        "items:plural": {"en": "Tools"},
        "items.weight": {"en": "Mass"},
        "items.parts.count": {"en": "How many"},
        "items:weigh": {"en": "Put on the scales"},
    }
    await kit.save({"labels": labels})
    form = await kit.form(kit.world.admin)
    assert (form["label"], form["label_plural"]) == ({"en": "Tool"}, {"en": "Tools"})
    assert form["schema"]["properties"]["weight"]["title"] == "Mass"
    assert form["list"]["columns"][1]["label"] == {"en": "Mass"}
    assert form["actions"][0]["label"] == {"en": "Put on the scales"}
    theirs = await kit.form(kit.world.stranger)
    assert theirs["label"] == {"en": "Item"}
    assert "Mass" not in str(theirs)


async def test_own_fields_join_the_forms_of_the_service(kit: Kit) -> None:
    await kit.save({"fields": {"items": [GRADE, COLOUR]}})
    form = await kit.form(kit.world.admin)
    names = ["name", "weight", "grade", "shade"]
    assert list(form["schema"]["properties"]) == names
    assert form["schema"]["required"] == ["name", "shade"]
    drawn = await kit.form(kit.world.admin, "drawn")
    scopes = [str(element.get("scope")) for element in drawn["ui"]["elements"]]
    assert drawn["ui"]["elements"][0]["type"] == "Group"
    assert scopes[1:] == ["#/properties/shade"]
    available = [column["field"] for column in form["list"]["available"]]
    assert "grade" in available
    assert "shade" not in str(await kit.form(kit.world.stranger))


async def test_a_form_and_a_list_of_the_tenants_own(kit: Kit) -> None:
    layout = {
        "columns": ["grade", "name"],
        "sort": ["-grade"],
        "filters": ["grade"],
        "views": [{"name": "good", "filter": {"grade": {"_gte": 5}}}],
    }
    await kit.save(
        {
            "fields": {"items": [GRADE]},
            "forms": {"items": {"default": {"fields": ["grade", "name"]}, "quick": {}}},
            "lists": {"items": layout},
        }
    )
    form = await kit.form(kit.world.admin)
    assert list(form["schema"]["properties"]) == ["grade", "name"]
    shown = form["list"]
    assert [column["field"] for column in shown["columns"]] == ["grade", "name"]
    assert (shown["sort"], shown["filters"]) == (["-grade"], ["grade"])
    assert [view["name"] for view in shown["views"]] == ["good"]
    assert {item["name"] for item in form["forms"]} == {"default", "drawn", "quick"}
    assert (await kit.world.stranger.get(f"{kit.items}?sort=-grade")).status == 400


async def test_the_menu_changes_for_the_tenant_alone(kit: Kit) -> None:
    await kit.save(
        {
            "hidden_menu": ["place"],
            "menu_items": {"item": {"label": {"en": "Stock"}, "category": "MINE"}},
            "menu": [{"id": "help", "name": "help", "path": "https://example.com/"}],
        }
    )

    async def seen(client: Client) -> dict[str, Any]:
        menus = (await client.get("/api/v1/menus/user")).data["menus"]
        mine = [item for item in menus if item["id"].startswith(f"{kit.name}.")]
        return {item["id"].partition(".")[2]: item for item in mine}

    ours, theirs = await seen(kit.world.admin), await seen(kit.world.stranger)
    assert set(ours) == {"item", "help"}
    assert (ours["item"]["label"], ours["item"]["category"]) == (
        {"en": "Stock"},
        "MINE",
    )
    assert set(theirs) == {"item", "place"}


async def test_a_removed_own_field_comes_back_with_its_values(kit: Kit) -> None:
    fields = {"fields": {"items": [GRADE]}}
    await kit.save(fields)
    made = await kit.world.operator.post(kit.items, {"name": "a", "grade": 3})
    reply = await kit.save({})
    assert [f["id"] for f in reply.data["overlay"]["removed"]["items"]] == ["own_grade"]
    path = f"{kit.items}/{made.data['id']}"
    assert "grade" not in (await kit.world.viewer.get(path)).data
    renamed = {**GRADE, "name": "rank"}
    reply = await kit.save({"fields": {"items": [renamed]}})
    assert "removed" not in reply.data["overlay"]
    assert (await kit.world.viewer.get(path)).data["rank"] == 3


async def test_values_are_erased_with_consent_by_name_only(kit: Kit) -> None:
    fields = {"fields": {"items": [GRADE, {**COLOUR, "required": False}]}}
    await kit.save(fields)
    body = {"name": "a", "grade": 3, "shade": "red"}
    made = await kit.world.operator.post(kit.items, body)
    reply = await kit.save({}, accept_loss=["items.wrong"])
    assert reply.details() == {("/accept_loss/0", "unknown_loss")}
    reply = await kit.save({}, accept_loss=["items.grade"])
    assert [f["name"] for f in reply.data["overlay"]["removed"]["items"]] == ["shade"]
    await kit.save(fields)
    after = (await kit.world.viewer.get(f"{kit.items}/{made.data['id']}")).data
    assert (after["grade"], after["shade"]) == (None, "red")


async def test_a_field_of_the_service_takes_the_name_of_an_own_one(kit: Kit) -> None:
    await kit.save({"fields": {"items": [GRADE]}})
    made = await kit.world.operator.post(kit.items, {"name": "a", "grade": 3})
    items, places = BASE["entities"]
    grown = {"id": "g", "name": "grade", "type": "text"}
    entity = {**items, "fields": [*items["fields"], grown]}
    newer = {**BASE, "id": kit.name, "name": kit.name, "entities": [entity, places]}
    path = f"/api/v1/core/services/{kit.name}/plan"
    plan = (await kit.world.root.post(path, {"definition": newer})).data
    (warning,) = plan["findings"]
    assert (warning["severity"], warning["code"]) == ("warning", "own_field")
    assert "grade of 1 tenants steps aside" in warning["message"]
    assert "ours" in warning["message"]
    assert plan["publishable"] is True
    await kit.publish(entities=[entity, places])
    again = (await kit.world.root.post(path, {"definition": newer})).data
    assert again["findings"] == []
    path = f"{kit.items}/{made.data['id']}"
    changed = await kit.world.operator.patch(path, {"grade": "A"})
    assert changed.data["grade"] == "A"
    (finding,) = (await kit.world.admin.get(kit.overlay(kit.world.ours))).data[
        "findings"
    ]
    assert (finding["severity"], finding["path"]) == (
        "warning",
        "/fields/items/0/name",
    )
    await kit.save({"fields": {"items": [{**GRADE, "name": "own_grade"}]}})
    after = (await kit.world.viewer.get(path)).data
    assert (after["grade"], after["own_grade"]) == ("A", 3)


async def test_what_the_service_loses_an_overlay_does_without(kit: Kit) -> None:
    items, places = BASE["entities"]
    await kit.save(
        {
            "labels": {"items.weight": {"en": "Mass"}},
            "forms": {"items": {"default": {"fields": ["name", "weight"]}}},
            "lists": {"items": {"columns": ["weight", "name"], "sort": ["weight"]}},
        }
    )
    entity = {
        **items,
        "fields": [items["fields"][0], items["fields"][2]],
        "actions": {},
        "forms": {},
        "list": {},
    }
    await kit.publish(entities=[entity, places])
    form = await kit.form(kit.world.admin)
    assert list(form["schema"]["properties"]) == ["name"]
    assert "Mass" not in str(form)
    assert [c["field"] for c in form["list"]["columns"]] == ["name"]
    assert form["list"]["sort"] == []


async def test_every_worker_hears_of_an_overlay(kit: Kit) -> None:
    async with open_parts(kit.parts.settings) as other:
        first = await other.catalog.entity(kit.world.ours, kit.name, "items")
        await kit.save({"fields": {"items": [GRADE]}})
        for _ in range(200):
            found = await other.catalog.entity(kit.world.ours, kit.name, "items")
            if found is not None and "grade" in found.fields:
                break
            await asyncio.sleep(0.02)
        else:
            raise AssertionError("the other worker never heard of it")
        theirs = await other.catalog.entity(kit.world.theirs, kit.name, "items")
        for entity in (first, theirs):
            assert entity is not None
            assert "grade" not in entity.fields


async def test_the_last_to_save_must_have_read_the_last(kit: Kit) -> None:
    place = kit.overlay(kit.world.ours)
    body = {"overlay": {"fields": {"items": [GRADE]}}, "revision": 0}
    assert (await kit.world.admin.request("PUT", place, body)).data["revision"] == 1
    again = await kit.world.admin.request("PUT", place, {**body, "overlay": {}})
    assert (again.status, again.error["code"]) == (409, "OVERLAY_CONFLICT")
    stored = (await kit.world.admin.get(place)).data
    assert (stored["revision"], list(stored["overlay"]["fields"])) == (1, ["items"])


async def test_everything_wrong_is_said_at_once(kit: Kit) -> None:
    reply = await kit.save(
        {
            "fields": {
                "items": [
                    {"id": "n", "name": "name", "type": "text"},
                    {"id": "r", "name": "owner", "type": "relation", "to": "x.y"},
                    {"id": "u", "name": "serial", "type": "text", "unique": True},
                    {"id": "s", "name": "tenant_id", "type": "text"},
                ],
                "nowhere": [],
            },
            "labels": {"items.colour": "Colour"},
            "lists": {"items": {"columns": ["colour"]}},
            "hidden_menu": ["nothing"],
            "menu": [{"id": "x", "name": "x", "path": "javascript:alert(1)"}],
        }
    )
    assert reply.status == 422
    assert reply.details() == {
        ("/overlay/fields/items/0/name", "taken"),
        ("/overlay/fields/items/0/id", "taken"),
        ("/overlay/fields/items/1/type", "type"),
        ("/overlay/fields/items/2/unique", "unique"),
        ("/overlay/fields/items/3/name", "reserved"),
        ("/overlay/fields/nowhere", "unknown_entity"),
        ("/overlay/labels/items.colour", "unknown_path"),
        ("/overlay/lists/items/columns", "unknown_field"),
        ("/overlay/hidden_menu/0", "unknown_menu_item"),
        ("/overlay/menu/0/path", "path"),
    }
    stored = (await kit.world.admin.get(kit.overlay(kit.world.ours))).data
    assert (stored["revision"], stored["overlay"]) == (0, {})


async def test_stored_values_are_never_read_as_another_type(kit: Kit) -> None:
    await kit.save({"fields": {"items": [{**GRADE, "type": "text"}]}})
    await kit.world.operator.post(kit.items, {"name": "a", "grade": "good"})
    for fields in ([GRADE], []):
        reply = await kit.save({"fields": {"items": fields}})
    reply = await kit.save({"fields": {"items": [GRADE]}})
    assert reply.details() == {("/overlay/fields/items/0/type", "type_changed")}
    fresh = {**GRADE, "id": "own_grade_2"}
    assert (await kit.save({"fields": {"items": [fresh]}})).status == 200
    assert (await kit.world.viewer.get(kit.items)).data[0]["grade"] is None


async def test_values_outlive_the_overlay_and_keep_their_type(kit: Kit) -> None:
    text = {**GRADE, "type": "text"}
    await kit.save({"fields": {"items": [text]}})
    made = await kit.world.operator.post(kit.items, {"name": "a", "grade": "good"})
    place = f"/api/v1/core/tenants/{kit.world.ours}/services/{kit.name}"
    await kit.world.root.delete(place)
    await kit.world.root.request("PUT", place)
    assert (await kit.world.admin.get(f"{place}/overlay")).data["overlay"] == {}
    reply = await kit.save({"fields": {"items": [GRADE]}})
    assert reply.details() == {("/overlay/fields/items/0/id", "type_changed")}
    assert (await kit.world.admin.get(f"{place}/overlay")).data["overlay"] == {}
    assert (await kit.save({"fields": {"items": [text]}})).status == 200
    again = await kit.world.viewer.get(f"{kit.items}/{made.data['id']}")
    assert again.data["grade"] == "good"


async def test_a_saved_overlay_is_in_the_log(kit: Kit) -> None:
    await kit.save({"labels": {"items": "Tool"}})
    async with kit.parts.database.system() as connection:
        rows = await connection.execute(
            "SELECT actor_name, changes, record_version FROM rangka.log WHERE "
            "tenant_id = %s AND action = 'overlay' ORDER BY id DESC LIMIT 1",
            (kit.world.ours,),
        )
        row = await rows.fetchone()
    assert row is not None
    old, new = row["changes"][f"overlay.{kit.name}"]
    assert (old, new) == ({}, {"labels": {"items": "Tool"}})
    assert row["record_version"] == 1
    assert row["actor_name"].startswith("TENANT_ADMIN")
