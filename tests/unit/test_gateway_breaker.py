"""When a service is closed, tried again and open; a clock of its own."""

import pytest

from registry.gateway.breaker import Breaker, Closed, Gates, Limits


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(Limits(), clock)


def pass_(breaker: Breaker, *, failed: bool = False, slow: bool = False) -> None:
    breaker.ended(failed=failed, slow=slow, is_probe=breaker.enter())


def test_few_calls_open_nothing(breaker: Breaker) -> None:
    for _ in range(19):
        pass_(breaker, failed=True)
    assert breaker.state == "closed"
    pass_(breaker, failed=True)
    assert breaker.state == "open"


@pytest.mark.parametrize(("bad", "state"), [(9, "closed"), (10, "open")])
def test_half_of_the_calls_must_fail(breaker: Breaker, bad: int, state: str) -> None:
    for number in range(20):
        pass_(breaker, failed=number < bad)
    assert breaker.state == state


@pytest.mark.parametrize(("slow", "state"), [(15, "closed"), (16, "open")])
def test_most_calls_must_be_slow(breaker: Breaker, slow: int, state: str) -> None:
    for number in range(20):
        pass_(breaker, slow=number < slow)
    assert breaker.state == state


def test_what_is_older_than_the_window_does_not_count(
    breaker: Breaker, clock: Clock
) -> None:
    for _ in range(19):
        pass_(breaker, failed=True)
    clock.now += 10
    pass_(breaker, failed=True)
    assert breaker.state == "closed"


def test_pauses_double_up_to_a_minute_and_three_probes_close_it(
    breaker: Breaker, clock: Clock
) -> None:
    for _ in range(20):
        pass_(breaker, failed=True)
    for pause in (5, 10, 20, 40, 60, 60):
        with pytest.raises(Closed) as closed:
            breaker.enter()
        assert pause <= closed.value.retry_after <= pause * 1.1
        clock.now += pause * 1.1
        assert breaker.state == "half_open"
        pass_(breaker, failed=True)
    clock.now += 67
    probes = [breaker.enter() for _ in range(3)]
    assert probes == [True] * 3
    with pytest.raises(Closed):
        breaker.enter()
    breaker.given_up(is_probe=True)
    assert breaker.enter()
    for _ in range(3):
        breaker.ended(failed=False, slow=False, is_probe=True)
    assert breaker.state == "closed"
    assert breaker.enter() is False


def test_a_fifth_of_the_calls_may_be_sent_again(breaker: Breaker) -> None:
    assert [breaker.may_retry() for _ in range(5)] == [True] * 3 + [False] * 2
    for _ in range(100):
        pass_(breaker)
    assert [breaker.may_retry() for _ in range(30)].count(True) == 17


def test_places_are_given_back_and_counted_by_tenant(clock: Clock) -> None:
    gates = Gates(Limits(of_service=3, of_tenant=2), clock)
    first = [gates.enter("s", "a") for _ in range(2)]
    with pytest.raises(Closed):
        gates.enter("s", "a")
    third = gates.enter("s", "b")
    with pytest.raises(Closed):
        gates.enter("s", "b")
    gates.enter("t", "a").leave()
    for passage in (*first, third):
        passage.answered(failed=False, slow=False)
        passage.leave()
    assert len([gates.enter("s", "a") for _ in range(2)]) == 2
