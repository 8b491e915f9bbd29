"""Bind writes to the version of the service that they were made for."""

from pathlib import Path

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file of the same name in the schema `rangka`."""
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL search_path = rangka, pg_catalog")
    connection.exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    """Drop the function."""
    connection = op.get_bind()
    connection.exec_driver_sql("DROP FUNCTION rangka.same_version(integer, integer)")
