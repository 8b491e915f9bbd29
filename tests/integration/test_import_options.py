"""What the options of an import mean, and that a refused row leaves nothing behind."""

from typing import Any

import pytest
from own_services import fresh_name, give, run_with

from registry.service import Change, Host
from registry.service import Service as Code
from tests.fixtures.api import Reply, World

NAME = fresh_name("stock")
DEFINITION: dict[str, Any] = {
    "id": NAME,
    "name": NAME,
    "entities": [
        {
            "id": "part",
            "name": "parts",
            "fields": [
                {"id": "n", "name": "name", "type": "text", "required": True},
                {"id": "c", "name": "code", "type": "text", "unique": True},
                {"id": "m", "name": "mail", "type": "email", "unique": True},
            ],
        },
        {
            "id": "trace",
            "name": "traces",
            "fields": [{"id": "t", "name": "text", "type": "text"}],
        },
    ],
}
CODE = Code(NAME)


@CODE.before("create", "parts")
async def trace(host: Host, change: Change) -> None:
    await host.create(f"{NAME}.traces", {"text": change.values["name"]})


@pytest.fixture(scope="module")
async def base(world: World) -> str:
    found = await give(world, DEFINITION)
    run_with(world, CODE)
    return found


async def send(world: World, base: str, text: str, query: str = "") -> Reply:
    return await world.admin.request(
        "POST",
        f"{base}/parts/import?{query}",
        text.encode(),
        headers={"content-type": "text/csv"},
    )


async def names(world: World, base: str, entity: str, field: str) -> list[str]:
    rows = (await world.admin.get(f"{base}/{entity}?limit=200")).data
    return sorted(row[field] for row in rows)


@pytest.mark.parametrize(
    "query",
    [
        "dry_run=1",
        "dry_run=",
        "force=yes",
        "on_error=ignore",
        "existing=update",
        "existing=skip",
        "existing=skip&key=name",
        "existing=skip&key=nope",
        "key=code",
        "format=xlsx",
        "dryrun=true",
    ],
)
async def test_a_word_that_is_not_known_is_refused_and_nothing_written(
    world: World, base: str, query: str
) -> None:
    name = fresh_name("x")
    reply = await send(world, base, f"name,code\n{name},{name}\n", query)
    assert reply.status == 400, reply.body
    assert name not in await names(world, base, "parts", "name")


async def test_rows_of_records_that_exist_are_skipped_before_all_else(
    world: World, base: str
) -> None:
    old, new = fresh_name("old"), fresh_name("new")
    row = f"{old},{old},{old}@example.com\n"
    first = await send(world, base, f"name,code,mail\n{row}")
    assert first.data["imported"] == 1
    text = f"name,mail,code\n{old},{old}@example.com,{old}\n{new},,{new}\n"
    again = (await send(world, base, text, "existing=skip&key=code")).data
    assert (again["imported"], again["skipped"], again["failed"]) == (1, 1, 0)
    assert again["errors"] == []
    assert (await names(world, base, "parts", "name")).count(old) == 1


async def test_what_hooks_did_for_rows_that_do_not_come_is_taken_back(
    world: World, base: str
) -> None:
    kept, twice, odd, old = (fresh_name(word) for word in ("a", "b", "c", "d"))
    await send(world, base, f"name,code\n{old},{old}\n")
    text = (
        f"name,code,mail\n{kept},{kept},\n{twice},{kept},\n"
        f"{odd},{odd},no mail\n{old},{old},\n"
    )
    reply = await send(world, base, text, "on_error=skip&existing=skip&key=code")
    report = reply.data
    assert (report["imported"], report["skipped"], report["failed"]) == (1, 1, 2)
    found = [(error["row"], error["field"]) for error in report["errors"]]
    assert sorted(found) == [(3, "code"), (4, "mail")]
    traces = await names(world, base, "traces", "text")
    assert traces.count(kept) == 1
    assert traces.count(old) == 1
    assert not {twice, odd} & set(traces)


async def test_a_dry_run_says_what_would_be_and_does_nothing(
    world: World, base: str
) -> None:
    name = fresh_name("dry")
    text = f"name,code\n{name},{name}\n,{name}2\n"
    report = (await send(world, base, text, "dry_run=true")).data
    assert (report["imported"], report["failed"]) == (1, 1)
    assert name not in await names(world, base, "parts", "name")
    assert name not in await names(world, base, "traces", "text")


async def test_all_that_is_wrong_with_a_row_is_said_at_once(
    world: World, base: str
) -> None:
    long = "x" * 300
    text = f"name,code,mail\n,{long},no mail\n"
    report = (await send(world, base, text)).data
    fields = sorted(error["field"] for error in report["errors"])
    assert fields == ["code", "mail", "name"]
