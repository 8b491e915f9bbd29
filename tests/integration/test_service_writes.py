"""What service code writes passes the same checks as what clients write."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from own_services import fresh_name, give, run_with

from registry.service import Change, Host, Record
from registry.service import Service as Code
from tests.fixtures.api import Reply, World

NAME = fresh_name("desk")
NOTES = f"{NAME}.notes"
DEFINITION: dict[str, Any] = {
    "id": NAME,
    "name": NAME,
    "entities": [
        {
            "id": "task",
            "name": "tasks",
            "fields": [
                {"id": "n", "name": "name", "type": "text"},
                {"id": "w", "name": "what", "type": "json"},
                {"id": "s", "name": "stamp", "type": "datetime", "readonly": True},
                {"id": "g", "name": "grade", "type": "integer", "max": 5},
                {"id": "x", "name": "double", "type": "computed",
                 "result": {"type": "integer"},
                 "expression": {"_mul": [{"field": "grade"}, 2]}},
            ],
            "actions": {
                "note": {"input": []},
                "several": {"input": []},
                "mark": {"input": []},
            },
        },
        {
            "id": "note",
            "name": "notes",
            "fields": [
                {"id": "t", "name": "text", "type": "text", "required": True,
                 "max_length": 9},
                {"id": "s", "name": "state", "type": "choice",
                 "options": ["open", "done"], "default": "open", "initial": "open",
                 "transitions": {"open": ["done"]}},
                {"id": "b", "name": "by", "type": "text", "default": "$user.id"},
                {"id": "o", "name": "of", "type": "relation", "to": f"{NAME}.tasks"},
                {"id": "a", "name": "at", "type": "datetime", "readonly": True},
                {"id": "q", "name": "number", "type": "sequence",
                 "pattern": "N{n:03}"},
            ],
        },
    ],
}  # fmt: skip
CODE = Code(NAME)


@CODE.before("create", "tasks")
@CODE.before("update", "tasks")
async def fill_in(host: Host, change: Change) -> None:
    change.values["stamp"] = host.now
    change.values.update(change.values.pop("what", None) or {})


@CODE.action("tasks", "note")
async def note(
    host: Host, record: Record | None, _given: Mapping[str, Any]
) -> Mapping[str, Any]:
    assert record is not None
    values = {"of": UUID(record["id"]), **(record["what"] or {})}
    return dict(await host.create(NOTES, values))


@CODE.action("tasks", "several")
async def several(
    host: Host, record: Record | None, _given: Mapping[str, Any]
) -> Mapping[str, Any]:
    assert record is not None
    entity, rows = record["what"]["entity"], record["what"]["rows"]
    parts = record["what"].get("parts", 1)
    made = await asyncio.gather(
        *(host.create_many(entity, rows[part::parts]) for part in range(parts))
    )
    return {"ids": [str(each) for ids in made for each in ids]}


@CODE.action("tasks", "mark")
async def mark(host: Host, record: Record | None, _given: Mapping[str, Any]) -> None:
    assert record is not None
    await host.update(f"{NAME}.tasks", record["id"], {**record, "name": "marked"})


@pytest.fixture(scope="module")
async def tasks(world: World) -> str:
    base = await give(world, DEFINITION)
    run_with(world, CODE)
    return f"{base}/tasks"


async def noted(world: World, tasks: str, values: dict[str, Any]) -> Reply:
    """Let the action create a note with these values."""
    made = await world.admin.post(tasks, {"name": "a", "what": {"what": values}})
    assert made.status == 201, made.body
    return await world.admin.post(f"{made.headers['location']}/actions/note", {})


async def test_a_record_made_by_code_gets_its_defaults(
    world: World, tasks: str
) -> None:
    reply = await noted(world, tasks, {"text": "hello"})
    me = (await world.admin.get("/api/v1/auth/me")).data["user"]["id"]
    record = reply.data["result"]
    assert (record["state"], record["by"]) == ("open", me)
    assert record["number"].startswith("N")


async def test_code_may_write_what_the_system_fills_in(
    world: World, tasks: str
) -> None:
    moment = "2026-01-02T03:04:05+00:00"
    values = {"text": "hello", "at": moment, "number": "OLD-7"}
    record = (await noted(world, tasks, values)).data["result"]
    assert (record["at"], record["number"]) == (moment, "OLD-7")


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, ("text", "required")),
        ({"text": "far too long"}, ("text", "max_length")),
        ({"text": 5}, ("text", "type")),
        ({"text": "a", "nothing": 1}, ("nothing", "unknown_field")),
        ({"text": "a", "version": 4}, ("version", "unknown_field")),
        ({"text": "a", "state": "lost"}, ("state", "invalid")),
        ({"text": "a", "state": "done"}, ("state", "transition")),
    ],
)
async def test_what_code_creates_is_checked_like_a_payload(
    world: World, tasks: str, values: dict[str, Any], found: tuple[str, str]
) -> None:
    notes = tasks.replace("/tasks", "/notes?count=exact")
    before = (await world.admin.get(notes)).json["meta"]["page"]["count"]
    reply = await noted(world, tasks, values)
    assert (reply.status, reply.details()) == (422, {found})
    after = (await world.admin.get(notes)).json["meta"]["page"]["count"]
    assert after == before


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ({"nothing": 1}, ("nothing", "unknown_field")),
        ({"grade": 9}, ("grade", "maximum")),
        ({"double": 9}, ("double", "readonly")),
    ],
)
async def test_what_a_hook_sets_is_checked_like_a_payload(
    world: World, tasks: str, what: dict[str, Any], found: tuple[str, str]
) -> None:
    made = await world.admin.post(tasks, {"name": "a", "what": what})
    assert (made.status, made.details()) == (422, {found})
    place = (await world.admin.post(tasks, {"name": "a"})).headers["location"]
    changed = await world.admin.patch(place, {"what": what})
    assert (changed.status, changed.details()) == (422, {found})
    assert (await world.admin.get(place)).data["version"] == 1


async def test_code_may_give_a_record_back_whole(world: World, tasks: str) -> None:
    made = await world.admin.post(tasks, {"name": "a", "grade": 3})
    done = await world.admin.post(f"{made.headers['location']}/actions/mark", {})
    assert done.status == 200, done.body
    record = (await world.admin.get(made.headers["location"])).data
    assert (record["name"], record["double"], record["version"]) == ("marked", 6, 2)


async def together(
    world: World, tasks: str, entity: str, rows: list[dict[str, Any]], parts: int = 1
) -> Reply:
    """Let the action create these records in so many round trips at once."""
    given = {"entity": entity, "rows": rows, "parts": parts}
    made = await world.admin.post(tasks, {"name": "a", "what": {"what": given}})
    assert made.status == 201, made.body
    return await world.admin.post(f"{made.headers['location']}/actions/several", {})


async def test_many_records_made_by_code_are_each_as_if_made_alone(
    world: World, tasks: str
) -> None:
    rows = [{"text": f"note {n}"} for n in range(120)]
    reply = await together(world, tasks, NOTES, rows)
    assert reply.status == 200, reply.body
    ids = reply.data["result"]["ids"]
    notes = tasks.removesuffix("tasks") + "notes"
    numbers = []
    for record_id, row in zip(ids, rows, strict=True):
        note = (await world.admin.get(f"{notes}/{record_id}")).data
        assert (note["text"], note["state"]) == (row["text"], "open")
        numbers.append(int(note["number"].removeprefix("N")))
    assert numbers == list(range(numbers[0], numbers[0] + len(rows)))
    history = (await world.admin.get(f"{notes}/{ids[-1]}/history")).data
    assert [entry["action"] for entry in history] == ["create"]


async def test_of_many_records_hooks_run_for_each(world: World, tasks: str) -> None:
    entity = f"{NAME}.tasks"
    reply = await together(world, tasks, entity, [{"name": "b"}, {"name": "c"}])
    made = [await world.admin.get(f"{tasks}/{i}") for i in reply.data["result"]["ids"]]
    assert [each.data["name"] for each in made] == ["b", "c"]
    assert all(each.data["stamp"] for each in made)


@pytest.mark.parametrize(
    ("rows", "field"),
    [
        ([{"text": "fits"}, {"text": "far too long"}], "text"),
        ([{"text": "fits"}, {}], "text"),
        ([{"text": "fits"}, {"text": "lost", "of": str(UUID(int=1))}], "of"),
    ],
)
async def test_of_many_records_one_that_does_not_fit_keeps_all_out(
    world: World, tasks: str, rows: list[dict[str, Any]], field: str
) -> None:
    notes = tasks.removesuffix("tasks") + "notes?count=exact"
    before = (await world.admin.get(notes)).json["meta"]["page"]["count"]
    reply = await together(world, tasks, NOTES, rows)
    assert reply.status == 422, reply.body
    assert field in str(reply.body)
    assert (await world.admin.get(notes)).json["meta"]["page"]["count"] == before


async def test_code_may_ask_for_several_writes_at_once(
    world: World, tasks: str
) -> None:
    rows = [{"text": f"note {n}"} for n in range(12)]
    reply = await together(world, tasks, NOTES, rows, parts=4)
    assert reply.status == 200, reply.body
    notes = tasks.removesuffix("tasks") + "notes"
    made = [await world.admin.get(f"{notes}/{i}") for i in reply.data["result"]["ids"]]
    assert {each.data["text"] for each in made} == {row["text"] for row in rows}


async def test_of_no_records_none_are_made(world: World, tasks: str) -> None:
    assert (await together(world, tasks, NOTES, [])).data["result"] == {"ids": []}
