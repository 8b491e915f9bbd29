-- Jobs after a write. Run by rangka_owner.
-- rangka_app adds a job in the transaction of the write that wants it, and reads the
-- list; everything else is done by rangka_system.

CREATE TABLE jobs (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    kind text NOT NULL DEFAULT 'job' CHECK (kind IN ('job', 'schedule', 'event')),
    service text NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    payload jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    key text CHECK (length(key) <= 255),
    slot text CHECK (length(slot) <= 255),
    attempts integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL DEFAULT 8 CHECK (max_attempts > 0),
    run_at timestamptz NOT NULL DEFAULT now(),
    announced_at timestamptz,
    claim uuid,
    heartbeat_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    progress_done bigint,
    progress_total bigint,
    progress_text text NOT NULL DEFAULT '',
    result jsonb,
    error_code text,
    error text,
    request_id text NOT NULL DEFAULT '',
    actor_name text NOT NULL DEFAULT '',
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by uuid,
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE jobs IS 'The truth about every job; a broker only wakes workers';
COMMENT ON COLUMN jobs.key IS 'Not added again while one with this key waits';
COMMENT ON COLUMN jobs.slot IS 'Never added twice: the slot of a schedule, or an event';
COMMENT ON COLUMN jobs.claim IS 'Of the attempt that runs; who lost it may not write';
CREATE UNIQUE INDEX jobs_by_key ON jobs (tenant_id, service, name, key)
    WHERE state = 'waiting' AND key IS NOT NULL;
CREATE UNIQUE INDEX jobs_by_slot ON jobs (tenant_id, service, name, slot)
    WHERE slot IS NOT NULL;
CREATE INDEX jobs_due ON jobs (run_at) WHERE state = 'waiting';
CREATE INDEX jobs_running ON jobs (heartbeat_at) WHERE state = 'running';
CREATE INDEX jobs_ended ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX jobs_by_time ON jobs (tenant_id, created_at, id);

CREATE TABLE inbox (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, consumer, event_id)
);
COMMENT ON TABLE inbox IS 'Which events a consumer has handled, written with their effect';
CREATE INDEX inbox_by_time ON inbox (at);

CREATE TABLE schedules (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    service text NOT NULL,
    name text NOT NULL,
    last_slot timestamptz NOT NULL,
    runs bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, service, name)
);
COMMENT ON COLUMN schedules.last_slot IS 'The latest slot that was run, or seen at first';

CREATE TABLE stream_outbox (
    tenant_id uuid NOT NULL,
    log_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, log_id)
);
COMMENT ON TABLE stream_outbox IS 'Dispatched events that Redis Streams do not hold yet';

-- The broker without Redis. It may be emptied at any time: jobs are announced again.
CREATE UNLOGGED TABLE job_messages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue text NOT NULL,
    message bytea NOT NULL
);
CREATE INDEX job_messages_by_queue ON job_messages (queue, id);

-- Tables that are filled and emptied all day.
ALTER TABLE outbox SET
    (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE stream_outbox SET
    (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
ALTER TABLE job_messages SET
    (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- What the list of jobs shows; row security of the table holds.
CREATE VIEW job_list WITH (security_invoker = true) AS
SELECT tenant_id, id, kind, service, name, state, attempts, max_attempts, run_at,
       started_at, finished_at,
       CASE WHEN progress_total > 0
           THEN least(100, greatest(0, progress_done * 100 / progress_total))::integer
           END AS progress,
       progress_text, payload, result, error_code, error, request_id, actor_name,
       version, created_at, created_by, updated_at, updated_by
FROM rangka.jobs;

DO $$
DECLARE t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['jobs', 'inbox', 'schedules', 'stream_outbox'] LOOP
        EXECUTE format('ALTER TABLE rangka.%I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE rangka.%I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format(
            'CREATE POLICY tenant ON rangka.%I USING (tenant_id = (SELECT '
            'nullif(current_setting(''rangka.tenant'', true), ''''))::uuid) WITH CHECK '
            '(tenant_id = (SELECT nullif(current_setting(''rangka.tenant'', true), '
            '''''))::uuid)', t);
        EXECUTE format('CREATE POLICY system ON rangka.%I TO rangka_system '
            'USING (true) WITH CHECK (true)', t);
    END LOOP;
END $$;

GRANT SELECT, INSERT ON jobs, inbox TO rangka_app;
-- To move a waiting job forward, and to hold one while its effect is written.
GRANT UPDATE (run_at) ON jobs TO rangka_app;
GRANT SELECT ON job_list TO rangka_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs, inbox, schedules, stream_outbox,
    job_messages TO rangka_system;
GRANT SELECT ON job_list TO rangka_system;
