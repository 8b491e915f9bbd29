"""The same limit for several processes, and what holds while Redis does not answer."""

import asyncio
import time

from redis.asyncio import Redis

from engine.limits import Limits

WAIT_SECONDS = 60
"""Long enough where the machine has much to do: who gets no answer counts alone."""


async def test_processes_share_one_count(redis_url: str) -> None:
    limits = [Limits(redis_url, 3, wait_seconds=WAIT_SECONDS) for _ in range(3)]
    for each in limits:
        await each.start()
    first = await limits[0].take("shared", 10)
    assert (first.allowed, first.remaining) == (True, 9)
    found = await asyncio.gather(*(limits[n % 3].take("shared", 10) for n in range(29)))
    assert [each.allowed for each in found].count(True) == 9
    refused = [each for each in found if not each.allowed]
    assert all(50 < each.retry_after <= 60 for each in refused)
    assert (await limits[0].take("another", 10)).remaining == 9
    for each in limits:
        await each.stop()


async def test_large_limits_are_counted_exactly(redis_url: str) -> None:
    limits = Limits(redis_url, wait_seconds=WAIT_SECONDS)
    await limits.start()
    found = [await limits.take("large", 1_000_000) for _ in range(50)]
    assert all(each.allowed for each in found)
    assert 999_900 <= found[-1].remaining < 1_000_000
    await limits.stop()


async def test_without_an_answer_each_process_counts_its_share() -> None:
    asked: list[bytes] = []
    ended = asyncio.Event()

    async def say_nothing(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        asked.append(await reader.read())
        writer.close()
        await writer.wait_closed()
        ended.set()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    for url in (f"redis://127.0.0.1:{port}/0", "redis://127.0.0.1:1/0"):
        limits = Limits(url, workers=2)
        await limits.start()
        found = [await limits.take("k", 20) for _ in range(30)]
        assert [each.allowed for each in found].count(True) == 10
        await limits.stop()
    server.close()
    await asyncio.wait_for(ended.wait(), WAIT_SECONDS)
    # It is not asked again for each of the thirty.
    assert len(asked) <= 2


async def test_eight_processes_together_let_no_more_through_in_any_window(
    redis_url: str,
) -> None:
    """Row 27 of the plan of faults, its minute shortened to a second."""
    limit, window = 100, 1.0
    many = [
        Limits(redis_url, 8, window_seconds=window, wait_seconds=WAIT_SECONDS)
        for _ in range(8)
    ]
    passed: list[tuple[float, float]] = []
    end = time.monotonic() + 3

    async def ask(limits: Limits) -> None:
        # On a machine that has much to do a little longer, until it says something.
        while time.monotonic() < end or len(passed) <= 2 * limit:
            sent = time.monotonic()
            if (await limits.take("eight", limit)).allowed:
                passed.append((sent, time.monotonic()))
            await asyncio.sleep(0.001)

    for each in many:
        await each.start()
    async with asyncio.timeout(2 * WAIT_SECONDS):
        await asyncio.gather(*(ask(many[number % 8]) for number in range(32)))
    assert not any(each._left_alone_until for each in many)
    for each in many:
        await each.stop()
    # Redis decided on each between its two times: only what lies inside for certain
    # may be counted.
    most = max(
        sum(start <= sent and told < start + window for sent, told in passed)
        for start, _ in passed
    )
    assert most <= limit


async def test_what_redis_remembers_of_a_key_is_small_and_goes(redis_url: str) -> None:
    limits = Limits(redis_url, window_seconds=1.0, wait_seconds=WAIT_SECONDS)
    await limits.start()
    for _ in range(2_000):
        await limits.take("small", 1_000_000)
    async with Redis.from_url(redis_url) as redis:
        (key,) = await redis.keys("*small")
        assert await redis.hlen(key) <= 2 * 257 + 5
        assert 0 < await redis.pttl(key) <= 1_000
        async with asyncio.timeout(WAIT_SECONDS):
            while await redis.exists(key):  # noqa: ASYNC110 - its end is not told
                await asyncio.sleep(0.05)
    # Nothing of it is left: as many as at first.
    assert (await limits.take("small", 3)).remaining == 2
    await limits.stop()


async def _put_back(redis_url: str, name: str, seconds: float) -> None:
    """Let Redis's clock be behind what it was when it counted last."""
    async with Redis.from_url(redis_url) as redis:
        (key,) = await redis.keys(f"*{name}")
        ahead = round((time.time() + seconds) * 1e6)
        await redis.hset(key, mapping={"first": ahead, "last": ahead, "t0": ahead})


async def test_a_clock_that_was_put_back_a_little_forgets_nothing(
    redis_url: str,
) -> None:
    limits = Limits(redis_url, wait_seconds=WAIT_SECONDS)
    await limits.start()
    assert (await limits.take("little", 3)).allowed
    await _put_back(redis_url, "little", 20)
    found = [await limits.take("little", 3) for _ in range(4)]
    assert [each.allowed for each in found] == [True, True, False, False]
    assert 59 < found[-1].retry_after <= 60
    await limits.stop()


async def test_a_clock_that_was_put_back_locks_nobody_out(redis_url: str) -> None:
    limits = Limits(redis_url, wait_seconds=WAIT_SECONDS)
    await limits.start()
    assert (await limits.take("back", 1)).allowed
    assert not (await limits.take("back", 1)).allowed
    await _put_back(redis_url, "back", 3600)
    assert (await limits.take("back", 1)).allowed
    assert not (await limits.take("back", 1)).allowed
    await limits.stop()
