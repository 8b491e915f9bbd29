"""The end of one server process: told first, then no new requests, then what is left.

Owns the order of an end and its times, and which requests are under way. From SIGTERM
on `/health/ready` answers 503, so that load balancers turn away; requests are still
taken for `RANGKA_NOTICE_SECONDS`. Then open pages are told to go elsewhere and the
server stops listening. What still runs after four fifths of `RANGKA_DRAIN_SECONDS` is
cut off. Used by `engine/app.py`, `engine/api/entry.py` and `engine/api/realtime.py`.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from typing import Any

logger = logging.getLogger("rangka.draining")

CUT_SHARE = 0.8
"""Of the whole time, what running requests and jobs may take."""

GOODBYE_SECONDS = 0.25
"""Between telling open pages to go and no longer listening."""


class Draining:
    """How one process ends; nothing happens before `begin`.

    Attributes:
        under_way: the tasks that serve requests and sockets now.
        closing: set when open pages are to go elsewhere.
    """

    def __init__(self, *, notice_seconds: float, drain_seconds: float) -> None:
        self.under_way: set[asyncio.Task[Any] | None] = set()
        self.closing = asyncio.Event()
        self._notice = max(notice_seconds, GOODBYE_SECONDS)
        self._drain = drain_seconds
        self._has_begun = False
        self._told: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def has_begun(self) -> bool:
        """Return whether clients should not come back to this process."""
        return self._has_begun

    def on_begin(self, told: Callable[[], None]) -> None:
        """Call this when the end begins."""
        self._told.append(told)

    def listen(self) -> None:
        """Begin at SIGTERM; a second one goes on to the next step at once.

        The server listens for both SIGTERM and SIGINT before the application starts;
        this takes the first over and sends itself the second when the time has come.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.begin)

    def begin(self) -> None:
        """Begin the end; from the second call on, without further notice."""
        if self._has_begun:
            self._stop_listening()
            return
        self._has_begun = True
        logger.info("stopping: no longer ready, %g s of notice", self._notice)
        for told in self._told:
            told()
        self._task = asyncio.create_task(self._run(), name="draining")

    def stop(self) -> None:
        """End what runs here; the process is about to go."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        await asyncio.sleep(self._notice - GOODBYE_SECONDS)
        self.closing.set()
        await asyncio.sleep(GOODBYE_SECONDS)
        self._stop_listening()
        await asyncio.sleep(max(0, CUT_SHARE * self._drain - self._notice))
        left = [task for task in self.under_way if task is not None]
        if left:
            logger.warning("stopping: %d requests are cut off", len(left))
        for task in left:
            task.cancel()

    def _stop_listening(self) -> None:
        self.closing.set()
        os.kill(os.getpid(), signal.SIGINT)
