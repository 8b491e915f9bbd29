"""Over one call: its time, its client, and what is left behind by neither."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from engine.api.deadlines import Deadlines
from engine.api.gateway_upload import Upload
from engine.api.gateway_watch import WATCH_AFTER_SECONDS, ClientLeft, Watch
from engine.api.http import Request

PAUSE = 0.02
LATE = 5 * PAUSE

Receive = Callable[[], Awaitable[dict[str, Any]]]


def upload_of(receive: Receive, *, declared: bytes | None = None) -> Upload:
    named = {} if declared is None else {b"content-length": declared}
    scope = {
        "rangka.headers": named,
        "rangka.request_id": "req_1",
        "method": "POST",
        "query_string": b"",
        "http_version": "1.1",
    }
    return Upload(Request(scope, receive), receive, limit=1000)


async def never() -> dict[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError


async def leaves() -> dict[str, Any]:
    return {"type": "http.disconnect"}


def here() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def now() -> float:
    return asyncio.get_running_loop().time()


async def watched(
    work: Callable[[Watch], Awaitable[None]], receive: Receive = never
) -> None:
    with Watch(here(), receive, upload_of(receive), Deadlines(PAUSE)) as watch:
        await work(watch)


async def for_ever(watch: Watch) -> None:
    watch.begin(60)
    await asyncio.sleep(60)


async def test_nothing_ends_before_the_time_has_begun() -> None:
    async def work(_: Watch) -> None:
        await asyncio.sleep(WATCH_AFTER_SECONDS + LATE)

    await watched(work)


@pytest.mark.parametrize("seconds", [0.05, WATCH_AFTER_SECONDS + 0.1])
async def test_the_block_ends_with_its_time(seconds: float) -> None:
    task, since = asyncio.current_task(), now()
    assert task is not None

    async def work(watch: Watch) -> None:
        watch.begin(seconds)
        await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        await watched(work)
    assert seconds <= now() - since < seconds + 1
    assert task.cancelling() == 0
    await asyncio.sleep(LATE)


async def test_time_that_begins_once_the_client_is_watched_ends_too() -> None:
    async def work(watch: Watch) -> None:
        await asyncio.sleep(WATCH_AFTER_SECONDS + LATE)
        watch.begin(0.1)
        await asyncio.sleep(60)

    since = now()
    with pytest.raises(TimeoutError):
        await watched(work)
    assert now() - since < WATCH_AFTER_SECONDS + LATE + 1.1


async def test_what_goes_on_ends_later_or_earlier() -> None:
    since = 0.0

    async def work(watch: Watch) -> None:
        nonlocal since
        watch.begin(0.5)
        for _ in range(6):
            await asyncio.sleep(0.1)
            watch.progressed()
        assert watch.passed() >= 0.6
        assert watch.waited() < 0.05
        watch.go_on(60)
        await asyncio.sleep(0.6)
        watch.go_on(0.05)
        since = now()
        await asyncio.sleep(60)

    with pytest.raises(TimeoutError):
        await watched(work)
    assert 0.05 <= now() - since < 1


async def test_a_client_that_leaves_ends_the_block_once_the_body_is_here() -> None:
    task, since = asyncio.current_task(), now()
    assert task is not None
    with pytest.raises(ClientLeft):
        await watched(for_ever, leaves)
    assert now() - since >= WATCH_AFTER_SECONDS
    assert task.cancelling() == 0


async def test_while_a_body_comes_its_reader_hears_first() -> None:
    upload = upload_of(leaves, declared=b"10")

    async def call() -> None:
        with Watch(here(), leaves, upload, Deadlines(PAUSE)) as watch:
            await for_ever(watch)

    task = asyncio.create_task(call())
    await asyncio.sleep(2 * WATCH_AFTER_SECONDS + LATE)
    assert not task.done()
    upload.is_read = True
    with pytest.raises(ClientLeft):
        await task


async def test_whoever_else_cancels_is_heard() -> None:
    task = asyncio.create_task(watched(for_ever))
    await asyncio.sleep(WATCH_AFTER_SECONDS + LATE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_others_are_heard_when_the_client_leaves_as_well() -> None:
    async def work(watch: Watch) -> None:
        try:
            await for_ever(watch)
        finally:
            task.cancel()

    task = asyncio.create_task(watched(work, leaves))
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_other_errors_pass_and_nothing_rings_after_the_block() -> None:
    deadlines = Deadlines(PAUSE)

    async def call() -> None:
        with Watch(here(), never, upload_of(never), deadlines) as watch:
            watch.begin(0.01)
            raise KeyError

    with pytest.raises(KeyError):
        await call()
    assert not deadlines.waiting
    await asyncio.sleep(LATE)


async def test_a_call_that_has_ended_leaves_no_cycles_behind() -> None:
    deadlines = Deadlines(PAUSE)
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            upload = upload_of(never, declared=b"10")
            with Watch(here(), never, upload, deadlines) as watch:
                watch.begin(60)
                upload.on_progress = watch.progressed
            del upload, watch
        assert gc.collect() == 0
    finally:
        gc.enable()
