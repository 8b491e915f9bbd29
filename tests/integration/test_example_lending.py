"""The example with code: its hooks and actions, loaded from a configured folder."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.app import build
from metadata import bundle
from registry import assignments
from tests.fixtures.api import Client, Reply, World, running

EXAMPLES = Path(__file__).parents[2] / "examples"
BASE = "/api/v1/data/lending"
TODAY = datetime.now(UTC).date()


@pytest.fixture(scope="module")
async def clerk(world: World) -> AsyncIterator[Client]:
    """A user of the tenant, on a server that has the example's code."""
    parts = world.app._app.state.parts
    async with parts.database.owner() as connection:
        definition = bundle.load(EXAMPLES / "lending")
        await parts.publisher.publish(connection, definition)
    async with parts.database.system() as connection:
        settings = {"fine_per_day": 5000}
        await assignments.assign(connection, world.ours, "lending", settings=settings)
    configured = dataclasses.replace(parts.settings, services_path=str(EXAMPLES))
    async with running(build(configured)) as app:
        yield Client(app, world.admin.token)


async def tool(clerk: Client, name: str, owned: int = 3) -> str:
    made = await clerk.post(f"{BASE}/items", {"name": name, "owned": owned})
    return str(made.data["id"])


async def here(clerk: Client, item: str) -> int:
    return int((await clerk.get(f"{BASE}/items/{item}")).data["available"])


async def lend(clerk: Client, item: str, pieces: int, days: int = 7) -> Reply:
    due = (TODAY + timedelta(days=days)).isoformat()
    body = {"item": item, "pieces": pieces, "borrower": "Sari", "due_on": due}
    return await clerk.post(f"{BASE}/loans", body)


async def test_a_loan_takes_pieces_from_the_shelf(clerk: Client) -> None:
    item = await tool(clerk, "Ladder")
    loan = (await lend(clerk, item, 2)).data
    assert loan["number"].startswith(f"L{TODAY.year}-")
    assert (loan["status"], loan["days_late"]) == ("out", 0)
    assert await here(clerk, item) == 1


async def test_what_is_not_here_cannot_be_lent(clerk: Client) -> None:
    item = await tool(clerk, "Drill")
    refused = await lend(clerk, item, 4)
    assert (refused.status, refused.details()) == (422, {("pieces", "out_of_stock")})
    assert "Only 3 pieces" in refused.body.decode()
    past = await lend(clerk, item, 1, days=-1)
    assert past.details() == {("due_on", "past")}
    assert await here(clerk, item) == 3
    loans = await clerk.get(f'{BASE}/loans?filter={{"item":{{"_eq":"{item}"}}}}')
    assert loans.data == []


async def test_giving_back_settles_stock_and_fine(clerk: Client) -> None:
    item = await tool(clerk, "Saw")
    loan = (await lend(clerk, item, 3)).data
    act = f"{BASE}/loans/{loan['id']}/actions/give_back"
    assert (await clerk.post(act, {})).details() == {("returned_on", "required")}
    back = (TODAY + timedelta(days=9)).isoformat()
    reply = (await clerk.post(act, {"returned_on": back, "notes": "blunt"})).data
    assert reply["result"] == {"days_late": 2, "fine": 10000}
    record = reply["record"]
    assert (record["status"], record["fine"]) == ("returned", 10000)
    assert (record["returned_on"], record["notes"]) == (back, "blunt")
    assert await here(clerk, item) == 3
    again = await clerk.post(act, {"returned_on": back})
    assert again.status in {409, 422}
    assert await here(clerk, item) == 3


async def test_users_do_not_write_what_the_code_keeps(clerk: Client) -> None:
    item = await tool(clerk, "Hammer")
    for path, body in (
        (f"{BASE}/items/{item}", {"available": 99}),
        (
            f"{BASE}/loans/{(await lend(clerk, item, 1)).data['id']}",
            {"status": "returned"},
        ),
    ):
        assert (await clerk.patch(path, body)).status == 422
    assert await here(clerk, item) == 2


async def test_owned_pieces_cover_those_that_are_out(clerk: Client) -> None:
    item = await tool(clerk, "Rope")
    await lend(clerk, item, 2)
    fewer = await clerk.patch(f"{BASE}/items/{item}", {"owned": 1})
    assert fewer.details() == {("owned", "too_few")}
    assert (await clerk.patch(f"{BASE}/items/{item}", {"owned": 10})).status == 200
    assert await here(clerk, item) == 8


async def test_a_loan_that_is_out_stays(clerk: Client, world: World) -> None:
    loan = (await lend(clerk, await tool(clerk, "Tent"), 1)).data
    admin = Client(clerk._app, world.admin.token)
    refused = await admin.delete(f"{BASE}/loans/{loan['id']}")
    assert refused.details() == {("status", "still_out")}
    assert (await clerk.get(f"{BASE}/loans/{loan['id']}")).status == 200


async def test_an_action_on_the_entity_counts(clerk: Client, world: World) -> None:
    await lend(clerk, await tool(clerk, "Axe"), 2)
    admin = Client(clerk._app, world.admin.token)
    reply = (await admin.post(f"{BASE}/items/actions/take_stock")).data["result"]
    loans = (await clerk.get(f"{BASE}/loans?limit=200")).data
    out = [loan for loan in loans if loan["status"] == "out"]
    assert reply["loans_out"] == len(out)
    assert reply["pieces_out"] == sum(loan["pieces"] for loan in out)
    assert reply["overdue"] == []


async def test_form_and_action_are_offered(clerk: Client) -> None:
    form = (await clerk.get("/api/v1/forms/lending/loans")).data
    (action,) = [a for a in form["actions"] if a["name"] == "give_back"]
    assert list(action["schema"]["properties"]) == ["returned_on", "notes"]
    assert form["schema"]["properties"]["status"]["readOnly"] is True
    item = await tool(clerk, "Bike")
    loan, returned = [(await lend(clerk, item, 1)).data["id"] for _ in range(2)]
    act = f"{BASE}/loans/{returned}/actions/give_back"
    assert (await clerk.post(act, {"returned_on": TODAY.isoformat()})).status == 200
    rows = (await clerk.get(f"{BASE}/loans?actions=true&limit=200")).data
    offered = {row["id"]: row["_actions"]["give_back"] for row in rows}
    assert (offered[loan], offered[returned]) == (True, False)


async def test_without_its_code_nothing_is_written(world: World, clerk: Client) -> None:
    item = await tool(clerk, "Anvil")
    await world.app._app.state.parts.catalog.reload("lending")
    world.app._app.state.parts.catalog.forget(world.ours)
    assert (await world.operator.get(f"{BASE}/items/{item}")).status == 200
    body = {"name": "Pliers", "owned": 1}
    operations = {"operations": [{"op": "create", "values": body}]}
    for reply in (
        await world.operator.post(f"{BASE}/items", body),
        await world.operator.patch(f"{BASE}/items/{item}", {"name": "x"}),
        await world.admin.post(f"{BASE}/items/actions/take_stock"),
        await world.admin.post(f"{BASE}/items/bulk", operations),
        await world.admin.request(
            "POST",
            f"{BASE}/items/import",
            b"name,owned\nPliers,1\n",
            headers={"content-type": "text/csv"},
        ),
    ):
        assert (reply.status, reply.error["code"]) == (503, "CODE_MISSING"), reply
    found = await clerk.get(f'{BASE}/items?filter={{"name":{{"_eq":"Pliers"}}}}')
    assert found.data == []
