"""What an installation can be told by its environment, read once at start-up.

Owns every `RANGKA_…` variable, its default and its check. Never opens a connection
and imports nothing heavy: each command and each worker process begins here.
Settings are passed on as an argument; nobody else reads the environment.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import cast
from urllib.parse import quote, urlsplit, urlunsplit

from engine import proxies, secretkey

PREFIX = "RANGKA_"
OWNER_ROLE = "rangka_owner"
APP_ROLE = "rangka_app"
SYSTEM_ROLE = "rangka_system"
SUPERUSER_ROLE = "postgres"
"""The role the embedded server is administered with."""

# sun_path holds 108 bytes with its NUL (unix(7)); PostgreSQL adds the file name.
_SOCKET_PATH_BYTES = 107
_SOCKET_FILE = ".s.PGSQL.5432.lock"


class StartupError(Exception):
    """The program cannot start; the message says what, where, and what to do."""


class NoInstallation(StartupError):
    """A command that needs an installation was started where none is."""


class SettingsError(StartupError):
    """A variable of the environment has a value that cannot be used."""


def _text(value: str) -> str:
    return value


def _path(value: str) -> Path:
    return Path(value).expanduser().absolute()


def _secret(value: str) -> bytes:
    if len(value.encode()) < secretkey.KEY_BYTES:
        raise ValueError(f"has fewer than {secretkey.KEY_BYTES} bytes")
    return value.encode()


def _postgres_url(value: str) -> str:
    if urlsplit(value).scheme not in {"postgresql", "postgres"}:
        raise ValueError("does not begin with postgresql://")
    return value


def _redis_url(value: str) -> str:
    if urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("does not begin with redis://, rediss:// or unix://")
    return value


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("is not an address like https://rangka.example.com")
    return value.rstrip("/")


def _networks(value: str) -> str:
    try:
        proxies.networks(value)
    except ValueError as error:
        raise ValueError(f"holds {error}") from error
    return value


def _whole(least: int, most: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not value.strip().isdecimal() or not least <= int(value) <= most:
            raise ValueError(f"is not a whole number from {least} to {most}")
        return int(value)

    return parse


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in choices:
            raise ValueError(f"is not one of {', '.join(choices)}")
        return value

    return parse


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One installation's settings; each field is the variable `RANGKA_<FIELD>`.

    Build it with `from_environment`, which also fills what is derived: the secret
    key, the address of the embedded database and the addresses of the three roles.
    `metadata["help"]` of each field is the text of docs/operations.md.
    """

    environment: str = field(
        metadata={
            "parse": _one_of("development", "production"),
            "default": "development",
            "help": "`production` demands an explicit public address and HTTPS cookies",
        }
    )
    data_dir: Path = field(
        metadata={
            "parse": _path,
            "default": "./var",
            "help": "Folder of the embedded database, stored files and the secret key",
        }
    )
    host: str = field(
        metadata={
            "parse": _text,
            "default": "127.0.0.1",
            "help": "Address to listen on; `0.0.0.0` for every interface",
        }
    )
    port: int = field(
        metadata={
            "parse": _whole(1, 65535),
            "default": "8000",
            "help": "Port to listen on",
        }
    )
    trusted_proxies: str | None = field(
        metadata={
            "parse": _networks,
            "default": None,
            "help": "Addresses or networks, parted by commas, of the reverse proxies "
            "whose `X-Forwarded-For` says who asks; nobody's by default",
        }
    )
    workers: int = field(
        metadata={
            "parse": _whole(1, 256),
            "default": "1",
            "help": "Server processes",
        }
    )
    public_url: str = field(
        metadata={
            "parse": _http_url,
            "default": None,
            "help": "Address people open in the browser; host and port by default",
        }
    )
    log_level: str = field(
        metadata={
            "parse": _one_of("debug", "info", "warning", "error", "critical"),
            "default": "info",
            "help": "Least severe messages to log",
        }
    )
    secret_key: bytes = field(
        repr=False,
        metadata={
            "parse": _secret,
            "default": None,
            "help": (
                "At least 32 random bytes that tokens, stored secrets and role "
                "passwords depend on; by default made once in `secret.key` of the "
                "data folder"
            ),
        },
    )
    database_url: str | None = field(
        repr=False,
        metadata={
            "parse": _postgres_url,
            "default": None,
            "help": (
                "External PostgreSQL >= 15, as a role that may create roles and "
                "databases; unset means the embedded server"
            ),
        },
    )
    database_name: str = field(
        metadata={
            "parse": _text,
            "default": "rangka",
            "help": "Database to keep everything in",
        }
    )
    owner_database_url: str = field(
        repr=False,
        metadata={
            "parse": _postgres_url,
            "default": None,
            "help": f"Address for migrations and publishing, role `{OWNER_ROLE}`",
        },
    )
    app_database_url: str = field(
        repr=False,
        metadata={
            "parse": _postgres_url,
            "default": None,
            "help": f"Address for requests, role `{APP_ROLE}`",
        },
    )
    system_database_url: str = field(
        repr=False,
        metadata={
            "parse": _postgres_url,
            "default": None,
            "help": f"Address for platform jobs, role `{SYSTEM_ROLE}`",
        },
    )
    database_connections: int = field(
        metadata={
            "parse": _whole(1, 1000),
            "default": "8",
            "help": "Database connections of each server process for requests",
        }
    )
    pg_bin: Path | None = field(
        metadata={
            "parse": _path,
            "default": None,
            "help": (
                "Folder with `postgres` and `initdb` for the embedded server; by "
                "default the ones installed with the package, then the system's"
            ),
        }
    )
    pg_shared_buffers: str = field(
        metadata={
            "parse": _text,
            "default": "256MB",
            "help": "Page cache of the embedded server",
        }
    )
    redis_url: str | None = field(
        repr=False,
        metadata={
            "parse": _redis_url,
            "default": None,
            "help": "Redis for several machines; unset means PostgreSQL does its work",
        },
    )
    worker: str = field(
        metadata={
            "parse": _one_of("embedded", "off"),
            "default": "embedded",
            "help": "Whether server processes run jobs too; `off` leaves them to "
            "`rangka worker`",
        }
    )
    worker_threads: int = field(
        metadata={
            "parse": _whole(1, 256),
            "default": "8",
            "help": "Jobs that one process runs at a time",
        }
    )
    services_path: str | None = field(
        metadata={
            "parse": _text,
            "default": None,
            "help": "Folders of services with code of their own, parted by `:`; their "
            "`service.py` runs at start-up",
        }
    )
    body_limit_bytes: int = field(
        metadata={
            "parse": _whole(1024, 2**31),
            "default": str(10 * 2**20),
            "help": "Largest JSON request",
        }
    )
    import_limit_bytes: int = field(
        metadata={
            "parse": _whole(1024, 2**40),
            "default": str(512 * 2**20),
            "help": "Largest file of an import",
        }
    )
    metrics_networks: str = field(
        metadata={
            "parse": _networks,
            "default": "127.0.0.0/8,::1/128",
            "help": "Addresses or networks, parted by commas, that may read `/metrics`",
        }
    )
    gateway_networks: str | None = field(
        metadata={
            "parse": _networks,
            "default": None,
            "help": "Private networks, parted by commas, in which external services "
            "may lie, also over plain HTTP; none by default",
        }
    )
    router_networks: str = field(
        metadata={
            "parse": _networks,
            "default": "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,fc00::/7",
            "help": "Private networks, parted by commas, in which routers may lie, "
            "beside the public Internet",
        }
    )
    gateway_body_limit_bytes: int = field(
        metadata={
            "parse": _whole(1024, 2**40),
            "default": str(100 * 2**20),
            "help": "Largest body sent to an external service",
        }
    )
    gateway_answer_limit_bytes: int = field(
        metadata={
            "parse": _whole(1024, 2**40),
            "default": str(2 * 2**30),
            "help": "Largest answer of an external service passed on",
        }
    )
    backup: str = field(
        metadata={
            "parse": _one_of("nightly", "off"),
            "default": "nightly",
            "help": "Whether a backup is made at 02:00 of the core tenant's time zone",
        }
    )
    backup_dir: Path = field(
        metadata={
            "parse": _path,
            "default": None,
            "help": "Folder of the backups; by default `backups` in the data folder",
        }
    )
    backup_keep: int = field(
        metadata={
            "parse": _whole(1, 10_000),
            "default": "14",
            "help": "How many backups are kept; older ones are deleted",
        }
    )
    drain_seconds: int = field(
        metadata={
            "parse": _whole(1, 3600),
            "default": "30",
            "help": "Longest wait for running requests when the server stops",
        }
    )
    notice_seconds: int = field(
        metadata={
            "parse": _whole(0, 600),
            "default": None,
            "help": "How long requests are still taken after SIGTERM, while "
            "/health/ready says no; by default 5 in production, else 0",
        }
    )

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, **overrides: object
    ) -> "Settings":
        """Return the settings of an environment (`os.environ` by default).

        Args:
            environ: variables; an empty one counts as unset.
            overrides: values by field name that win over the environment, already
                of the field's type; None means not overridden.

        Raises:
            SettingsError: naming the first variable with an unusable value.
        """
        source = os.environ if environ is None else environ
        values: dict[str, object] = {}
        for spec in fields(cls):
            override = overrides.pop(spec.name, None)
            if override is not None:
                values[spec.name] = override
                continue
            variable = PREFIX + spec.name.upper()
            raw = source.get(variable, "").strip() or spec.metadata["default"]
            if raw is None:
                values[spec.name] = None
                continue
            try:
                values[spec.name] = spec.metadata["parse"](raw)
            except ValueError as error:
                shown = "" if not spec.repr else f" ({raw!r})"
                raise SettingsError(
                    f"{variable}{shown} {error}. {spec.metadata['help']}."
                ) from error
        if overrides:
            raise TypeError(f"Settings has no field {', '.join(sorted(overrides))}")
        _derive(values)
        return cls(**values)  # type: ignore[arg-type] # checked by the parsers above

    @classmethod
    def of_installation(
        cls, environ: Mapping[str, str] | None = None, **overrides: object
    ) -> "Settings":
        """Return the settings of an installation that is there; makes nothing.

        Takes what `from_environment` takes; a relative `data_dir` is shown as it is.

        Raises:
            NoInstallation: there is neither a database address nor an embedded
                database, or the secret key is missing.
            SettingsError: naming the first variable with an unusable value.
        """
        source = os.environ if environ is None else environ

        def said(name: str) -> str:
            return source.get(f"{PREFIX}{name}".upper(), "").strip()

        shown = str(overrides.get("data_dir") or said("data_dir") or "./var")
        folder = _path(shown)
        addressed = any(
            said(spec.name) for spec in fields(cls) if "database_url" in spec.name
        )
        if not addressed and not (folder / "postgres" / "cluster").exists():
            raise NoInstallation(
                f"There is no installation in {shown}. Start one with rangka demo or "
                "rangka serve, or name its folder by --data-dir."
            )
        return cls.with_key(environ, **{**overrides, "data_dir": shown})

    @classmethod
    def with_key(
        cls, environ: Mapping[str, str] | None = None, **overrides: object
    ) -> "Settings":
        """Return the settings of a folder that has its secret key; makes none.

        Raises:
            NoInstallation: the key is missing.
            SettingsError: naming the first variable with an unusable value.
        """
        source = os.environ if environ is None else environ
        named = overrides.get("data_dir") or source.get(f"{PREFIX}DATA_DIR", "").strip()
        shown = str(named or "./var")
        folder = _path(shown)
        if (
            not source.get(f"{PREFIX}SECRET_KEY", "").strip()
            and not (folder / "secret.key").exists()
        ):
            # A new key would change the passwords of the database's roles.
            raise NoInstallation(
                f"There is no secret.key in {shown}. Name the installation's folder "
                "by --data-dir, bring the file back from where you keep it, or set "
                "RANGKA_SECRET_KEY as the server has it."
            )
        return cls.from_environment(environ, **{**overrides, "data_dir": folder})

    def to_environment(self) -> dict[str, str]:
        """Return the variables that make another process read these settings."""
        bare = Settings.from_environment(
            {},
            data_dir=self.data_dir,
            secret_key=self.secret_key,
            database_url=self.database_url,
            database_name=self.database_name,
            host=self.host,
            port=self.port,
        )
        variables = {}
        for spec in fields(self):
            value = getattr(self, spec.name)
            derived = value == getattr(bare, spec.name)
            if value is None or spec.name == "secret_key":
                continue
            # An address that was derived stays derived: stating it would turn the
            # embedded server of this process into an external one of the next.
            if derived and spec.name.endswith("_database_url"):
                continue
            variables[PREFIX + spec.name.upper()] = str(value)
        key_file = self.data_dir / "secret.key"
        if not key_file.exists() or key_file.read_bytes() != self.secret_key:
            variables[f"{PREFIX}SECRET_KEY"] = self.secret_key.decode()
        return variables

    @property
    def is_embedded(self) -> bool:
        """True when the database is the embedded server of the data folder."""
        return self.database_url is None and self.app_database_url == _with_role(
            embedded_url(self.data_dir), APP_ROLE, self.secret_key, self.database_name
        )

    @property
    def admin_database_url(self) -> str | None:
        """Address of a role that may create roles and databases, if there is one."""
        if self.is_embedded:
            return _with_role(
                embedded_url(self.data_dir), SUPERUSER_ROLE, self.secret_key, "postgres"
            )
        return self.database_url

    def role_password(self, role: str) -> str:
        """Return the password a database role has unless its address says another."""
        return derive_key(self.secret_key, role).hex()


