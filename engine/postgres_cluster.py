"""The files of the embedded PostgreSQL server under `<data_dir>/postgres`.

Owns their places, modes and owner, `initdb`, and the server's configuration. Never
starts or stops anything. Called by `engine.postgres`, which holds the lock.
"""

import os
import secrets
import shutil
import stat
from pathlib import Path

from engine.postgres_account import ServerAccount
from engine.postgres_binaries import PostgresBinaries
from engine.settings import SUPERUSER_ROLE, Settings, StartupError, socket_directory

_ROOT_HOME = Path("/var/lib/rangka")
"""Where the files go when root's data folder is closed to ordinary users."""


class Cluster:
    """Where a data folder's server keeps its files, and how they are made."""

    def __init__(
        self, settings: Settings, account: ServerAccount, *, durable: bool
    ) -> None:
        self._settings = settings
        self._account = account
        self._durable = durable
        self.home = settings.data_dir / "postgres"

    @property
    def data(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.home.resolve() / "cluster"

    @property
    def log(self) -> Path:
        """Folder of the server's log."""
        return self.home.resolve() / "log"

    @property
    def start_log(self) -> Path:
        """What the server said before its log was open: why it did not start."""
        return self.log / "start.log"

    @property
    def socket(self) -> Path:
        """The socket it answers on."""
        return socket_directory(self._settings.data_dir) / ".s.PGSQL.5432"

    def prepare(self) -> PostgresBinaries:
        """Make what is missing and return the programs to run it with.

        Raises:
            StartupError: a folder cannot be made or entered, or the cluster belongs to
                another major version of PostgreSQL.
        """
        try:
            self._make_home()
            self._folder(self.log)
            run = self._folder(self.socket.parent)
            binaries = self._reachable(PostgresBinaries.find(self._settings))
            if not self.data.exists():
                self._initdb(binaries)
            self._check_version(binaries)
            self._configure(run.resolve())
        except OSError as error:
            raise StartupError(
                f"The files of the embedded database in {self.home} cannot be made: "
                f"{error}. Choose another folder with RANGKA_DATA_DIR or --data-dir."
            ) from error
        return binaries

    def _make_home(self) -> None:
        """Make the folder, for root where the server's ordinary user can reach it."""
        if self.home.exists():
            if not self._account.can_reach(self.home.resolve()):
                raise StartupError(
                    f"The server's user (id {self._account.uid}) cannot enter "
                    f"{self.home.resolve()}. Give it the right to pass the folders "
                    "above (chmod o+x)."
                )
            return
        self.home.unlink(missing_ok=True)  # a link to a folder that is gone
        self.home.mkdir(mode=0o755)
        self.home.chmod(0o755)
        if self._account.can_reach(self.home):
            return
        # The name is new each time: a data folder that was deleted and made again has
        # another secret key, and must not find the former one's database.
        actual = _ROOT_HOME / secrets.token_hex(6)
        actual.mkdir(parents=True)
        for folder in (_ROOT_HOME, actual):
            folder.chmod(0o755)
        if not self._account.can_reach(actual):
            raise StartupError(
                f"The server's user (id {self._account.uid}) can enter neither "
                f"{self.home} nor {actual}. Choose a data folder that it can reach "
                "with RANGKA_DATA_DIR or --data-dir."
            )
        self.home.rmdir()
        self.home.symlink_to(actual)

    def _folder(self, path: Path) -> Path:
        """Return a folder only the server's user can enter, made if need be."""
        if not path.exists():
            path.mkdir(mode=0o700)
            self._account.own(path)
        found = path.stat(follow_symlinks=False)
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
        if not private or found.st_uid != self._account.uid:
            raise StartupError(
                f"{path} must be a folder of user id {self._account.uid} that nobody "
                "else can enter (mode 0700). Start as its owner, or remove it."
            )
        return path

    def _reachable(self, binaries: PostgresBinaries) -> PostgresBinaries:
        """Copy the programs beside the cluster when its user cannot execute them.

        So they are where a virtual environment lies in root's closed home.
        """
        if self._account.can_reach(binaries.bin_dir / "postgres"):
            return binaries
        copy = self.home.resolve() / f"program-{binaries.version}"
        installed = binaries.bin_dir.parent
        # A wheel keeps the libraries of its programs beside its package, and they
        # are found from there: both are copied with their places to each other.
        libraries = installed.parents[1] / f"{installed.parent.name}.libs"
        program = copy / installed.parent.name / installed.name
        if not copy.exists():
            partial = copy.with_name(f"{copy.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(
                installed, partial / program.relative_to(copy), symlinks=True
            )
            if libraries.is_dir():
                shutil.copytree(libraries, partial / libraries.name, symlinks=True)
            for path in (partial, *partial.rglob("*")):
                if not path.is_symlink():
                    mode = path.stat().st_mode
                    path.chmod(mode | (0o555 if mode & 0o100 else 0o444))
            partial.rename(copy)
        return PostgresBinaries(program / binaries.bin_dir.name, binaries.version)

    def _initdb(self, binaries: PostgresBinaries) -> None:
        """Make an empty cluster; a killed run leaves nothing that looks like one."""
        partial = self.data.with_name("cluster.partial")
        password = self.log / "password"
        shutil.rmtree(partial, ignore_errors=True)
        self._folder(partial)
        descriptor = os.open(password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(self._settings.role_password(SUPERUSER_ROLE))
        self._account.own(password)
        # From 17 on PostgreSQL brings its own C.UTF-8: the order of texts then no
        # longer depends on the libc of the machine.
        locale = (
            ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            if binaries.major >= 17
            else ["--locale=C.UTF-8"]
        )
        try:
            done = self._account.run(
                [
                    binaries.bin_dir / "initdb",
                    "--pgdata", partial,
                    "--username", SUPERUSER_ROLE,
                    "--pwfile", password,
                    "--auth", "scram-sha-256",
                    "--encoding", "UTF8",
                    *locale,
                    *([] if self._durable else ["--no-sync"]),
                ]
            )  # fmt: skip
        finally:
            password.unlink()
        if done.returncode:
            shutil.rmtree(partial, ignore_errors=True)
            raise StartupError(
                f"initdb of PostgreSQL {binaries.version} failed in {partial}:\n"
                f"{done.stdout.strip()}"
            )
        partial.rename(self.data)

    def _check_version(self, binaries: PostgresBinaries) -> None:
        made_by = (self.data / "PG_VERSION").read_text().strip()
        if made_by != str(binaries.major):
            raise StartupError(
                f"The database in {self.data} was made by PostgreSQL {made_by}, but "
                f"{binaries.bin_dir} holds {binaries.version}. Set RANGKA_PG_BIN to "
                f"programs of version {made_by}, or move the data with pg_upgrade."
            )

    def _configure(self, run: Path) -> None:
        """Write the settings anew: they belong to the program, not to the cluster."""
        values = {
            "listen_addresses": "",
            "unix_socket_directories": f'"{run}"',
            "unix_socket_permissions": "0700",
            "port": "5432",
            "cluster_name": "rangka",
            "max_connections": "200",
            "shared_buffers": self._settings.pg_shared_buffers,
            "synchronous_commit": "on",
            # Short statements compiled from metadata: compiling them to machine code
            # costs more than it saves.
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "logging_collector": "on",
            "log_directory": str(self.log),
            "log_filename": "postgresql-%a.log",
            "log_rotation_age": "1d",
            "log_rotation_size": "0",
            "log_truncate_on_rotation": "on",
        }
        if not self._durable:
            values |= {"fsync": "off", "full_page_writes": "off"}
        lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n"
                 for name, value in values.items()]  # fmt: skip
        own = self.data / "rangka.conf"
        own.write_text("# Written at every start.\n" + "".join(lines))
        self._account.own(own)
        main = self.data / "postgresql.conf"
        include = "include 'rangka.conf'\n"
        if include not in main.read_text():
            with main.open("a") as file:
                file.write(include)
