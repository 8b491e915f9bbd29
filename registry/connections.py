"""A tenant's settings and sealed secret for one external service.

Owns the rows of `rangka.connections` and what each kind of credential needs. A secret
goes in and is never shown again: it stays sealed until
`registry/gateway/credentials.py` reveals it for a call. Called by the gateway and by
the handlers of a tenant's settings.
"""

import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from uuid_utils.compat import uuid7

from registry.gateway.headers import is_free

KINDS = ("api_key", "bearer", "basic", "oauth2_client_credentials")
FRESH_SECONDS = 2.0
"""How long another process may go on with a connection that was changed."""
MAX_HELD = 10_000
MAX_SECRET = 8192

OfTenant = Callable[[UUID], AbstractAsyncContextManager[AsyncConnection[DictRow]]]
"""Opens a transaction in which one tenant's rows are there."""

_SETTINGS: Mapping[str, Mapping[str, bool]] = {
    "api_key": {"header": False, "prefix": False},
    "bearer": {},
    "basic": {"username": True},
    "oauth2_client_credentials": {
        "token_url": True,
        "client_id": True,
        "scope": False,
        "audience": False,
    },
}
"""By kind, the settings it takes and whether each is required."""

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")

_GET = """
SELECT id, kind, settings, secret FROM rangka.connections
WHERE tenant_id = %s AND service = %s
"""
_SHOW = """
SELECT kind, settings, version, updated_at FROM rangka.connections
WHERE tenant_id = %s AND service = %s
"""
_PUT = """
INSERT INTO rangka.connections AS c
    (tenant_id, service, id, kind, settings, secret, created_by, updated_by)
VALUES (%(tenant)s, %(service)s, %(id)s, %(kind)s, %(settings)s, %(secret)s,
        %(actor)s, %(actor)s)
ON CONFLICT (tenant_id, service) DO UPDATE SET
    id = excluded.id, kind = excluded.kind, settings = excluded.settings,
    secret = excluded.secret, version = c.version + 1, updated_at = now(),
    updated_by = excluded.updated_by
"""
_DELETE = "DELETE FROM rangka.connections WHERE tenant_id = %s AND service = %s"


class Sealer(Protocol):
    """Seals texts for a place and opens them there only."""

    def seal(self, plain: str, *, tenant_id: UUID, place: str, record_id: UUID) -> str:
        """Return the text to store."""

    def open(self, stored: str, *, tenant_id: UUID, place: str, record_id: UUID) -> str:
        """Return the plain text."""


