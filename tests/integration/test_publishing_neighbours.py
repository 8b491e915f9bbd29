"""A publish looks at the services it has to do with, and finds all of those."""

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from publishing_world import NAME, Shelf, entity, fresh_name, service

from engine.settings import Settings
from metadata import store
from metadata.checks import check_service
from metadata.definitions import Service
from metadata.store_related import related


@pytest.fixture
def shelf(settings: Settings) -> Shelf:
    return Shelf(settings)


@pytest.fixture
def base() -> str:
    return fresh_name()


THINGS = entity("things", NAME)


def link(name: str, to: str, **options: Any) -> dict[str, Any]:
    return {"id": name, "name": name, "type": "relation", "to": to, **options}


def pointing(name: str, *links: dict[str, Any], **options: Any) -> Service:
    requires = sorted({each["to"].partition(".")[0] for each in links} - {name})
    users = entity("users", NAME, *links, **options.pop("entity", {}))
    return service(name, users, requires=requires, **options)


async def around(
    shelf: Shelf, definition: Service, published: Service | None = None
) -> dict[str, Service]:
    async with shelf.database.owner() as connection:
        return await related(connection, definition, published)


async def test_those_it_points_at_are_found_and_strangers_are_not(
    shelf: Shelf, base: str
) -> None:
    for name in ("target", "former", "required", "stranger"):
        await shelf.publish(service(f"{base}-{name}", THINGS))
    await shelf.publish(
        pointing(f"{base}-user", link("thing", f"{base}-target.things", inverse="uses"))
    )
    old = pointing(base, link("thing", f"{base}-former.things"))
    lines = {
        "id": "l",
        "name": "rows",
        "type": "lines",
        "fields": [link("inner", f"{base}-target.things")],
    }
    requires = [f"{base}-required", f"{base}-target"]
    new = service(base, entity("users", NAME, lines), requires=requires)
    found = await around(shelf, new, old)
    assert {name: each.name for name, each in found.items()} == {
        f"{base}-{name}": f"{base}-{name}" for name in ("former", "required", "target")
    }


@pytest.mark.parametrize(
    ("kept", "found"),
    [
        pytest.param(THINGS, False, id="stays"),
        pytest.param({**THINGS, "name": "wares"}, True, id="renamed"),
        pytest.param({**THINGS, "id": "another"}, True, id="replaced"),
    ],
)
async def test_who_points_at_it_is_found_when_the_entity_does_not_stay(
    shelf: Shelf, base: str, kept: dict[str, Any], found: bool
) -> None:
    old = service(base, THINGS)
    await shelf.publish(old)
    user = f"{base}-user"
    await shelf.publish(pointing(user, link("thing", f"{base}.things")))
    assert (user in await around(shelf, service(base, kept), old)) is found


async def test_only_the_published_version_counts(shelf: Shelf, base: str) -> None:
    old = service(base, THINGS)
    await shelf.publish(old)
    user = f"{base}-user"
    await shelf.publish(pointing(user, link("thing", f"{base}.things")))
    without = service(base, entity("other", NAME))
    assert user in await around(shelf, without, old)
    await shelf.publish(pointing(user), accept_loss=["users.thing"])
    assert await around(shelf, without, old) == {}
    async with shelf.database.owner() as connection:
        await shelf.publisher.roll_back(connection, user, 1)
    assert user in await around(shelf, without, old)


async def test_who_lists_under_the_same_name_in_the_same_target_is_found(
    shelf: Shelf, base: str
) -> None:
    things = f"{base}.things"
    await shelf.publish(service(base, THINGS))
    await shelf.publish(pointing(f"{base}-twin", link("t", things, inverse="uses")))
    await shelf.publish(pointing(f"{base}-other", link("t", things, inverse="others")))
    mine = pointing(f"{base}-mine", link("t", things, inverse="uses"))
    assert set(await around(shelf, mine)) == {base, f"{base}-twin"}


async def test_a_service_of_the_same_schema_is_found(shelf: Shelf, base: str) -> None:
    await shelf.publish(service(f"{base}-a", THINGS))
    plan = await shelf.plan(service(f"{base}_a", THINGS))
    assert [finding.code for finding in plan.findings] == ["collision"]


