"""Groups of a list: all of them, or an answer that says that some are missing."""

import json
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.fixtures.api import World

SAMPLES = "/api/v1/data/lab/samples"


async def made(world: World, count: int) -> str:
    """Create samples of different names; return how they start."""
    mark = uuid4().hex[:10]
    for start in range(0, count, 500):
        numbers = range(start, min(start + 500, count))
        operations = [
            {"op": "create", "values": {"name": f"{mark} {n:05}"}} for n in numbers
        ]
        reply = await world.operator.post(f"{SAMPLES}/bulk", {"operations": operations})
        assert reply.status == 200
    return mark


@pytest.mark.parametrize(
    ("count", "shown", "more"), [(0, 0, False), (1000, 1000, False), (1001, 1000, True)]
)
async def test_has_more_tells_that_groups_are_missing(
    world: World, count: int, shown: int, more: bool
) -> None:
    mark = await made(world, count)
    wanted = quote(json.dumps({"name": {"_starts": mark}}))
    reply = await world.viewer.get(f"{SAMPLES}?filter={wanted}&group=name")
    assert [row["count"] for row in reply.data] == [1] * shown
    names = [row["name"] for row in reply.data]
    assert names == [f"{mark} {n:05}" for n in range(shown)]
    assert reply.json["meta"]["page"] == {"limit": 1000, "has_more": more}


@pytest.mark.parametrize(
    "names",
    [
        ["name"],
        ["a" * 99 + "b", "a" * 99 + "c"],
    ],
    ids=["a group's own", "two that are one to PostgreSQL"],
)
async def test_two_values_of_one_name_are_refused(
    world: World, names: list[str]
) -> None:
    aggregate = quote(json.dumps({name: {"_count": "*"} for name in names}))
    reply = await world.viewer.get(f"{SAMPLES}?group=name&aggregate={aggregate}")
    assert (reply.status, reply.error["code"]) == (400, "INVALID_QUERY")
    assert reply.details() == {("aggregate", "invalid")}
