"""What streams cost a real server: row 17 of the plan of faults.

Answers and bodies without end, or of 10 GB by their own word; a client that reads
nothing. The memory of the process that serves is looked at all the time.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from engine.settings import Settings
from tests.fixtures.api import World
from tests.fixtures.gateway import BASE, WAIT_SECONDS, call, endpoint, publish
from tests.fixtures.server import Server, serving

MIB = 2**20
MOST_GROWTH = 20 * MIB
LONG = 256 * MIB
"""So much of what has no end is taken; far more than may be held."""

SAID = 10 * 2**30
PIECE = b"x" * MIB
ENDPOINTS = [
    endpoint("get", "/{kind}", timeout_ms=60_000),
    endpoint("send", "/send", "POST", timeout_ms=60_000),
]


@dataclass
class Pump:
    """A service that sends and takes bytes without keeping any.

    Attributes:
        sent: how much each connection was given to send, by its path.
        taken: how much of a body came.
    """

    url: str = ""
    sent: dict[str, int] = field(default_factory=dict)
    taken: int = 0
    open: int = 0

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one request."""
        self.open += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ")[1].decode()
            if path == "/send":
                while piece := await reader.read(MIB):
                    self.taken += len(piece)
            else:
                await self._send(path, writer)
        self.open -= 1
        writer.close()

    async def _send(self, path: str, writer: asyncio.StreamWriter) -> None:
        chunked = path != "/declared"
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {SAID}"
        writer.write(f"HTTP/1.1 200 OK\r\n{length}\r\n\r\n".encode())
        while True:
            writer.write(b"100000\r\n" + PIECE + b"\r\n" if chunked else PIECE)
            await writer.drain()
            self.sent[path] = self.sent.get(path, 0) + MIB


@asynccontextmanager
async def pumping() -> AsyncIterator[Pump]:
    pump = Pump()
    server = await asyncio.start_server(pump.serve, "127.0.0.1", 0)
    pump.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield pump
    finally:
        server.close()


def resident(pid: int) -> int:
    """Return the bytes of memory a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096


@contextmanager
def watched(server: Server) -> Iterator[list[int]]:
    """Collect how much memory the process of the server holds."""
    (pid,) = server.workers()
    seen = [resident(pid)]

    async def look() -> None:
        while True:
            seen.append(resident(pid))
            await asyncio.sleep(0.02)

    task = asyncio.create_task(look())
    yield seen
    task.cancel()
    seen.append(resident(pid))


async def ended(pump: Pump) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while pump.open:  # noqa: ASYNC110 - the service has no event for it
            await asyncio.sleep(0.02)


async def read(stream: aiohttp.StreamReader, size: int) -> int:
    """Read at least so much and return how much it was."""
    found = 0
    while found < size:
        found += len(await stream.readany())
    return found


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield PIECE


async def test_no_stream_is_ever_held(world: World, settings: Settings) -> None:
    limits = {
        "RANGKA_GATEWAY_ANSWER_LIMIT_BYTES": str(2 * SAID),
        "RANGKA_GATEWAY_BODY_LIMIT_BYTES": str(LONG),
    }
    headers = {"Authorization": f"Bearer {world.operator.token}"}
    async with (
        pumping() as pump,
        serving(settings, **limits) as server,
        aiohttp.ClientSession(server.url, headers=headers) as http,
    ):
        name = await publish(world, pump.url, ENDPOINTS)
        async with http.get(f"{BASE}/{name}/warm") as answer:
            assert await read(answer.content, 8 * MIB) >= 8 * MIB
        await ended(pump)

        for kind in ("endless", "declared"):
            with watched(server) as memory:
                async with http.get(f"{BASE}/{name}/{kind}") as answer:
                    assert answer.status == 200
                    assert await read(answer.content, LONG) >= LONG
                # The client has gone: so is the call.
                await ended(pump)
            assert max(memory) - memory[0] <= MOST_GROWTH, kind

        with watched(server) as memory:
            async with http.get(f"{BASE}/{name}/unread") as answer:
                assert answer.status == 200
                before = -1
                # It is full when nothing moves for a while.
                while before != pump.sent["/unread"]:
                    before = pump.sent["/unread"]
                    await asyncio.sleep(1)
            await ended(pump)
        assert max(memory) - memory[0] <= MOST_GROWTH
        assert pump.sent["/unread"] <= 2 * MOST_GROWTH

        with watched(server) as memory:
            with suppress(aiohttp.ClientError):
                async with http.post(f"{BASE}/{name}/send", data=endless()) as answer:
                    assert answer.status == 413
            await ended(pump)
        assert max(memory) - memory[0] <= MOST_GROWTH
        # What frames the chunks comes on top.
        assert LONG - 16 * MIB <= pump.taken <= LONG + MIB


async def test_an_answer_that_says_it_is_too_large_is_not_begun(world: World) -> None:
    async with pumping() as pump:
        name = await publish(world, pump.url, ENDPOINTS)
        found = await call(world.operator, "GET", f"{BASE}/{name}/declared")
        assert (found.status, found.error["code"]) == (502, "BAD_GATEWAY")
        await ended(pump)
    assert pump.sent.get("/declared", 0) <= MOST_GROWTH
