"""The database a command works with: the embedded server, or one elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

from engine.settings import NoInstallation, Settings


@contextmanager
def running_database(settings: Settings) -> Iterator[None]:
    """Keep the embedded server running inside the block; nothing for an external one.

    A server that another process of the data folder keeps is used and left alone.
    """
    if not settings.is_embedded:
        yield
        return
    from engine.postgres import PostgresServer

    with PostgresServer(settings):
        yield


@contextmanager
def installed_database(settings: Settings) -> Iterator[None]:
    """Keep an installation's database running inside the block, at this version.

    Its tables are migrated where need be; roles, databases and first tables are never
    made.

    Raises:
        NoInstallation: the database is there, but Rangka was never set up in it.
        StartupError: no connection, or a newer version has migrated it.
    """
    from engine import bootstrap, migrations

    with running_database(settings):
        with bootstrap.connect(settings.owner_database_url) as owner:
            if migrations.stored_revision(owner) is None:
                raise NoInstallation(
                    f"There is no installation in the database {owner.info.dbname}. "
                    "Start one with rangka serve, or correct the addresses in "
                    "RANGKA_…DATABASE_URL and RANGKA_DATABASE_NAME."
                )
        bootstrap.prepare(settings)
        yield
