"""Exports of fields behind relations, and the way back by an import."""

import csv
import io
import json
from uuid import uuid4

import openpyxl
import pytest

from metadata.definitions import Service
from registry import assignments
from tests.fixtures.api import World


@pytest.fixture(scope="module")
async def shop(world: World) -> str:
    """A service with `cats` and `items` that point at them; returns its path."""
    name = f"shop-{uuid4().hex[:8]}"
    text = {"id": "n", "name": "name", "type": "text"}
    cat = {"id": "c", "name": "cat", "type": "relation", "to": f"{name}.cats"}
    amount = {"id": "a", "name": "amount", "type": "integer"}
    document = {
        "id": name,
        "name": name,
        "entities": [
            {"id": "cat", "name": "cats", "fields": [text]},
            {"id": "item", "name": "items", "fields": [text, amount, cat]},
        ],
    }
    parts = world.app._app.state.parts
    async with parts.database.owner() as connection:
        await parts.publisher.publish(connection, Service.model_validate(document))
    async with parts.database.system() as connection:
        await assignments.assign(connection, world.ours, name)
    await parts.catalog.reload(name)
    parts.catalog.forget(world.ours)
    path = f"/api/v1/data/{name}"
    for number, label in enumerate(["=1+1", "'@x", "plain"]):
        made = await world.admin.post(f"{path}/cats", {"name": label})
        body = {"name": f"-{label}", "amount": -number, "cat": made.data["id"]}
        await world.admin.post(f"{path}/items", body)
    await world.admin.post(f"{path}/items", {"name": "alone", "amount": 5})
    return path


async def test_a_field_behind_a_relation_stands_in_every_format(
    world: World, shop: str
) -> None:
    path = f"{shop}/items/export?sort=created_at&fields=amount,cat.name&format="
    table = list(
        csv.reader(
            io.StringIO((await world.admin.get(f"{path}csv")).body.decode("utf-8-sig"))
        )
    )
    assert table == [
        ["amount", "cat.name"],
        ["0", "'=1+1"],
        ["-1", "''@x"],
        ["-2", "plain"],
        ["5", ""],
    ]
    lines = (await world.admin.get(f"{path}jsonl")).body.decode().splitlines()
    cats = [json.loads(line)["cat"] for line in lines]
    assert [cat and cat["name"] for cat in cats] == ["=1+1", "'@x", "plain", None]
    book = openpyxl.load_workbook(
        io.BytesIO((await world.admin.get(f"{path}xlsx")).body)
    )
    assert book.active is not None
    assert list(book.active.iter_rows(values_only=True)) == [
        ("Amount", "Cat: Name"),
        (0, "=1+1"),
        (-1, "'@x"),
        (-2, "plain"),
        (5, None),
    ]


async def test_an_expanded_relation_is_its_id_in_a_table(
    world: World, shop: str
) -> None:
    path = f"{shop}/items/export?sort=created_at&fields=cat"
    plain = await world.admin.get(path)
    assert (await world.admin.get(f"{path}&expand=cat")).body == plain.body
    assert plain.body.count(b"-") > 3


async def test_what_was_exported_is_imported_as_it_was(world: World, shop: str) -> None:
    path = f"{shop}/items/export?sort=created_at&fields=name,amount,cat.name"
    exported = (await world.admin.get(path)).body
    reply = await world.admin.post(
        f"{shop}/items/import", exported, headers={"content-type": "text/csv"}
    )
    assert (reply.data["imported"], reply.data["errors"]) == (4, [])
    listed = await world.admin.get(f"{shop}/items?sort=created_at,id&expand=cat")
    told = [
        (row["name"], row["amount"], row["cat"] and row["cat"]["name"])
        for row in listed.data
    ]
    assert sorted(told[4:], key=repr) == sorted(told[:4], key=repr)
    assert ("-=1+1", 0, "=1+1") in told[4:]
