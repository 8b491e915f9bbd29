"""The runner: claims a job, runs its code as its tenant, writes how it ended.

Jobs run on the event loop of their process; Dramatiq's threads only wait for them.
While one runs, its row gets heartbeats (`heartbeats.py`); rows without them are taken
back, by any process, so a job survives its worker, and one that kills its worker ends
as a dead letter. Retries are the ledger's, with growing pauses; the broker's are not
used.
"""

import asyncio
import logging
import random
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any
from uuid import UUID

from engine import logs
from engine.database import Database, DatabaseError, Transaction
from engine.events import LOG_COLUMNS, entity_of, event_of
from engine.jobs import ledger
from engine.jobs.heartbeats import Heartbeats, RunningJob
from engine.jobs.host import AlreadyHandled, ClaimLost, JobTools, WorkHost
from engine.jobs.ledger import ClaimedJob
from engine.tracing import Tracing, raised
from registry.catalog import Catalog, ServiceUnavailable
from registry.service import Consumer, Failed, Job, Schedule, Service

if TYPE_CHECKING:
    from opentelemetry.trace import Span

logger = logging.getLogger("rangka.jobs")

SILENCE_SECONDS = 12.0
"""A worker that is silent for so long is taken for dead."""
LOOK_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 900.0
MAINTENANCE_PAUSE_SECONDS = 60.0
MAX_ERROR_LENGTH = 2000

_EVENT = f"SELECT {LOG_COLUMNS} FROM rangka.log WHERE tenant_id = %s AND id = %s"  # noqa: S608 - a constant

Declared = Job | Schedule | Consumer
Code = Callable[[], Mapping[str, Service]]
Result = Mapping[str, Any] | None


class TimedOut(Exception):
    """An attempt took longer than its job allows."""


class CodeMissing(Exception):
    """This server has no code for the job; perhaps another one has."""


class _Postponed(Exception):
    """The service is under maintenance; the attempt does not count."""


