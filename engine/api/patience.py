"""How long a request waits for the next piece of its body.

A timer for each piece would cost a create 7 % of its time, so one timer looks at all
that wait, four times in the longest pause. Called by `entry.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


@dataclass(slots=True, eq=False)
class _Waiting:
    task: "asyncio.Task[Any]"
    until: float
    cancels: int
    is_over: bool = False


class Patience:
    """Takes a body that stops coming for a lost connection."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waiting: set[_Waiting] = set()
        self._timer: asyncio.TimerHandle | None = None

    def of(self, receive: Receive) -> Receive:
        """Return the `receive` of one request that waits no longer than it may.

        After the longest pause, or at most a quarter more, it answers
        `http.disconnect`. What comes after the body (that the client left) may take
        any time.
        """
        coming = True

        async def take() -> Message:
            nonlocal coming
            if not coming:
                return await receive()
            message = await self._next(receive)
            coming = bool(message.get("more_body"))
            return message

        return take

    async def _next(self, receive: Receive) -> Message:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a body is read by a task")
        loop = task.get_loop()
        waiting = _Waiting(task, loop.time() + self._seconds, task.cancelling())
        self._waiting.add(waiting)
        if self._timer is None:
            self._timer = loop.call_later(self._seconds / 4, self._look, loop)
        try:
            return await receive()
        except asyncio.CancelledError:
            # As asyncio.timeout() does: whoever else cancelled it must be heard.
            if not waiting.is_over or task.uncancel() > waiting.cancels:
                raise
            return {"type": "http.disconnect"}
        finally:
            self._waiting.discard(waiting)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for waiting in self._waiting:
            if waiting.until <= now and not waiting.is_over:
                waiting.is_over = True
                waiting.task.cancel()
        self._timer = None
        if self._waiting:
            self._timer = loop.call_later(self._seconds / 4, self._look, loop)
