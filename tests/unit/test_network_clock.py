"""Decisions by the clock, and passwords."""

from datetime import UTC, datetime, timedelta

import pytest

from registry.builtin.network import clock, passwords

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("state", "begins", "ends", "expected"),
    [
        ("scheduled", HOUR, 2 * HOUR, "scheduled"),
        ("scheduled", timedelta(), HOUR, "running"),
        ("running", -HOUR, timedelta(), "ended"),
        ("scheduled", -2 * HOUR, -HOUR, "ended"),
        ("cancelled", -HOUR, HOUR, "cancelled"),
        ("cancelled", -2 * HOUR, -HOUR, "cancelled"),
    ],
)
def test_the_state_of_a_boost_is_that_of_the_clock(
    state: str, begins: timedelta, ends: timedelta, expected: str
) -> None:
    assert clock.boost_state(state, NOW + begins, NOW + ends, NOW) == expected


@pytest.mark.parametrize(
    ("away", "seconds"),
    [(None, 15), (10, 15), (60, 15), (120, 30), (1200, 300), (86_400, 300)],
)
def test_an_offline_router_is_tried_again_soon_and_then_less_often(
    away: int | None, seconds: float
) -> None:
    since = None if away is None else NOW - timedelta(seconds=away)
    assert clock.pause(since, NOW) == seconds


@pytest.mark.parametrize(
    ("polls", "alert"),
    [("nyy", False), ("yny", False), ("ynn", True), ("nyn", True), ("n", False)],
)
def test_two_misses_of_three_are_an_alert(polls: str, *, alert: bool) -> None:
    said = ""
    for poll in polls:
        said = clock.polled(said, answered=poll == "y")
    assert said == polls
    assert clock.is_alert(said) is alert


def test_only_the_latest_three_polls_count() -> None:
    assert clock.polled("nny", answered=True) == "nyy"
    assert clock.polled(None, answered=False) == "n"


def test_passwords_are_plain_ascii_and_never_the_same() -> None:
    made = {passwords.new_password() for _ in range(200)}
    assert len(made) == 200
    assert all(each.isascii() and each.isalnum() for each in made)
    assert all(len(each) == passwords.LENGTH for each in made)
    marks = {passwords.new_mark() for _ in range(200)}
    assert len(marks) == 200
    assert not made & marks
