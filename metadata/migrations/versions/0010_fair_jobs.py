"""An index by which jobs are announced in turn by tenant."""

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file of the same name in the schema `rangka`."""
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL search_path = rangka, pg_catalog")
    connection.exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    """Drop the index."""
    op.get_bind().exec_driver_sql("DROP INDEX rangka.jobs_to_announce")
