-- Which consumers there are, of all processes. Run by rangka_owner.

CREATE TABLE consumers (
    service text NOT NULL,
    name text NOT NULL,
    entity text NOT NULL,
    actions text[] NOT NULL,
    max_attempts integer NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (service, name, entity, actions, max_attempts)
);
COMMENT ON TABLE consumers IS
    'Whoever passes on an event adds the jobs of consumers that only others know';
COMMENT ON COLUMN consumers.seen_at IS 'When a process last said that it runs it';

GRANT SELECT, INSERT, UPDATE, DELETE ON consumers TO rangka_system;
