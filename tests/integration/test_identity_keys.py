"""The signing keys: made once, sealed, several accepted."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from platform_world import World, open_world, soon

from engine.errors import Unauthenticated
from engine.identity import signing_keys
from engine.settings import Settings, StartupError, derive_key
from tests.fixtures.database import own_database


@pytest.fixture(scope="module")
async def world(settings: Settings) -> AsyncIterator[World]:
    # In a database of its own: without its keys no token of other tests would hold.
    with own_database(settings) as own:
        async with open_world(own) as opened:
            yield opened


@pytest.fixture
def seal(settings: Settings) -> bytes:
    return derive_key(settings.secret_key, "signing keys")


async def no_keys(world: World) -> None:
    await world.execute("delete from rangka.signing_keys")


async def test_several_first_starts_make_one_key(world: World, seal: bytes) -> None:
    await no_keys(world)

    loaded = await asyncio.gather(
        *(signing_keys.load(world.database, seal) for _ in range(4))
    )

    assert len({each.kid for each in loaded}) == 1
    assert len(await world.execute("select 1 from rangka.signing_keys")) == 1


async def test_the_private_key_is_stored_sealed(world: World, seal: bytes) -> None:
    keys = await signing_keys.load(world.database, seal)
    rows = await world.execute(
        "select private_key from rangka.signing_keys where kid = %s", keys.kid
    )

    stored = bytes(rows[0]["private_key"])
    assert keys.private.private_bytes_raw() not in stored
    assert len(stored) == 12 + 32 + 16


async def test_another_secret_key_stops_the_start(world: World) -> None:
    with pytest.raises(StartupError, match="RANGKA_SECRET_KEY"):
        await signing_keys.load(world.database, bytes(32))


async def test_a_new_key_takes_over_after_all_workers_know_it(
    world: World, seal: bytes
) -> None:
    await no_keys(world)
    old = await signing_keys.load(world.database, seal)
    await world.execute(
        "update rangka.signing_keys set created_at = now() - interval '1 day'"
    )
    async with world.database.system() as connection:
        await signing_keys.add(connection, seal)

    at_once = await signing_keys.load(world.database, seal)
    await world.execute(
        "update rangka.signing_keys set created_at = created_at - interval '11 seconds'"
    )
    later = await signing_keys.load(world.database, seal)
    await world.execute(
        "update rangka.signing_keys set retired_at = now() where kid = %s", old.kid
    )
    retired = await signing_keys.load(world.database, seal)
    await world.execute(
        "update rangka.signing_keys set retired_at = now() - interval '1 hour' "
        "where kid = %s",
        old.kid,
    )
    gone = await signing_keys.load(world.database, seal)

    assert at_once.kid == old.kid
    assert later.kid != old.kid
    assert set(at_once.public) == set(later.public) == set(retired.public)
    assert set(gone.public) == {later.kid}


async def test_a_worker_takes_up_a_new_key_by_itself(world: World, seal: bytes) -> None:
    _, email = await world.user(await world.tenant(), "viewer")
    await no_keys(world)
    keys = await signing_keys.load(world.database, seal)

    async def is_taken_up() -> bool:
        return world.identity.tokens.keys.kid == keys.kid

    await soon(is_taken_up)
    answer = await world.login(email)

    assert await world.context(answer)
    with pytest.raises(Unauthenticated):
        await world.identity.authenticate(answer["access_token"] + "x", request_id="r")
