"""Tables that are not as published: every way is seen, and its remedy mends it."""

from typing import Any

import pytest
from publishing_world import NAME, NOTE, Shelf, entity, fresh_name, service

from engine.settings import Settings
from registry.publishing_drift import Drift, all_drift, drift


@pytest.fixture
def shelf(settings: Settings) -> Shelf:
    return Shelf(settings)


@pytest.fixture
def name() -> str:
    return fresh_name()


def definition(name: str) -> Any:
    """Return a service with every kind of thing in it, and names that need quotes."""
    lines = {
        "id": "l",
        "name": "parts",
        "type": "lines",
        "fields": [{"id": "q", "name": "quantity", "type": "integer"}],
    }
    return service(
        name,
        entity(
            "items",
            NAME,
            {**NOTE, "search": True, "index": True},
            {"id": "n", "name": "null", "type": "integer", "unique": True},
            {"id": "u", "name": "user", "type": "relation", "to": "platform.users"},
            {
                "id": "o",
                "name": "order",
                "type": "relation",
                "to": f"{name}.select",
                "on_delete": "set_null",
            },
            {
                "id": "c",
                "name": "twice",
                "type": "computed",
                "result": {"type": "integer"},
                "expression": {"_mul": [{"field": "null"}, 2]},
            },
            lines,
            soft_delete=True,
            unique=[["name", "null"]],
        ),
        entity("select", {"id": "n" * 40, "name": "n" * 63, "type": "text"}),
    )


async def found(shelf: Shelf, name: str) -> list[Drift]:
    async with shelf.database.owner() as connection:
        return await drift(connection, name)


async def test_what_was_just_published_is_as_published(shelf: Shelf, name: str) -> None:
    await shelf.publish(definition(name))
    assert await found(shelf, name) == []


@pytest.mark.parametrize(
    ("change", "kind", "thing"),
    [
        ("ALTER TABLE {i} DROP COLUMN note", "missing", "column note of items"),
        ("ALTER TABLE {i} ADD COLUMN x int", "extra", "column x of items"),
        (
            "ALTER TABLE {i} ALTER COLUMN note TYPE varchar(80)",
            "different",
            "column note of items",
        ),
        (
            "ALTER TABLE {i} ALTER COLUMN name DROP NOT NULL",
            "different",
            "column name of items",
        ),
        (
            "ALTER TABLE {i} ALTER COLUMN note SET DEFAULT 'x'",
            "different",
            "column note of items",
        ),
        ("ALTER TABLE {i} DROP COLUMN twice", "missing", "column twice of items"),
        (
            "ALTER TABLE {i} DROP CONSTRAINT ck_items_f1_0",
            "missing",
            "constraint ck_items_f1_0 of items",
        ),
        (
            (
                "ALTER TABLE {i} DROP CONSTRAINT ck_items_f1_0, ADD CONSTRAINT "
                "ck_items_f1_0 CHECK (char_length(name) <= 51)"
            ),
            "different",
            "constraint ck_items_f1_0 of items",
        ),
        (
            (
                "ALTER TABLE {i} DROP CONSTRAINT ck_items_f1_0, ADD CONSTRAINT "
                "ck_items_f1_0 CHECK (char_length(name) <= 50) NOT VALID"
            ),
            "different",
            "constraint ck_items_f1_0 of items",
        ),
        (
            "ALTER TABLE {i} DROP CONSTRAINT fk_items_o",
            "missing",
            "foreign key fk_items_o of items",
        ),
        (
            "ALTER TABLE {i} DROP CONSTRAINT fk_items_u",
            "missing",
            "foreign key fk_items_u of items",
        ),
        (
            'ALTER TABLE {s}."items__parts" DROP CONSTRAINT "fk_items-l_parent"',
            "missing",
            "foreign key fk_items-l_parent of items__parts",
        ),
        ("DROP INDEX {s}.uq_items_n", "missing", "index uq_items_n of items"),
        ("DROP INDEX {s}.tg_items_f2", "missing", "index tg_items_f2 of items"),
        (
            (
                "DROP INDEX {s}.uq_items_n; "
                'CREATE INDEX uq_items_n ON {i} (tenant_id, "null")'
            ),
            "different",
            "index uq_items_n of items",
        ),
        ("CREATE INDEX mine ON {i} (note)", "extra", "index mine of items"),
        ("ALTER TABLE {i} NO FORCE ROW LEVEL SECURITY", "different", "table items"),
        ("ALTER TABLE {i} DISABLE ROW LEVEL SECURITY", "different", "table items"),
        ("DROP POLICY tenant ON {i}", "missing", "policy tenant of items"),
        (
            "ALTER POLICY tenant ON {i} USING (true)",
            "different",
            "policy tenant of items",
        ),
        ("CREATE POLICY all_of_it ON {i}", "extra", "policy all_of_it of items"),
        ("REVOKE DELETE ON {i} FROM rangka_app", "different", "rangka_app of items"),
        ("GRANT TRUNCATE ON {i} TO rangka_app", "different", "rangka_app of items"),
        ("GRANT SELECT ON {i} TO PUBLIC", "extra", "PUBLIC of items"),
        ("REVOKE USAGE ON SCHEMA {s} FROM rangka_app", "missing", "on the schema"),
        ("CREATE TABLE {s}.mine (id int)", "extra", "table mine"),
    ],
)
async def test_a_change_by_hand_is_named_and_its_remedy_mends_it(
    shelf: Shelf, name: str, change: str, kind: str, thing: str
) -> None:
    await shelf.publish(definition(name))
    schema = f"svc_{name}"
    await shelf.run(change.format(s=schema, i=f"{schema}.items"))

    differences = await found(shelf, name)

    assert (kind, True) in [(item.kind, thing in item.thing) for item in differences]
    for item in differences:
        for start in ("Run: ", "if nobody else does either: "):
            _, _, sql = item.remedy.partition(start)
            if sql:
                await shelf.run(sql)
    assert await found(shelf, name) == []


async def test_a_table_that_is_gone_is_to_be_restored(shelf: Shelf, name: str) -> None:
    await shelf.publish(definition(name))
    await shelf.run(f"DROP TABLE svc_{name}.items__parts")
    differences = await found(shelf, name)
    (table,) = [item for item in differences if item.thing == "table items__parts"]
    assert table.kind == "missing"
    assert "backup" in table.remedy


async def test_a_schema_that_no_service_has_is_named(shelf: Shelf, name: str) -> None:
    await shelf.run(f"CREATE SCHEMA svc_{name}")
    async with shelf.database.owner() as connection:
        differences = await all_drift(connection)
    assert [
        (item.kind, item.thing) for item in differences if name in item.service
    ] == [("extra", "schema")]
    await shelf.run(f"DROP SCHEMA svc_{name}")
