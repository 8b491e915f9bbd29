-- The platform's own tables, schema rangka. Run by rangka_owner.
-- Every table with tenant_id has FORCE row level security; the policy is added to all of
-- them at the end. rangka_app serves requests and sees one tenant; rangka_system does
-- the platform's own work (log-in, tenants, assignments, policies) and sees all tenants
-- of the platform's tables, never of the services' tables.

CREATE TABLE tenants (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    domain text UNIQUE CHECK (length(domain) <= 255),
    type text NOT NULL DEFAULT 'business' CHECK (type IN ('core', 'business')),
    subscription_tier text NOT NULL DEFAULT 'starter'
        CHECK (subscription_tier IN ('free', 'starter', 'professional', 'enterprise')),
    status text NOT NULL DEFAULT 'active'
        CHECK (status IN ('active', 'inactive', 'suspended')),
    max_users integer NOT NULL DEFAULT 10 CHECK (max_users BETWEEN 1 AND 1000000),
    parent_id uuid REFERENCES tenants (id) ON DELETE RESTRICT,
    time_zone text NOT NULL DEFAULT 'Asia/Jakarta',
    locale text NOT NULL DEFAULT 'id',
    settings jsonb NOT NULL DEFAULT '{}',
    policy_revision bigint NOT NULL DEFAULT 1,
    catalog_revision bigint NOT NULL DEFAULT 1,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by uuid
);
CREATE UNIQUE INDEX tenants_one_core ON tenants (type) WHERE type = 'core';

CREATE TABLE users (
    id uuid PRIMARY KEY,
    email text NOT NULL CHECK (length(email) BETWEEN 3 AND 255),
    email_key text NOT NULL UNIQUE GENERATED ALWAYS AS (lower(email)) STORED,
    password_hash text,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
    home_tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE RESTRICT,
    current_tenant_id uuid REFERENCES tenants (id) ON DELETE SET NULL,
    status text NOT NULL DEFAULT 'active'
        CHECK (status IN ('active', 'inactive', 'suspended')),
    email_verified boolean NOT NULL DEFAULT false,
    profile jsonb NOT NULL DEFAULT '{}',
    preferences jsonb NOT NULL DEFAULT '{}',
    last_login_at timestamptz,
    password_changed_at timestamptz,
    epoch integer NOT NULL DEFAULT 1,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by uuid
);
COMMENT ON COLUMN users.epoch IS 'Raised to end all access tokens of the user at once';

CREATE TABLE teams (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by uuid,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

CREATE TABLE memberships (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    status text NOT NULL DEFAULT 'active'
        CHECK (status IN ('active', 'inactive', 'suspended')),
    team_id uuid,
    preferences jsonb NOT NULL DEFAULT '{}',
    granted_by uuid,
    granted_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by uuid,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, team_id) REFERENCES teams (tenant_id, id)
        ON DELETE SET NULL (team_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id);
CREATE INDEX memberships_by_team ON memberships (tenant_id, team_id);

CREATE TABLE roles (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    name text NOT NULL CHECK (name ~ '^[A-Za-z][A-Za-z0-9_]{0,62}$'),
    label text NOT NULL,
    description text NOT NULL DEFAULT '',
    is_system boolean NOT NULL DEFAULT false,
    inherits uuid[] NOT NULL DEFAULT '{}',
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by uuid,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, name)
);

CREATE TABLE role_rules (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    role_id uuid NOT NULL,
    resource text NOT NULL CHECK (resource ~ '^(\*|[a-z][a-z0-9_.-]{0,120})$'),
    action text NOT NULL CHECK (action ~ '^(\*|[a-z][a-z0-9_]{0,62})$'),
    effect text NOT NULL DEFAULT 'allow' CHECK (effect IN ('allow', 'deny')),
    scope text NOT NULL DEFAULT 'tenant' CHECK (scope IN ('own', 'team', 'tenant')),
    filter jsonb NOT NULL DEFAULT '{}',
    fields text[],
    presets jsonb NOT NULL DEFAULT '{}',
    expires_at timestamptz,
    position integer NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, role_id) REFERENCES roles (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX role_rules_by_role ON role_rules (tenant_id, role_id);

CREATE TABLE membership_roles (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role_id uuid NOT NULL,
    granted_by uuid,
    granted_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    PRIMARY KEY (tenant_id, user_id, role_id),
    FOREIGN KEY (tenant_id, user_id)
        REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, role_id) REFERENCES roles (tenant_id, id) ON DELETE RESTRICT
);
CREATE INDEX membership_roles_by_role ON membership_roles (tenant_id, role_id);

