"""A check that runs every few seconds, so that a lost notification heals.

Owns the task and what happens when the database stays away: caches that nobody could
check for 30 s are forgotten, never trusted. Used by policy, identity and catalog.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 2.0
BLIND_SECONDS = 30.0


class Poll:
    """Calls `check` every two seconds and `forget` when it failed for too long."""

    def __init__(
        self,
        name: str,
        check: Callable[[], Awaitable[None]],
        forget: Callable[[], None] | None = None,
        *,
        interval_seconds: float = INTERVAL_SECONDS,
    ) -> None:
        self._name = name
        self._check = check
        self._forget = forget
        self._interval = interval_seconds
        self._task: asyncio.Task[None] | None = None
        self._last_success = time.monotonic()

    def start(self) -> None:
        """Begin; the first check comes after one interval."""
        self._task = asyncio.create_task(self._run(), name=f"poll {self._name}")

    async def stop(self) -> None:
        """End, and wait until a running check has ended."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def now(self) -> None:
        """Check once, outside the rhythm; a failure is logged and tried again later."""
        # Whatever goes wrong, the next check must come: a poll that ended would leave
        # the caches trusted for good.
        (outcome,) = await asyncio.gather(self._check(), return_exceptions=True)
        if not isinstance(outcome, Exception):
            self._last_success = time.monotonic()
            return
        logger.warning("cannot check %s for changes: %s", self._name, outcome)
        blind = time.monotonic() - self._last_success > BLIND_SECONDS
        if blind and self._forget is not None:
            self._forget()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            await self.now()