class Runner:
    """Runs the jobs of one process and watches over those of all.

    Attributes:
        tracing: what makes spans of attempts, where traces are wanted.
    """

    def __init__(
        self,
        database: Database,
        catalog: Catalog,
        tools: JobTools,
        code: Code,
        *,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        """Take `code`, which returns the services whose jobs can be run here."""
        self._database = database
        self._catalog = catalog
        self._tools = tools
        self._code = code
        self._silence = silence_seconds
        self._heartbeats = Heartbeats(database, silence_seconds)
        self.tracing: Tracing | None = None
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send heartbeats and to take back what others left."""
        self._heartbeats.start()
        self._task = asyncio.create_task(self._watch(), name="taking back")

    async def stop(self) -> None:
        """Put back what still runs, as if it had not been begun, and end."""
        self._stopping = True
        tasks = [running.task for running in self._heartbeats.running]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._heartbeats.stop()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def run(self, tenant_id: UUID, job_id: UUID) -> None:
        """Run a job if it is due and nobody else has it; never raises for the job.

        Raises DatabaseError when the ledger cannot be reached.
        """
        if self._stopping:
            return
        claimed_at = asyncio.get_running_loop().time()
        async with self._database.system() as connection:
            declared = _declared_by(self._code())
            job = await ledger.claim(connection, tenant_id, job_id, declared)
        if job is None:
            return
        with logs.about(_fields(job)):
            await self._run(job, claimed_at)

    async def _run(self, job: ClaimedJob, claimed_at: float) -> None:
        task = asyncio.create_task(self._attempt(job), name=f"job {job.id}")
        with self._heartbeats.held(job, task, claimed_at) as running:
            try:
                await task
            except asyncio.CancelledError:
                if not task.cancelled():
                    raise
                await self._stopped(running)

    async def take_back(self) -> int:
        """Take back the jobs of workers that fell silent; return how many."""
        async with self._database.system() as connection:
            lost = await ledger.lost(connection, silence_seconds=self._silence)
            for job in lost:
                error = "Its worker stopped without a word (killed, or out of memory)."
                if job.attempts >= job.max_attempts:
                    await ledger.fail(connection, job, "worker_lost", error)
                else:
                    await ledger.put_back(
                        connection,
                        job,
                        delay_seconds=0,
                        code="worker_lost",
                        error=error,
                    )
        for job in lost:
            fields = {"tenant_id": str(job.tenant_id), "job_id": str(job.id)}
            logger.warning(
                "took back a job from attempt %s",
                job.attempts,
                extra={"fields": fields},
            )
        return len(lost)

    async def _attempt(self, job: ClaimedJob) -> None:
        """Run the code of a job once and write how that ended."""
        event = UUID(job.payload["event"]) if job.kind == "event" else None
        host = WorkHost(self._tools, job, event)
        outcome = await self._observed(job, host)
        match outcome:
            case ClaimLost():
                logger.warning("the job goes on elsewhere")
            case _Postponed():
                await self._write(
                    job,
                    lambda c: ledger.put_back(
                        c,
                        job,
                        delay_seconds=MAINTENANCE_PAUSE_SECONDS,
                        keep_attempt=False,
                    ),
                )
            case Failed(code=code):
                text = host.without_secrets(outcome.message)
                await self._write(job, lambda c: ledger.fail(c, job, code, text))
            case None | AlreadyHandled():
                await self._write(job, lambda c: ledger.finish(c, job, None))
            case BaseException():
                await self._retry(job, host, outcome)
            case _:
                await self._write(job, lambda c: ledger.finish(c, job, outcome))

    async def _observed(
        self, job: ClaimedJob, host: WorkHost
    ) -> Result | BaseException:
        """Return how the code ended, written down for whoever watches."""
        began = time.monotonic()
        with self._span(job) as span:
            # Whatever a service's code raises is how the attempt ended, and no more.
            (outcome,) = await asyncio.gather(
                self._outcome(job, host), return_exceptions=True
            )
            error = None
            if isinstance(outcome, BaseException):
                error = type(outcome).__name__.lstrip("_")
            if span is not None and error is not None:
                raised(span, error)
        milliseconds = round((time.monotonic() - began) * 1000, 2)
        logger.info("job", extra={"fields": {"ms": milliseconds, "raised": error}})
        return outcome

    def _span(self, job: ClaimedJob) -> AbstractContextManager["Span | None"]:
        if self.tracing is None:
            return nullcontext()
        return self.tracing.job(
            f"{job.service}.{job.name}",
            job.request_id,
            str(job.tenant_id),
            job.attempts,
        )

    async def _outcome(self, job: ClaimedJob, host: WorkHost) -> Result:
        declared = self._declared(job)
        if declared is None:
            raise CodeMissing(
                f"The code of {job.service} on this server declares no {job.name}; "
                "put its folder into RANGKA_SERVICES_PATH and restart."
            )
        try:
            found = await self._catalog.service(job.tenant_id, job.service)
        except ServiceUnavailable as error:
            raise _Postponed from error
        if found is None:
            raise Failed(
                f"The tenant does not have the service {job.service} any more.",
                "not_assigned",
            )
        return await self._timed(declared, job, host)

    async def _timed(
        self, declared: Declared, job: ClaimedJob, host: WorkHost
    ) -> Result:
        limit = asyncio.timeout(declared.timeout_seconds)
        try:
            async with limit:
                return host.result(await self._call(declared, job, host))
        except TimeoutError as error:
            # The code may itself have waited for something too long.
            if not limit.expired():
                raise
            raise TimedOut(
                f"It took longer than {declared.timeout_seconds:g} s."
            ) from error
        except SystemExit as error:
            # It would end the whole process.
            raise RuntimeError("the job called sys.exit") from error

    async def _call(
        self, declared: Declared, job: ClaimedJob, host: WorkHost
    ) -> Result:
        match declared:
            case Job(code=code):
                return await code(host, job.payload)
            case Schedule(code=run):
                return await run(host)
            case Consumer(code=consume):
                values = (job.tenant_id, UUID(job.payload["event"]))
                async with self._database.system() as connection:
                    row = await (await connection.execute(_EVENT, values)).fetchone()
                if row is None:
                    raise Failed("Its entry in the log is gone.", "event_gone")
                entity = await entity_of(self._catalog, row)
                await consume(host, event_of(row, entity))
                return None

    def _declared(self, job: ClaimedJob) -> Declared | None:
        """Return what the service declares under the job's name."""
        service = self._code().get(job.service)
        if service is None:
            return None
        match job.kind:
            case "job":
                return service.jobs.get(job.name)
            case "schedule":
                return service.schedules.get(job.name)
            case "event":
                return service.consumers.get(job.name)

    async def _retry(
        self, job: ClaimedJob, host: WorkHost, error: BaseException
    ) -> None:
        """Let another attempt follow a failed one, or none if it was the last."""
        code = "timeout" if isinstance(error, TimedOut) else "error"
        if isinstance(error, CodeMissing):
            code = "code_missing"
        said = str(error) or type(error).__name__
        if code == "error":
            said = f"{type(error).__name__}: {error}"
        text = host.without_secrets(said)[:MAX_ERROR_LENGTH]
        trace = host.without_secrets("".join(traceback.format_exception(error)))
        logger.warning(
            "attempt %s of %s failed: %s", job.attempts, job.max_attempts, trace
        )
        if job.attempts >= job.max_attempts:
            await self._write(job, lambda c: ledger.fail(c, job, code, text))
            return
        pause = pause_after(job.attempts)
        await self._write(
            job,
            lambda c: ledger.put_back(
                c, job, delay_seconds=pause, code=code, error=text
            ),
        )

    async def _stopped(self, running: RunningJob) -> None:
        """Put back a job whose attempt this process has cancelled."""
        job = running.job
        if running.lost:
            logger.warning("the job was cancelled or goes on elsewhere")
            return
        await self._write(
            job,
            lambda c: ledger.put_back(c, job, delay_seconds=0, keep_attempt=False),
        )

    async def _write(
        self, job: ClaimedJob, end: Callable[[Transaction], Awaitable[bool]]
    ) -> None:
        """Write the end of an attempt; if that fails, the job is taken back later."""
        try:
            async with self._database.system() as connection:
                if not await end(connection):
                    logger.warning("the job ended elsewhere meanwhile")
        except DatabaseError as error:
            logger.warning("cannot write how the job ended: %s", error)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.take_back()
            except Exception:
                logger.warning("cannot look for lost jobs now", exc_info=True)


def _fields(job: ClaimedJob) -> dict[str, Any]:
    """Return what every log line of a job says, with the names requests use."""
    return {
        "request_id": job.request_id or None,
        "tenant_id": str(job.tenant_id),
        "user_id": str(job.created_by) if job.created_by else None,
        "service": job.service,
        "job": job.name,
        "job_id": str(job.id),
        "attempt": job.attempts,
    }


def _declared_by(code: Mapping[str, Service]) -> list[str]:
    """Return `kind/service/name` of everything that these services can run."""
    return [
        f"{kind}/{service.name}/{name}"
        for service in code.values()
        for kind, names in (
            ("job", service.jobs),
            ("schedule", service.schedules),
            ("event", service.consumers),
        )
        for name in names
    ]


def pause_after(attempts: int) -> float:
    """Return the seconds before the next attempt: 2, 4, 8 … 900, each a fifth off."""
    pause = min(LONGEST_PAUSE_SECONDS, 2.0 ** min(attempts, 16))
    return pause * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, no secret
