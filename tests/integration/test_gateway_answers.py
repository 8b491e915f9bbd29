"""What a service may answer, and what of it is taken, over real connections.

On asyncio's event loop and on uvloop, on which servers run.
"""

import asyncio
import functools
import inspect
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import pytest
import uvloop

from registry.gateway.answers import READ_BYTES, Answer
from registry.gateway.upstream import UpstreamClient, UpstreamError, read
from tests.fixtures.answering import OK, Answering


@asynccontextmanager
async def connected() -> AsyncIterator[dict[str, Any]]:
    """Yield a client and a service that answers it, by the names that tests use."""
    client, service = UpstreamClient([ip_network("127.0.0.0/8")]), Answering()
    await client.start()
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield {"client": client, "service": service}
    finally:
        await client.stop()
        server.close()


def on_both_loops(test: Callable[..., Coroutine[Any, Any, None]]) -> Any:
    """Run a test on asyncio's loop and on uvloop, each with a client of its own."""
    wanted = inspect.signature(test).parameters
    own = [each for name, each in wanted.items() if name not in {"client", "service"}]

    def run(loop: Callable[[Coroutine[Any, Any, None]], None], **values: Any) -> None:
        async def whole() -> None:
            async with connected() as made:
                given = {name: made[name] for name in made if name in wanted}
                async with asyncio.timeout(60):
                    await test(**given, **values)

        loop(whole())

    functools.update_wrapper(run, test)
    loop = inspect.Parameter("loop", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    vars(run)["__signature__"] = inspect.Signature([loop, *own])
    loops = pytest.mark.parametrize(
        "loop", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"]
    )
    return loops(run)


async def send(
    client: UpstreamClient, service: Answering, method: str = "GET"
) -> tuple[Answer, bytes]:
    """Return an answer and its whole body."""
    async with asyncio.timeout(10):
        place = f"127.0.0.1:{service.port}"
        answer = await client.send(method, "http", place, "/", b"", None)
        return answer, await read(answer, 2**20)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"


@pytest.mark.parametrize("pieces", [0, 1, 7])
@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK, b"ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
        (CHUNKED + b"\r\n2\r\nok\r\n3\r\n...\r\n0\r\n\r\n", b"ok..."),
        (CHUNKED + b"Trailer: X-Sum\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n", b"ok"),
        (b"HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n" + OK, b"ok"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 3 + OK, b"ok"),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok", b"ok"),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    ],
    ids=[
        "length",
        "empty",
        "chunked",
        "trailer",
        "continue",
        "hints",
        "line feeds",
        "no reason",
    ],
)
@on_both_loops
async def test_a_whole_answer_is_read_and_its_connection_used_again(
    client: UpstreamClient, service: Answering, answer: bytes, body: bytes, pieces: int
) -> None:
    service.answers, service.pieces = [answer], pieces
    found, got = await send(client, service)
    assert (found.status, got) == (200, body)
    names = {name for name, _ in found.headers}
    assert not names & {b"x-sum", b"x-early", b"link"}
    assert (await send(client, service))[1] == b"ok"
    assert service.opened == 1


@pytest.mark.parametrize(
    ("method", "answer", "status"),
    [
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", 200),
        ("HEAD", CHUNKED + b"\r\n", 200),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n", 304),
        ("GET", b"HTTP/1.1 304 Not Modified\r\n\r\n", 304),
    ],
)
@on_both_loops
async def test_an_answer_without_a_body_ends_with_its_head(
    client: UpstreamClient, service: Answering, method: str, answer: bytes, status: int
) -> None:
    service.answers = [answer]
    found, body = await send(client, service, method)
    assert (found.status, body) == (status, b"")
    assert (await send(client, service))[1] == b"ok"
    assert service.opened == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        CHUNKED + b"\r\n2c\r\n",
        CHUNKED + b"\r\n2",
        CHUNKED + b"\r\n2c\r",
        CHUNKED + b"\r\n0\r\n\r\n" + OK,
    ],
)
@on_both_loops
async def test_a_body_where_none_may_be_ends_the_connection(
    client: UpstreamClient, service: Answering, answer: bytes
) -> None:
    service.answers = [answer, OK.replace(b"ok", b"no")]
    found, body = await send(client, service, "HEAD")
    assert (found.status, body) == (200, b"")
    service.answers = []
    assert (await send(client, service))[1] == b"ok"
    assert service.opened == 2


@on_both_loops
async def test_a_body_without_a_length_ends_with_its_connection(
    client: UpstreamClient, service: Answering
) -> None:
    service.answers, service.ends = [b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 70_000], True
    assert (await send(client, service))[1] == b"x" * 70_000
    assert (await send(client, service))[1] == b"ok"
    assert service.opened == 2


