"""How often one may try to log in: by address, and by account and network."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from platform_world import PASSWORD, World, open_world

from engine.errors import TooManyRequests, Unauthenticated
from engine.identity.accounts import Origin
from engine.identity.login_limits import LoginLimits, purge
from engine.settings import Settings

ANY_ADDRESS = 100_000


@pytest.fixture(scope="module")
async def world(settings: Settings) -> AsyncIterator[World]:
    async with open_world(settings, LoginLimits()) as opened:
        yield opened


@pytest.fixture(scope="module")
async def patient(settings: Settings) -> AsyncIterator[World]:
    """A worker that counts failures of accounts only."""
    limits = LoginLimits(attempts_per_minute=ANY_ADDRESS)
    async with open_world(settings, limits) as opened:
        yield opened


@pytest.fixture(autouse=True)
async def nothing_counted(world: World) -> None:
    await world.execute("delete from rangka.login_failures")


async def attempt(
    world: World, email: str, ip: str, typed: str = "not the password"
) -> object:
    try:
        await world.identity.login(email, typed, origin=Origin(ip=ip))
    except TooManyRequests as error:
        return int(error.headers["Retry-After"])
    except Unauthenticated as error:
        return error.code
    return "in"


async def test_the_sixth_attempt_of_an_address_within_a_minute_waits(
    world: World,
) -> None:
    outcomes = [
        await attempt(world, f"{uuid4().hex}@example.com", "198.51.100.1")
        for _ in range(6)
    ]
    elsewhere = await attempt(world, "x@example.com", "198.51.100.2")

    assert outcomes[:5] == ["INVALID_CREDENTIALS"] * 5
    assert 50 <= outcomes[5] <= 60
    assert elsewhere == "INVALID_CREDENTIALS"


async def test_a_minute_later_the_address_may_again(world: World) -> None:
    for _ in range(6):
        await attempt(world, f"{uuid4().hex}@example.com", "198.51.100.1")
    await world.execute(
        "update rangka.login_failures "
        "set window_started_at = window_started_at - interval '1 minute'"
    )

    again = await attempt(world, "x@example.com", "198.51.100.1")

    assert again == "INVALID_CREDENTIALS"


async def test_addresses_of_one_ipv6_network_count_together(world: World) -> None:
    outcomes = [
        await attempt(world, f"{uuid4().hex}@example.com", f"2001:db8:1:2::{n}")
        for n in range(6)
    ]

    assert isinstance(outcomes[5], int)


@pytest.mark.parametrize("exists", [True, False])
async def test_five_failures_pause_the_account_for_that_network(
    patient: World, exists: bool
) -> None:
    _, email = await patient.user(await patient.tenant(), "viewer")
    email = email if exists else "nobody@example.com"

    failures = [await attempt(patient, email, f"203.0.113.{n}") for n in range(5)]
    paused = await attempt(patient, email, "203.0.113.200", PASSWORD)
    owner = await attempt(patient, email, "192.0.2.1", PASSWORD)

    assert failures == ["INVALID_CREDENTIALS"] * 5
    assert 50 <= paused <= 60
    assert owner == ("in" if exists else "INVALID_CREDENTIALS")


async def test_the_pauses_grow(patient: World) -> None:
    email = f"{uuid4().hex}@example.com"
    pauses = []
    for _ in range(5):
        for _ in range(5):
            await attempt(patient, email, "203.0.113.1")
        pauses.append(await attempt(patient, email, "203.0.113.1"))
        await patient.execute("update rangka.login_failures set blocked_until = now()")

    assert [round(each / 60) for each in pauses] == [1, 5, 15, 60, 60]


async def test_a_success_forgets_the_failures(patient: World) -> None:
    _, email = await patient.user(await patient.tenant(), "viewer")
    for _ in range(2):
        outcomes = [await attempt(patient, email, "203.0.113.1") for _ in range(4)]
        outcomes.append(await attempt(patient, email, "203.0.113.1", PASSWORD))

        assert outcomes == ["INVALID_CREDENTIALS"] * 4 + ["in"]


async def test_no_address_typed_in_is_kept_readable(patient: World) -> None:
    email = f"{uuid4().hex}@example.com"
    await attempt(patient, email, "203.0.113.1")

    rows = await patient.execute("select key from rangka.login_failures")

    assert len(rows) == 2
    assert not any(email.split("@", maxsplit=1)[0] in row["key"] for row in rows)


async def test_old_counters_are_purged_and_running_pauses_stay(world: World) -> None:
    await world.execute(
        "insert into rangka.login_failures (key, window_started_at, blocked_until) "
        "values ('old', now() - interval '2 days', null), "
        "('paused', now() - interval '2 days', now() + interval '1 minute'), "
        "('new', now(), null)"
    )

    async with world.database.system() as connection:
        await purge(connection)

    rows = await world.execute("select key from rangka.login_failures order by key")
    assert [row["key"] for row in rows] == ["new", "paused"]
