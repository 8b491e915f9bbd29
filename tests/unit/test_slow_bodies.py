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
