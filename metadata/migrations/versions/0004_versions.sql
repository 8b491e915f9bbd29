-- Binds a write to the version of the service that it was made for. Run by rangka_owner.
-- A statement that sees another version published calls it, to fail. It looks only after
-- its table's lock was granted, so what a publish changed before is never written to
-- unawares.

CREATE FUNCTION same_version(published integer, known integer) RETURNS boolean
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF published = known THEN
        RETURN true;
    END IF;
    RAISE EXCEPTION 'made for version %, which is not the published one', known
        USING ERRCODE = 'RG001';
END $$;
COMMENT ON FUNCTION same_version IS
    'True, or an error: the service was published again since the statement was made';
GRANT EXECUTE ON FUNCTION same_version TO rangka_app, rangka_system;
