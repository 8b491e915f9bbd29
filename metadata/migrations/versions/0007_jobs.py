"""Jobs: the ledger, what consumers have handled, and when schedules ran last."""

from pathlib import Path

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file of the same name in the schema `rangka`."""
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL search_path = rangka, pg_catalog")
    connection.exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    """Drop the tables; what waits in them is lost."""
    connection = op.get_bind()
    connection.exec_driver_sql("DROP VIEW rangka.job_list")
    for table in ("job_messages", "stream_outbox", "schedules", "inbox", "jobs"):
        connection.exec_driver_sql(f"DROP TABLE rangka.{table}")
