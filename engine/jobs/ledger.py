"""The ledger of jobs: how a job is added, claimed, kept alive and ended.

Every change of a job's state is one statement of `statements.py`; only the holder of a
claim may write the end of an attempt. Adding is part of a write's transaction. Holds no
state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from engine.database import Transaction
from engine.driver import Call
from engine.errors import Conflict
from engine.jobs import statements
from engine.record_session import Session

Kind = Literal["job", "schedule", "event"]

MAX_PAYLOAD_BYTES = 64 * 1024
"""A payload names records; whoever needs more data reads them in the job."""

_KEY_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be added.

    Attributes:
        key: not added while one with it waits.
        actor_name: who asked, for the log entries of what the job writes.
    """

    tenant_id: UUID
    service: str
    name: str
    payload: Mapping[str, Any]
    max_attempts: int
    key: str | None = None
    delay_seconds: float = 0
    request_id: str = ""
    actor_name: str = ""
    actor_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ClaimedJob:
    """A job that this process runs now; `claim` proves it."""

    tenant_id: UUID
    id: UUID
    kind: Kind
    service: str
    name: str
    payload: Mapping[str, Any]
    attempts: int
    max_attempts: int
    claim: UUID
    request_id: str
    actor_name: str
    created_by: UUID | None
    locale: str
    time_zone: str


@dataclass(frozen=True, slots=True)
class LostJob:
    """A job whose worker has fallen silent."""

    tenant_id: UUID
    id: UUID
    claim: UUID
    attempts: int
    max_attempts: int


async def add(session: Session, job: NewJob) -> bool:
    """Add a job in a session of its tenant; return whether it is a new one.

    Raises ValueError for a payload that is no JSON or too large, Conflict when the
    job of this key keeps being taken and added by others.
    """
    if job.key is None:
        await session.run([_add_call(job)])
        return True
    found = [str(job.tenant_id), job.service, job.name, job.key]
    place = [text.encode() for text in found]
    delay = str(job.delay_seconds).encode()
    for _ in range(_KEY_ATTEMPTS):
        (added,) = await session.run([_add_call(job)])
        if added.rows:
            return True
        await session.run([(statements.FORWARD, [*place, delay])])
        (held,) = await session.run([(statements.HOLD_WAITING, place)])
        if held.rows:
            return False
    raise Conflict("A job with this key keeps changing; try again.")


def _add_call(job: NewJob) -> Call:
    payload = msgspec.json.encode(job.payload)
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(
            f"the payload of {job.service}.{job.name} has {len(payload)} bytes, at "
            f"most {MAX_PAYLOAD_BYTES} are taken; pass ids instead of data"
        )
    return statements.ADD, [
        str(job.tenant_id).encode(),
        str(uuid7()).encode(),
        job.service.encode(),
        job.name.encode(),
        payload,
        None if job.key is None else job.key.encode(),
        str(job.max_attempts).encode(),
        str(job.delay_seconds).encode(),
        job.request_id.encode(),
        job.actor_name.encode(),
        None if job.actor_id is None else str(job.actor_id).encode(),
    ]


async def announce(
    connection: Transaction, *, most: int, again: bool, patience_seconds: float
) -> Sequence[tuple[UUID, UUID]]:
    """Mark due jobs as announced and return them as (tenant, id), in turn by tenant.

    Those of a tenant that is not active wait until it is. `again` includes those
    announced so long ago that their message may be lost.
    """
    values = {"most": most, "again": again, "patience": patience_seconds}
    rows = await (await connection.execute(statements.ANNOUNCE, values)).fetchall()
    rows.sort(key=lambda row: (row["place"], row["run_at"]))
    return [(row["tenant_id"], row["id"]) for row in rows]


async def claim(
    connection: Transaction, tenant_id: UUID, job_id: UUID, declared: Sequence[str]
) -> ClaimedJob | None:
    """Take a due job for this process; None when it is not there to be taken.

    `declared` holds `kind/service/name` of all that this process has code for; what
    nobody has taken for 5 minutes is taken by anyone, so that its fault is shown.
    """
    values = {
        "tenant": tenant_id,
        "id": job_id,
        "claim": uuid7(),
        "declared": list(declared),
    }
    row = await (await connection.execute(statements.CLAIM, values)).fetchone()
    return None if row is None else ClaimedJob(**row)


