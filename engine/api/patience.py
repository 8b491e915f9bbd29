"""How long a request waits for the next piece of its body. Called by `entry.py`."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from engine.api.deadlines import Deadlines

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class Patience:
    """Takes a body that stops coming for a lost connection."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadlines = Deadlines(seconds / 4)

    def of(self, receive: Receive) -> Receive:
        """Return the `receive` of one request that waits no longer than it may.

        After the longest pause, or at most a quarter more, it answers
        `http.disconnect`. What comes after the body
        (that the client left) may take any time.
        """
        coming = True

        async def take() -> Message:
            nonlocal coming
            if not coming:
                return await receive()
            until = asyncio.get_running_loop().time() + self._seconds
            try:
                with self._deadlines.until(until):
                    message = await receive()
            except TimeoutError:
                message = {"type": "http.disconnect"}
            coming = bool(message.get("more_body"))
            return message

        return take
