"""The same limit for several processes, and what holds while Redis does not answer."""

import asyncio

from engine.limits import Limits

WAIT_SECONDS = 10


async def test_processes_share_one_count(redis_url: str) -> None:
    limits = [Limits(redis_url, workers=3) for _ in range(3)]
    for each in limits:
        await each.start()
    first = await limits[0].take("shared", 10)
    assert (first.allowed, first.remaining) == (True, 9)
    found = await asyncio.gather(*(limits[n % 3].take("shared", 10) for n in range(29)))
    assert [each.allowed for each in found].count(True) == 9
    refused = [each for each in found if not each.allowed]
    assert all(0 < each.retry_after <= 6 for each in refused)
    assert (await limits[0].take("another", 10)).remaining == 9
    for each in limits:
        await each.stop()


async def test_large_limits_are_counted_exactly(redis_url: str) -> None:
    limits = Limits(redis_url)
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
