"""`pg_dump` and `pg_restore` on the database of an installation.

Owns how they are found and called: the ones of the embedded server's folder, a
password in their environment and never on their command line. What they say comes
back as it is; what to do about it is worded here.
"""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from psycopg.conninfo import conninfo_to_dict

from engine.postgres_binaries import PostgresBinaries
from engine.settings import Settings

_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
}


class BackupError(Exception):
    """A backup or its restore failed; the message says why and what to do."""


def url_of(settings: Settings) -> str:
    """Return the address that may read every row: the administrator's, if known."""
    return settings.admin_database_url or settings.owner_database_url


def start(
    settings: Settings,
    program: str,
    arguments: Sequence[str],
    *,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: IO[bytes],
) -> "subprocess.Popen[bytes]":
    """Start a program of PostgreSQL on the installation's server.

    Raises:
        BackupError: the program is not there.
    """
    path = _find(settings, program)
    return subprocess.Popen(  # noqa: S603 - a program of the chosen installation
        [path, *arguments],
        env=_environment(settings),
        stdin=stdin if stdin is not None else subprocess.DEVNULL,
        stdout=stdout if stdout is not None else subprocess.DEVNULL,
        stderr=stderr,
    )


def failure(program: str, code: int, said: str) -> BackupError:
    """Return what a program that failed said, and a remedy where one is known."""
    text = "\n".join(said.strip().splitlines()[-8:])
    remedy = ""
    if "row-level security" in text or "row security" in text:
        remedy = (
            "\nThe role of the address may not read every tenant's rows. As an "
            "administrator run ALTER ROLE … BYPASSRLS for it, or give "
            "RANGKA_DATABASE_URL a superuser for the backup."
        )
    elif "server version mismatch" in text:
        remedy = (
            "\nInstall the programs of the server's version (postgresql-client), and "
            "set RANGKA_PG_BIN to their folder."
        )
    return BackupError(f"{program} ended with {code}:\n{text}{remedy}")


def _find(settings: Settings, program: str) -> Path:
    path = PostgresBinaries.find(settings).bin_dir / program
    if not path.is_file():
        raise BackupError(
            f"There is no {program} in {path.parent}. Install the client programs of "
            "PostgreSQL, and set RANGKA_PG_BIN to their folder."
        )
    return path


def _environment(settings: Settings) -> dict[str, str]:
    known = conninfo_to_dict(url_of(settings))
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    for name, variable in _VARIABLES.items():
        if known.get(name) is not None:
            kept[variable] = str(known[name])
    return kept
