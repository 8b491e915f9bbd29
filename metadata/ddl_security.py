"""Row level security and grants of a table, as steps; pure."""

from metadata.compiled import CompiledEntity
from metadata.ddl_steps import Step, quote, table_of

TENANT = "(SELECT nullif(current_setting('rangka.tenant', true), ''))::uuid"


def create_schema(schema: str) -> list[Step]:
    """Return the steps for a service's first table."""
    name = quote(schema)
    return [
        Step(
            f"Create the schema {schema}",
            f"CREATE SCHEMA {name}",
            inverse=f"DROP SCHEMA {name}",
        ),
        Step(
            "Let the application use the schema",
            f"GRANT USAGE ON SCHEMA {name} TO rangka_app",
            inverse=f"REVOKE USAGE ON SCHEMA {name} FROM rangka_app",
        ),
    ]


def drop_schema(schema: str) -> Step:
    """Return the step that follows a service's last table."""
    name = quote(schema)
    return Step(
        f"Remove the empty schema {schema}",
        f"DROP SCHEMA {name}",
        inverse=f"CREATE SCHEMA {name}",
    )


def row_security(entity: CompiledEntity) -> list[Step]:
    """Return the steps that let each tenant see its own rows only."""
    table = table_of(entity)
    return [
        Step(
            f"Turn on row security for {entity.name}",
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            inverse=f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY, "
            "DISABLE ROW LEVEL SECURITY",
        ),
        Step(
            f"Let each tenant reach its own {entity.name} only",
            f"CREATE POLICY tenant ON {table} USING (tenant_id = {TENANT}) "
            f"WITH CHECK (tenant_id = {TENANT})",
            inverse=f"DROP POLICY tenant ON {table}",
        ),
        Step(
            "Let the owner role count rows for plans and change them when published",
            f"CREATE POLICY owner ON {table} TO rangka_owner USING (true) "
            "WITH CHECK (true)",
            inverse=f"DROP POLICY owner ON {table}",
        ),
        Step(
            f"Let the application read and write {entity.name}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO rangka_app",
            inverse=f"REVOKE ALL ON {table} FROM rangka_app",
        ),
    ]
