"""Connections of tenants to external services, and the health of those."""

from pathlib import Path

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file of the same name in the schema `rangka`."""
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL search_path = rangka, pg_catalog")
    connection.exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    """Drop the tables; the credentials in them are lost."""
    connection = op.get_bind()
    for table in ("service_health", "connections"):
        connection.exec_driver_sql(f"DROP TABLE rangka.{table}")
