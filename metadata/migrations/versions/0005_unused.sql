-- Takes away what nothing ever wrote or read. Run by rangka_owner.

DROP TABLE saved_views;
ALTER TABLE sessions DROP COLUMN generation_used;
ALTER TABLE services DROP COLUMN registered_tenant_id;
ALTER TABLE users DROP COLUMN preferences;
ALTER TABLE memberships DROP COLUMN preferences;
