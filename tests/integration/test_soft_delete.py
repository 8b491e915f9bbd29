"""Records that go into a bin: who may still choose them, and what keeps them out."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from own_services import fresh_name, give, run_with, somebody_waits

from registry.service import Change, Host
from registry.service import Service as Code
from tests.fixtures.api import Reply, World

NAME, CODED, OUTER = fresh_name("lib"), fresh_name("lib"), fresh_name("shop")
TEXT = {"id": "n", "name": "name", "type": "text"}


def relation(name: str, to: str, **options: Any) -> dict[str, Any]:
    return {"id": name, "name": name, "type": "relation", "to": to, **options}


def library(name: str) -> dict[str, Any]:
    """Return a service of shelves and books that are deleted softly."""
    shelves, topics = f"{name}.shelves", f"{name}.topics"
    soft = {"soft_delete": True}
    return {
        "id": name,
        "name": name,
        "entities": [
            {"id": "s", "name": "shelves", "fields": [
                TEXT, relation("above", shelves)], **soft},
            {"id": "t", "name": "topics", "fields": [TEXT], **soft},
            {"id": "b", "name": "books", "fields": [
                TEXT,
                {"id": "q", "name": "number", "type": "sequence", "pattern": "B{n}"},
                relation("shelf", shelves),
                relation("topic", topics, on_delete="set_null"),
                relation("series", topics, on_delete="cascade"),
            ], **soft},
            {"id": "l", "name": "lists", "fields": [
                TEXT,
                {"id": "i", "name": "items", "type": "lines", "fields": [
                    TEXT,
                    relation("book", f"{name}.books"),
                    relation("topic", topics, on_delete="set_null"),
                ]},
            ], **soft},
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
async def base(world: World) -> str:
    path = await give(world, library(NAME))
    order = {
        "id": OUTER,
        "name": OUTER,
        "requires": [NAME],
        "entities": [
            {"id": "o", "name": "orders", "fields": [
                TEXT, relation("book", f"{NAME}.books")]},
        ],
    }  # fmt: skip
    await give(world, order)
    return path


async def make(world: World, path: str, **values: Any) -> str:
    """Return the id of a new record."""
    made = await world.admin.post(path, {"name": "x", **values})
    assert made.status == 201, made.body
    return str(made.data["id"])


async def gone(world: World, path: str) -> str:
    """Return the id of a record that was deleted."""
    record = await make(world, path)
    assert (await world.admin.delete(f"{path}/{record}")).status == 204
    return record


def in_use(reply: Reply, by: str) -> bool:
    error = reply.error if reply.status == 409 else {}
    return error.get("code") == "IN_USE" and [
        d["message"] for d in error["details"]
    ] == [f"Used by {by}."]


async def test_what_live_records_restrict_is_not_deleted(
    world: World, base: str
) -> None:
    shelf = await make(world, f"{base}/shelves")
    book = await make(world, f"{base}/books", shelf=shelf)
    place = f"{base}/shelves/{shelf}"
    assert in_use(await world.admin.delete(place), "books")
    assert (await world.admin.get(place)).data["version"] == 1
    assert (await world.admin.delete(f"{base}/books/{book}")).status == 204
    assert (await world.admin.delete(place)).status == 204


async def test_lines_and_other_services_restrict_too(world: World, base: str) -> None:
    book = await make(world, f"{base}/books")
    listed = await make(world, f"{base}/lists", items=[{"book": book}])
    place = f"{base}/books/{book}"
    assert in_use(await world.admin.delete(place), "lists")
    assert (await world.admin.delete(f"{base}/lists/{listed}")).status == 204
    orders = f"/api/v1/data/{OUTER}/orders"
    order = await make(world, orders, book=book)
    assert in_use(await world.admin.delete(place), "orders")
    assert (await world.admin.delete(f"{orders}/{order}")).status == 204
    assert (await world.admin.delete(place)).status == 204


async def test_only_other_records_restrict_a_record(world: World, base: str) -> None:
    shelves = f"{base}/shelves"
    top = await make(world, shelves)
    await world.admin.patch(f"{shelves}/{top}", {"above": top})
    low = await make(world, shelves, above=top)
    assert in_use(await world.admin.delete(f"{shelves}/{top}"), "shelves")
    assert (await world.admin.delete(f"{shelves}/{low}")).status == 204
    assert (await world.admin.delete(f"{shelves}/{top}")).status == 204


async def test_another_tenants_records_keep_nothing(world: World, base: str) -> None:
    shelf = await make(world, f"{base}/shelves")
    refused = await world.stranger.post(f"{base}/books", {"name": "x", "shelf": shelf})
    assert refused.details() == {("shelf", "not_found")}
    assert (await world.admin.delete(f"{base}/shelves/{shelf}")).status == 204


async def test_a_bulk_delete_is_refused_like_a_single_one(
    world: World, base: str
) -> None:
    shelf = await make(world, f"{base}/shelves")
    free = await make(world, f"{base}/shelves")
    await make(world, f"{base}/books", shelf=shelf)
    operations = [{"op": "delete", "id": each} for each in (free, shelf)]
    bulk = f"{base}/shelves/bulk"
    body: dict[str, Any] = {"operations": operations}
    assert (await world.admin.post(bulk, body)).error["code"] == "IN_USE"
    assert (await world.admin.get(f"{base}/shelves/{free}")).status == 200
    results = (await world.admin.post(bulk, {**body, "atomic": False})).data
    assert [each["status"] for each in results] == [204, 409]


@pytest.mark.parametrize("field", ["shelf", "topic", "series"])
@pytest.mark.parametrize("target", ["deleted", "absent"])
async def test_a_deleted_record_cannot_be_chosen(
    world: World, base: str, field: str, target: str
) -> None:
    kind = "shelves" if field == "shelf" else "topics"
    chosen = str(uuid4())
    if target == "deleted":
        chosen = await gone(world, f"{base}/{kind}")
    books = f"{base}/books"
    book = await make(world, books)
    values = {"name": "y", field: chosen}
    place = f"{books}/{book}"
    for reply in (
        await world.admin.post(books, values),
        await world.admin.patch(place, values),
        await world.admin.request("PUT", place, values),
    ):
        assert (reply.status, reply.details()) == (422, {(field, "not_found")})
    kept = (await world.admin.get(place)).data
    assert (kept["name"], kept[field], kept["version"]) == ("x", None, 1)


async def test_a_refused_record_takes_no_number(world: World, base: str) -> None:
    shelf = await gone(world, f"{base}/shelves")
    books = f"{base}/books"
    first = (await world.admin.post(books, {"name": "x"})).data["number"]
    refused = await world.admin.post(books, {"name": "y", "shelf": shelf})
    assert refused.status == 422
    second = (await world.admin.post(books, {"name": "z"})).data["number"]
    assert int(second[1:]) == int(first[1:]) + 1


async def test_every_wrong_choice_is_named_at_once(world: World, base: str) -> None:
    shelf, topic = (
        await gone(world, f"{base}/shelves"),
        await gone(world, f"{base}/topics"),
    )
    live = await make(world, f"{base}/topics")
    body = {"name": "x", "shelf": shelf, "topic": topic, "series": live}
    refused = await world.admin.post(f"{base}/books", body)
    assert refused.details() == {("shelf", "not_found"), ("topic", "not_found")}


async def test_lines_cannot_choose_a_deleted_record(world: World, base: str) -> None:
    book, live = await gone(world, f"{base}/books"), await make(world, f"{base}/books")
    lists = f"{base}/lists"
    items = [{"book": live}, {"book": book}]
    refused = await world.admin.post(lists, {"name": "x", "items": items})
    assert refused.details() == {("items.1.book", "not_found")}
    place = f"{lists}/{await make(world, lists)}"
    refused = await world.admin.patch(place, {"name": "y", "items": items})
    assert refused.details() == {("items.1.book", "not_found")}
    assert (await world.admin.get(place)).data["name"] == "x"


async def test_a_record_comes_back_after_what_it_needs(world: World, base: str) -> None:
    shelf = await make(world, f"{base}/shelves")
    book = await make(world, f"{base}/books", shelf=shelf)
    listed = await make(world, f"{base}/lists", items=[{"book": book}])
    places = [f"{base}/lists/{listed}", f"{base}/books/{book}"]
    places.append(f"{base}/shelves/{shelf}")
    for place in places:
        assert (await world.admin.delete(place)).status == 204
    first = await world.admin.post(f"{places[0]}/restore")
    assert (first.status, first.details()) == (422, {("items.0.book", "not_found")})
    second = await world.admin.post(f"{places[1]}/restore")
    assert (second.status, second.details()) == (422, {("shelf", "not_found")})
    for place in reversed(places):
        assert (await world.admin.post(f"{place}/restore")).status == 200


async def test_set_null_and_cascade_wait_for_a_deletion_for_good(
    world: World, base: str
) -> None:
    topic = await make(world, f"{base}/topics")
    book = await make(world, f"{base}/books", topic=topic, series=topic)
    listed = await make(world, f"{base}/lists", items=[{"topic": topic}])
    place = f"{base}/books/{book}"
    assert (await world.admin.delete(f"{base}/topics/{topic}")).status == 204
    kept = (await world.admin.get(place)).data
    assert (kept["topic"], kept["series"], kept["version"]) == (topic, topic, 1)
    assert (await world.admin.get(f"{place}?expand=topic")).data["topic"] is None
    changed = await world.admin.patch(place, {"name": "y", "topic": topic})
    assert changed.data["name"] == "y"
    lines = (await world.admin.get(f"{base}/lists/{listed}")).data["items"]
    lines[0]["name"] = "z"
    changed = await world.admin.patch(f"{base}/lists/{listed}", {"items": lines})
    assert changed.data["items"] == lines
    assert (await world.admin.delete(place)).status == 204
    assert (await world.admin.post(f"{place}/restore")).status == 200
    await world.admin.post(f"{base}/topics/{topic}/restore")
    shown = (await world.admin.get(f"{place}?expand=topic")).data["topic"]
    assert shown["id"] == topic


class Gate:
    """Holds the first write that comes by until it is let through."""

    def __init__(self) -> None:
        self.closed = False
        self.reached, self.open = asyncio.Event(), asyncio.Event()

    def close(self) -> None:
        """Hold the next one."""
        self.closed = True
        self.reached.clear()
        self.open.clear()

    async def pass_by(self) -> None:
        """Wait at the closed gate."""
        if self.closed:
            self.closed = False
            self.reached.set()
            await self.open.wait()


GATE, CODE = Gate(), Code(CODED)


@CODE.after("create", "books")
@CODE.after("update", "books")
@CODE.after("delete", "shelves")
async def wait_here(_host: Host, _change: Change) -> None:
    await GATE.pass_by()


@pytest.fixture(scope="module")
async def coded(world: World) -> str:
    """The same library with code that holds a write between row and commit."""
    path = await give(world, library(CODED))
    run_with(world, CODE)
    return path


async def meet(
    world: World,
    first: Callable[[], Awaitable[Reply]],
    second: Callable[[], Awaitable[Reply]],
) -> tuple[Reply, Reply]:
    """Run the second write while the first one has written and not committed."""
    GATE.close()
    one = asyncio.ensure_future(first())
    await GATE.reached.wait()
    two = asyncio.ensure_future(second())
    try:
        await somebody_waits(world)
    finally:
        GATE.open.set()
    return await one, await two


@pytest.mark.parametrize("way", ["create", "update"])
async def test_a_deletion_waits_for_whoever_chooses_the_record(
    world: World, coded: str, way: str
) -> None:
    shelf = await make(world, f"{coded}/shelves")
    book = await make(world, f"{coded}/books")
    place = f"{coded}/shelves/{shelf}"

    async def choose() -> Reply:
        body = {"name": "x", "shelf": shelf}
        if way == "create":
            return await world.admin.post(f"{coded}/books", body)
        return await world.admin.patch(f"{coded}/books/{book}", body)

    chosen, deleted = await meet(world, choose, lambda: world.admin.delete(place))
    assert chosen.status in {200, 201}
    assert in_use(deleted, "books")
    assert (await world.admin.get(place)).status == 200


@pytest.mark.parametrize("way", ["create", "update"])
async def test_whoever_chooses_a_record_waits_for_its_deletion(
    world: World, coded: str, way: str
) -> None:
    shelf = await make(world, f"{coded}/shelves")
    book = await make(world, f"{coded}/books")

    async def choose() -> Reply:
        body = {"name": "x", "shelf": shelf}
        if way == "create":
            return await world.admin.post(f"{coded}/books", body)
        return await world.admin.patch(f"{coded}/books/{book}", body)

    deleted, chosen = await meet(
        world, lambda: world.admin.delete(f"{coded}/shelves/{shelf}"), choose
    )
    assert deleted.status == 204
    assert (chosen.status, chosen.details()) == (422, {("shelf", "not_found")})
