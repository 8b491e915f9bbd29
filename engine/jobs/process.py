"""What a process does for events and jobs, started and stopped as one.

Every process passes on events, announces jobs, watches over those that run and looks
at schedules; one that is to work also runs jobs, by Dramatiq's worker threads. Built
by `engine/parts.py`, started by the server and by `rangka worker`.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from uuid import UUID

from dramatiq import Worker

from engine.consumers import Consumers
from engine.database import DatabaseError
from engine.driver_session import session_dsn
from engine.jobs import ledger
from engine.jobs.announcer import Announcer
from engine.jobs.broker import (
    Announcements,
    PostgresAnnouncements,
    PostgresBroker,
    RedisAnnouncements,
    declare_actor,
)
from engine.jobs.host import JobTools
from engine.jobs.runner import Runner
from engine.jobs.schedules import Scheduler
from engine.outbox import Dispatcher
from engine.policy_poll import Poll
from engine.settings import Settings
from engine.streams import StreamPublisher
from registry.catalog import Catalog
from registry.service import Service

logger = logging.getLogger("rangka.jobs")

WORKER_TIMEOUT_MS = 250
"""How long Dramatiq's threads sleep at most when there is nothing to do."""
PURGE_SECONDS = 600.0
PURGE_ROWS = 1000
ENDED_DAYS = 14
FAILED_DAYS = 90
STOP_SHARE = 0.8
"""Of the drain time, for jobs to end by themselves; the rest is to put them back."""


class Jobs:
    """Events and jobs in one process."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        tools: JobTools,
        code: Callable[[], Mapping[str, Service]],
        rung: asyncio.Event,
    ) -> None:
        """Take `rung`, which is set when this process has written something."""
        self._settings = settings
        self._database = tools.database
        self._rung = rung
        self._announcements = announcements_of(settings)
        self._streams = (
            None
            if settings.redis_url is None
            else StreamPublisher(tools.database, catalog, settings.redis_url)
        )
        self.runner = Runner(tools.database, catalog, tools, code)
        self.announcer = Announcer(
            tools.database, self._announcements, self._wake_workers
        )
        self.consumers = Consumers(tools.database, code)
        self.dispatcher = Dispatcher(
            tools.database,
            self.consumers,
            rung=rung,
            on_passed=self._on_passed,
            streams=self._streams is not None,
        )
        self.scheduler = Scheduler(tools.database, code, self.announcer.ring)
        self._purge = Poll("old jobs", self.purge, interval_seconds=PURGE_SECONDS)
        self._worker: _Threads | None = None

    def ring(self) -> None:
        """Pass on at once what this process has just written."""
        self._rung.set()

    async def start(self, *, work: bool) -> None:
        """Begin; with `work`, run jobs too.

        Raises DatabaseError: other processes could not be told what is run here.
        """
        await self.consumers.start()
        self.dispatcher.start()
        if self._streams is not None:
            self._streams.start()
        self.runner.start()
        self.announcer.start()
        self.scheduler.start()
        self._purge.start()
        if work:
            self._worker = _Threads(
                self._announcements,
                self.runner,
                asyncio.get_running_loop(),
                self._settings.worker_threads,
            )
            self._worker.start()

    async def stop(self) -> None:
        """Let running jobs end within the drain time, put back the others, and end."""
        await self._purge.stop()
        await self.scheduler.stop()
        if self._worker is not None:
            seconds = self._settings.drain_seconds * STOP_SHARE
            stopping = asyncio.create_task(self._worker.stop(seconds))
            await asyncio.wait({stopping}, timeout=seconds)
            await self.runner.stop()
            await stopping
            self._worker = None
        else:
            await self.runner.stop()
        await self.announcer.stop()
        if self._streams is not None:
            await self._streams.stop()
        await self.dispatcher.stop()
        await self.consumers.stop()
        await self._announcements.close()

    async def purge(self) -> None:
        """Delete jobs that ended long ago, and what consumers handled before that."""
        deleted = PURGE_ROWS
        while deleted >= PURGE_ROWS:
            async with self._database.system() as connection:
                deleted = await ledger.purge(
                    connection,
                    ended_days=ENDED_DAYS,
                    failed_days=FAILED_DAYS,
                    rows=PURGE_ROWS,
                )

    def _on_passed(self) -> None:
        self.announcer.ring()
        if self._streams is not None:
            self._streams.ring()

    def _wake_workers(self) -> None:
        broker = self._announcements.broker
        if isinstance(broker, PostgresBroker):
            broker.rung.set()


def announcements_of(settings: Settings) -> Announcements:
    """Return the broker that the settings ask for."""
    if settings.redis_url is None:
        return PostgresAnnouncements(session_dsn(settings.system_database_url))
    # Installations may share a Redis; a database has one name on its server.
    namespace = f"rangka.{settings.database_name}"
    return RedisAnnouncements(settings.redis_url, namespace)


@dataclass(slots=True)
class _Threads:
    """Dramatiq's worker: its threads take messages and wait for the loop's jobs."""

    announcements: Announcements
    runner: Runner
    loop: asyncio.AbstractEventLoop
    count: int
    worker: Worker | None = None

    def start(self) -> None:
        broker = self.announcements.broker
        declare_actor(broker, self._run)
        self.worker = Worker(
            broker, worker_timeout=WORKER_TIMEOUT_MS, worker_threads=self.count
        )
        # What a killed worker had fetched and not begun is announced again later:
        # fetch no more than is run.
        self.worker.queue_prefetch = self.count
        self.worker.start()

    async def stop(self, seconds: float) -> None:
        """Take no more messages and wait for those that run."""
        if self.worker is not None:
            await asyncio.to_thread(self.worker.stop, int(seconds * 1000) + 2000)

    def _run(self, tenant_id: str, job_id: str) -> None:
        """Wait in a worker thread until the job was run on the event loop."""
        future = asyncio.run_coroutine_threadsafe(
            self.runner.run(UUID(tenant_id), UUID(job_id)), self.loop
        )
        try:
            future.result()
        except (DatabaseError, CancelledError) as error:
            logger.warning("job %s is announced again later: %s", job_id, error)
