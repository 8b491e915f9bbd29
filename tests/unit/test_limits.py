"""How often something may be done, counted by one process."""

import bisect
import random

import pytest

from engine.limits import MAX_KEYS, LocalLimits


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_as_many_as_the_limit_in_a_minute(clock: Clock) -> None:
    limits = LocalLimits(clock)
    found = []
    for _ in range(6):
        found.append(limits.take("k", 5, 5))
        clock.now += 2
    assert [each.allowed for each in found] == [True] * 5 + [False]
    assert [each.remaining for each in found] == [4, 3, 2, 1, 0, 0]
    assert found[5].retry_after == pytest.approx(50)
    assert dict(found[5].headers) == {
        b"ratelimit-policy": b'"endpoint";q=5;w=60',
        b"ratelimit": b'"endpoint";r=0;t=58',
        b"retry-after": b"50",
    }
    clock.now = 1059.9
    assert not limits.take("k", 5, 5).allowed
    clock.now = 1060.1
    assert limits.take("k", 5, 5).allowed
    assert not limits.take("k", 5, 5).allowed


@pytest.mark.parametrize("limit", [1, 7, 100, 1_000])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_slice_of_a_minute_holds_more_than_the_limit(
    clock: Clock, limit: int, seed: int
) -> None:
    """Callers that ask at random, in bursts and pauses, more than they may."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    limits = LocalLimits(clock)
    passed: list[float] = []
    for _ in range(200):
        burst = chance.choice([1, 1, 1, limit // 3 + 1, limit + 3])
        for _ in range(burst):
            if limits.take("k", limit, limit).allowed:
                passed.append(clock.now)
            clock.now += chance.choice([0, 0.001, 0.1 / limit])
        clock.now += chance.expovariate(limit / 30)
    most = max(
        bisect.bisect_left(passed, start + 60) - index
        for index, start in enumerate(passed)
    )
    assert most == limit


def test_keys_are_counted_apart(clock: Clock) -> None:
    limits = LocalLimits(clock)
    assert limits.take("a", 1, 1).allowed
    assert limits.take("b", 1, 1).allowed
    assert not limits.take("a", 1, 1).allowed


def test_a_process_has_its_share_and_shows_the_whole(clock: Clock) -> None:
    limits = LocalLimits(clock)
    found = [limits.take("k", 100 / 4, 100) for _ in range(26)]
    assert [each.allowed for each in found].count(True) == 25
    assert found[0].limit == 100


def test_a_share_below_one_still_lets_one_through(clock: Clock) -> None:
    limits = LocalLimits(clock)
    assert limits.take("k", 0.25, 1).allowed
    found = limits.take("k", 0.25, 1)
    assert (found.allowed, found.retry_after) == (False, pytest.approx(240))


def test_a_steady_caller_within_the_limit_is_never_refused(clock: Clock) -> None:
    limits = LocalLimits(clock)
    for _ in range(500):
        assert limits.take("k", 100, 100).allowed
        clock.now += 0.6


def test_of_bursts_little_is_refused_for_longer_than_a_minute(clock: Clock) -> None:
    limits = LocalLimits(clock)
    passed = 0
    for _ in range(60 * 100):
        # Every hundredth of a second, for a minute.
        passed += limits.take("k", 5_000, 5_000).allowed
        clock.now += 0.01
    assert passed == 5_000
    clock.now += 60.5 - 60
    assert all(limits.take("k", 5_000, 5_000).allowed for _ in range(25))


def test_what_is_remembered_is_bounded(clock: Clock) -> None:
    limits = LocalLimits(clock)
    for number in range(MAX_KEYS + 10):
        limits.take(str(number), 1, 1)
    assert len(limits._windows) <= MAX_KEYS
    for _ in range(100_000):
        limits.take("k", 1_000_000, 1_000_000)
        clock.now += 0.001
    assert len(limits._windows["k"].moments) <= 257
