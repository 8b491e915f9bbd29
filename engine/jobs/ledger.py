"""The SQL of `rangka.jobs`: how a job is added, claimed, kept alive and ended.

Every change of a job's state is one statement here, so that its rules can be read in
one place: only the holder of a claim may write the end of an attempt. Adding runs as
rangka_app in the transaction of a write; all else as rangka_system. Holds no state.
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
from engine.driver import Call, Statement
from engine.errors import Conflict
from engine.record_session import Session

Kind = Literal["job", "schedule", "event"]

MAX_PAYLOAD_BYTES = 64 * 1024
"""A payload names records; whoever needs more data reads them in the job."""

_KEY_ATTEMPTS = 5

_ADD = Statement("""
INSERT INTO rangka.jobs (tenant_id, id, kind, service, name, payload, key,
    max_attempts, run_at, request_id, actor_name, created_by, updated_by)
VALUES ($1::uuid, $2::uuid, 'job', $3::text, $4::text, $5::jsonb, $6::text,
    $7::integer, now() + $8::float8 * interval '1 second', $9::text, $10::text,
    $11::uuid, $11::uuid)
ON CONFLICT (tenant_id, service, name, key) WHERE state = 'waiting' AND key IS NOT NULL
DO NOTHING
RETURNING id
""")

_FORWARD = Statement("""
UPDATE rangka.jobs SET run_at = now() + $5::float8 * interval '1 second'
WHERE tenant_id = $1::uuid AND service = $2::text AND name = $3::text
    AND key = $4::text AND state = 'waiting'
    AND run_at > now() + $5::float8 * interval '1 second'
""")

# Held until the commit: a worker that took the waiting job before would not see what
# this transaction has written, and nobody would look at it again.
_HOLD_WAITING = Statement("""
SELECT id FROM rangka.jobs
WHERE tenant_id = $1::uuid AND service = $2::text AND name = $3::text
    AND key = $4::text AND state = 'waiting'
FOR SHARE
""")

_CLAIM = """
UPDATE rangka.jobs AS j SET state = 'running', attempts = j.attempts + 1,
    claim = %(claim)s, started_at = now(), heartbeat_at = now(), finished_at = NULL,
    error = NULL, error_code = NULL, version = j.version + 1, updated_at = now()
FROM rangka.tenants t
WHERE j.tenant_id = %(tenant)s AND j.id = %(id)s AND j.state = 'waiting'
    AND j.run_at <= now() AND t.id = j.tenant_id AND t.status = 'active'
    AND (j.kind || '/' || j.service || '/' || j.name = ANY(%(declared)s)
        OR j.run_at < now() - interval '5 minutes')
RETURNING j.tenant_id, j.id, j.kind, j.service, j.name, j.payload, j.attempts,
    j.max_attempts, j.claim, j.request_id, j.actor_name, j.created_by,
    t.locale, t.time_zone
"""

_BEAT = """
UPDATE rangka.jobs SET heartbeat_at = now()
WHERE (tenant_id, id, claim) IN (
    SELECT * FROM unnest(%(tenants)s::uuid[], %(ids)s::uuid[], %(claims)s::uuid[]))
    AND state = 'running'
RETURNING claim
"""

_PROGRESS = """
UPDATE rangka.jobs SET progress_done = %(done)s, progress_total = %(total)s,
    progress_text = %(text)s, version = version + 1, updated_at = now()
WHERE tenant_id = %(tenant)s AND id = %(id)s AND claim = %(claim)s
    AND state = 'running'
"""

_END = """
UPDATE rangka.jobs SET state = %(state)s, claim = NULL, heartbeat_at = NULL,
    run_at = CASE WHEN %(state)s = 'waiting'
        THEN now() + %(delay)s * interval '1 second' ELSE run_at END,
    announced_at = NULL,
    finished_at = CASE WHEN %(state)s = 'waiting' THEN NULL ELSE now() END,
    result = %(result)s, error_code = %(code)s, error = %(error)s,
    attempts = attempts - %(given_back)s,
    version = version + 1, updated_at = now()
