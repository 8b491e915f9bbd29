"""The announcer: tells the broker which jobs are due.

A job is announced once; when its message may be lost (a wiped broker, a killed
worker), again. Never fills the broker: beyond a window, jobs wait in the ledger. Each
process has one, rung by the dispatcher. Runs nothing.
"""

import asyncio
import logging
from collections.abc import Callable

from redis.exceptions import RedisError

from engine.database import Database
from engine.jobs import ledger
from engine.jobs.broker import Announcements
from engine.outbox import rung_or_after

logger = logging.getLogger("rangka.jobs")

POLL_SECONDS = 0.5
PAUSE_SECONDS = 0.02
RETRY_SECONDS = 2.0
WINDOW = 250
"""At most about so many messages wait in the broker, so before any new job."""
QUIET = 100
"""With fewer, a job that was announced and not taken counts as lost."""
PATIENCE_SECONDS = 10.0


class Announcer:
    """Announces due jobs, in the background."""

    def __init__(
        self,
        database: Database,
        announcements: Announcements,
        on_announced: Callable[[], None],
    ) -> None:
        """Take the broker; `on_announced` is called after jobs were announced."""
        self._database = database
        self._announcements = announcements
        self._on_announced = on_announced
        self._rung = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._live(), name="announcer")

    async def stop(self) -> None:
        """Stop; what is under way is announced again later."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def ring(self) -> None:
        """Look now: there may be a new job."""
        self._rung.set()

    async def announce(self) -> int:
        """Announce what is due and fits; return how many jobs."""
        async with self._database.system() as connection:
            depth = await self._announcements.depth(connection)
            if depth >= WINDOW:
                return 0
            jobs = await ledger.announce(
                connection,
                most=WINDOW - depth,
                again=depth < QUIET,
                patience_seconds=PATIENCE_SECONDS,
            )
            if jobs:
                # Before the commit: a job is never marked without a message.
                await self._announcements.announce(connection, jobs)
        if jobs:
            self._on_announced()
        return len(jobs)

    async def _live(self) -> None:
        while True:
            self._rung.clear()
            try:
                await self.announce()
            except RedisError as error:
                logger.warning("Redis takes no messages now, jobs wait: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                logger.warning("cannot announce jobs now", exc_info=True)
                await asyncio.sleep(RETRY_SECONDS)
            await asyncio.sleep(PAUSE_SECONDS)
            await rung_or_after(self._rung, POLL_SECONDS)
