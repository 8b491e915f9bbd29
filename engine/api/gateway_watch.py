"""Over one call of a service: who it is for may leave, and its time may be over.

Owns both times of a call in one deadline, since each one that is made and taken back
costs as much as a permission (docs/performance.md). Called by `gateway.py` and, for the
pauses of a stream, by `gateway_relay.py`.
"""

import asyncio
from math import inf
from types import TracebackType
from typing import Any

from engine.api.deadlines import Deadlines, Limit
from engine.api.gateway_upload import Upload
from engine.api.patience import Receive

LOOK_SECONDS = 0.02
"""How late the end of a call's time may be noticed."""
WATCH_AFTER_SECONDS = 0.25
"""A watch costs as much as a tenth of a call, so only a slow one gets it."""


class ClientLeft(Exception):
    """There is nobody any more to be answered."""


class Watch(Limit):
    """Ends a call when its client leaves, or when the time of its block is over.

    Attributes:
        upload: the call's body, whose reader hears first that the client has left.
        began: when its time did, by the clock of the event loop.
        waits_since: since when it is the service for whom everything waits.
        timeout: seconds that the service may take.
    """

    __slots__ = (
        "_ends",
        "_has_left",
        "_looks",
        "_loop",
        "_receive",
        "_watching",
        "began",
        "timeout",
        "upload",
        "waits_since",
    )

    def __init__(
        self,
        task: "asyncio.Task[Any]",
        receive: Receive,
        upload: Upload,
        deadlines: Deadlines,
    ) -> None:
        """Watch over the call that a task serves."""
        self._loop = task.get_loop()
        self._receive = receive
        self.upload = upload
        self._watching: asyncio.Task[None] | None = None
        self._has_left = False
        self._ends = inf
        self.timeout = inf
        self.began = self.waits_since = self._loop.time()
        self._looks = self.began + WATCH_AFTER_SECONDS
        Limit.__init__(self, deadlines, self._looks, task)

    def begin(self, seconds: float) -> None:
        """Let the block end by TimeoutError after so many seconds from now."""
        self.timeout = seconds
        self.began = self.waits_since = self._loop.time()
        self._move(self.began + seconds)

    def passed(self) -> float:
        """Return the seconds since the time began."""
        return self._loop.time() - self.began

    def waited(self) -> float:
        """Return for how many seconds everything has waited for the service."""
        return self._loop.time() - self.waits_since

    def progressed(self) -> None:
        """Begin the time of the service anew: a piece of the body is on its way."""
        self.waits_since = self._loop.time()
        self._move(self.waits_since + self.timeout)

    def go_on(self, seconds: float) -> None:
        """Let the block go on for so long from now, whatever its time was before."""
        self._move(self._loop.time() + seconds)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """End it; raises TimeoutError when its time was over, or ClientLeft."""
        self.cancel()
        self.upload.on_progress = None
        if self._watching is not None:
            self._watching.cancel()
        self._judge(kind, error)
        if (
            kind is asyncio.CancelledError
            and self._has_left
            and self._task.uncancel() <= self._cancels
        ):
            raise ClientLeft from error

    def _move(self, ends: float) -> None:
        is_idle = self.when == inf
        self._ends = ends
        self.when = min(self._looks, ends)
        if is_idle:
            self._deadlines.add(self)

    def _ring(self) -> None:
        """End the block, or begin to watch the client, whatever it is time for."""
        now = self._loop.time()
        if self._ends <= now:
            super()._ring()
            return
        if self.upload.is_read:
            self._watching = self._loop.create_task(self._wait())
            self._looks = inf
        else:
            # Whoever reads the body hears of it first.
            self._looks = now + WATCH_AFTER_SECONDS
        self.when = min(self._ends, self._looks)
        if self.when != inf:
            self._deadlines.add(self)

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._has_left = True
        self._task.cancel()