@pytest.mark.parametrize("pieces", [0, 1])
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
        CHUNKED + b"\r\n2\r\nok\r\n",
        CHUNKED + b"\r\nx\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        CHUNKED + b"Content-Length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nA: 1\x00\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/9.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 000 X\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 099 X\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nok",
        CHUNKED + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 9000 + b"\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n" + b"A: 1\r\n" * 129 + b"Content-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000,
    ],
)
@on_both_loops
async def test_what_is_no_answer_is_not_taken_for_one(
    client: UpstreamClient, service: Answering, answer: bytes, pieces: int
) -> None:
    service.answers, service.ends = [answer], True
    service.pieces = pieces if len(answer) < 10_000 else 0
    with pytest.raises(UpstreamError) as broken:
        await send(client, service)
    assert broken.value.problem == "broken"
    service.ends = False
    assert (await send(client, service))[1] == b"ok"
    assert service.opened == 2


@on_both_loops
async def test_interim_answers_have_an_end(
    client: UpstreamClient, service: Answering
) -> None:
    service.answers = [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 10_000]
    service.pieces = 4_000
    with pytest.raises(UpstreamError):
        await send(client, service)


@on_both_loops
async def test_a_change_of_protocol_is_an_answer_and_the_last_one(
    client: UpstreamClient, service: Answering
) -> None:
    head = b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    service.answers = [head + b"whatever"]
    found, body = await send(client, service)
    assert (found.status, body) == (101, b"")
    assert (await send(client, service))[1] == b"ok"
    assert service.opened == 2


@on_both_loops
async def test_no_more_is_read_than_is_taken(
    client: UpstreamClient, service: Answering
) -> None:
    size, step = 64 * 2**20, 2**16
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    service.answers, service.pieces = [head + bytes(size)], step
    place = f"127.0.0.1:{service.port}"
    answer = await client.send("GET", "http", place, "/", b"", None)
    written = -1
    while written < service.written:
        written = service.written
        await asyncio.sleep(0.2)
    assert written < size / 2, "only what the system's buffers hold"
    got = len(answer.taken())
    assert 0 < got <= READ_BYTES + 2 * 2**18, "one read more than the limit"
    while chunk := await answer.more():
        got += len(chunk)
    assert got == size
    assert (await send(client, service))[1] == b"ok"
    assert service.opened == 1


@on_both_loops
async def test_an_answer_before_the_body_was_sent_ends_the_connection(
    client: UpstreamClient, service: Answering
) -> None:
    never = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        await never.wait()

    place = f"127.0.0.1:{service.port}"
    async with asyncio.timeout(10):
        answer = await client.send("POST", "http", place, "/", b"", body())
        assert await read(answer, 10) == b"ok"
    assert (await send(client, service))[1] == b"ok"
    assert service.opened == 2


