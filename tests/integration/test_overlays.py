"""A tenant's own fields, labels, forms, lists and menu, from saving to every use."""

from typing import Any

import pytest

from metadata.definitions import Service
from registry import assignments
from tests.fixtures.api import Client, Reply, World

SERVICE = {
    "id": "gear",
    "name": "gear",
    "entities": [
        {
            "id": "item",
            "name": "items",
            "title_field": "name",
            "label": "Item",
            "fields": [
                {"id": "n", "name": "name", "type": "text", "required": True},
                {"id": "w", "name": "weight", "type": "integer"},
                {
                    "id": "p",
                    "name": "parts",
                    "type": "lines",
                    "fields": [
                        {"id": "q", "name": "count", "type": "integer"},
                    ],
                },
            ],
            "actions": {"weigh": {"set": {"weight": 1}}},
            "list": {"columns": ["name", "weight"], "sort": ["name"]},
        },
        {
            "id": "place",
            "name": "places",
            "fields": [{"id": "n", "name": "name", "type": "text"}],
        },
    ],
}
OWN = [
    {"id": "own_tax", "name": "tax_id", "type": "text", "search": True},
    {"id": "own_grade", "name": "grade", "type": "integer", "required": True},
    {"id": "own_marks", "name": "marks", "type": "tags"},
    {"id": "own_seen", "name": "seen_on", "type": "date"},
    {"id": "own_fee", "name": "fee", "type": "money", "currency": "IDR"},
    {"id": "own_extra", "name": "extra", "type": "json"},
    {
        "id": "own_kind",
        "name": "kind",
        "type": "choice",
        "options": ["new", "used"],
        "default": "new",
    },
]
WHOLE = {
    "tax_id": "NPWP 01",
    "grade": 7,
    "marks": ["dark red", "heavy"],
    "seen_on": "2026-03-01",
    "fee": 15000,
    "extra": "a text",
    "kind": "used",
}
ITEMS = "/api/v1/data/gear/items"
FORM = "/api/v1/forms/gear/items"


@pytest.fixture(scope="module")
async def gear(world: World) -> World:
    """The two tenants with the service `gear`, both without an overlay."""
    parts = world.app._app.state.parts
    async with parts.database.owner() as connection:
        await parts.publisher.publish(connection, Service.model_validate(SERVICE))
    for tenant in (world.ours, world.theirs):
        async with parts.database.system() as connection:
            await assignments.assign(connection, tenant, "gear")
        parts.catalog.forget(tenant)
    await parts.catalog.reload("gear")
    return world


def path_of(tenant: Any) -> str:
    return f"/api/v1/core/tenants/{tenant}/services/gear/overlay"


async def save(
    client: Client, tenant: Any, overlay: dict[str, Any], **more: Any
) -> Reply:
    """Save over whatever revision there is."""
    present = (await client.get(path_of(tenant))).data["revision"]
    body = {"overlay": overlay, "revision": present, **more}
    return await client.request("PUT", path_of(tenant), body)


async def test_own_fields_work_wherever_fields_do(gear: World) -> None:
    reply = await save(gear.admin, gear.ours, {"fields": {"items": OWN}})
    assert reply.data["findings"] == []
    made = (await gear.operator.post(ITEMS, {"name": "Drill", **WHOLE})).data
    assert {key: made[key] for key in WHOLE} == WHOLE
    light = {"name": "Saw", "grade": 2}
    other = (await gear.operator.post(ITEMS, light)).data
    assert (other["kind"], other["tax_id"]) == ("new", None)
    one = (await gear.viewer.get(f"{ITEMS}/{made['id']}")).data
    assert {key: one[key] for key in WHOLE} == WHOLE
    changed = {"fee": 20000, "marks": [], "tax_id": None}
    after = (await gear.operator.patch(f"{ITEMS}/{made['id']}", changed)).data
    assert (after["fee"], after["marks"], after["tax_id"]) == (20000, [], None)
    assert after["grade"] == 7
    history = (await gear.viewer.get(f"{ITEMS}/{made['id']}/history")).data
    fields = {c["field"]: (c["old"], c["new"]) for c in history[0]["changes"]}
    assert fields["fee"] == (15000, 20000)
    assert fields["tax_id"] == ("NPWP 01", None)
    assert "grade" not in fields


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ('filter={"grade":{"_gte":5}}', ["Axe", "Bow"]),
        ('filter={"marks":{"_contains":"sharp"}}', ["Axe"]),
        ('filter={"seen_on":{"_lt":"2026-01-01"}}', ["Bow"]),
        ('filter={"kind":{"_in":["used"]}}', ["Axe"]),
        ('filter={"tax_id":{"_null":true}}', ["Bow", "Cup"]),
        ("sort=-grade", ["Bow", "Axe", "Cup"]),
        ("search=npwp", ["Axe"]),
    ],
)
async def test_lists_filter_sort_and_search_by_own_fields(
    gear: World, query: str, names: list[str]
) -> None:
    await save(gear.admin, gear.ours, {"fields": {"items": OWN}})
    rows = [
        {
            "name": "Axe",
            "grade": 5,
            "marks": ["sharp"],
            "kind": "used",
            "tax_id": "NPWP 9",
        },
        {"name": "Bow", "grade": 8, "seen_on": "2025-05-05"},
        {"name": "Cup", "grade": 1},
    ]
    present = {row["name"] for row in (await gear.viewer.get(ITEMS)).data}
    for row in rows:
        if row["name"] not in present:
            await gear.operator.post(ITEMS, row)
    mine = '{"name":{"_in":["Axe","Bow","Cup"]}}'
    joined = query.replace("filter=", "")
    if query.startswith("filter="):
        query = f'filter={{"_and":[{mine},{joined}]}}'
    else:
        query = f"{query}&filter={mine}"
    found = (await gear.viewer.get(f"{ITEMS}?{query}")).data
    assert [row["name"] for row in found] == names


async def test_a_required_own_field_is_demanded(gear: World) -> None:
    await save(gear.admin, gear.ours, {"fields": {"items": OWN}})
    reply = await gear.operator.post(ITEMS, {"name": "Nothing"})
    assert (reply.status, reply.details()) == (422, {("grade", "required")})
    reply = await gear.operator.post(ITEMS, {"name": "X", "grade": "much"})
    assert ("grade", "type") in reply.details()


async def test_imports_and_exports_carry_own_fields(gear: World) -> None:
    await save(gear.admin, gear.ours, {"fields": {"items": OWN}})
    file = b"name,grade,marks,fee,seen_on\nImported,4,a;b,1500,2026-02-03\nBad,x,,,\n"
    reply = await gear.admin.request(
        "POST",
        f"{ITEMS}/import?on_error=skip",
        file,
        headers={"content-type": "text/csv"},
    )
    assert (reply.data["imported"], reply.data["failed"]) == (1, 1)
    where = 'filter={"name":{"_eq":"Imported"}}'
    (row,) = (await gear.viewer.get(f"{ITEMS}?{where}")).data
    assert (row["grade"], row["seen_on"]) == (4, "2026-02-03")
    assert len(row["marks"]) >= 1
    exported = await gear.admin.get(f"{ITEMS}/export?format=csv&{where}")
    head, line = exported.body.decode().strip().splitlines()
    values = dict(zip(head.lstrip("\ufeff").split(","), line.split(","), strict=False))
    assert (values["grade"], values["seen_on"]) == ("4", "2026-02-03")