@pytest.mark.parametrize(
    ("condition", "codes"),
    [
        ({"thing": {"maker": {"name": {"_null": 1}}}}, ["condition"]),
        ({"thing": {"maker": {"id": {"_icontains": "a"}}}}, ["operator"]),
        ({"thing": {"maker": {"nothing": {"_eq": "a"}}}}, ["unknown_field"]),
        ({"thing": {"makes": {"_some": {"nothing": {"_eq": "a"}}}}}, ["unknown_field"]),
        (
            {"thing": {"makes": {"_some": {"owner": {"nothing": {"_eq": "a"}}}}}},
            ["unknown_field"],
        ),
        (
            {"pointers": {"_none": {"owner": {"nothing": {"_eq": "a"}}}}},
            ["unknown_field"],
        ),
        (
            {
                "thing": {"maker": {"name": {"_eq": "a"}}},
                "pointers": {"_some": {"owner": {"name": {"_eq": "a"}}}},
            },
            [],
        ),
    ],
)
async def test_a_condition_is_judged_as_if_every_service_were_looked_at(
    shelf: Shelf, base: str, condition: dict[str, Any], codes: list[str]
) -> None:
    thing, mine = await _neighbourhood(shelf, base)
    rule = {"permission": f"{base}.users:read", "filter": condition}
    role = {"name": "clerk", "label": "Clerk", "rules": [rule]}
    wanted = pointing(base, thing, roles=[role])
    async with shelf.database.owner() as connection:
        everyone = await store.published(connection)
    del everyone[base]
    near = await around(shelf, wanted, mine)
    assert set(near) < set(everyone)
    said = check_service(wanted, others=near)
    assert said == check_service(wanted, others=everyone)
    assert [finding.code for finding in said] == codes


@pytest.mark.parametrize(
    ("column", "codes"),
    [("thing.maker.nothing", ["unknown_field"]), ("thing.maker.name", [])],
)
async def test_a_column_is_judged_as_if_every_service_were_looked_at(
    shelf: Shelf, base: str, column: str, codes: list[str]
) -> None:
    thing, mine = await _neighbourhood(shelf, base)
    wanted = pointing(base, thing, entity={"list": {"columns": [column]}})
    said = check_service(wanted, others=await around(shelf, wanted, mine))
    assert [finding.code for finding in said] == codes


async def _neighbourhood(shelf: Shelf, base: str) -> tuple[dict[str, Any], Service]:
    """Publish a service that points at one that points on, and two that point back.

    Returns its relation and its definition.
    """
    makers, things, owners = f"{base}-makers", f"{base}-things", f"{base}-owners"
    for name in (makers, owners):
        await shelf.publish(service(name, entity("all", NAME)))
    maker = link("maker", f"{makers}.all")
    await shelf.publish(
        service(things, entity("things", NAME, maker), requires=[makers])
    )
    thing = link("thing", f"{things}.things")
    mine = pointing(base, thing)
    await shelf.publish(mine)
    owner = link("owner", f"{owners}.all")
    for name, target, inverse in (
        ("makes", f"{things}.things", "makes"),
        ("pointers", f"{base}.users", "pointers"),
    ):
        to = link("to", target, inverse=inverse)
        await shelf.publish(pointing(f"{base}-{name}", to, owner))
    return thing, mine


async def test_a_publish_that_fails_leaves_the_relations_as_they_were(
    shelf: Shelf, base: str
) -> None:
    await shelf.publish(service(base, THINGS))
    user = f"{base}-user"
    await shelf.publish(pointing(user, link("thing", f"{base}.things")))
    kept = f"""SELECT path, r.name, target_service, target_entity, inverse
        FROM rangka.service_relations r JOIN rangka.services s ON s.id = r.service_id
        WHERE s.name = '{user}'"""
    before = await shelf.run(kept)
    assert [tuple(row.values()) for row in before] == [
        ("users.thing", "thing", base, "things", None)
    ]

    async def stop(step: int) -> None:
        if step > 0:
            raise ConnectionError("the process ended here")

    with pytest.raises(ConnectionError):
        await shelf.publish(
            pointing(user), accept_loss=["users.thing"], after_step=stop
        )
    assert await shelf.run(kept) == before


async def test_the_migration_finds_the_relations_of_what_was_published_before(
    shelf: Shelf, base: str
) -> None:
    await shelf.publish(service(base, THINGS))
    thing = link("thing", f"{base}.things", inverse="uses")
    inner = [link("inner", f"{base}.things")]
    rows = {"id": "l", "name": "rows", "type": "lines", "fields": inner}
    await shelf.publish(pointing(f"{base}-user", thing))
    users = entity("users", NAME, thing, rows)
    await shelf.publish(service(f"{base}-user", users, requires=[base]))
    kept = b"SELECT * FROM service_relations ORDER BY service_id, path"
    migration = import_module("metadata.migrations.versions.0006_relations")
    sql = Path(str(migration.__file__)).with_suffix(".sql").read_bytes()
    async with shelf.database.owner() as connection:
        await connection.execute("SET LOCAL search_path = rangka, pg_catalog")
        before = await (await connection.execute(kept)).fetchall()
        paths = {row["path"] for row in before if row["target_service"] == base}
        assert paths == {"users.thing", "users.rows.inner"}
        await connection.execute(
            "DROP TRIGGER keep_relations ON services; DROP FUNCTION keep_relations; "
            "DROP FUNCTION relations_of; DROP TABLE service_relations"
        )
        await connection.execute(sql)
        assert await (await connection.execute(kept)).fetchall() == before
        await connection.rollback()
