"""Writes of one record at once: what one of them did besides is kept once, or not."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from own_services import fresh_name, give, run_with, user_with

from registry.service import Change, Host, Record
from registry.service import Service as Code
from tests.fixtures.api import World

NAME = fresh_name("race")
DEFINITION: dict[str, Any] = {
    "id": NAME,
    "name": NAME,
    "entities": [
        {
            "id": "bill",
            "name": "bills",
            "soft_delete": True,
            "fields": [
                {"id": "n", "name": "name", "type": "text"},
                {"id": "s", "name": "state", "type": "choice",
                 "options": ["new", "paid"], "default": "new"},
                {"id": "h", "name": "hint", "type": "text"},
                {"id": "r", "name": "rank", "type": "integer", "readonly": True},
                {"id": "i", "name": "origin", "type": "text", "immutable": True},
            ],
            "actions": {
                "pay": {"when": {"state": {"_eq": "new"}}, "set": {"state": "paid"}},
            },
        },
        {
            "id": "entry",
            "name": "entries",
            "fields": [{"id": "t", "name": "text", "type": "text"}],
        },
    ],
}  # fmt: skip
CODE = Code(NAME)


@CODE.before("update", "bills")
@CODE.before("delete", "bills")
async def count(host: Host, change: Change) -> None:
    old = change.old or {}
    await host.create(f"{NAME}.entries", {"text": f"{change.operation} {old['name']}"})
    # Long enough for the others to come meanwhile.
    await asyncio.sleep(0.05)
    if change.operation == "update" and old.get("rank") is None:
        change.values["rank"] = 7


@CODE.action("bills", "pay")
async def pay(host: Host, record: Record | None, _given: Mapping[str, Any]) -> None:
    assert record is not None
    await host.create(f"{NAME}.entries", {"text": f"paid {record['name']}"})
    await asyncio.sleep(0.05)


@pytest.fixture(scope="module")
async def base(world: World) -> str:
    found = await give(world, DEFINITION)
    run_with(world, CODE)
    return found


async def bill(world: World, base: str, **values: Any) -> tuple[str, str]:
    """Return the path of a new bill and its name, which no other has."""
    name = fresh_name("b")
    made = await world.admin.post(f"{base}/bills", {"name": name, **values})
    assert made.status == 201, made.body
    return f"{base}/bills/{made.data['id']}", name


async def entries(world: World, base: str, text: str) -> int:
    path = f'{base}/entries?filter={{"text":{{"_eq":"{text}"}}}}'
    return len((await world.admin.get(path)).data)


async def test_of_changes_of_one_version_one_is_made_and_leaves_its_traces(
    world: World, base: str
) -> None:
    path, name = await bill(world, base)
    replies = await asyncio.gather(
        *(
            world.admin.patch(path, {"hint": str(n)}, headers={"if-match": '"1"'})
            for n in range(4)
        )
    )
    assert sorted(reply.status for reply in replies) == [200, 412, 412, 412]
    assert await entries(world, base, f"update {name}") == 1


async def test_changes_without_a_version_are_all_made_each_once(
    world: World, base: str
) -> None:
    path, name = await bill(world, base)
    replies = await asyncio.gather(
        *(world.admin.patch(path, {"hint": str(n)}) for n in range(4))
    )
    assert [reply.status for reply in replies] == [200] * 4
    assert await entries(world, base, f"update {name}") == 4
    assert (await world.admin.get(path)).data["version"] == 5


async def test_an_action_that_rules_itself_out_runs_once(
    world: World, base: str
) -> None:
    path, name = await bill(world, base)
    replies = await asyncio.gather(
        *(world.admin.post(f"{path}/actions/pay", {}) for _ in range(4))
    )
    assert sorted(reply.status for reply in replies) == [200, 409, 409, 409]
    assert await entries(world, base, f"paid {name}") == 1


async def test_an_action_keeps_to_the_version_it_is_given(
    world: World, base: str
) -> None:
    path, name = await bill(world, base)
    await world.admin.patch(path, {"hint": "x"})
    stale = await world.admin.post(
        f"{path}/actions/pay", {}, headers={"if-match": '"1"'}
    )
    assert stale.status == 412
    assert await entries(world, base, f"paid {name}") == 0


async def test_of_deletes_one_is_made(world: World, base: str) -> None:
    path, name = await bill(world, base)
    replies = await asyncio.gather(*(world.admin.delete(path) for _ in range(3)))
    assert sorted(reply.status for reply in replies) == [204, 404, 404]
    assert await entries(world, base, f"delete {name}") == 1


async def test_a_put_keeps_what_its_sender_cannot_read(world: World, base: str) -> None:
    path, _ = await bill(world, base, hint="secret")
    blind = await user_with(
        world,
        {"permission": f"{NAME}.bills:read", "fields": ["name", "state"]},
        {"permission": f"{NAME}.bills:update"},
    )
    read = (await blind.get(path)).data
    sent = {name: read[name] for name in ("name", "state")}
    reply = await blind.request("PUT", path, {**sent, "state": "paid", "hint": None})
    assert reply.status == 200, reply.body
    found = (await world.admin.get(path)).data
    assert (found["state"], found["hint"]) == ("paid", "secret")


@pytest.mark.parametrize(("field", "right"), [("rank", 7), ("origin", "shop")])
async def test_a_hidden_field_cannot_be_guessed(
    world: World, base: str, field: str, right: Any
) -> None:
    path, _ = await bill(world, base, origin="shop")
    await world.admin.patch(path, {"hint": "x"})
    assert (await world.admin.get(path)).data[field] == right
    blind = await user_with(
        world,
        {"permission": f"{NAME}.bills:read", "fields": ["name"]},
        {"permission": f"{NAME}.bills:update"},
    )
    guesses = [right, "wrong" if field == "origin" else 8]
    replies = [await blind.patch(path, {field: guess}) for guess in guesses]
    assert [reply.status for reply in replies] == [422, 422]
    assert replies[0].details() == replies[1].details()
