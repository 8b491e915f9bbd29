"""Create the platform's tables, views, row security and grants."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file of the same name in the schema `rangka`."""
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL search_path = rangka, pg_catalog")
    connection.exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    """Refuse: dropping the platform's tables would lose every tenant's data."""
    raise RuntimeError(
        "0001 is the first migration; restore a backup or drop the database instead"
    )
