"""Keep the relations of published services, so that a publish finds its neighbours."""

from pathlib import Path

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file of the same name in the schema `rangka`."""
    sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    connection = op.get_bind()
    connection.exec_driver_sql("SET LOCAL search_path = rangka, pg_catalog")
    connection.exec_driver_sql(sql.replace("%", "%%"))


def downgrade() -> None:
    """Drop the table; everything in it stands in the published definitions."""
    connection = op.get_bind()
    connection.exec_driver_sql("DROP TRIGGER keep_relations ON rangka.services")
    connection.exec_driver_sql("DROP FUNCTION rangka.keep_relations()")
    connection.exec_driver_sql("DROP FUNCTION rangka.relations_of(jsonb)")
    connection.exec_driver_sql("DROP TABLE rangka.service_relations")
