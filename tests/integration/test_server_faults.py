"""Web processes that are killed or asked to stop, under load.

Rows 1 and 5 of the plan of faults, with real processes.
"""

import asyncio
import os
import signal
from collections import Counter
from contextlib import suppress
from typing import Any
from uuid import uuid4

import aiohttp
import psycopg

from engine.settings import Settings
from tests.fixtures.api import World
from tests.fixtures.gateway import (
    BASE,
    WAIT_SECONDS,
    Seen,
    Writer,
    endpoint,
    outside,
    publish,
    reply,
)
from tests.fixtures.server import Balancer, Cut, Line, Server, serving

PATH = "/api/v1/data/lab/samples"
ACKNOWLEDGED = 10_000
WRITERS = 16
KILLS = (2_000, 6_000)
"""After so many acknowledged writes one of the two processes is killed."""


class Writers:
    """Clients that create records, and what each was told of every request.

    By turns a record with lines, which takes several statements, and thirty records in
    one transaction.
    """

    def __init__(self, token: str | None) -> None:
        self.mark = uuid4().hex[:8]
        self.token = token
        self.acknowledged: list[str] = []
        self.unknown: list[list[str]] = []
        self.refused: list[tuple[int, Any]] = []
        self.enough = asyncio.Event()
        self._more = asyncio.Event()

    async def reach(self, goal: int, within: float = 120) -> None:
        """Wait until so many records were acknowledged."""
        async with asyncio.timeout(within):
            while len(self.acknowledged) < goal:
                self._more.clear()
                await self._more.wait()

    async def run(self, port: int) -> None:
        """Write until it is enough."""
        await asyncio.gather(*(self._write(port, number) for number in range(WRITERS)))

    async def _write(self, port: int, number: int) -> None:
        count = 0
        with Line(port, self.token) as line:
            while not self.enough.is_set():
                count += 1
                path, names, body = self._batch(f"{self.mark}-{number}-{count}", count)
                try:
                    status, answer, _ = await line.request("POST", path, body)
                except Cut:
                    self.unknown.append(names)
                    await asyncio.sleep(0.1)
                    continue
                if status not in {200, 201}:
                    self.refused.append((status, answer))
                    continue
                self.acknowledged += names
                self._more.set()

    def _batch(self, name: str, count: int) -> tuple[str, list[str], Any]:
        if count % 2:
            parts = [{"quantity": 1}, {"quantity": 2}]
            return PATH, [name], {"name": name, "amount": 2, "parts": parts}
        names = [f"{name}-{each}" for each in range(30)]
        creates = [
            {"op": "create", "values": {"name": each, "amount": 0}} for each in names
        ]
        return f"{PATH}/bulk", names, {"operations": creates}


async def test_10000_acknowledged_writes_outlive_the_processes_that_took_them(
    world: World, settings: Settings
) -> None:
    writers = Writers(world.admin.token)
    async with serving(settings, workers=2) as server:
        await server.listens(times=2)
        first = server.workers()
        assert len(first) == 2
        async with asyncio.TaskGroup() as group:
            group.create_task(writers.run(server.port))
            for number, victim in zip(KILLS, first, strict=True):
                await writers.reach(number)
                before = len(writers.unknown)
                os.kill(victim, signal.SIGKILL)
                await asyncio.sleep(0.1)
                # The other serves at once: a new one takes longer to start than this.
                with Line(server.port) as line:
                    assert (await line.request("GET", "/health/ready"))[0] == 200
                await writers.reach(len(writers.acknowledged) + 100)
                assert len(writers.unknown) - before <= WRITERS
                await server.listens(times=2)
            await writers.reach(ACKNOWLEDGED)
            writers.enough.set()
        assert not set(first) & set(server.workers())
    assert writers.refused == []
    assert 0 < len(writers.unknown) <= WRITERS * len(KILLS)
    kept = _kept(world, settings, writers.mark)
    assert len(writers.acknowledged) >= ACKNOWLEDGED
    assert set(writers.acknowledged) - set(kept) == set()
    # Of what nobody was told about, each transaction is there as a whole or not.
    for names in writers.unknown:
        assert len(set(names) & set(kept)) in {0, len(names)}
    told_or_not = {
        *writers.acknowledged,
        *(n for each in writers.unknown for n in each),
    }
    assert set(kept) - told_or_not == set()
    halves = [name for name, (said, *has) in kept.items() if has != [said, 1]]
    assert halves == []


