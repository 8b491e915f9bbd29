-- What a tenant is known by at an external service, and how the services are.
-- Run by rangka_owner. Connections are written by rangka_system alone; requests read
-- them, still sealed, under row security.

CREATE TABLE connections (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    service text NOT NULL REFERENCES services (name) ON UPDATE CASCADE ON DELETE CASCADE,
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN
        ('api_key', 'bearer', 'basic', 'oauth2_client_credentials')),
    settings jsonb NOT NULL DEFAULT '{}',
    secret text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by uuid,
    PRIMARY KEY (tenant_id, service)
);
COMMENT ON COLUMN connections.id IS 'New with each secret; the sealed text is bound to it';
CREATE INDEX connections_by_service ON connections (service);

CREATE TABLE service_health (
    service text PRIMARY KEY REFERENCES services (name)
        ON UPDATE CASCADE ON DELETE CASCADE,
    state text NOT NULL DEFAULT 'unknown'
        CHECK (state IN ('unknown', 'healthy', 'unhealthy')),
    failures integer NOT NULL DEFAULT 0,
    message text NOT NULL DEFAULT '',
    latency_ms integer,
    checked_at timestamptz,
    changed_at timestamptz,
    next_check_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN service_health.next_check_at IS
    'Moved on by the process that takes the next check, so that one of them does it';
CREATE INDEX service_health_due ON service_health (next_check_at);

ALTER TABLE connections ENABLE ROW LEVEL SECURITY;
ALTER TABLE connections FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON connections USING (tenant_id = (SELECT
    nullif(current_setting('rangka.tenant', true), ''))::uuid) WITH CHECK
    (tenant_id = (SELECT nullif(current_setting('rangka.tenant', true), ''))::uuid);
CREATE POLICY system ON connections TO rangka_system USING (true) WITH CHECK (true);

GRANT SELECT ON connections TO rangka_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON connections, service_health TO rangka_system;