async def beat(connection: Transaction, jobs: Sequence[ClaimedJob]) -> set[UUID]:
    """Say that these jobs are alive; return the claims that still hold."""
    values = {
        "tenants": [job.tenant_id for job in jobs],
        "ids": [job.id for job in jobs],
        "claims": [job.claim for job in jobs],
    }
    rows = await (await connection.execute(statements.BEAT, values)).fetchall()
    return {row["claim"] for row in rows}


async def progress(
    connection: Transaction, job: ClaimedJob, done: int, total: int, text: str
) -> None:
    """Show how far a job is."""
    shown = {"done": done, "total": total, "text": text[:500]}
    await connection.execute(statements.PROGRESS, {**_held(job), **shown})


async def finish(
    connection: Transaction, job: ClaimedJob, result: Mapping[str, Any] | None
) -> bool:
    """Write that a job is done; return False when the claim was lost meanwhile."""
    kept = None if result is None else Jsonb(dict(result))
    return await _end(connection, job, "done", result=kept)


async def fail(
    connection: Transaction, job: ClaimedJob | LostJob, code: str, error: str
) -> bool:
    """Write that a job failed for good: the dead letter."""
    return await _end(connection, job, "failed", code=code, error=error)


async def put_back(
    connection: Transaction,
    job: ClaimedJob | LostJob,
    *,
    delay_seconds: float,
    code: str | None = None,
    error: str | None = None,
    keep_attempt: bool = True,
) -> bool:
    """Let a job wait for its next attempt.

    Where another with its key waits already, that one will do its work and this one
    ends. `keep_attempt` False: the attempt does not count (the worker was stopped).
    """
    try:
        async with connection.transaction():
            return await _end(
                connection,
                job,
                "waiting",
                delay=delay_seconds,
                code=code,
                error=error,
                given_back=0 if keep_attempt else 1,
            )
    except UniqueViolation:
        await connection.execute(statements.SUPERSEDED, {**_held(job), "error": error})
        return True


async def lost(connection: Transaction, *, silence_seconds: float) -> Sequence[LostJob]:
    """Return jobs whose worker has fallen silent, held for this transaction."""
    rows = await connection.execute(statements.LOST, {"silence": silence_seconds})
    return [LostJob(**row) for row in await rows.fetchall()]


async def fence(connection: Transaction, job: ClaimedJob) -> bool:
    """Hold a job for a transaction of its own; False when its claim was lost."""
    found = await connection.execute(statements.FENCE, _held(job))
    return await found.fetchone() is not None


async def handle(
    connection: Transaction, tenant_id: UUID, consumer: str, event_id: UUID
) -> bool:
    """Note that a consumer handles an event; False when it did so before."""
    values = {"tenant": tenant_id, "consumer": consumer, "event": event_id}
    return (
        await (await connection.execute(statements.HANDLE, values)).fetchone()
        is not None
    )


async def purge(
    connection: Transaction, *, ended_days: int, failed_days: int, rows: int
) -> int:
    """Delete what ended long ago; return how much at most from one table."""
    values = {"ended": ended_days, "failed": failed_days, "rows": rows}
    deleted = [
        (await connection.execute(text, values)).rowcount for text in statements.PURGE
    ]
    return max(deleted)


async def _end(
    connection: Transaction,
    job: ClaimedJob | LostJob,
    state: str,
    *,
    delay: float = 0,
    result: Jsonb | None = None,
    code: str | None = None,
    error: str | None = None,
    given_back: int = 0,
) -> bool:
    values = {
        **_held(job),
        "state": state,
        "delay": delay,
        "result": result,
        "code": code,
        "error": error,
        "given_back": given_back,
    }
    return (
        await (await connection.execute(statements.END, values)).fetchone() is not None
    )


def _held(job: ClaimedJob | LostJob) -> dict[str, UUID]:
    return {"tenant": job.tenant_id, "id": job.id, "claim": job.claim}
