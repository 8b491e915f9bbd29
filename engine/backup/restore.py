"""Brings a backup back: into a new database, which then takes the old one's name.

The file is read through once before anything is touched, so a damaged one changes
nothing. The database it replaces is kept under another name until the operator drops
it. A restore that is killed leaves the installation as it was.
"""

import subprocess
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from engine import bootstrap, migrations
from engine.backup.programs import BackupError, failure, start, url_of
from engine.backup.sealed_file import UnsealError, unseal
from engine.settings import OWNER_ROLE, Settings, derive_key

LEAVE_SECONDS = 5.0
"""How long connections have to go: PostgreSQL says so a little after they ended. As
long as it waits itself before it renames a database."""
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        replaced: the name under which the database until now is kept.
        tenants: how many the restored database has.
    """

    replaced: str
    tenants: int


def restore(settings: Settings, path: Path) -> Restored:
    """Replace the installation's database by a backup; nobody may be using it.

    Raises:
        BackupError: the installation is as it was.
    """
    check(settings, path)
    key = derive_key(settings.secret_key, "backup")
    # Roles, and the database whose name it takes, where this is a new machine.
    bootstrap.prepare(settings)
    name = settings.database_name
    stamp = f"{datetime.now(UTC):%Y%m%d%H%M%S}_{token_hex(2)}"
    fresh, before = f"{name}_restore_{stamp}", f"{name}_before_{stamp}"
    url = make_conninfo(url_of(settings), dbname="postgres")
    with bootstrap.connect(url) as admin:
        admin.autocommit = True
        _refuse_users(admin, name)
        _make_database(admin, fresh)
        try:
            try:
                _load(settings, path, key, fresh)
            except UnsealError as error:
                raise BackupError(f"{path} changed meanwhile: {error}.") from error
            tenants = _check_content(settings, fresh)
            _refuse_users(admin, name)
            _swap(admin, name, before=before, fresh=fresh)
        except BaseException:
            admin.execute(
                sql.SQL("drop database if exists {} with (force)").format(
                    sql.Identifier(fresh)
                )
            )
            raise
    # Rights on the database, marks and tables of this version, which no dump holds.
    bootstrap.prepare(settings)
    return Restored(before, tenants)


def check(settings: Settings, path: Path) -> None:
    """Read a whole backup; raises BackupError when it is not one of this key."""
    key = derive_key(settings.secret_key, "backup")
    try:
        with path.open("rb") as file:
            for _ in unseal(file, key):
                pass
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}.") from error
    except UnsealError as error:
        raise BackupError(f"{path}: {error}. Nothing was changed.") from error


def _refuse_users(admin: psycopg.Connection, name: str) -> None:
    # Its own work there, such as a vacuum, PostgreSQL ends by itself.
    query = (
        "select count(*) from pg_stat_activity "
        "where datname = %s and backend_type = 'client backend'"
    )
    until = time.monotonic() + LEAVE_SECONDS
    while True:
        row = admin.execute(query, (name,)).fetchone()
        if row is None or not row[0]:
            return
        if time.monotonic() > until:
            raise BackupError(
                f"{row[0]} connections use the database {name}. Stop rangka serve and "
                "rangka worker on every machine first. Nothing was changed."
            )
        time.sleep(LOOK_SECONDS)


def _make_database(admin: psycopg.Connection, name: str) -> None:
    try:
        admin.execute(
            sql.SQL(
                "create database {} owner {} encoding 'UTF8' template template0"
            ).format(sql.Identifier(name), sql.Identifier(OWNER_ROLE))
        )
    except psycopg.errors.InsufficientPrivilege as error:
        raise BackupError(
            "The role of the address may not make databases. Give RANGKA_DATABASE_URL "
            "a role with CREATEDB (or a superuser) for the restore."
        ) from error


def _load(settings: Settings, path: Path, key: bytes, database: str) -> None:
    """Fill the new database; a file that changed since it was checked is refused."""
    arguments = ["--exit-on-error", "--no-comments", f"--dbname={database}"]
    with tempfile.TemporaryFile() as errors:
        with start(
            settings, "pg_restore", arguments, stdin=subprocess.PIPE, stderr=errors
        ) as running:
            try:
                assert running.stdin is not None  # noqa: S101 - it is a pipe
                with path.open("rb") as file, running.stdin as pipe:
                    for piece in unseal(file, key):
                        pipe.write(piece)
            except BrokenPipeError:
                # It has ended and says why.
                running.wait()
            except BaseException:
                running.kill()
                raise
        code = running.returncode
        if code:
            errors.seek(0)
            said = errors.read().decode(errors="replace")
            raise failure("pg_restore", code, said)


def _check_content(settings: Settings, database: str) -> int:
    """Return how many tenants are there; refuses what this version cannot serve."""
    url = make_conninfo(url_of(settings), dbname=database)
    with bootstrap.connect(url) as connection:
        revision = migrations.stored_revision(connection)
        if revision is None:
            raise BackupError("The backup holds no installation of Rangka.")
        if revision not in migrations.revisions():
            raise BackupError(
                f"The backup was made by a newer version of Rangka (tables at "
                f"{revision}). Install that version first. Nothing was changed."
            )
        row = connection.execute("select count(*) from rangka.tenants").fetchone()
        return int(row[0]) if row else 0


def _swap(admin: psycopg.Connection, name: str, *, before: str, fresh: str) -> None:
    rename = sql.SQL("alter database {} rename to {}")
    try:
        with admin.transaction():
            admin.execute(rename.format(sql.Identifier(name), sql.Identifier(before)))
            admin.execute(rename.format(sql.Identifier(fresh), sql.Identifier(name)))
    except psycopg.errors.ObjectInUse as error:
        raise BackupError(
            f"Somebody connected to {name} meanwhile. Stop rangka serve and rangka "
            "worker on every machine, and try again. Nothing was changed."
        ) from error