WHERE tenant_id = %(tenant)s AND id = %(id)s AND claim = %(claim)s
    AND state = 'running'
RETURNING id
"""

# A job with a key goes back only where none with that key waits: that one will do.
_SUPERSEDED = """
UPDATE rangka.jobs SET state = 'cancelled', claim = NULL, heartbeat_at = NULL,
    finished_at = now(), error_code = 'superseded', error = %(error)s,
    version = version + 1, updated_at = now()
WHERE tenant_id = %(tenant)s AND id = %(id)s AND claim = %(claim)s
    AND state = 'running'
"""

# FOR UPDATE conflicts with the lock that a transaction of the job holds (`_FENCE`):
# a worker that lives on without heartbeats is left to finish what it is writing.
_LOST = """
SELECT tenant_id, id, claim, attempts, max_attempts FROM rangka.jobs
WHERE state = 'running' AND heartbeat_at < now() - %(silence)s * interval '1 second'
ORDER BY heartbeat_at LIMIT 100 FOR UPDATE SKIP LOCKED
"""

_FENCE = """
SELECT 1 FROM rangka.jobs
WHERE tenant_id = %(tenant)s AND id = %(id)s AND claim = %(claim)s
    AND state = 'running'
FOR KEY SHARE
"""

_HANDLE = """
INSERT INTO rangka.inbox (tenant_id, consumer, event_id)
VALUES (%(tenant)s, %(consumer)s, %(event)s)
ON CONFLICT DO NOTHING RETURNING event_id
"""

_PURGE = (
    """
WITH old AS MATERIALIZED (
    SELECT tenant_id, id FROM rangka.jobs
    WHERE finished_at < now() - CASE WHEN state = 'failed' THEN %(failed)s
        ELSE %(ended)s END * interval '1 day'
    ORDER BY finished_at LIMIT %(rows)s FOR UPDATE SKIP LOCKED)
DELETE FROM rangka.jobs j USING old
WHERE j.tenant_id = old.tenant_id AND j.id = old.id
""",
    """
WITH old AS MATERIALIZED (
    SELECT tenant_id, consumer, event_id FROM rangka.inbox
    WHERE at < now() - %(failed)s * interval '1 day'
    ORDER BY at LIMIT %(rows)s FOR UPDATE SKIP LOCKED)
DELETE FROM rangka.inbox i USING old
WHERE i.tenant_id = old.tenant_id AND i.consumer = old.consumer
    AND i.event_id = old.event_id
""",
)

# In turn by tenant, so that no tenant's many jobs keep another's few waiting; of one
# tenant, first come, first served. `busy` steps from tenant to tenant in the index. One
# announced long ago, whose message may be lost, only while the broker has little to do.
_ANNOUNCE = """
WITH RECURSIVE busy AS (
    (SELECT tenant_id FROM rangka.jobs
     WHERE state = 'waiting' AND announced_at IS NULL ORDER BY tenant_id LIMIT 1)
    UNION ALL
    SELECT (SELECT j.tenant_id FROM rangka.jobs j
            WHERE j.state = 'waiting' AND j.announced_at IS NULL
                AND j.tenant_id > busy.tenant_id ORDER BY j.tenant_id LIMIT 1)
    FROM busy WHERE busy.tenant_id IS NOT NULL),
due AS (
    SELECT j.tenant_id, j.id, j.run_at,
        row_number() OVER (PARTITION BY j.tenant_id ORDER BY j.run_at) AS place
    FROM busy JOIN rangka.tenants t ON t.id = busy.tenant_id AND t.status = 'active'
    CROSS JOIN LATERAL (
        SELECT tenant_id, id, run_at FROM rangka.jobs
        WHERE tenant_id = t.id AND state = 'waiting' AND announced_at IS NULL
            AND run_at <= now()
        ORDER BY run_at LIMIT %(most)s) j),
