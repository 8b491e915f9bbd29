"""Bring the platform's tables to the newest revision.

Owns the comparison of stored and newest revision, which costs one query and no import
of Alembic, and the run of Alembic where they differ. Entities' tables are none of its
business: `registry.publishing` changes those.
"""

import re
from pathlib import Path

import psycopg
from psycopg import sql

from engine.settings import StartupError

SCRIPTS = Path(__file__).parent.parent / "metadata" / "migrations"
_REVISION = re.compile(r'^revision(?:\s*:\s*str)?\s*=\s*"([^"]+)"', re.MULTILINE)
_LOCK_TIMEOUT = "5s"


def revisions() -> tuple[str, ...]:
    """Return the identifiers of all revisions, oldest first.

    They are read from the files, which are named in order: `0001_platform.py`.
    """
    found = []
    for path in sorted((SCRIPTS / "versions").glob("[0-9]*.py")):
        match = _REVISION.search(path.read_text())
        if match is None:
            raise StartupError(f'{path} has no line `revision = "…"`.')
        found.append(match[1])
    return tuple(found)


def stored_revision(connection: psycopg.Connection) -> str | None:
    """Return the revision of a database, None before the first migration."""
    table = connection.execute(
        "select to_regclass('rangka.alembic_version') is not null"
    ).fetchone()
    if table is None or not table[0]:
        return None
    row = connection.execute("select version_num from rangka.alembic_version")
    found = row.fetchone()
    return found[0] if found else None


def pending(connection: psycopg.Connection) -> tuple[str, ...]:
    """Return the revisions a database still lacks, oldest first.

    Raises:
        StartupError: the database has a revision that this program does not know.
    """
    known = revisions()
    stored = stored_revision(connection)
    if stored is None:
        return known
    if stored not in known:
        raise StartupError(
            f"The database is at revision {stored}, which this version of Rangka does "
            "not know: a newer one has migrated it. Start that version, or restore "
            "the backup made before the upgrade."
        )
    return known[known.index(stored) + 1 :]


def upgrade(owner_url: str) -> tuple[str, ...]:
    """Apply what is pending, in one transaction, and return it, oldest first.

    The caller sees to it that no other process migrates at the same time. Statements
    that wait longer than 5 s for a lock fail, and then nothing is changed.
    """
    with psycopg.connect(owner_url) as connection:
        steps = pending(connection)
    if steps:
        _run_alembic(owner_url)
    return steps


def _run_alembic(owner_url: str) -> None:
    # Alembic and SQLAlchemy take a second to import: only where there is work.
    import sqlalchemy as sa
    from alembic import command
    from alembic.config import Config

    def connect() -> psycopg.Connection:
        connection = psycopg.connect(owner_url, application_name="rangka migrate")
        connection.execute(
            sql.SQL("set lock_timeout = {}").format(sql.Literal(_LOCK_TIMEOUT))
        )
        connection.commit()
        return connection

    db = sa.create_engine(
        "postgresql+psycopg://", creator=connect, poolclass=sa.pool.NullPool
    )
    config = Config()
    # A percent sign would start an interpolation of the configuration parser.
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    with db.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
