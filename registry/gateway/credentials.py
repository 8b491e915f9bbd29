"""What a call shows of its tenant's connection: the one place that reveals a secret.

Owns the tokens that OAuth2 client credentials fetch, each for one tenant, service and
secret. No error here holds a secret, a token or an answer of a token endpoint.
"""

import asyncio
import base64
import time
from collections import OrderedDict
from dataclasses import dataclass
from urllib.parse import quote_plus, urlencode, urlsplit
from uuid import UUID

import msgspec

from registry.connections import Connection
from registry.gateway.exchange import lines_of
from registry.gateway.upstream import UpstreamClient, UpstreamError, unwritable

MAX_TOKENS = 10_000
TOKEN_SECONDS = 10.0
MAX_TOKEN_ANSWER = 64 * 1024
_OAUTH2 = "oauth2_client_credentials"
_EARLY_SECONDS = 30
_SHORTEST_SECONDS = 5

Header = tuple[str, str]


class CredentialsRefused(Exception):
    """The token endpoint gave no token; the message holds nothing it said."""


class _TokenAnswer(msgspec.Struct):
    """RFC 6749, section 5.1."""

    access_token: str
    token_type: str
    expires_in: float = 300.0


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    until: float


class Credentials:
    """Turns connections into headers."""

    def __init__(self, client: UpstreamClient, public: UpstreamClient) -> None:
        """Take the services' client, and one that reaches public addresses only."""
        self._client = client
        self._public = public
        self._tokens: OrderedDict[tuple[UUID, str, UUID], _Token] = OrderedDict()
        # By number: the hash of a UUID itself takes a function of Python.
        self._kept: OrderedDict[int, bytes] = OrderedDict()
        self._fetching: dict[tuple[UUID, str, UUID], asyncio.Lock] = {}

    def kept(self, connection: Connection) -> bytes | None:
        """Return the line of a connection, None when `line` has to be asked."""
        return self._kept.get(connection.id.int)

    async def line(
        self, tenant_id: UUID, service: str, connection: Connection, host: str
    ) -> bytes:
        """Return what `header` does, as it is written.

        Raises:
            CredentialsRefused, UpstreamError: as `header`, or it holds a sign that a
                header cannot.
        """
        header = await self.header(tenant_id, service, connection, host)
        try:
            line = lines_of([header])
        except ValueError:
            raise unwritable() from None
        if connection.kind != _OAUTH2:
            # The id is another one after each change, so none kept is ever an old one.
            self._kept[connection.id.int] = line
            while len(self._kept) > MAX_TOKENS:
                self._kept.popitem(last=False)
        return line

    async def header(
        self, tenant_id: UUID, service: str, connection: Connection, host: str
    ) -> Header:
        """Return the header that makes a call one of this tenant's.

        `host` is the service's. A token endpoint elsewhere is the tenant's own word, so
        the networks that the deployment allows for services are closed to it.

        Raises:
            CredentialsRefused: there is no token to be had for the client credentials.
            UpstreamError: the token endpoint cannot be reached.
        """
        if connection.kind != _OAUTH2:
            return _header(connection)
        token = await self._token(tenant_id, service, connection, host)
        return "Authorization", f"Bearer {token}"

    def refused(self, tenant_id: UUID, service: str, connection: Connection) -> None:
        """Forget a token that the service did not take; the next call fetches one."""
        self._tokens.pop((tenant_id, service, connection.id), None)

    async def _token(
        self, tenant_id: UUID, service: str, connection: Connection, host: str
    ) -> str:
        key = (tenant_id, service, connection.id)
        found = self._tokens.get(key)
        if found is not None and found.until > time.monotonic():
            return found.value
        lock = self._fetching.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                found = self._tokens.get(key)
                if found is None or found.until <= time.monotonic():
                    found = await self._fetch(connection, host)
                    self._tokens[key] = found
                    while len(self._tokens) > MAX_TOKENS:
                        self._tokens.popitem(last=False)
        finally:
            if not lock.locked():
                self._fetching.pop(key, None)
        return found.value

    async def _fetch(self, connection: Connection, host: str) -> _Token:
        """Return a new token (RFC 6749, section 4.4), asked for with basic."""
        settings = connection.settings
        form = {"grant_type": "client_credentials"}
        form |= {n: settings[n] for n in ("scope", "audience") if settings.get(n)}
        parts = urlsplit(settings["token_url"])
        # Form-encoded first (RFC 6749, section 2.3.1).
        name = quote_plus(settings["client_id"])
        headers = [
            _basic(name, quote_plus(connection.secret.reveal())),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Accept", "application/json"),
        ]
        try:
            async with asyncio.timeout(TOKEN_SECONDS):
                client = self._client if parts.hostname == host else self._public
                status, raw = await client.fetch(
                    "POST",
                    f"{parts.scheme}://{parts.netloc}{parts.path or '/'}",
                    headers,
                    urlencode(form).encode(),
                    limit=MAX_TOKEN_ANSWER,
                )
        except TimeoutError as error:
            raise UpstreamError("timeout", "The token endpoint does not answer.") from (
                error
            )
        if status != 200:
            raise CredentialsRefused(f"The token endpoint answered {status}.")
        try:
            answer = msgspec.json.decode(raw, type=_TokenAnswer)
        except msgspec.MsgspecError as error:
            raise CredentialsRefused("The token endpoint gave no token.") from error
        if answer.token_type.lower() != "bearer" or not _is_token(answer.access_token):
            raise CredentialsRefused("The token endpoint gave no bearer token.")
        lives = max(answer.expires_in - _EARLY_SECONDS, _SHORTEST_SECONDS)
        return _Token(answer.access_token, time.monotonic() + lives)


def _header(connection: Connection) -> Header:
    """Return the header of a credential that is sent as it is."""
    settings, secret = connection.settings, connection.secret.reveal()
    match connection.kind:
        case "api_key":
            return settings.get("header", "X-API-Key"), settings.get(
                "prefix", ""
            ) + secret
        case "basic":
            return _basic(settings["username"], secret)
    return "Authorization", f"Bearer {secret}"


def _basic(name: str, secret: str) -> Header:
    """Return the header of RFC 7617."""
    pair = base64.b64encode(f"{name}:{secret}".encode()).decode()
    return "Authorization", f"Basic {pair}"


def _is_token(text: str) -> bool:
    return 0 < len(text) <= 8000 and text.isascii() and text.isprintable()