CREATE TABLE sessions (
    id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    current_tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    generation integer NOT NULL DEFAULT 0,
    generation_used boolean NOT NULL DEFAULT false,
    rotated_at timestamptz NOT NULL DEFAULT now(),
    secret bytea NOT NULL,
    device text NOT NULL DEFAULT '',
    ip text,
    created_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    idle_expires_at timestamptz NOT NULL,
    absolute_expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_reason text
);
CREATE INDEX sessions_by_user ON sessions (user_id) WHERE revoked_at IS NULL;

CREATE TABLE login_failures (
    key text PRIMARY KEY,
    failures integer NOT NULL DEFAULT 0,
    window_started_at timestamptz NOT NULL DEFAULT now(),
    blocked_until timestamptz
);

CREATE TABLE signing_keys (
    kid text PRIMARY KEY,
    private_key bytea NOT NULL,
    public_key bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz
);
COMMENT ON COLUMN signing_keys.private_key IS 'Ed25519, AES-256-GCM under RANGKA_SECRET_KEY';

CREATE TABLE services (
    id uuid PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z][a-z0-9_-]{0,39}$'),
    schema_name text NOT NULL UNIQUE,
    label jsonb NOT NULL DEFAULT '{}',
    description jsonb NOT NULL DEFAULT '{}',
    type text NOT NULL CHECK (type IN ('internal', 'external')),
    category text NOT NULL DEFAULT 'general',
    visibility text NOT NULL DEFAULT 'private'
        CHECK (visibility IN ('public', 'private', 'restricted')),
    status text NOT NULL DEFAULT 'active'
        CHECK (status IN ('active', 'inactive', 'maintenance')),
    is_builtin boolean NOT NULL DEFAULT false,
    published_version integer,
    draft jsonb,
    draft_revision integer NOT NULL DEFAULT 0,
    registered_by uuid,
    registered_tenant_id uuid REFERENCES tenants (id) ON DELETE SET NULL,
    revision bigint NOT NULL DEFAULT 1,
    version integer NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    updated_at timestamptz NOT NULL DEFAULT now(),
    updated_by uuid
);
COMMENT ON COLUMN services.revision IS 'Raised by every publish and status change; workers poll it';
CREATE INDEX services_by_revision ON services (revision);
CREATE SEQUENCE service_revisions;

CREATE TABLE service_versions (
    service_id uuid NOT NULL REFERENCES services (id) ON DELETE RESTRICT,
    version integer NOT NULL CHECK (version > 0),
    definition jsonb NOT NULL,
    checksum text NOT NULL,
    plan jsonb NOT NULL,
    comment text NOT NULL DEFAULT '',
    rolled_back_to integer,
    published_at timestamptz NOT NULL DEFAULT now(),
    published_by uuid,
    PRIMARY KEY (service_id, version)
);
COMMENT ON TABLE service_versions IS 'Immutable; a trigger refuses updates and deletes';
COMMENT ON COLUMN service_versions.definition IS
    'Canonical JSON as text inside jsonb; order is restored by the definition types';

CREATE TABLE assignments (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    service_id uuid NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    status text NOT NULL DEFAULT 'active'
        CHECK (status IN ('active', 'inactive', 'suspended')),
    settings jsonb NOT NULL DEFAULT '{}',
    overlay jsonb NOT NULL DEFAULT '{}',
    overlay_revision integer NOT NULL DEFAULT 0,
    assigned_by uuid,
    assigned_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, service_id)
);
CREATE INDEX assignments_by_service ON assignments (service_id);

CREATE TABLE log (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    actor_id uuid,
    actor_name text,
    service text NOT NULL,
    entity text NOT NULL,
    record_id uuid,
    action text NOT NULL,
    record_version integer,
    changes jsonb NOT NULL DEFAULT '{}',
    request_id text NOT NULL DEFAULT '',
    ip text,
    PRIMARY KEY (tenant_id, id)
);
COMMENT ON TABLE log IS
    'Append-only: audit trail, history of each record, source of events';
