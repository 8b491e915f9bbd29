"""As whom the embedded server runs: PostgreSQL refuses to run as root.

Owns the choice of the operating-system user and what that user can reach. Called by
`engine.postgres` alone.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.settings import StartupError

USER = "rangka"
_FALLBACK_USER = "nobody"


@dataclass(frozen=True)
class ServerAccount:
    """The user that owns the server's files; `switch` when root must become it."""

    uid: int
    gid: int
    switch: bool

    @classmethod
    def choose(cls) -> "ServerAccount":
        """Return our own user, or for root an ordinary one, created if need be."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid(), switch=False)
        for name in (USER, _FALLBACK_USER):
            entry = _find(name) or (_create(name) if name == USER else None)
            if entry is not None and entry.pw_uid != 0:
                return cls(entry.pw_uid, entry.pw_gid, switch=True)
        raise StartupError(
            "PostgreSQL does not run as root, and no ordinary user was found. "
            f"Create one (useradd --system {USER}), start as an ordinary user, or set "
            "RANGKA_DATABASE_URL to a server that already runs."
        )

    def run(
        self, command: Sequence[str | Path], *, timeout_seconds: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this user and return its exit code and merged output."""
        return subprocess.run(  # noqa: S603 - programs of the chosen installation
            [str(part) for part in command],
            user=self.uid if self.switch else None,
            group=self.gid if self.switch else None,
            extra_groups=[] if self.switch else None,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )

    def own(self, path: Path) -> None:
        """Give a file or folder to this user."""
        if self.switch:
            os.chown(path, self.uid, self.gid)

    def can_reach(self, path: Path) -> bool:
        """Return whether this user may enter a folder or execute a file.

        Asked of the operating system by a process of that user, so that access lists
        and the modes of all folders above count.
        """
        return not self.switch or self.run(["test", "-x", path]).returncode == 0


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _create(name: str) -> pwd.struct_passwd | None:
    """Create a system user without home and shell; None where that is impossible."""
    program = shutil.which("useradd") or shutil.which("useradd", path="/usr/sbin:/sbin")
    if program is None:
        return None
    subprocess.run(  # noqa: S603 - a fixed program with a fixed name
        [program, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name],
        capture_output=True,
        check=False,
    )
    # Another process may have created it between our look and now: look again.
    return _find(name)
