"""The statements of the ledger of jobs; what they mean is `ledger.py`.

Adding runs as rangka_app, under row security; all else as rangka_system, which is above
it, so a statement that touches one job names its tenant.
"""

from engine.driver import Statement

ADD = Statement("""
INSERT INTO rangka.jobs (tenant_id, id, kind, service, name, payload, key,
    max_attempts, run_at, request_id, actor_name, created_by, updated_by)
VALUES ($1::uuid, $2::uuid, 'job', $3::text, $4::text, $5::jsonb, $6::text,
    $7::integer, now() + $8::float8 * interval '1 second', $9::text, $10::text,
    $11::uuid, $11::uuid)
ON CONFLICT (tenant_id, service, name, key) WHERE state = 'waiting' AND key IS NOT NULL
DO NOTHING
RETURNING id
""")

FORWARD = Statement("""
UPDATE rangka.jobs SET run_at = now() + $5::float8 * interval '1 second'
WHERE tenant_id = $1::uuid AND service = $2::text AND name = $3::text
    AND key = $4::text AND state = 'waiting'
    AND run_at > now() + $5::float8 * interval '1 second'
""")

# Held until the commit: a worker that took the waiting job before would not see what
# this transaction has written, and nobody would look at it again.
HOLD_WAITING = Statement("""
SELECT id FROM rangka.jobs
WHERE tenant_id = $1::uuid AND service = $2::text AND name = $3::text
    AND key = $4::text AND state = 'waiting'
FOR SHARE
""")

CLAIM = """
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

BEAT = """
UPDATE rangka.jobs SET heartbeat_at = now()
WHERE (tenant_id, id, claim) IN (
    SELECT * FROM unnest(%(tenants)s::uuid[], %(ids)s::uuid[], %(claims)s::uuid[]))
    AND state = 'running'
RETURNING claim
"""

PROGRESS = """
UPDATE rangka.jobs SET progress_done = %(done)s, progress_total = %(total)s,
    progress_text = %(text)s, version = version + 1, updated_at = now()
WHERE tenant_id = %(tenant)s AND id = %(id)s AND claim = %(claim)s
    AND state = 'running'
"""

END = """
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
SUPERSEDED = """
UPDATE rangka.jobs SET state = 'cancelled', claim = NULL, heartbeat_at = NULL,
    finished_at = now(), error_code = 'superseded', error = %(error)s,
    version = version + 1, updated_at = now()
WHERE tenant_id = %(tenant)s AND id = %(id)s AND claim = %(claim)s
    AND state = 'running'
"""

# FOR UPDATE conflicts with the lock that a transaction of the job holds (`FENCE`):
# a worker that lives on without heartbeats is left to finish what it is writing.
LOST = """
SELECT tenant_id, id, claim, attempts, max_attempts FROM rangka.jobs
WHERE state = 'running' AND heartbeat_at < now() - %(silence)s * interval '1 second'
ORDER BY heartbeat_at LIMIT 100 FOR UPDATE SKIP LOCKED
"""

FENCE = """
SELECT 1 FROM rangka.jobs
WHERE tenant_id = %(tenant)s AND id = %(id)s AND claim = %(claim)s
    AND state = 'running'
FOR KEY SHARE
"""

HANDLE = """
INSERT INTO rangka.inbox (tenant_id, consumer, event_id)
VALUES (%(tenant)s, %(consumer)s, %(event)s)
ON CONFLICT DO NOTHING RETURNING event_id
"""

PURGE = (
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
ANNOUNCE = """
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
