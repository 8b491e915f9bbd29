"""Which passwords may be chosen, and that hashing tells nobody anything."""

import asyncio
from collections.abc import Iterator

import pytest

from engine.errors import TooManyRequests
from engine.identity.passwords import Passwords, problems

GOOD = "kopi tubruk manis"


@pytest.fixture(scope="module")
def hashing() -> Iterator[Passwords]:
    made = Passwords()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("a" * 11, "min_length"),
        ("short", "min_length"),
        ("", "min_length"),
        ("kopi " * 26, "max_length"),
        ("aaaaaaaaaaaa", "too_simple"),
        ("abababababab", "too_simple"),
        ("xx-budi.santoso-xx", "contains_email"),
        ("xx-BUDI.Santoso-xx", "contains_email"),
    ],
)
def test_a_bad_password_is_refused_with_its_reason(password: str, code: str) -> None:
    (found,) = problems(password, "Budi.Santoso@example.com")

    assert (found.field, found.code) == ("password", code)
    if password:
        assert password not in found.message


@pytest.mark.parametrize(
    "password", [GOOD, "12 characters", "kata sandi ini panjang " * 5, "ñandú über été"]
)
def test_length_alone_makes_a_good_one(password: str) -> None:
    assert problems(password, "budi@example.com") == []


def test_a_very_short_name_before_the_at_forbids_nothing() -> None:
    assert problems("kopi tubruk manis", "ko@example.com") == []


async def test_a_hash_is_argon2id_with_the_parameters_of_the_documentation(
    hashing: Passwords,
) -> None:
    stored = await hashing.hash(GOOD)

    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert GOOD not in stored
    assert not hashing.is_outdated(stored)
    assert stored != await hashing.hash(GOOD)


@pytest.mark.parametrize(
    ("password", "expected"),
    [(GOOD, True), (GOOD.upper(), False), ("", False), (GOOD + " ", False)],
)
async def test_only_the_password_itself_fits(
    hashing: Passwords, password: str, expected: bool
) -> None:
    assert await hashing.verify(await hashing.hash(GOOD), password) is expected


async def test_two_ways_to_type_one_character_are_one_password(
    hashing: Passwords,
) -> None:
    stored = await hashing.hash("sebuah caf\u00e9 kecil")

    assert await hashing.verify(stored, "sebuah cafe\u0301 kecil")


@pytest.mark.parametrize("stored", [None, "", "plain text", "$argon2id$broken"])
async def test_no_stored_hash_fits_nothing(
    hashing: Passwords, stored: str | None
) -> None:
    assert not await hashing.verify(stored, "nobody has this password")


async def test_a_hash_of_other_parameters_fits_and_is_outdated(
    hashing: Passwords,
) -> None:
    from argon2 import PasswordHasher

    stored = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD)

    assert await hashing.verify(stored, GOOD)
    assert hashing.is_outdated(stored)


async def test_a_flood_is_turned_away_and_the_rest_is_served(
    hashing: Passwords,
) -> None:
    outcomes = await asyncio.gather(
        *(hashing.hash(GOOD) for _ in range(60)), return_exceptions=True
    )

    refused = [each for each in outcomes if isinstance(each, TooManyRequests)]
    assert refused
    assert refused[0].headers["Retry-After"]
    assert sum(isinstance(each, str) for each in outcomes) == 60 - len(refused)
    assert await hashing.hash(GOOD)
