"""The embedded PostgreSQL server of a data folder: start, share, stop.

Owns the server's life. One server serves every process of the data folder: who holds
the lock is its keeper and stops it; the others attach. It listens on a Unix socket
only, in a folder that only its user (and root) can enter, with SCRAM passwords. Never
creates roles or databases: that is `engine.bootstrap`.
"""

import fcntl
import os
import socket
import time
from types import TracebackType

from engine.postgres_account import ServerAccount
from engine.postgres_binaries import PostgresBinaries
from engine.postgres_cluster import Cluster
from engine.settings import Settings, StartupError

_START_TRIES = 15
_RETRY_SECONDS = 0.3
"""The children of a killed postmaster hold its shared memory about 1.3 s."""

_WAIT_SECONDS = 60


class PostgresServer:
    """The server of one data folder, started or attached to as a context manager.

    `durable=False` gives up crash safety for speed: for tests and benchmarks only.
    """

    def __init__(self, settings: Settings, *, durable: bool = True) -> None:
        self._account = ServerAccount.choose()
        self._cluster = Cluster(settings, self._account, durable=durable)
        self._lock_path = settings.data_dir / "postgres.lock"
        self._lock: int | None = None
        self._binaries: PostgresBinaries | None = None

    def __enter__(self) -> "PostgresServer":
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def is_keeper(self) -> bool:
        """True when this object started or adopted the server, and so stops it."""
        return self._lock is not None

    @property
    def is_running(self) -> bool:
        """True when the server accepts connections."""
        lines = self._pid_file()
        # Line 8 is the postmaster's state (miscadmin.h, LOCK_FILE_LINE_PM_STATUS).
        return len(lines) >= 8 and lines[7].strip() == "ready" and self._answers()

    @property
    def postmaster_pid(self) -> int | None:
        """Process id of the running server."""
        return int(self._pid_file()[0]) if self.is_running else None

    def start(self) -> None:
        """Start the server, making its files the first time, or attach to it.

        Takes about 0.1 s for an existing cluster, 0.7 s for a new one, and 1.5 s after
        the server was killed.

        Raises:
            StartupError: with what the server said.
        """
        self._open_folder()
        deadline = time.monotonic() + _WAIT_SECONDS
        while not self._take_lock():
            if self.is_running:
                return
            if time.monotonic() > deadline:
                raise StartupError(
                    f"Another process keeps the database in {self._cluster.home}, but "
                    f"it was not ready within {_WAIT_SECONDS} s. Its log is in "
                    f"{self._cluster.log}."
                )
            time.sleep(0.05)
        try:
            self._binaries = self._cluster.prepare()
            if not self.is_running:
                self._start(self._binaries)
        except BaseException:
            self._drop_lock()
            raise

    def stop(self) -> None:
        """Stop the server if this object keeps it; leave it alone otherwise."""
        if self._lock is None or self._binaries is None:
            return
        try:
            if self._answers():
                self._pg_ctl(self._binaries, "stop", "-m", "fast")
        finally:
            self._drop_lock()

    def release(self) -> None:
        """Leave the server running without a keeper: the next `start` adopts it."""
        self._drop_lock()

    def _start(self, binaries: PostgresBinaries) -> None:
        said = ""
        for attempt in range(_START_TRIES):
            if attempt:
                time.sleep(_RETRY_SECONDS)
            self._cluster.start_log.unlink(missing_ok=True)
            code, said = self._pg_ctl(
                binaries, "start", "-l", str(self._cluster.start_log)
            )
            if code == 0:
                return
            if self._cluster.start_log.exists():
                said = self._cluster.start_log.read_text(errors="replace")
            # Only what a killed server left behind goes away by waiting.
            if not any(text in said for text in ("shared memory", "lock file")):
                break
        tail = "\n".join(said.strip().splitlines()[-12:])
        raise StartupError(
            f"The embedded database in {self._cluster.home} did not start "
            f"({binaries.bin_dir}, PostgreSQL {binaries.version}). It said:\n{tail}\n"
            f"More may stand in {self._cluster.log}."
        )

    def _pg_ctl(self, binaries: PostgresBinaries, *arguments: str) -> tuple[int, str]:
        done = self._account.run(
            [
                binaries.bin_dir / "pg_ctl", *arguments,
                "-D", self._cluster.data, "-w", "-t", str(_WAIT_SECONDS),
            ],
            timeout_seconds=_WAIT_SECONDS + 30,
        )  # fmt: skip
        return done.returncode, done.stdout

    def _pid_file(self) -> list[str]:
        try:
            return (self._cluster.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(5)
            try:
                probe.connect(str(self._cluster.socket))
            except OSError:
                return False
            return True

    def _open_folder(self) -> None:
        folder = self._lock_path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock_path.touch(mode=0o600)
        except OSError as error:
            raise StartupError(
                f"The data folder {folder} cannot be used: {error.strerror}. "
                "Choose another one with RANGKA_DATA_DIR or --data-dir."
            ) from error

    def _take_lock(self) -> bool:
        """Become the keeper; the kernel frees the lock when its holder dies."""
        descriptor = os.open(self._lock_path, os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._lock = descriptor
        return True

    def _drop_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