def derive_key(secret_key: bytes, purpose: str) -> bytes:
    """Return 32 bytes for one purpose: HMAC-SHA256 (RFC 2104) of its name."""
    return hmac.new(secret_key, purpose.encode(), hashlib.sha256).digest()


def socket_directory(data_dir: Path) -> Path:
    """Return the folder of the embedded server's socket.

    It lies in the data folder, or, where that path is too long for a Unix socket, in
    a short folder named after it. Every process of a data folder finds the same one.
    """
    wanted = data_dir / "postgres" / "run"
    if len(os.fsencode(wanted / _SOCKET_FILE)) <= _SOCKET_PATH_BYTES:
        return wanted
    name = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
    return Path("/tmp") / f"rangka-{name}"  # noqa: S108 - PostgresServer checks owner


def embedded_url(data_dir: Path) -> str:
    """Return the address of the embedded server, without role and database."""
    return f"postgresql://?host={quote(str(socket_directory(data_dir)), safe='/')}"


def _derive(values: dict[str, object]) -> None:
    """Fill what follows from the other values."""
    data_dir = cast("Path", values["data_dir"])
    if values["secret_key"] is None:
        try:
            values["secret_key"] = secretkey.load_or_create(data_dir / "secret.key")
        except secretkey.SecretKeyError as error:
            raise SettingsError(str(error)) from error
    secret = cast("bytes", values["secret_key"])
    base = cast("str | None", values["database_url"]) or embedded_url(data_dir)
    name = cast("str", values["database_name"])
    for variable, role in (
        ("owner_database_url", OWNER_ROLE),
        ("app_database_url", APP_ROLE),
        ("system_database_url", SYSTEM_ROLE),
    ):
        if values[variable] is None:
            values[variable] = _with_role(base, role, secret, name)
    if values["backup_dir"] is None:
        values["backup_dir"] = data_dir / "backups"
    if values["notice_seconds"] is None:
        values["notice_seconds"] = 5 if values["environment"] == "production" else 0
    if cast("int", values["notice_seconds"]) > cast("int", values["drain_seconds"]) / 2:
        raise SettingsError(
            f"{PREFIX}NOTICE_SECONDS is more than half of {PREFIX}DRAIN_SECONDS, of "
            "which it is a part. Shorten the one or lengthen the other."
        )
    if values["public_url"] is None:
        if values["environment"] == "production":
            raise SettingsError(
                f"{PREFIX}PUBLIC_URL is not set. In production the links in mails and "
                "the origin checks need the address that people open."
            )
        host = cast("str", values["host"])
        shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104
        bracketed = f"[{shown}]" if ":" in shown else shown
        values["public_url"] = f"http://{bracketed}:{values['port']}"


def _with_role(base: str, role: str, secret: bytes, database: str) -> str:
    """Replace user, password and database of an address."""
    parts = urlsplit(base)
    server = parts.netloc.rpartition("@")[2]
    password = derive_key(secret, role).hex()
    netloc = f"{role}:{password}@{server}"
    return urlunsplit(
        (parts.scheme, netloc, f"/{quote(database, safe='')}", parts.query, "")
    )