COMMENT ON COLUMN log.changes IS 'By stable field id: {"<field id>": [old, new]}';
CREATE INDEX log_by_record ON log (tenant_id, record_id, id) WHERE record_id IS NOT NULL;
CREATE INDEX log_by_time ON log (tenant_id, at);

CREATE TABLE outbox (
    tenant_id uuid NOT NULL,
    log_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, log_id)
);

CREATE TABLE counters (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    key text NOT NULL,
    value bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, key)
);

CREATE TABLE idempotency (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    user_id uuid NOT NULL,
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    fingerprint text NOT NULL,
    status smallint NOT NULL,
    headers jsonb NOT NULL DEFAULT '{}',
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id, key)
);
CREATE INDEX idempotency_by_time ON idempotency (tenant_id, created_at);

CREATE TABLE imports (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    service text NOT NULL,
    entity text NOT NULL,
    digest text NOT NULL,
    options jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL CHECK (status IN ('running', 'done', 'failed')),
    dry_run boolean NOT NULL DEFAULT false,
    report jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    created_by uuid,
    finished_at timestamptz,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX imports_by_digest ON imports (tenant_id, service, entity, digest);

CREATE TABLE import_errors (
    tenant_id uuid NOT NULL,
    import_id uuid NOT NULL,
    row_number integer NOT NULL,
    field text NOT NULL DEFAULT '',
    code text NOT NULL,
    message text NOT NULL,
    value text NOT NULL DEFAULT '',
    FOREIGN KEY (tenant_id, import_id) REFERENCES imports (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX import_errors_by_import ON import_errors (tenant_id, import_id, row_number);

CREATE TABLE saved_views (
    tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    service text NOT NULL,
    entity text NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    shared boolean NOT NULL DEFAULT false,
    state jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, user_id, service, entity, name)
);

-- What the lists of users and assignments show; row security of the tables below holds.
CREATE VIEW members WITH (security_invoker = true) AS
SELECT m.tenant_id, u.id, u.email, u.name, m.status, m.team_id, m.expires_at,
       coalesce((SELECT array_agg(r.name ORDER BY r.name)
                 FROM rangka.membership_roles mr JOIN rangka.roles r
                 ON r.tenant_id = mr.tenant_id AND r.id = mr.role_id
                 WHERE mr.tenant_id = m.tenant_id AND mr.user_id = m.user_id), '{}')
           AS role_names,
       u.email_verified, u.last_login_at,
       m.version, m.created_at, m.created_by, m.updated_at, m.updated_by
FROM rangka.memberships m JOIN rangka.users u ON u.id = m.user_id;

CREATE VIEW role_definitions WITH (security_invoker = true) AS
SELECT r.tenant_id, r.id, r.name, r.label, r.description, r.is_system,
       coalesce((SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
                     'permission', p.resource || ':' || p.action,
                     'effect', nullif(p.effect, 'allow'),
                     'scope', nullif(p.scope, 'tenant'),
                     'filter', nullif(p.filter, '{}'),
                     'fields', p.fields,
                     'presets', nullif(p.presets, '{}'),
                     'expires_at', p.expires_at)) ORDER BY p.position, p.id)
                 FROM rangka.role_rules p
                 WHERE p.tenant_id = r.tenant_id AND p.role_id = r.id), '[]') AS rules,
       r.version, r.created_at, r.created_by, r.updated_at, r.updated_by
FROM rangka.roles r;

CREATE VIEW audit WITH (security_invoker = true) AS
SELECT tenant_id, id, actor_name, action, service, entity, record_id, changes,
       request_id, ip, 1 AS version, at AS created_at, actor_id AS created_by,
       at AS updated_at, actor_id AS updated_by
FROM rangka.log;

CREATE VIEW tenant_services WITH (security_invoker = true) AS
SELECT a.tenant_id, s.id, s.name, s.label, s.type, s.category, s.visibility,
       s.status AS service_status, s.published_version, a.status, a.assigned_at,
       a.overlay_revision AS version, a.assigned_at AS created_at,
       a.assigned_by AS created_by, a.assigned_at AS updated_at,
       a.assigned_by AS updated_by
FROM rangka.assignments a JOIN rangka.services s ON s.id = a.service_id;