@on_both_loops
async def test_a_body_that_breaks_off_ends_the_call(
    client: UpstreamClient, service: Answering
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        raise ValueError("gone")

    service.answers = [b""]
    place = f"127.0.0.1:{service.port}"
    async with asyncio.timeout(10):
        with pytest.raises(UpstreamError) as broken:
            await client.send("POST", "http", place, "/", b"", body())
    assert broken.value.problem == "broken"
    assert (await send(client, service))[1] == b"ok"


@pytest.mark.parametrize(
    "part",
    [b"x" * 65_536, b"X: 1\r\n" * 10_000],
    ids=["a line without end", "lines without end"],
)
@pytest.mark.parametrize(
    "begin",
    [OK[:-5], CHUNKED + b"\r\n2\r\nok\r\n0\r\nX: ", CHUNKED + b"\r\n2;x="],
    ids=["head", "trailer", "beside a chunk"],
)
@on_both_loops
async def test_what_has_no_end_is_given_up_before_it_costs(
    client: UpstreamClient, service: Answering, begin: bytes, part: bytes
) -> None:
    service.answers = [begin + part * 100]
    service.pieces = 2**16
    began = time.monotonic()
    with pytest.raises(UpstreamError):
        await send(client, service)
    assert time.monotonic() - began < 5
    assert service.written < len(part) * 100


@on_both_loops
async def test_a_connection_with_half_a_request_on_it_is_not_used_again(
    client: UpstreamClient,
) -> None:
    opened: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    loop = asyncio.get_running_loop()

    async def refuse() -> None:
        """Answer before the body is there, and read no more."""
        while True:
            there, _ = await loop.sock_accept(listener)
            opened.append(there)
            await loop.sock_recv(there, 1000)
            await loop.sock_sendall(there, OK)

    refusing = asyncio.create_task(refuse())
    place = f"127.0.0.1:{listener.getsockname()[1]}"
    async with asyncio.timeout(10):
        answer = await client.send("POST", "http", place, "/", b"", bytes(20 * 2**20))
        assert await read(answer, 10) == b"ok"
        answer = await client.send("GET", "http", place, "/", b"", None)
        assert await read(answer, 10) == b"ok"
    assert len(opened) == 2
    refusing.cancel()
    for there in (*opened, listener):
        there.close()


@on_both_loops
async def test_what_came_unasked_and_was_not_read_yet_is_not_the_next_answer(
    client: UpstreamClient,
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    has_answered, has_sent = threading.Event(), threading.Event()

    def serve() -> None:
        first, _ = listener.accept()
        first.recv(1000)
        first.sendall(OK)
        has_answered.wait()
        first.sendall(OK.replace(b"ok", b"no"))
        has_sent.set()
        second, _ = listener.accept()
        second.recv(1000)
        second.sendall(OK)
        second.close()
        first.close()

    thread = threading.Thread(target=serve)
    thread.start()
    place = f"127.0.0.1:{listener.getsockname()[1]}"
    answer = await client.send("GET", "http", place, "/", b"", None)
    assert await read(answer, 10) == b"ok"
    # The event loop is busy meanwhile: it does not look what has come.
    has_answered.set()
    assert has_sent.wait(10)
    answer = await client.send("GET", "http", place, "/", b"", None)
    assert await read(answer, 10) == b"ok"
    await asyncio.to_thread(thread.join)
    listener.close()


def has_ended(there: socket.socket) -> bool:
    """Read to the end of a connection, however that came."""
    try:
        while there.recv(2**20):
            pass
    except ConnectionResetError:
        pass
    return True


@on_both_loops
async def test_a_service_that_takes_nothing_holds_no_connection_of_an_ended_call(
    client: UpstreamClient,
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    place = f"127.0.0.1:{listener.getsockname()[1]}"
    there: list[socket.socket] = []
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.send("POST", "http", place, "/", b"", bytes(20 * 2**20))
        there.append(listener.accept()[0])
    await asyncio.sleep(0)
    assert not client._pool._open
    # Its end came although it has read nothing of what was sent before.
    for each in there:
        each.settimeout(5)
        assert has_ended(each)
        each.close()
    listener.close()


@on_both_loops
async def test_stopping_breaks_off_calls_under_way(service: Answering) -> None:
    made = UpstreamClient([ip_network("127.0.0.0/8")])
    await made.start()
    listener = socket.create_server(("127.0.0.1", 0))
    place = f"127.0.0.1:{listener.getsockname()[1]}"
    call = asyncio.create_task(
        made.send("POST", "http", place, "/", b"", bytes(20 * 2**20))
    )
    await asyncio.sleep(0.1)
    async with asyncio.timeout(5):
        await made.stop()
        with pytest.raises(UpstreamError):
            await call
    with pytest.raises(UpstreamError):
        await send(made, service)
    listener.close()


@pytest.mark.parametrize("is_whole", [True, False])
@on_both_loops
async def test_a_half_closed_connection_ends_an_answer(
    client: UpstreamClient, is_whole: bool
) -> None:
    head = b"HTTP/1.1 413 No\r\n" + (b"" if is_whole else b"Content-Length: 99\r\n")
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    loop = asyncio.get_running_loop()
    place = f"127.0.0.1:{listener.getsockname()[1]}"

    async def half() -> socket.socket:
        there, _ = await loop.sock_accept(listener)
        await loop.sock_recv(there, 1000)
        await loop.sock_sendall(there, head + b"\r\ntoo much")
        there.shutdown(socket.SHUT_WR)
        return there

    serving = asyncio.create_task(half())
    async with asyncio.timeout(10):
        # Most of the request is still to be sent, and stays so.
        answer = await client.send("POST", "http", place, "/", b"", bytes(20 * 2**20))
        assert answer.status == 413
        if is_whole:
            assert await read(answer, 100) == b"too much"
        else:
            with pytest.raises(UpstreamError):
                await read(answer, 100)
    (await serving).close()
    listener.close()


@pytest.mark.parametrize("status", [b"000", b"099"])
@on_both_loops
async def test_a_status_that_is_none_is_told_at_once(
    client: UpstreamClient, service: Answering, status: bytes
) -> None:
    service.answers = [b"HTTP/1.1 " + status + b" X\r\nContent-Length: 0\r\n\r\n"]
    async with asyncio.timeout(10):
        with pytest.raises(UpstreamError):
            await send(client, service)


@pytest.mark.parametrize(
    "header",
    [
        ("X-Key", "a\r\nX-Other: b"),
        ("X-Key", "a\nb"),
        ("X-Key", "a\0b"),
        ("X-Key", "\u20ac"),
        ("X\r\nY", "b"),
    ],
)
@on_both_loops
async def test_a_header_that_cannot_be_written_goes_nowhere(
    client: UpstreamClient, service: Answering, header: tuple[str, str]
) -> None:
    with pytest.raises(UpstreamError) as refused:
        await client.open("GET", f"http://127.0.0.1:{service.port}/", [header], None)
    assert refused.value.problem == "request"
    assert service.opened == 0


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX-Other: b", "/\u20ac", "/\x0b"])
@on_both_loops
async def test_a_target_that_cannot_be_written_goes_nowhere(
    client: UpstreamClient, service: Answering, target: str
) -> None:
    place = f"127.0.0.1:{service.port}"
    with pytest.raises(UpstreamError) as refused:
        await client.send("GET", "http", place, target, b"", None)
    assert refused.value.problem == "request"
    assert service.opened == 0