async def test_a_server_that_is_asked_to_stop_fails_no_request_behind_a_balancer(
    world: World, settings: Settings
) -> None:
    told = {"RANGKA_NOTICE_SECONDS": "3"}
    async with serving(settings, **told) as one, serving(settings, **told) as other:
        balancer = Balancer([one, other])
        watching = asyncio.create_task(balancer.watch())
        answers: Counter[tuple[int, int]] = Counter()
        cut: list[int] = []
        enough = asyncio.Event()

        async def ask(number: int) -> None:
            lines = {s.port: Line(s.port, world.admin.token) for s in (one, other)}
            count = 0
            while not enough.is_set():
                count += 1
                line = lines[balancer.pick().port]
                body = {"name": f"stop-{number}-{count}"}
                given = (
                    ("POST", PATH, body) if count % 2 else ("GET", f"{PATH}?limit=5")
                )
                try:
                    status, _, _ = await line.request(*given)
                except Cut:
                    cut.append(line.port)
                else:
                    answers[line.port, status] += 1
            for line in lines.values():
                line.close()

        async with asyncio.timeout(WAIT_SECONDS):
            while len(balancer.said) < 2:  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.05)
        asking = [asyncio.create_task(ask(number)) for number in range(WRITERS)]
        async with asyncio.timeout(WAIT_SECONDS):
            while answers.total() < 400:  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.05)
        before = answers[one.port, 200] + answers[one.port, 201]
        one.process.send_signal(signal.SIGTERM)
        code = await one.ended(30)
        after = answers.total()
        async with asyncio.timeout(WAIT_SECONDS):
            while answers.total() < after + 400:  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.05)
        enough.set()
        await asyncio.gather(*asking)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    assert code == 0
    assert cut == []
    assert {status for _, status in answers} == {200, 201}
    assert before > 0
    said = balancer.said[one.port]
    # Ready, then not ready while requests are still taken, then gone.
    assert [s for n, s in enumerate(said) if n == 0 or s != said[n - 1]] == [
        200,
        503,
        None,
    ]
    assert set(balancer.said[other.port]) == {200}


async def test_what_is_open_when_a_server_stops_ends_in_time(
    world: World, settings: Settings
) -> None:
    answer = asyncio.Event()

    async def act(seen: Seen, writer: Writer) -> None:
        if seen.target == "/slow":
            await answer.wait()
            writer.write(reply(body=b'"done"'))
            return
        head = b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\n" + head)
        while not writer.is_closing():
            writer.write(b"1\r\nx\r\n")
            with suppress(ConnectionError):
                await writer.drain()
            await asyncio.sleep(0.05)

    drain = 6
    async with outside(act) as there:
        name = await publish(
            world,
            there.url,
            [endpoint("slow", "/slow", timeout_ms=60_000), endpoint("news", "/news")],
        )
        told = {"RANGKA_NOTICE_SECONDS": "1", "RANGKA_DRAIN_SECONDS": str(drain)}
        headers = {"Authorization": f"Bearer {world.operator.token}"}
        async with (
            serving(settings, **told) as server,
            aiohttp.ClientSession(server.url, headers=headers) as http,
            http.get(f"{BASE}/{name}/news") as stream,
            http.ws_connect("/api/v1/realtime") as page,
        ):
            slow = asyncio.create_task(_whole(http, f"{BASE}/{name}/slow"))
            await page.send_json({"type": "hello", "token": world.operator.token})
            assert (await page.receive()).json() == {"type": "ready"}
            assert (await stream.content.readany()).startswith(b"x")
            async with asyncio.timeout(WAIT_SECONDS):
                while len(there.seen) < 2:  # noqa: ASYNC110 - no event for it
                    await asyncio.sleep(0.01)
            server.process.send_signal(signal.SIGTERM)
            closed = await asyncio.wait_for(page.receive(), WAIT_SECONDS)
            assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 1012)
            await _refused(server)
            # Nobody new comes in; who was in is served.
            answer.set()
            assert await slow == (200, '"done"', "close")
            cut = asyncio.create_task(_read_to_end(stream))
            # The rest is a guard against hanging: it is killed after six seconds.
            assert await server.ended(drain + WAIT_SECONDS) == 0
            assert isinstance(await cut, aiohttp.ClientPayloadError)
        async with asyncio.timeout(WAIT_SECONDS):
            while there.left < there.connections:  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.01)


async def _whole(http: aiohttp.ClientSession, path: str) -> tuple[int, str, str]:
    async with http.get(path) as found:
        return found.status, await found.text(), found.headers.get("connection", "")


async def _read_to_end(stream: aiohttp.ClientResponse) -> Exception | None:
    try:
        while not stream.content.at_eof():
            await stream.content.readany()
    except aiohttp.ClientError as error:
        return error
    return None


async def _refused(server: Server) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            except ConnectionRefusedError:
                return
            writer.close()
            await asyncio.sleep(0.05)


def _kept(
    world: World, settings: Settings, mark: str
) -> dict[str, tuple[int, int, int]]:
    """Return what there is of the records of these writers, by name.

    How many lines a record says it has, how many it has, its entries in the log.
    """
    with psycopg.connect(settings.app_database_url) as app:
        app.execute("select set_config('rangka.tenant', %s, false)", (str(world.ours),))
        found = app.execute(
            """
            select s.name, s.amount,
                   (select count(*) from svc_lab.samples__parts p
                    where p.tenant_id = s.tenant_id and p.parent_id = s.id),
                   (select count(*) from rangka.log l
                    where l.tenant_id = s.tenant_id and l.record_id = s.id)
            from svc_lab.samples s where starts_with(s.name, %s)
            """,
            (mark,),
        ).fetchall()
    names = [name for name, *_ in found]
    assert len(names) == len(set(names))
    return {name: (said, lines, logged) for name, said, lines, logged in found}