class ConnectionInvalid(Exception):
    """What was given is no connection; `field` says where, `code` is stable."""

    def __init__(self, field: str, code: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.code = code
        self.message = message


class Secret:
    """A sealed text; it shows nothing of itself, and opens by `reveal` alone."""

    __slots__ = ("_reveal",)

    def __init__(self, reveal: Callable[[], str]) -> None:
        self._reveal = reveal

    def __repr__(self) -> str:
        return "Secret(…)"

    def reveal(self) -> str:
        """Return the plain text."""
        return self._reveal()


@dataclass(frozen=True, slots=True)
class Connection:
    """How a tenant is known at a service.

    Attributes:
        id: another one after each change, so nothing made for an old secret is used.
        settings: what is no secret; the keys depend on the kind.
    """

    id: UUID
    kind: str
    settings: Mapping[str, str]
    secret: Secret


class Connections:
    """The connections of all tenants, as far as this process has used them."""

    def __init__(self, of_tenant: OfTenant, sealer: Sealer) -> None:
        self._of_tenant = of_tenant
        self._sealer = sealer
        # By the tenant's number: the hash of a UUID itself takes a function of Python.
        self._held: dict[tuple[int, str], tuple[float, Connection | None]] = {}

    def peek(
        self, tenant_id: UUID, service: str
    ) -> tuple[float, Connection | None] | None:
        """Return until when a tenant's connection is held, and it; None when it is not.

        The connection itself is None where the tenant has none.
        """
        held = self._held.get((tenant_id.int, service))
        return held if held is not None and held[0] > time.monotonic() else None

    async def get(self, tenant_id: UUID, service: str) -> Connection | None:
        """Return the tenant's connection, at most 2 s old; None when it has none.

        Read as that tenant, so that row security stands between tenants too.
        """
        held = self.peek(tenant_id, service)
        if held is not None:
            return held[1]
        now = time.monotonic()
        async with self._of_tenant(tenant_id) as connection:
            key = (tenant_id, service)
            row = await (await connection.execute(_GET, key)).fetchone()
        found = self._read(row, tenant_id, service) if row else None
        if len(self._held) >= MAX_HELD:
            self._held.clear()
        self._held[tenant_id.int, service] = (now + FRESH_SECONDS, found)
        return found

    async def show(
        self, connection: AsyncConnection[DictRow], tenant_id: UUID, service: str
    ) -> dict[str, Any] | None:
        """Return what may be shown of a connection: never its secret."""
        row = await (await connection.execute(_SHOW, (tenant_id, service))).fetchone()
        if row is None:
            return None
        return {
            "kind": row["kind"],
            "settings": row["settings"],
            "secret": {"set": True},
            "version": row["version"],
            "updated_at": row["updated_at"].isoformat(),
        }

    async def put(
        self,
        connection: AsyncConnection[DictRow],
        tenant_id: UUID,
        service: str,
        document: Mapping[str, Any],
        actor: UUID | None,
    ) -> None:
        """Keep a connection: `{"kind", "settings", "secret"}`; replaces the one before.

        Without `secret` the stored one stays, while the kind and the place where it is
        sent (`token_url`) stay too: nobody may have a secret he does not know sent
        somewhere else.

        Raises:
            ConnectionInvalid: a part is missing, unknown or unusable.
        """
        kind, settings = checked(document)
        secret = document.get("secret")
        if secret is None:
            secret = await self._kept(connection, tenant_id, service, kind, settings)
        if not isinstance(secret, str) or not 1 <= len(secret) <= MAX_SECRET:
            raise ConnectionInvalid("secret", "required", "Enter the secret.")
        if _UNSAFE.search(secret) or not secret.isascii():
            raise ConnectionInvalid(
                "secret", "characters", "Enter a secret of printable ASCII signs."
            )
        row_id = uuid7()
        sealed = self._sealer.seal(
            secret, tenant_id=tenant_id, place=_place(service), record_id=row_id
        )
        values = {
            "tenant": tenant_id,
            "service": service,
            "id": row_id,
            "kind": kind,
            "settings": json.dumps(settings),
            "secret": sealed,
            "actor": actor,
        }
        await connection.execute(_PUT, values)
        self.forget(tenant_id, service)

    async def delete(
        self, connection: AsyncConnection[DictRow], tenant_id: UUID, service: str
    ) -> bool:
        """Delete a connection with its secret; False when there was none."""
        done = await connection.execute(_DELETE, (tenant_id, service))
        self.forget(tenant_id, service)
        return done.rowcount > 0

    def forget(self, tenant_id: UUID, service: str) -> None:
        """Read a connection anew, the next time it is asked for."""
        self._held.pop((tenant_id.int, service), None)

    async def _kept(
        self,
        connection: AsyncConnection[DictRow],
        tenant_id: UUID,
        service: str,
        kind: str,
        settings: Mapping[str, str],
    ) -> str | None:
        key = (tenant_id, service)
        row = await (await connection.execute(_GET, key)).fetchone()
        if row is None or row["kind"] != kind:
            return None
        if row["settings"].get("token_url") != settings.get("token_url"):
            return None
        return self._read(row, tenant_id, service).secret.reveal()

    def _read(self, row: DictRow, tenant_id: UUID, service: str) -> Connection:
        stored, row_id = str(row["secret"]), row["id"]

        def reveal() -> str:
            return self._sealer.open(
                stored, tenant_id=tenant_id, place=_place(service), record_id=row_id
            )

        return Connection(row_id, row["kind"], row["settings"], Secret(reveal))


def checked(document: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Return the kind and the settings of a document; raises ConnectionInvalid."""
    for name in document.keys() - {"kind", "settings", "secret"}:
        raise ConnectionInvalid(name, "unknown_field", "There is no such field here.")
    kind = document.get("kind")
    if kind not in KINDS:
        raise ConnectionInvalid("kind", "choice", f"Choose one of: {', '.join(KINDS)}.")
    given = document.get("settings") or {}
    if not isinstance(given, dict):
        raise ConnectionInvalid("settings", "type", "settings is an object.")
    declared = _SETTINGS[kind]
    for name, value in given.items():
        place = f"settings.{name}"
        if name not in declared:
            raise ConnectionInvalid(place, "unknown_field", f"{kind} has no {name}.")
        if not isinstance(value, str) or len(value) > 500 or _UNSAFE.search(value):
            raise ConnectionInvalid(place, "format", "Enter a line of text.")
    for name, is_required in declared.items():
        if is_required and not given.get(name):
            raise ConnectionInvalid(f"settings.{name}", "required", "Enter a value.")
    _check_values(given)
    return str(kind), dict(given)


def _check_values(given: Mapping[str, str]) -> None:
    header = given.get("header", "X-API-Key")
    if not _TOKEN.fullmatch(header) or not is_free(header):
        raise ConnectionInvalid(
            "settings.header", "format", "Enter a header that the gateway does not use."
        )
    if not given.get("prefix", "").isascii():
        raise ConnectionInvalid("settings.prefix", "characters", "Enter ASCII signs.")
    if ":" in given.get("username", ""):
        # RFC 7617, section 2: the first colon ends the name.
        raise ConnectionInvalid(
            "settings.username", "characters", "A name for basic has no colon."
        )
    if "token_url" not in given:
        return
    try:
        parts = urlsplit(given["token_url"])
        fits = parts.scheme in {"http", "https"} and parts.hostname and not parts.query
        fits = (
            fits and "@" not in parts.netloc and not parts.fragment and parts.port != 0
        )
    except ValueError:
        fits = False
    if not fits or not given["token_url"].isascii():
        raise ConnectionInvalid(
            "settings.token_url",
            "format",
            "Enter an address like https://id.example/token.",
        )


def _place(service: str) -> str:
    return f"connection.{service}"
