"""Many deadlines on one timer: none early, each near its time, none after its end."""

import asyncio
import gc
import random
from collections.abc import Callable

import pytest

from engine.api.deadlines import Deadline, Deadlines

PAUSE = 0.02
LATE = 5 * PAUSE
"""How long is waited beyond the time; a loop that stalls stalls this, too."""


class Judge:
    """Looks two pauses after a time whether something holds.

    The look is a timer of the same event loop, so a machine that stands still delays
    both, and their order stays.
    """

    def __init__(self, when: float, holds: Callable[[], object]) -> None:
        self.said: bool | None = None
        self._holds = holds
        loop = asyncio.get_running_loop()
        # What is due rings in the step after its look; so does this.
        loop.call_at(when + 2 * PAUSE, loop.call_soon, self._look)

    def _look(self) -> None:
        self.said = bool(self._holds())


class Bell(Deadline):
    """A deadline that calls something."""

    __slots__ = ("_action",)

    def __init__(
        self, deadlines: Deadlines, when: float, action: Callable[[], object]
    ) -> None:
        self._action = action
        super().__init__(deadlines, when)

    def _ring(self) -> None:
        self._action()


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_each_rings_once_and_never_early() -> None:
    deadlines, rung = Deadlines(PAUSE), dict[float, float]()
    begun = now()
    whens = [begun + random.Random(7).uniform(0, 0.3) for _ in range(50)]  # noqa: S311
    whens += [begun - 1, begun]
    judges = [Judge(max(when, begun), lambda when=when: when in rung) for when in whens]
    for when in whens:
        Bell(deadlines, when, lambda when=when: rung.setdefault(when, now()))
    await asyncio.sleep(0.3 + LATE)
    assert rung.keys() == set(whens)
    assert all(at >= when for when, at in rung.items())
    assert all(judge.said for judge in judges)


async def test_one_that_is_over_rings_but_not_within_the_call() -> None:
    deadlines, rung = Deadlines(PAUSE), list[int]()
    Bell(deadlines, now() - 60, lambda: rung.append(1))
    assert not rung
    await asyncio.sleep(LATE)
    assert rung == [1]


async def test_a_cancelled_one_does_not_ring() -> None:
    deadlines, rung = Deadlines(PAUSE), list[str]()
    first = Bell(deadlines, now() + 0.03, lambda: rung.append("first"))
    Bell(deadlines, now() + 0.03, lambda: rung.append("second"))
    first.cancel()
    first.cancel()
    await asyncio.sleep(0.03 + LATE)
    assert rung == ["second"]


async def test_what_rings_may_cancel_another_of_the_same_time() -> None:
    deadlines, rung, made = Deadlines(PAUSE), list[int](), list[Deadline]()

    def ring(number: int) -> None:
        rung.append(number)
        made[1 - number].cancel()

    when = now() + 0.03
    made += [
        Bell(deadlines, when, lambda: ring(0)),
        Bell(deadlines, when, lambda: ring(1)),
    ]
    await asyncio.sleep(0.03 + LATE)
    assert len(rung) == 1


async def test_one_that_fails_keeps_no_other_from_ringing() -> None:
    deadlines, rung, failures = Deadlines(PAUSE), list[int](), list[object]()
    loop = asyncio.get_running_loop()
    usual = loop.get_exception_handler()
    loop.set_exception_handler(lambda _loop, said: failures.append(said["exception"]))
    when = now() + 0.03

    def fail() -> None:
        raise IndexError

    try:
        for _ in range(2):
            Bell(deadlines, when, fail)
            Bell(deadlines, when, lambda: rung.append(1))
        await asyncio.sleep(0.03 + LATE)
        Bell(deadlines, now(), lambda: rung.append(1))
        await asyncio.sleep(LATE)
    finally:
        loop.set_exception_handler(usual)
    assert rung == [1, 1, 1]
    assert [type(failure) for failure in failures] == [IndexError, IndexError]


