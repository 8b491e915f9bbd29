"""Every aggregate and group of every field type is answered or refused by name."""

import json
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from engine.parts import open_parts
from engine.settings import Settings
from metadata.definitions import Service
from metadata.fields import FIELD_TYPES
from registry import assignments
from tests.fixtures.api import World

NAME = f"kinds{uuid4().hex[:8]}"
OPTIONS: dict[str, dict[str, Any]] = {
    "choice": {"options": ["a", "b"]},
    "multi_choice": {"options": ["a", "b"]},
    "money": {"currency": "IDR"},
    "relation": {"to": f"{NAME}.things"},
    "relation_many": {"to": f"{NAME}.things"},
    "sequence": {"pattern": "N{n}"},
    "computed": {"expression": {"_add": [1, 2]}, "result": {"type": "integer"}},
    "lines": {"fields": [{"id": "q", "name": "q", "type": "integer"}]},
}
KINDS = sorted(FIELD_TYPES)
FUNCTIONS = ("_count", "_count_distinct", "_sum", "_avg", "_min", "_max")


@pytest.fixture(scope="module", autouse=True)
async def kinds(world: World, settings: Settings) -> None:
    """An entity with a field of every type, and one record."""
    fields = [
        {"id": f"f{n}", "name": f"f_{kind}", "type": kind, **OPTIONS.get(kind, {})}
        for n, kind in enumerate(KINDS)
    ]
    entity = {"id": "thing", "name": "things", "fields": fields}
    service = Service.model_validate({"id": NAME, "name": NAME, "entities": [entity]})
    async with open_parts(settings) as parts:
        async with parts.database.owner() as connection:
            await parts.publisher.publish(connection, service)
        async with parts.database.system() as connection:
            await assignments.assign(connection, world.ours, NAME)
    made = await world.admin.post(f"/api/v1/data/{NAME}/things", {})
    assert made.status == 201, made.body


SYSTEM = ("id", "version", "created_at", "created_by", "updated_at", "updated_by")


@pytest.mark.parametrize("field", [*SYSTEM, *(f"f_{kind}" for kind in KINDS)])
async def test_each_function_of_a_field_is_answered_or_refused(
    world: World, field: str
) -> None:
    count = {"n": {"_count": "*"}}
    queries = [{"aggregate": json.dumps({"x": {name: field}})} for name in FUNCTIONS]
    queries.append({"aggregate": json.dumps(count), "group": field})
    queries.append({"sort": field})
    for query in queries:
        text = "&".join(f"{key}={quote(value)}" for key, value in query.items())
        reply = await world.admin.get(f"/api/v1/data/{NAME}/things?{text}")
        assert reply.status in {200, 400}, (query, reply.body)
    asked = quote(json.dumps({"x": {"_count": field}}))
    counted = await world.admin.get(f"/api/v1/data/{NAME}/things?aggregate={asked}")
    if field in SYSTEM:
        assert counted.data == [{"x": 1}]