lost AS (
    SELECT j.tenant_id, j.id, j.run_at, 0::bigint AS place
    FROM rangka.jobs j JOIN rangka.tenants t ON t.id = j.tenant_id
    WHERE %(again)s AND j.state = 'waiting' AND j.run_at <= now()
        AND t.status = 'active'
        AND j.announced_at < now() - %(patience)s * interval '1 second'
    ORDER BY j.run_at LIMIT %(most)s),
chosen AS MATERIALIZED (
    SELECT * FROM (TABLE due UNION ALL TABLE lost) AS either
    ORDER BY place, run_at LIMIT %(most)s),
held AS MATERIALIZED (
    SELECT j.tenant_id, j.id, chosen.place, chosen.run_at
    FROM rangka.jobs j
    JOIN chosen ON chosen.tenant_id = j.tenant_id AND chosen.id = j.id
    WHERE j.state = 'waiting' AND (j.announced_at IS NULL
        OR j.announced_at < now() - %(patience)s * interval '1 second')
    FOR UPDATE OF j SKIP LOCKED)
UPDATE rangka.jobs j SET announced_at = now() FROM held
WHERE j.tenant_id = held.tenant_id AND j.id = held.id
RETURNING j.tenant_id, j.id, held.place, held.run_at
"""


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
        await session.run([(_FORWARD, [*place, delay])])
        (held,) = await session.run([(_HOLD_WAITING, place)])
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
    return _ADD, [
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
    rows = await (await connection.execute(_ANNOUNCE, values)).fetchall()
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
    row = await (await connection.execute(_CLAIM, values)).fetchone()
    return None if row is None else ClaimedJob(**row)


async def beat(connection: Transaction, jobs: Sequence[ClaimedJob]) -> set[UUID]:
    """Say that these jobs are alive; return the claims that still hold."""
    values = {
        "tenants": [job.tenant_id for job in jobs],
        "ids": [job.id for job in jobs],
        "claims": [job.claim for job in jobs],
    }
    rows = await (await connection.execute(_BEAT, values)).fetchall()
    return {row["claim"] for row in rows}


async def progress(
    connection: Transaction, job: ClaimedJob, done: int, total: int, text: str
) -> None:
    """Show how far a job is."""
    shown = {"done": done, "total": total, "text": text[:500]}
    await connection.execute(_PROGRESS, {**_held(job), **shown})


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
        await connection.execute(_SUPERSEDED, {**_held(job), "error": error})
        return True


async def lost(connection: Transaction, *, silence_seconds: float) -> Sequence[LostJob]:
    """Return jobs whose worker has fallen silent, held for this transaction."""
    rows = await connection.execute(_LOST, {"silence": silence_seconds})
    return [LostJob(**row) for row in await rows.fetchall()]


async def fence(connection: Transaction, job: ClaimedJob) -> bool:
    """Hold a job for a transaction of its own; False when its claim was lost."""
    found = await connection.execute(_FENCE, _held(job))
    return await found.fetchone() is not None


async def handle(
    connection: Transaction, tenant_id: UUID, consumer: str, event_id: UUID
) -> bool:
    """Note that a consumer handles an event; False when it did so before."""
    values = {"tenant": tenant_id, "consumer": consumer, "event": event_id}
    return await (await connection.execute(_HANDLE, values)).fetchone() is not None


async def purge(
    connection: Transaction, *, ended_days: int, failed_days: int, rows: int
) -> int:
    """Delete what ended long ago; return how much at most from one table."""
    values = {"ended": ended_days, "failed": failed_days, "rows": rows}
    deleted = [(await connection.execute(text, values)).rowcount for text in _PURGE]
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
    return await (await connection.execute(_END, values)).fetchone() is not None


def _held(job: ClaimedJob | LostJob) -> dict[str, UUID]:
    return {"tenant": job.tenant_id, "id": job.id, "claim": job.claim}
