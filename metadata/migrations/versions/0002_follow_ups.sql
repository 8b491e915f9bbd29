-- What a publish leaves to do after its commit. Run by rangka_owner.
-- A row is written in the publish's own transaction and goes when the index stands, or
-- the rule holds for every row. It has no tenant: tables of services are shared.

CREATE TABLE follow_ups (
    service_id uuid NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    name text NOT NULL,
    summary text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    retry_at timestamptz NOT NULL DEFAULT now(),
    error text,
    PRIMARY KEY (service_id, name)
);
COMMENT ON COLUMN follow_ups.name IS
    'Of the index or constraint; its SQL is made from the published version';
GRANT SELECT ON follow_ups TO rangka_system;

-- Plans count values that no member has; the owner of the table must see all of them.
CREATE POLICY owner ON memberships FOR SELECT TO rangka_owner USING (true);
