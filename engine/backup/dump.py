"""Makes a backup: `pg_dump`, compressed, straight into a sealed file.

The plain dump never touches a disk. A file has its name only when it is whole and
written through. Called by `rangka backup` and by the daily job.
"""

import contextlib
import os
import re
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from engine.backup.programs import BackupError, failure, start
from engine.backup.sealed_file import PIECE_BYTES, Sealer
from engine.settings import Settings, derive_key

SUFFIX = ".rangka-backup"
_STAMP = "%Y%m%dT%H%M%SZ"
_STAMPED = r"\d{8}T\d{6}Z"
_PARTIAL = ".partial"
_ABANDONED_SECONDS = 24 * 3600
"""A file that nothing was written to for so long belongs to a run that was killed."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished backup.

    Attributes:
        size: bytes of the sealed file.
        made_at: UTC.
    """

    path: Path
    size: int
    made_at: datetime


class Abort:
    """Ends a backup that another thread makes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = False
        self._child: subprocess.Popen[bytes] | None = None

    def now(self) -> None:
        """Let the backup fail, now or as soon as it begins to dump."""
        with self._lock:
            self._asked = True
            self._end()

    def watch(self, child: "subprocess.Popen[bytes]") -> None:
        """Take the program that is to end."""
        with self._lock:
            self._child = child
            self._end()

    def _end(self) -> None:
        if self._asked and self._child is not None:
            # Not killed: pg_dump cancels what it waits for at the server, then ends.
            self._child.terminate()


def make(
    settings: Settings,
    folder: Path,
    *,
    now: datetime | None = None,
    abort: Abort | None = None,
) -> Backup:
    """Write a backup of the whole database into a folder and return it.

    Raises:
        BackupError: nothing was written.
    """
    made_at = (now or datetime.now(UTC)).astimezone(UTC)
    stamp = made_at.strftime(_STAMP)
    path = folder / f"{settings.database_name}-{stamp}{SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _sweep(settings, folder)
        descriptor, partial = tempfile.mkstemp(
            dir=folder, prefix=f"{settings.database_name}-", suffix=_PARTIAL
        )
    except OSError as error:
        raise BackupError(
            f"The folder {folder} cannot be written: {error.strerror}. Choose another "
            "by --to or RANGKA_BACKUP_DIR."
        ) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            sealer = Sealer(file, derive_key(settings.secret_key, "backup"))
            _dump(settings, sealer, abort)
            sealer.finish()
            file.flush()
            os.fsync(file.fileno())
        # Fails when it is there; nothing that was kept is ever written over.
        os.link(partial, path)
        _sync_folder(folder)
    except FileExistsError as error:
        raise BackupError(f"{path} is there already; wait a second.") from error
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        Path(partial).unlink(missing_ok=True)
    return Backup(path, path.stat().st_size, made_at)


def kept(settings: Settings, folder: Path) -> list[Path]:
    """Return the backups of this database in a folder, the newest first."""
    # Whole: the name of another database may begin like this one's.
    name = re.compile(re.escape(settings.database_name) + f"-{_STAMPED}{SUFFIX}")
    found = [path for path in folder.iterdir() if name.fullmatch(path.name)]
    return sorted(found, reverse=True)


def prune(settings: Settings, folder: Path, keep: int) -> list[Path]:
    """Delete all but the newest `keep` backups and return what went."""
    gone = kept(settings, folder)[max(keep, 1) :]
    for path in gone:
        path.unlink(missing_ok=True)
    return gone


def _sweep(settings: Settings, folder: Path) -> None:
    """Delete what runs of this database left unfinished when they were killed."""
    name = re.compile(re.escape(settings.database_name) + rf"-\w+\{_PARTIAL}")
    for path in folder.iterdir():
        if not name.fullmatch(path.name):
            continue
        # Another run may have ended, and taken its file away, meanwhile.
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
                path.unlink()


def _dump(settings: Settings, sealer: Sealer, abort: Abort | None) -> None:
    arguments = [
        "--format=custom",
        "--compress=6",
        # Rights of roles are dumped, memberships and passwords are not: those are
        # made by `rangka migrate`.
        "--no-comments",
        f"--dbname={settings.database_name}",
    ]
    with tempfile.TemporaryFile() as errors:
        with start(
            settings, "pg_dump", arguments, stdout=subprocess.PIPE, stderr=errors
        ) as running:
            if abort is not None:
                abort.watch(running)
            try:
                assert running.stdout is not None  # noqa: S101 - it is a pipe
                while piece := running.stdout.read(PIECE_BYTES):
                    sealer.write(piece)
            except BaseException:
                running.kill()
                raise
        code = running.returncode
        if code:
            errors.seek(0)
            raise failure("pg_dump", code, errors.read().decode(errors="replace"))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
