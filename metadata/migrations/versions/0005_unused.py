"""Take away a table and some columns that nothing ever wrote or read."""

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

RESTORE = """
ALTER TABLE memberships ADD preferences jsonb NOT NULL DEFAULT '{}';
ALTER TABLE users ADD preferences jsonb NOT NULL DEFAULT '{}';
ALTER TABLE services
    ADD registered_tenant_id uuid REFERENCES tenants (id) ON DELETE SET NULL;
ALTER TABLE sessions ADD generation_used boolean NOT NULL DEFAULT false;
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
ALTER TABLE saved_views ENABLE ROW LEVEL SECURITY;
ALTER TABLE saved_views FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON saved_views USING (tenant_id =
    (SELECT nullif(current_setting('rangka.tenant', true), ''))::uuid);
CREATE POLICY system ON saved_views TO rangka_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON saved_views TO rangka_app, rangka_system;
"""


def upgrade() -> None:
    """Run the SQL file of the same name in the schema `rangka`."""
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL search_path = rangka, pg_catalog")
    connection.exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    """Make them again, empty as they were."""
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL search_path = rangka, pg_catalog")
    connection.exec_driver_sql(RESTORE)