@pytest.mark.parametrize(
    "moves", [(0.15,), (0.4, 0.15), (0.01, 0.15), (0.4, 0.01, 0.15)]
)
async def test_a_moved_one_rings_at_the_time_it_was_moved_to_last(
    moves: tuple[float, ...],
) -> None:
    deadlines, rung = Deadlines(PAUSE), list[float]()
    begun = now()
    moved = Bell(deadlines, begun + 0.05, lambda: rung.append(now()))
    judge = Judge(begun + 0.15, lambda: rung)
    for seconds in moves:
        moved.when = begun + seconds
    await asyncio.sleep(0.4 + LATE)
    (at,) = rung
    assert at >= begun + 0.15
    assert judge.said


async def test_a_limit_ends_what_takes_too_long() -> None:
    deadlines, begun, task = Deadlines(PAUSE), now(), asyncio.current_task()
    assert task is not None
    ended = list[float]()
    judge = Judge(begun + 0.05, lambda: ended or task.cancelling())
    with pytest.raises(TimeoutError), deadlines.until(begun + 0.05):
        await asyncio.sleep(60)
    ended.append(now())
    assert ended[0] >= begun + 0.05
    assert task.cancelling() == 0
    await asyncio.sleep(LATE)
    assert judge.said


async def test_a_limit_lets_through_what_is_in_time_and_other_errors() -> None:
    deadlines = Deadlines(PAUSE)
    with deadlines.until(now() + 60):
        await asyncio.sleep(0)
    with pytest.raises(KeyError), deadlines.until(now() + 60):
        raise KeyError
    # Nothing is left that could cancel this task later.
    with deadlines.until(now() + 0.02):
        pass
    await asyncio.sleep(LATE)


async def test_a_limit_leaves_the_cancellation_of_others_alone() -> None:
    deadlines = Deadlines(PAUSE)

    async def waits() -> None:
        with deadlines.until(now() + 0.05):
            try:
                await asyncio.sleep(60)
            finally:
                # Both now: what others asked for wins.
                task.cancel()

    task = asyncio.create_task(waits())
    with pytest.raises(asyncio.CancelledError):
        await task

    async def long() -> None:
        with deadlines.until(now() + 60):
            await asyncio.sleep(60)

    other = asyncio.create_task(long())
    await asyncio.sleep(0)
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other


async def test_the_inner_of_two_limits_is_told_from_the_outer() -> None:
    deadlines, ended = Deadlines(PAUSE), list[str]()

    async def works() -> None:
        with deadlines.until(now() + 1):
            try:
                with deadlines.until(now() + 0.02):
                    await asyncio.sleep(60)
            except TimeoutError:
                ended.append("inner")
            await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        await works()
    assert ended == ["inner"]


async def test_nothing_ticks_when_nothing_waits() -> None:
    deadlines = Deadlines(PAUSE)
    Bell(deadlines, now() + 60, lambda: None).cancel()
    Bell(deadlines, now() + 0.01, lambda: None)
    await asyncio.sleep(LATE)
    assert deadlines.timer is None


async def test_one_that_is_moved_just_before_it_rings_rings_later() -> None:
    deadlines, rung = Deadlines(PAUSE), list[float]()
    begun = now()
    judge = Judge(begun + 0.1, lambda: rung)
    moved = Bell(deadlines, begun, lambda: rung.append(now()))
    assert deadlines.timer is not None
    deadlines.timer.cancel()
    # It was looked at, nothing else waits, and its ring comes in a moment.
    deadlines._look(asyncio.get_running_loop())
    moved.when = begun + 0.1
    await asyncio.sleep(0.1 + LATE)
    (at,) = rung
    assert at >= begun + 0.1
    assert judge.said


async def test_what_has_ended_leaves_no_cycles_behind() -> None:
    deadlines = Deadlines(PAUSE)
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            with deadlines.until(now() + 60):
                pass
            Bell(deadlines, now() + 60, list).cancel()
        assert gc.collect() == 0
    finally:
        gc.enable()
