"""An import passes the checks of single writes: hooks, secrets, deleted targets."""

import asyncio
from typing import Any

import pytest
from own_services import fresh_name, give, run_with, somebody_waits

from registry.service import Change, Host
from registry.service import Service as Code
from tests.fixtures.api import Client, Reply, World

NAME = fresh_name("stock")
DEFINITION: dict[str, Any] = {
    "id": NAME,
    "name": NAME,
    "entities": [
        {
            "id": "s",
            "name": "shelves",
            "soft_delete": True,
            "fields": [{"id": "n", "name": "name", "type": "text"}],
        },
        {
            "id": "b",
            "name": "boxes",
            "fields": [
                {"id": "n", "name": "name", "type": "text"},
                {"id": "s", "name": "shelf", "type": "relation",
                 "to": f"{NAME}.shelves"},
                {"id": "c", "name": "lock", "type": "secret", "max_length": 6},
            ],
        },
    ],
}  # fmt: skip
CODE = Code(NAME)
HELD, GO = asyncio.Event(), asyncio.Event()


@CODE.before("create", "boxes")
async def mistake(_host: Host, change: Change) -> None:
    if change.values.get("name") == "strange":
        change.values["nothing"] = 1


@CODE.after("create", "boxes")
@CODE.after("delete", "shelves")
async def hold(_host: Host, change: Change) -> None:
    if change.value("name") == "held":
        HELD.set()
        await GO.wait()


@pytest.fixture(scope="module")
async def base(world: World) -> str:
    path = await give(world, DEFINITION)
    run_with(world, CODE)
    return path


async def import_of(user: Client, base: str, *rows: str) -> Reply:
    return await user.post(
        f"{base}/boxes/import?force=true",
        "\n".join(("name,shelf,lock", *rows)).encode(),
        headers={"content-type": "text/csv"},
    )


async def shelf(world: World, base: str, name: str) -> str:
    return str((await world.admin.post(f"{base}/shelves", {"name": name})).data["id"])


async def test_what_a_hook_sets_wrongly_is_a_finding_of_its_row(
    world: World, base: str
) -> None:
    report = (await import_of(world.admin, base, "a,,", "strange,,")).data
    assert (report["imported"], report["failed"]) == (0, 1)
    (found,) = report["errors"]
    assert (found["row"], found["field"], found["code"]) == (
        3,
        "nothing",
        "unknown_field",
    )


async def test_a_secret_that_does_not_fit_is_not_kept(world: World, base: str) -> None:
    report = (await import_of(world.admin, base, "a,,open-sesame")).data
    (found,) = report["errors"]
    assert (found["field"], found["code"]) == ("lock", "max_length")
    kept = await world.admin.get(report["errors_url"])
    assert b"lock" in kept.body
    assert b"sesame" not in kept.body
    assert "sesame" not in str(report)


async def test_an_import_waits_for_the_deletion_of_what_it_chooses(
    world: World, base: str
) -> None:
    chosen = await shelf(world, base, "held")
    HELD.clear()
    GO.clear()
    deleting = asyncio.ensure_future(world.admin.delete(f"{base}/shelves/{chosen}"))
    await HELD.wait()
    importing = asyncio.ensure_future(import_of(world.admin, base, f"a,{chosen},"))
    try:
        await somebody_waits(world)
    finally:
        GO.set()
    assert (await deleting).status == 204
    (found,) = (await importing).data["errors"]
    assert (found["field"], found["code"]) == ("shelf", "not_found")


async def test_a_deletion_waits_for_an_import_that_chooses_the_record(
    world: World, base: str
) -> None:
    chosen = await shelf(world, base, "other")
    HELD.clear()
    GO.clear()
    importing = asyncio.ensure_future(import_of(world.admin, base, f"held,{chosen},"))
    await HELD.wait()
    deleting = asyncio.ensure_future(world.admin.delete(f"{base}/shelves/{chosen}"))
    try:
        await somebody_waits(world)
    finally:
        GO.set()
    assert (await importing).data["imported"] == 1
    assert (await deleting).error["code"] == "IN_USE"