-- Immutable history.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'raise_exception';
END $$;
CREATE TRIGGER service_versions_immutable BEFORE UPDATE OR DELETE ON service_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER log_immutable BEFORE UPDATE OR DELETE ON log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Revisions: every policy change raises the tenant's policy revision in the same
-- transaction and tells the workers; likewise for what a tenant is assigned.
CREATE FUNCTION bump_policy() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = rangka, pg_catalog AS $$
DECLARE t uuid := coalesce(NEW.tenant_id, OLD.tenant_id);
BEGIN
    UPDATE tenants SET policy_revision = policy_revision + 1 WHERE id = t;
    PERFORM pg_notify('rangka_policy', t::text);
    RETURN NULL;
END $$;
CREATE TRIGGER policy_changed AFTER INSERT OR UPDATE OR DELETE ON roles
    FOR EACH ROW EXECUTE FUNCTION bump_policy();
CREATE TRIGGER policy_changed AFTER INSERT OR UPDATE OR DELETE ON role_rules
    FOR EACH ROW EXECUTE FUNCTION bump_policy();
CREATE TRIGGER policy_changed AFTER INSERT OR UPDATE OR DELETE ON membership_roles
    FOR EACH ROW EXECUTE FUNCTION bump_policy();
CREATE TRIGGER policy_changed AFTER UPDATE OR DELETE ON memberships
    FOR EACH ROW EXECUTE FUNCTION bump_policy();

CREATE FUNCTION bump_assignments() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = rangka, pg_catalog AS $$
DECLARE t uuid := coalesce(NEW.tenant_id, OLD.tenant_id);
BEGIN
    UPDATE tenants SET catalog_revision = catalog_revision + 1 WHERE id = t;
    PERFORM pg_notify('rangka_assignments', t::text);
    RETURN NULL;
END $$;
CREATE TRIGGER assignments_changed AFTER INSERT OR UPDATE OR DELETE ON assignments
    FOR EACH ROW EXECUTE FUNCTION bump_assignments();

CREATE FUNCTION service_changed() RETURNS trigger LANGUAGE plpgsql
    SET search_path = rangka, pg_catalog AS $$
BEGIN
    IF TG_OP = 'INSERT' OR NEW.published_version IS DISTINCT FROM OLD.published_version
        OR NEW.status IS DISTINCT FROM OLD.status
        OR NEW.visibility IS DISTINCT FROM OLD.visibility THEN
        NEW.revision := nextval('rangka.service_revisions');
        PERFORM pg_notify('rangka_services', NEW.name);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER service_changed BEFORE INSERT OR UPDATE ON services
    FOR EACH ROW EXECUTE FUNCTION service_changed();

CREATE FUNCTION user_changed() RETURNS trigger LANGUAGE plpgsql
    SET search_path = rangka, pg_catalog AS $$
BEGIN
    IF NEW.epoch IS DISTINCT FROM OLD.epoch OR NEW.status IS DISTINCT FROM OLD.status THEN
        PERFORM pg_notify('rangka_users', NEW.id::text);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER user_changed AFTER UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION user_changed();

CREATE FUNCTION session_changed() RETURNS trigger LANGUAGE plpgsql
    SET search_path = rangka, pg_catalog AS $$
BEGIN
    IF NEW.revoked_at IS DISTINCT FROM OLD.revoked_at THEN
        PERFORM pg_notify('rangka_sessions', NEW.id::text);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER session_changed AFTER UPDATE ON sessions
    FOR EACH ROW EXECUTE FUNCTION session_changed();

-- Row security on every table with tenant_id.
DO $$
DECLARE t text;
BEGIN
    FOR t IN
        SELECT c.relname FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'rangka'
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
        WHERE c.relkind = 'r'
    LOOP
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

-- Grants. The app role reads no credentials and writes no platform rules.
GRANT USAGE ON SCHEMA rangka TO rangka_app, rangka_system;
GRANT SELECT ON tenants, teams, memberships, membership_roles, roles, role_rules,
    services, service_versions, assignments, log, members, role_definitions, audit,
    tenant_services TO rangka_app;
GRANT SELECT (id, email, name, home_tenant_id, status, email_verified, last_login_at,
    version, created_at, created_by, updated_at, updated_by) ON users TO rangka_app;
GRANT INSERT ON log, outbox TO rangka_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON counters, idempotency, imports, import_errors,
    saved_views TO rangka_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA rangka TO rangka_system;
REVOKE UPDATE, DELETE ON log, service_versions FROM rangka_system;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA rangka TO rangka_system;
