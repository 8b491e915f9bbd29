"""Connections to services: used again while they are good, and closed otherwise."""

import asyncio
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest
from job_world import until

from registry.gateway import pool
from registry.gateway.upstream import UpstreamClient, UpstreamError, read
from tests.fixtures.answering import OK, Answering


@pytest.fixture
async def client() -> AsyncIterator[UpstreamClient]:
    made = UpstreamClient([ip_network("127.0.0.0/8")])
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def service() -> AsyncIterator[Answering]:
    made = Answering()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made


async def get(client: UpstreamClient, service: Answering) -> bytes:
    answer = await client.send(
        "GET", "http", f"127.0.0.1:{service.port}", "/", b"", b""
    )
    return await read(answer, 100)


async def test_calls_after_each_other_share_a_connection(
    client: UpstreamClient, service: Answering
) -> None:
    for _ in range(5):
        assert await get(client, service) == b"ok"
    assert (service.opened, service.closed) == (1, 0)


async def test_calls_at_once_have_a_connection_each_and_keep_them(
    client: UpstreamClient, service: Answering
) -> None:
    for _ in range(3):
        await asyncio.gather(*(get(client, service) for _ in range(4)))
    assert (service.opened, service.closed) == (4, 0)


async def test_an_idle_connection_is_closed_after_its_time(
    client: UpstreamClient, service: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "KEPT_SECONDS", 0.1)
    await get(client, service)
    await until(service.has_closed(1))
    await get(client, service)
    assert service.opened == 2


async def test_one_that_is_too_old_is_not_lent_though_nobody_closed_it_yet(
    client: UpstreamClient, service: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    await get(client, service)
    monkeypatch.setattr(pool, "KEPT_SECONDS", 0.0)
    await get(client, service)
    assert service.opened == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        OK + OK,
        OK + b"more",
        OK + b"HTTP/1.1 2",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
    ids=["close", "two answers", "other bytes", "half an answer", "HTTP/1.0"],
)
async def test_after_such_an_answer_the_next_call_has_a_new_connection(
    client: UpstreamClient, service: Answering, answer: bytes
) -> None:
    service.answers = [answer]
    assert await get(client, service) == b"ok"
    await asyncio.sleep(0.05)
    assert await get(client, service) == b"ok"
    assert service.opened == 2


async def test_a_call_that_gets_no_answer_ends_its_connection(
    client: UpstreamClient, service: Answering
) -> None:
    service.answers = [OK, b""]
    await get(client, service)
    with pytest.raises(UpstreamError) as broken:
        await get(client, service)
    assert broken.value.problem == "broken"
    assert await get(client, service) == b"ok"
    assert service.opened == 2


async def test_an_answer_left_in_its_middle_ends_its_connection(
    client: UpstreamClient, service: Answering
) -> None:
    service.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart"]
    answer = await client.send(
        "GET", "http", f"127.0.0.1:{service.port}", "/", b"", b""
    )
    answer.close()
    await until(service.has_closed(1))
    assert await get(client, service) == b"ok"
    assert service.opened == 2


async def test_stopping_closes_idle_connections_and_those_in_use(
    service: Answering,
) -> None:
    made = UpstreamClient([ip_network("127.0.0.0/8")])
    await made.start()
    service.answers = [OK, b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart"]
    address = f"127.0.0.1:{service.port}"
    _, lent = await asyncio.gather(
        get(made, service), made.send("GET", "http", address, "/", b"", b"")
    )
    await made.stop()
    await until(service.has_closed(2))
    lent.close()


async def test_of_many_places_old_ones_are_forgotten_with_their_connections(
    client: UpstreamClient, service: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "MAX_PLACES", 2)
    address = f"127.0.0.1:{service.port}"
    lent = await client.send("GET", "http", address, "/", b"", b"")
    for host in ("127.0.0.2", "127.0.0.3", "127.0.0.4"):
        with pytest.raises(UpstreamError):
            await client.send("GET", "http", f"{host}:{service.port}", "/", b"", b"")
    assert await read(lent, 100) == b"ok"
    # Nobody would look after it, so it is not kept.
    await until(service.has_closed(1))


@pytest.mark.parametrize("late", [b"H", b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Le", OK])
async def test_one_on_which_something_came_unasked_is_not_lent(
    client: UpstreamClient, service: Answering, late: bytes
) -> None:
    service.late = late
    await get(client, service)
    await asyncio.sleep(0.1)
    assert await get(client, service) == b"ok"
    assert service.opened == 2
