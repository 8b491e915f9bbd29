"""A body that stops coming ends its request; one that comes in pieces does not."""

import asyncio
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import pytest

from engine.api import entry
from engine.api.patience import Receive
from engine.metrics import Metrics
from engine.proxies import Proxies

PAUSE = 0.05
Message = MutableMapping[str, Any]


FRAMED = {"http_version": "1.1", "headers": [(b"transfer-encoding", b"chunked")]}


async def received(
    pieces: Sequence[tuple[float, Message]],
    calls: int,
    framed: Mapping[str, Any] = FRAMED,
) -> list[Any]:
    """Return what the application behind the entry receives."""
    found: list[Any] = []
    ahead = iter(pieces)

    async def receive() -> Message:
        pause, message = next(ahead)
        await asyncio.sleep(pause)
        return message

    async def app(_scope: Any, receive: Receive, _send: Any) -> None:
        found.extend([await receive() for _ in range(calls)])

    async def send(_message: Message) -> None:
        """Take an answer."""

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/auth/login",
        "query_string": b"",
        **framed,
    }
    await entry.Entry(
        app, lambda: app, Proxies(()), Metrics(), body_pause_seconds=PAUSE
    )(scope, receive, send)
    return found


LOST = {"type": "http.disconnect"}
PIECE = {"type": "http.request", "body": b"a", "more_body": True}
LAST = {"type": "http.request", "body": b"b", "more_body": False}


async def test_a_body_that_stops_is_a_lost_connection() -> None:
    assert await received([(0, PIECE), (60, LAST)], 2) == [PIECE, LOST]
    assert await received([(60, LAST)], 1) == [LOST]


@pytest.mark.parametrize(
    "framed",
    [
        {"http_version": "1.1", "headers": [(b"content-length", b"2")]},
        {"http_version": "2", "headers": []},
    ],
    ids=["length", "HTTP/2"],
)
async def test_it_is_one_however_it_was_announced(framed: Mapping[str, Any]) -> None:
    assert await received([(60, LAST)], 1, framed) == [LOST]


NOTHING = {"type": "http.request", "body": b"", "more_body": False}


def of_length(length: int, *more: tuple[bytes, bytes]) -> Mapping[str, Any]:
    """Return a request whose header says how long its body is."""
    said = (b"content-length", str(length).encode())
    return {"http_version": "1.1", "headers": [said, *more]}


def piece(text: bytes) -> Message:
    """Return a part of a body after which the server does not call it ended."""
    return {"type": "http.request", "body": text, "more_body": True}


async def test_a_body_that_is_whole_by_its_length_is_not_waited_for() -> None:
    whole = {**piece(b"ab"), "more_body": False}
    assert await received([(0, piece(b"ab"))], 1, of_length(2)) == [whole]
    parts = [(0, piece(b"a")), (0, piece(b"b"))]
    last = {**piece(b"b"), "more_body": False}
    assert await received(parts, 2, of_length(2)) == [piece(b"a"), last]


async def test_after_a_whole_body_comes_what_the_server_says() -> None:
    # Its own end of the body, and that the client left, whenever that is.
    later = [(0, piece(b"ab")), (0, NOTHING), (4 * PAUSE, LOST)]
    assert (await received(later, 3, of_length(2)))[1:] == [NOTHING, LOST]


async def test_a_body_that_is_not_whole_yet_is_waited_for() -> None:
    first = [(0, piece(b"a")), (60, LAST)]
    assert await received(first, 2, of_length(2)) == [piece(b"a"), LOST]


async def test_without_a_length_the_server_says_when_it_ends() -> None:
    chunked = (b"transfer-encoding", b"chunked")
    for framed in (of_length(1, chunked), of_length(1) | {"headers": [chunked]}):
        parts = [(0, piece(b"a")), (0, NOTHING)]
        assert await received(parts, 2, framed) == [piece(b"a"), NOTHING]


async def test_after_the_body_nothing_is_awaited_in_time() -> None:
    # Long answers are sent while the application waits for the end of the connection.
    assert await received([(0, LAST), (4 * PAUSE, LOST)], 2) == [LAST, LOST]


async def test_each_of_many_bodies_waits_for_itself() -> None:
    slow = [(PAUSE / 2, PIECE), (PAUSE / 2, PIECE), (PAUSE / 2, LAST)]
    answers = await asyncio.gather(
        received([(60, LAST)], 1), received(slow, 3), received([(0, LAST)], 1)
    )
    assert answers == [[LOST], [PIECE, PIECE, LAST], [LAST]]


async def test_who_is_cancelled_from_outside_ends() -> None:
    waiting = asyncio.create_task(received([(60, LAST)], 1))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
