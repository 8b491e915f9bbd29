-- A plan says which tenants' own fields a new field of the service would put aside. Run
-- by rangka_owner, which only reads here: assignments are written by rangka_system.

CREATE POLICY owner ON assignments FOR SELECT TO rangka_owner USING (true);
