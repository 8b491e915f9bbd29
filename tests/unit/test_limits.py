"""How often something may be done, counted by one process."""

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


def test_as_many_as_the_limit_at_once_and_one_more_as_time_passes(clock: Clock) -> None:
    limits = LocalLimits(clock)
    found = [limits.take("k", 5, 5) for _ in range(6)]
    assert [each.allowed for each in found] == [True] * 5 + [False]
    assert [each.remaining for each in found] == [4, 3, 2, 1, 0, 0]
    assert found[5].retry_after == pytest.approx(12)
    assert dict(found[5].headers) == {
        "ratelimit-policy": '"endpoint";q=5;w=60',
        "ratelimit": '"endpoint";r=0;t=60',
        "retry-after": "12",
    }
    clock.now += 11.9
    assert not limits.take("k", 5, 5).allowed
    clock.now += 0.2
    assert limits.take("k", 5, 5).allowed
    assert not limits.take("k", 5, 5).allowed


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


def test_what_is_remembered_is_bounded(clock: Clock) -> None:
    limits = LocalLimits(clock)
    for number in range(MAX_KEYS + 10):
        limits.take(str(number), 1, 1)
    assert len(limits._full) <= MAX_KEYS
