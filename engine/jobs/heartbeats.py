"""Heartbeats: says that jobs of this process are alive, and ends those that are not.

Others take a job back when its row was silent for long. So each job that runs here has
a timer that no database can hold up: without a heartbeat that PostgreSQL has confirmed,
the job is cancelled before anybody else may run it. Used by the runner alone.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from engine.database import Database
from engine.jobs import ledger
from engine.jobs.ledger import ClaimedJob

logger = logging.getLogger("rangka.jobs")

BEATS = 4
"""Heartbeats within the silence after which a worker counts as dead."""
OWN_SHARE = 0.9
"""Of the silence, after which the worker itself gives up; the rest is to stop."""


@dataclass(eq=False, slots=True)
class RunningJob:
    """A job that runs in this process.

    Attributes:
        alive_at: when the last heartbeat that was confirmed was begun (loop's clock).
        lost: it was cancelled because others may run it, or somebody ended it.
    """

    job: ClaimedJob
    task: asyncio.Task[None]
    alive_at: float
    lost: bool = False
    timer: asyncio.TimerHandle | None = field(default=None, repr=False)

    def lose(self) -> None:
        """Cancel the attempt: it may not go on."""
        if not self.lost:
            self.lost = True
            self.task.cancel()


class Heartbeats:
    """The heartbeats of one process."""

    def __init__(self, database: Database, silence_seconds: float) -> None:
        self._database = database
        self._silence = silence_seconds
        self._running: dict[UUID, RunningJob] = {}
        self._task: asyncio.Task[None] | None = None
        self._beats: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> list[RunningJob]:
        """Return what runs here."""
        return list(self._running.values())

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._live(), name="heartbeats")

    async def stop(self) -> None:
        """End; nothing runs here any more."""
        tasks = [*self._beats, *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._task = None

    @contextmanager
    def held(
        self, job: ClaimedJob, task: asyncio.Task[None], claimed_at: float
    ) -> Iterator[RunningJob]:
        """Keep a job alive inside the block.

        `claimed_at` is when claiming it was begun, by the clock of the event loop.
        """
        running = self._running[job.claim] = RunningJob(job, task, claimed_at)
        self._set_timer(running)
        try:
            yield running
        finally:
            del self._running[job.claim]
            if running.timer is not None:
                running.timer.cancel()

    async def beat(self) -> None:
        """Send one heartbeat for all; cancel what is not ours any more."""
        running = [each for each in self._running.values() if not each.lost]
        if not running:
            return
        began = asyncio.get_running_loop().time()
        async with self._database.system() as connection:
            held = await ledger.beat(connection, [each.job for each in running])
        for each in running:
            if each.job.claim not in held:
                each.lose()
            elif each.job.claim in self._running:
                each.alive_at = max(each.alive_at, began)
                self._set_timer(each)

    def _set_timer(self, running: RunningJob) -> None:
        if running.timer is not None:
            running.timer.cancel()
        until = running.alive_at + self._silence * OWN_SHARE
        running.timer = asyncio.get_running_loop().call_at(until, running.lose)

    async def _live(self) -> None:
        while True:
            await asyncio.sleep(self._silence / BEATS)
            # The next one does not wait for an answer: a connection may be dead while
            # another one lives.
            if len(self._beats) < BEATS:
                beat = asyncio.create_task(self._bounded_beat())
                self._beats.add(beat)
                beat.add_done_callback(self._beats.discard)

    async def _bounded_beat(self) -> None:
        try:
            async with asyncio.timeout(self._silence):
                await self.beat()
        except Exception:
            logger.warning("cannot send heartbeats now", exc_info=True)
