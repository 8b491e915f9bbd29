"""Consumers of events, as the processes that run them declare them."""

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file of the same name in the schema `rangka`."""
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL search_path = rangka, pg_catalog")
    connection.exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    """Drop the table; processes declare what they know when they start."""
    op.get_bind().exec_driver_sql("DROP TABLE rangka.consumers")
