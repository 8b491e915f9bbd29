"""If-None-Match: 304 says that nothing of the answer has changed, or it is not said."""

from uuid import uuid4

import pytest

from tests.fixtures.api import World

CUSTOMERS = "/api/v1/customers"
PLANS = "/api/v1/data/plans/plans"


@pytest.fixture(scope="module")
async def place(world: World) -> str:
    """The path of a customer whose plan was renamed after it was read."""
    old, new = f"Old {uuid4().hex}", f"New {uuid4().hex}"
    rates = {"download_rate": 10_000, "upload_rate": 10_000, "monthly_price": 100}
    plan = await world.admin.post(PLANS, {"name": old, **rates})
    phone = f"08{uuid4().int % 10**10:010}"
    body = {"name": "Ani", "phone": phone, "plan": plan.data["id"]}
    made = await world.admin.post(CUSTOMERS, body)
    path = f"{CUSTOMERS}/{made.data['id']}"
    assert (await world.admin.get(f"{path}?expand=plan")).headers["etag"] == '"1"'
    await world.admin.patch(f"{PLANS}/{plan.data['id']}", {"name": new})
    return path


async def test_a_plain_read_of_the_same_version_is_not_sent_again(
    world: World, place: str
) -> None:
    reply = await world.admin.get(place, headers={"if-none-match": '"1"'})
    assert (reply.status, reply.body, reply.headers["etag"]) == (304, b"", '"1"')
    other = await world.admin.get(place, headers={"if-none-match": '"2"'})
    assert other.data["name"] == "Ani"


@pytest.mark.parametrize("query", ["expand=plan", "fields=plan.name", "expand=plan&"])
async def test_what_is_shown_beside_a_record_is_sent_as_it_is_now(
    world: World, place: str, query: str
) -> None:
    reply = await world.admin.get(f"{place}?{query}", headers={"if-none-match": '"1"'})
    assert reply.status == 200
    assert reply.data["plan"]["name"].startswith("New ")
    assert reply.headers["etag"] == '"1"'


async def test_actions_are_sent_as_they_are_now(world: World, place: str) -> None:
    reply = await world.admin.get(
        f"{place}?actions=true", headers={"if-none-match": '"1"'}
    )
    assert reply.status == 200
    assert reply.data["_actions"]["update"] is True
