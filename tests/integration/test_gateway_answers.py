"""What a service may answer, and what of it is taken, over real connections."""

import asyncio
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest

from registry.gateway.http1 import READ_BYTES, Answer
from registry.gateway.upstream import UpstreamClient, UpstreamError, read

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Service:
    """Answers each request of a connection with the next bytes of its list.

    Attributes:
        pieces: how many bytes go out at once; all of them where it is 0.
        ends: whether it closes after the first answer.
        opened: how many connections there were.
    """

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.pieces = 0
        self.ends = False
        self.opened = self.written = 0
        self.port = 0

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.opened += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                answer = self.answers.pop(0) if self.answers else OK
                step = self.pieces or max(len(answer), 1)
                for start in range(0, len(answer), step):
                    writer.write(answer[start : start + step])
                    await writer.drain()
                    self.written = start + step
                    if self.pieces == 1:
                        await asyncio.sleep(0)
                if self.ends:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@pytest.fixture
async def client() -> AsyncIterator[UpstreamClient]:
    made = UpstreamClient([ip_network("127.0.0.0/8")])
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    made = Service()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made


async def send(
    client: UpstreamClient, service: Service, method: str = "GET"
) -> tuple[Answer, bytes]:
    """Return an answer and its whole body."""
    async with asyncio.timeout(10):
        place = f"127.0.0.1:{service.port}"
        answer = await client.send(method, "http", place, "/", [], None)
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
async def test_a_whole_answer_is_read_and_its_connection_used_again(
    client: UpstreamClient, service: Service, answer: bytes, body: bytes, pieces: int
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
async def test_an_answer_without_a_body_ends_with_its_head(
    client: UpstreamClient, service: Service, method: str, answer: bytes, status: int
) -> None:
    service.answers = [answer]
    found, body = await send(client, service, method)
    assert (found.status, body) == (status, b"")
    assert (await send(client, service))[1] == b"ok"
    assert service.opened == 1


async def test_a_body_where_none_may_be_ends_the_connection(
    client: UpstreamClient, service: Service
) -> None:
    service.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"]
    found, body = await send(client, service, "HEAD")
    assert (found.status, body) == (200, b"")
    assert (await send(client, service))[1] == b"ok"
    assert service.opened == 2


async def test_a_body_without_a_length_ends_with_its_connection(
    client: UpstreamClient, service: Service
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
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 9000 + b"\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n" + b"A: 1\r\n" * 129 + b"Content-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 70_000,
    ],
)
async def test_what_is_no_answer_is_not_taken_for_one(
    client: UpstreamClient, service: Service, answer: bytes, pieces: int
) -> None:
    service.answers, service.ends = [answer], True
    service.pieces = pieces if len(answer) < 10_000 else 0
    with pytest.raises(UpstreamError) as broken:
        await send(client, service)
    assert broken.value.problem == "broken"
    service.ends = False
    assert (await send(client, service))[1] == b"ok"
    assert service.opened == 2


async def test_interim_answers_have_an_end(
    client: UpstreamClient, service: Service
) -> None:
    service.answers = [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 10_000]
    service.pieces = 4_000
    with pytest.raises(UpstreamError):
        await send(client, service)


async def test_a_change_of_protocol_is_an_answer_and_the_last_one(
    client: UpstreamClient, service: Service
) -> None:
    head = b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    service.answers = [head + b"whatever"]
    found, body = await send(client, service)
    assert (found.status, body) == (101, b"")
    assert (await send(client, service))[1] == b"ok"
    assert service.opened == 2


async def test_no_more_is_read_than_is_taken(
    client: UpstreamClient, service: Service
) -> None:
    size, step = 64 * 2**20, 2**16
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
    service.answers, service.pieces = [head + bytes(size)], step
    place = f"127.0.0.1:{service.port}"
    answer = await client.send("GET", "http", place, "/", [], None)
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


async def test_an_answer_before_the_body_was_sent_ends_the_connection(
    client: UpstreamClient, service: Service
) -> None:
    never = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        await never.wait()

    place = f"127.0.0.1:{service.port}"
    async with asyncio.timeout(10):
        answer = await client.send("POST", "http", place, "/", [], body())
        assert await read(answer, 10) == b"ok"
    assert (await send(client, service))[1] == b"ok"
    assert service.opened == 2


async def test_a_body_that_breaks_off_ends_the_call(
    client: UpstreamClient, service: Service
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"x"
        raise ValueError("gone")

    service.answers = [b""]
    place = f"127.0.0.1:{service.port}"
    async with asyncio.timeout(10):
        with pytest.raises(UpstreamError) as broken:
            await client.send("POST", "http", place, "/", [], body())
    assert broken.value.problem == "broken"
    assert (await send(client, service))[1] == b"ok"
