"""From a committed write to the open pages: how long news take with many of them."""

import asyncio
import json
import time
from statistics import median, quantiles

import aiohttp

from benchmarks import site
from benchmarks.report import Table

CLIENTS = 200
WRITES = 100
PAUSE_SECONDS = 0.05
TOPIC = "bench.items"


def run(here: site.Site) -> Table:
    """Measure with `CLIENTS` connections while one record after another changes.

    Once with the pages of somebody who sees everything, once with those of a role whose
    rules have to be asked for each record.
    """
    ids = site.record_ids(here)
    table = Table(
        f"events: commit to WebSocket, {CLIENTS} clients",
        ("clients", "news", "median ms", "p95 ms", "p99 ms"),
    )
    for name, email in (("administrator", site.ADMIN), ("role with rules", site.CLERK)):
        delays = asyncio.run(_measure(here, ids, here.tokens[email]))
        cuts = quantiles(delays, n=100)
        table.add(
            name,
            f"{len(delays):,}",
            f"{median(delays) * 1000:.0f}",
            f"{cuts[94] * 1000:.0f}",
            f"{cuts[98] * 1000:.0f}",
        )
    return table


async def _measure(here: site.Site, ids: list[str], token: str) -> list[float]:
    """Return for each client and each write the seconds from its answer to its news."""
    # Not the values of an earlier run: a write that changes nothing is no news.
    first = int(time.time()) % 100_000
    written: dict[str, float] = {}
    heard: list[tuple[str, float]] = []
    headers = {"Authorization": f"Bearer {here.tokens[site.ADMIN]}"}
    everybody = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        here.url, headers=headers, connector=everybody
    ) as session:
        sockets = [await _connect(session, token) for _ in range(CLIENTS)]
        readers = [asyncio.create_task(_read(one, heard)) for one in sockets]
        for number in range(WRITES):
            record = ids[number % len(ids)]
            path = f"/api/v1/data/bench/items/{record}"
            async with session.patch(path, json={"quantity": first + number}) as reply:
                answer = await reply.json()
                # The commit was a little before its answer, so this is the upper side.
                written[f"{record} {answer['data']['version']}"] = time.perf_counter()
            await asyncio.sleep(PAUSE_SECONDS)
        await asyncio.sleep(1)
        for task in readers:
            task.cancel()
        for one in sockets:
            await one.close()
    missing = CLIENTS * WRITES - len(heard)
    if missing:
        raise RuntimeError(f"{missing} of {CLIENTS * WRITES} news did not come")
    return [max(at - written[key], 0.0) for key, at in heard]


async def _connect(
    session: aiohttp.ClientSession, token: str
) -> aiohttp.ClientWebSocketResponse:
    socket = await session.ws_connect("/api/v1/realtime")
    await socket.send_json({"type": "hello", "token": token})
    await socket.receive_json()
    await socket.send_json({"type": "subscribe", "topics": [TOPIC]})
    await socket.receive_json()
    return socket


async def _read(
    socket: aiohttp.ClientWebSocketResponse, heard: list[tuple[str, float]]
) -> None:
    async for message in socket:
        now = time.perf_counter()
        events = json.loads(message.data).get("events", ())
        heard.extend((f"{each['id']} {each['version']}", now) for each in events)
