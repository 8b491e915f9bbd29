"""Every type an own field can have: in, out, found, changed and taken away again."""

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import msgspec
import pytest

from metadata.definitions import Service
from metadata.fields import FIELD_TYPES
from metadata.overlays import is_possible
from registry import assignments
from tests.fixtures.api import World
from tests.integration.field_samples import SAMPLES

KINDS = [name for name in FIELD_TYPES if is_possible(name)]


@pytest.fixture(scope="module")
async def items(world: World) -> str:
    """A service whose tenant has one own field of every possible type."""
    name = f"own-{uuid4().hex[:8]}"
    parts = world.app._app.state.parts
    entity = {
        "id": "item",
        "name": "items",
        "fields": [{"id": "n", "name": "name", "type": "text"}],
    }
    document = {"id": name, "name": name, "entities": [entity]}
    async with parts.database.owner() as connection:
        await parts.publisher.publish(connection, Service.model_validate(document))
    async with parts.database.system() as connection:
        await assignments.assign(connection, world.ours, name)
    await parts.catalog.reload(name)
    parts.catalog.forget(world.ours)
    own = [
        {"id": f"own_{k}", "name": f"f_{k}", "type": k, **SAMPLES[k].options}
        for k in KINDS
    ]
    path = f"/api/v1/core/tenants/{world.ours}/services/{name}/overlay"
    body = {"overlay": {"fields": {"items": own}}, "revision": 0}
    saved = await world.admin.request("PUT", path, body)
    assert saved.status == 200, saved.body
    return f"/api/v1/data/{name}/items"


def test_types_that_need_more_than_a_value_are_the_only_ones_left_out() -> None:
    left_out = {"relation", "lines", "sequence", "secret", "computed"}
    assert set(FIELD_TYPES) - set(KINDS) == left_out


@pytest.mark.parametrize("kind", KINDS)
async def test_an_own_field_of_every_type(world: World, items: str, kind: str) -> None:
    name, samples = f"f_{kind}", SAMPLES[kind]
    key = samples.key
    for given, answered in samples.good:
        made = await world.operator.post(items, {"name": kind, name: given})
        assert key(made.data[name]) == key(answered)
        path = f"{items}/{made.data['id']}"
        assert key((await world.viewer.get(path)).data[name]) == key(answered)
        where = {"_and": [{"name": {"_eq": kind}}, {name: {"_null": False}}]}
        if "_eq" in FIELD_TYPES[kind].operators:
            where["_and"].append({name: {"_eq": answered}})
        text = quote(msgspec.json.encode(where).decode())
        sort = f"&sort={name}" if FIELD_TYPES[kind].sortable else ""
        found = await world.viewer.get(f"{items}?filter={text}{sort}&limit=200")
        assert made.data["id"] in {row["id"] for row in found.data}
        cleared = await world.operator.patch(path, {name: None})
        assert cleared.data[name] is None
        await world.operator.patch(path, {name: given})


@pytest.mark.parametrize("kind", KINDS)
async def test_what_does_not_fit_an_own_field_is_refused(
    world: World, items: str, kind: str
) -> None:
    name = f"f_{kind}"
    given = [*SAMPLES[kind].refused, *(v for v, _ in SAMPLES[kind].unfit)]
    bad: list[Any] = [value for value in given if value is not None]
    for value in bad:
        try:
            body = msgspec.json.encode({"name": "bad", name: value})
        except (UnicodeEncodeError, ValueError):
            continue
        reply = await world.operator.post(items, body)
        assert reply.status in {400, 422}, value
    found = await world.viewer.get(f'{items}?filter={{"name":{{"_eq":"bad"}}}}')
    assert found.data == []


@pytest.mark.parametrize("kind", [k for k in KINDS if FIELD_TYPES[k].sortable])
async def test_lists_are_ordered_by_own_fields(
    world: World, items: str, kind: str
) -> None:
    name, samples = f"f_{kind}", SAMPLES[kind]
    mark = f"order {kind}"
    for given, _ in reversed(samples.good):
        made = await world.operator.post(items, {"name": mark, name: given})
        assert made.status == 201
    text = quote(msgspec.json.encode({"name": {"_eq": mark}}).decode())
    up = (await world.viewer.get(f"{items}?filter={text}&sort={name}")).data
    down = (await world.viewer.get(f"{items}?filter={text}&sort=-{name}")).data
    keys = [samples.key(row[name]) for row in up]
    assert sorted(map(str, keys)) == sorted(
        str(samples.key(a)) for _, a in samples.good
    )
    assert [samples.key(row[name]) for row in down] == keys[::-1]
