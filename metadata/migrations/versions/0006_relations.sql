-- The relations of what is published now. Run by rangka_owner.
-- Kept by a trigger on the publish; everything in it stands in the definitions too.

CREATE TABLE service_relations (
    service_id uuid NOT NULL REFERENCES services (id) ON DELETE CASCADE,
    path text NOT NULL,
    name text NOT NULL,
    target_service text NOT NULL,
    target_entity text NOT NULL,
    inverse text,
    PRIMARY KEY (service_id, path)
);
COMMENT ON COLUMN service_relations.path IS 'entity.field, or entity.lines.field';
CREATE INDEX service_relations_by_target
    ON service_relations (target_service, target_entity);
CREATE INDEX service_relations_by_inverse
    ON service_relations (target_service, inverse) WHERE inverse IS NOT NULL;
GRANT SELECT ON service_relations TO rangka_system;

CREATE FUNCTION relations_of(definition jsonb)
    RETURNS TABLE (path text, name text, target text, inverse text)
    LANGUAGE sql IMMUTABLE SET search_path = rangka, pg_catalog AS $$
    SELECT (e.value ->> 'name') || '.' || f.path, f.field ->> 'name',
           f.field ->> 'to', f.field ->> 'inverse'
    FROM jsonb_array_elements(definition -> 'entities') e
    CROSS JOIN jsonb_array_elements(e.value -> 'fields') o
    CROSS JOIN LATERAL (
        SELECT o.value ->> 'name' AS path, o.value AS field
        UNION ALL
        SELECT (o.value ->> 'name') || '.' || (i.value ->> 'name'), i.value
        FROM jsonb_array_elements(o.value -> 'fields') i
    ) f
    WHERE f.field ->> 'type' = 'relation'
$$;

-- Whoever publishes, of whatever version, keeps them right.
CREATE FUNCTION keep_relations() RETURNS trigger LANGUAGE plpgsql
    SET search_path = rangka, pg_catalog AS $$
BEGIN
    DELETE FROM service_relations WHERE service_id = NEW.id;
    INSERT INTO service_relations
    SELECT NEW.id, r.path, r.name, split_part(r.target, '.', 1),
           split_part(r.target, '.', 2), r.inverse
    FROM service_versions v CROSS JOIN relations_of(v.definition) r
    WHERE v.service_id = NEW.id AND v.version = NEW.published_version;
    RETURN NULL;
END $$;
CREATE TRIGGER keep_relations AFTER UPDATE OF published_version ON services
    FOR EACH ROW EXECUTE FUNCTION keep_relations();

-- Those of what is published already, by the trigger itself.
UPDATE services SET published_version = published_version
WHERE published_version IS NOT NULL;
