"""The order in which a process ends."""

import asyncio
import signal
from collections.abc import Iterator

import pytest

from engine.draining import Draining

WAIT_SECONDS = 10


@pytest.fixture
def interrupts() -> Iterator[list[int]]:
    """What the server would get: SIGINT, as often as it was sent."""
    got: list[int] = []
    kept = signal.signal(signal.SIGINT, lambda number, frame: got.append(number))
    yield got
    signal.signal(signal.SIGINT, kept)


async def until(holds: asyncio.Event) -> None:
    await asyncio.wait_for(holds.wait(), WAIT_SECONDS)


async def arrived(interrupts: list[int]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not interrupts:  # noqa: ASYNC110 - a signal has no event
            await asyncio.sleep(0.01)


async def test_it_is_told_first_and_what_is_left_is_cut_last(
    interrupts: list[int],
) -> None:
    draining = Draining(notice_seconds=0.3, drain_seconds=1)
    order: list[str] = []

    async def stream() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            order.append(f"cut after {len(interrupts)} signals")

    draining.on_begin(lambda: order.append("told"))
    task = asyncio.create_task(stream())
    draining.under_way.add(task)
    assert not draining.has_begun
    draining.begin()
    assert draining.has_begun
    assert order == ["told"]
    assert not draining.closing.is_set()
    await until(draining.closing)
    order.append(f"closing after {len(interrupts)} signals")
    await arrived(interrupts)
    assert not task.done()
    await asyncio.wait({task}, timeout=WAIT_SECONDS)
    assert order == ["told", "closing after 0 signals", "cut after 1 signals"]
    assert task.cancelled()
    draining.stop()


async def test_a_second_signal_means_now(interrupts: list[int]) -> None:
    draining = Draining(notice_seconds=600, drain_seconds=1200)
    told: list[str] = []
    draining.on_begin(lambda: told.append("told"))
    draining.begin()
    assert interrupts == []
    draining.begin()
    await arrived(interrupts)
    assert draining.closing.is_set()
    assert told == ["told"]
    draining.stop()


async def test_the_signal_of_a_stop_begins_it(interrupts: list[int]) -> None:
    draining = Draining(notice_seconds=600, drain_seconds=1200)
    told = asyncio.Event()
    draining.on_begin(told.set)
    draining.listen()
    try:
        signal.raise_signal(signal.SIGTERM)
        await until(told)
    finally:
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
        draining.stop()
    assert interrupts == []
