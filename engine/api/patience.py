"""How a request waits for its body: for how long, and when it has come whole.

Called by `entry.py`, so that all routes wait alike.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from math import inf
from typing import Any

from engine.api.deadlines import Deadlines

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class Patience:
    """Takes a body that stops coming for a lost connection."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadlines = Deadlines(seconds / 4)

    def of(self, receive: Receive, length: int | None) -> Receive:
        """Return the `receive` of one request that waits no longer than it may.

        After the longest pause, or at most a quarter more, it answers
        `http.disconnect`. What comes after the body
        (that the client left) may take any time.

        `length` is the bytes that the body has by its header, None where none says so.
        Once they are here nothing more is waited for: the server would say that the
        body has ended in a message of its own, which costs a change of threads.
        """
        coming = True
        missing = inf if length is None else length

        async def take() -> Message:
            nonlocal coming, missing
            if not coming:
                return await receive()
            until = asyncio.get_running_loop().time() + self._seconds
            try:
                with self._deadlines.until(until):
                    message = await receive()
            except TimeoutError:
                message = {"type": "http.disconnect"}
            coming = bool(message.get("more_body"))
            if coming:
                missing -= len(message.get("body", b""))
                if missing <= 0:
                    coming = message["more_body"] = False
            return message

        return take
