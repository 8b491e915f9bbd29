"""What one request may ask PostgreSQL to do for each row."""

import json

import pytest

from tests.fixtures.api import World

CUSTOMERS = "/api/v1/data/customers/customers"


def walking(count: int, text: str) -> str:
    parts = [{"plan": {"name": {"_eq": f"{text}{n}"}}} for n in range(count)]
    return json.dumps({"_or": parts})


@pytest.mark.parametrize("path", ["", "/export"])
async def test_a_filter_walks_only_so_many_relations(world: World, path: str) -> None:
    place = f"{CUSTOMERS}{path}"
    fine = await world.admin.get(f"{place}?filter={walking(40, 'a')}")
    assert fine.status == 200
    reply = await world.admin.get(f"{place}?filter={walking(41, 'a')}")
    assert (reply.status, reply.error["code"]) == (400, "INVALID_QUERY")


async def test_its_sort_keys_and_totals_walk_with_it(world: World) -> None:
    query = f"filter={walking(40, 'b')}"
    reply = await world.admin.get(f"{CUSTOMERS}?{query}&sort=plan.name")
    assert (reply.status, reply.error["code"]) == (400, "INVALID_QUERY")
    total = json.dumps({"n": {"_max": "plan.name"}})
    reply = await world.admin.get(f"{CUSTOMERS}?{query}&aggregate={total}")
    assert (reply.status, reply.error["code"]) == (400, "INVALID_QUERY")
