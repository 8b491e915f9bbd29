"""Idempotency-Key: who takes it, how long the answer is kept, what is kept of it."""

from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures.api import PASSWORD, Client, World

PATH = "/api/v1/data/lab/samples"


def fresh() -> dict[str, str]:
    return {"idempotency-key": uuid4().hex}


async def send(client: Client, key: dict[str, str], name: str = "x") -> str:
    reply = await client.post(PATH, {"name": name}, headers=key)
    assert reply.status == 201, reply.body
    return str(reply.data["id"])


async def age(world: World, key: dict[str, str], hours: int) -> None:
    async with world.app._app.state.parts.database.system() as connection:
        await connection.execute(
            "UPDATE rangka.idempotency SET created_at = now() - make_interval(hours => "
            "%s) WHERE key = %s",
            (hours, key["idempotency-key"]),
        )


async def stored(world: World, key: dict[str, str]) -> list[dict[str, Any]]:
    async with world.app._app.state.parts.database.system() as connection:
        found = await connection.execute(
            "SELECT * FROM rangka.idempotency WHERE key = %s",
            (key["idempotency-key"],),
        )
        return list(await found.fetchall())


async def test_old_answers_of_every_tenant_are_deleted(world: World) -> None:
    old, young, theirs = fresh(), fresh(), fresh()
    await send(world.admin, old)
    first = await send(world.admin, young)
    await send(world.stranger, theirs)
    await age(world, old, 25)
    await age(world, young, 23)
    await age(world, theirs, 25)
    await world.app._app.state.parts.idempotency._poll.now()
    assert await stored(world, old) == []
    assert await stored(world, theirs) == []
    assert await send(world.admin, young) == first


async def test_more_than_one_batch_is_deleted(world: World) -> None:
    mark = uuid4().hex
    parts = world.app._app.state.parts
    async with parts.database.system() as connection:
        await connection.execute(
            "INSERT INTO rangka.idempotency (tenant_id, user_id, key, fingerprint, "
            "status, body, created_at) SELECT %s, gen_random_uuid(), %s, '', 201, '', "
            "now() - interval '25 hours' FROM generate_series(1, 2500)",
            (world.ours, mark),
        )
    await parts.idempotency.purge()
    assert await stored(world, {"idempotency-key": mark}) == []


async def test_a_running_server_deletes_them_by_itself(world: World) -> None:
    task = world.app._app.state.parts.idempotency._poll._task
    assert task is not None
    assert not task.done()


async def test_the_fingerprint_needs_a_secret(world: World) -> None:
    key = fresh()
    await send(world.admin, key, "guess me")
    (row,) = await stored(world, key)
    parts = world.app._app.state.parts
    raw = b'{"name": "guess me"}'
    assert row["fingerprint"] == parts.idempotency.fingerprint("POST", PATH, raw)
    other = type(parts.idempotency)(parts.database, b"another secret")
    assert row["fingerprint"] != other.fingerprint("POST", PATH, raw)


def body_of(kind: str, mark: str) -> dict[str, Any]:
    """Return what makes one more record of a platform entity."""
    name = f"n{mark}"
    return {
        "teams": {"name": name},
        "roles": {"name": name, "label": name, "rules": [{"permission": "lab:read"}]},
        "users": {
            "email": f"{name}@example.com",
            "name": name,
            "password": PASSWORD,
            "role_names": ["viewer"],
        },
        "tenants": {"name": name, "slug": name},
    }[kind]


@pytest.fixture
async def roomy(world: World) -> World:
    """The world with room for more users."""
    async with world.app._app.state.parts.database.system() as connection:
        await connection.execute(
            "UPDATE rangka.tenants SET max_users = 1000 WHERE id = %s", (world.ours,)
        )
    return world


@pytest.mark.parametrize("kind", ["teams", "roles", "users", "tenants"])
async def test_a_record_of_the_platform_is_created_once(
    roomy: World, kind: str
) -> None:
    client = roomy.root if kind == "tenants" else roomy.admin
    path, mark = f"/api/v1/core/{kind}", uuid4().hex[:12]
    plain = await client.post(path, body_of(kind, uuid4().hex[:12]))
    assert plain.status == 201, plain.body
    key, body = fresh(), body_of(kind, mark)
    first = await client.post(path, body, headers=key)
    again = await client.post(path, body, headers=key)
    assert (first.status, again.status) == (201, 201), again.body
    assert first.data == again.data
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    # The record is answered whole, as without a key, and it is there.
    assert first.data.keys() == plain.data.keys()
    shown = (await client.get(first.headers["location"])).data
    assert shown == first.data
    (row,) = await stored(roomy, key)
    assert PASSWORD not in str(row)
    other = await client.post(path, body_of(kind, uuid4().hex[:12]), headers=key)
    assert (other.status, other.error["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")


async def test_a_refused_record_of_the_platform_leaves_its_key_free(
    world: World,
) -> None:
    path, body, key = "/api/v1/core/teams", body_of("teams", uuid4().hex[:12]), fresh()
    made = await world.admin.post(path, body)
    refused = await world.admin.post(path, body, headers=key)
    assert refused.details() == {("name", "unique")}
    assert await stored(world, key) == []
    await world.admin.delete(made.headers["location"])
    assert (await world.admin.post(path, body, headers=key)).status == 201


async def test_a_bulk_of_platform_records_is_made_once(world: World) -> None:
    path, key = "/api/v1/core/teams/bulk", fresh()
    values = [body_of("teams", uuid4().hex[:12]) for _ in range(2)]
    body = {"operations": [{"op": "create", "values": each} for each in values]}
    first = await world.admin.post(path, body, headers=key)
    again = await world.admin.post(path, body, headers=key)
    assert [each["status"] for each in first.data] == [201, 201]
    assert again.data == first.data
    change = {"op": "update", "id": first.data[0]["data"]["id"], "values": values[0]}
    refused = await world.admin.post(path, {"operations": [change]}, headers=fresh())
    assert (refused.status, refused.error["code"]) == (400, "NOT_TOGETHER")


async def test_a_bulk_that_is_not_atomic_keeps_what_fits_once(world: World) -> None:
    key, name = fresh(), f"n{uuid4().hex}"
    bodies = [{"name": name}, {"nothing": 1}, {"name": name}]
    operations = [{"op": "create", "values": each} for each in bodies]
    body = {"atomic": False, "operations": operations}
    first = await world.admin.post(f"{PATH}/bulk", body, headers=key)
    assert [each["status"] for each in first.data] == [201, 422, 201]
    again = await world.admin.post(f"{PATH}/bulk", body, headers=key)
    assert again.data == first.data
    found = await world.admin.get(f"{PATH}?filter[name][_eq]={name}&count=exact")
    assert found.json["meta"]["page"]["count"] == 2
