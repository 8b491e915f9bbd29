"""What Alembic runs to migrate the platform's tables: online, on a given connection.

Owns nothing but that set-up. `engine.migrations` calls Alembic with a connection of
the owner role; there is no ini file and no offline mode.
"""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table="alembic_version",
    version_table_schema="rangka",
)
with context.begin_transaction():
    context.run_migrations()
