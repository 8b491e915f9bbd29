"""What proves to a service that a call came through the gateway, and for whom.

Owns signature v1 (HMAC of `timestamp|path|body`, for services that know only that),
v2 (all that a service relies on) and the identity token of 60 s. A service may check
with `verify`; docs/gateway.md says how in any language.
"""

import hashlib
import hmac
import secrets
import time
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from uuid_utils import uuid4

SKEW_SECONDS = 60
TOKEN_SECONDS = 60
MAX_KEPT = 10_000
UNSIGNED = "UNSIGNED-STREAM"
"""Stands for the digest of a body that was passed on as it came."""

IDENTITY = (
    "x-org-id",
    "x-tenant-id",
    "x-user-id",
    "x-user-permissions",
    "x-user-roles",
)
"""The signed identity headers, in their order."""

_SHOWN = (
    ("x-org-id", "X-Org-Id"),
    ("x-tenant-id", "X-Tenant-ID"),
    ("x-user-id", "X-User-Id"),
    ("x-user-permissions", "X-User-Permissions"),
    ("x-user-roles", "X-User-Roles"),
)

_EMPTY = f"sha-256=:{b64encode(hashlib.sha256(b'').digest()).decode()}:"

Encode = Callable[[Mapping[str, Any]], str]
"""Signs claims as a JWT of the installation."""


@dataclass(frozen=True)
class Identity:
    """Who calls, as the signed headers say it; made once for a user and a service.

    Attributes:
        values: by the names of `IDENTITY`; one that is missing counts as empty.
    """

    values: Mapping[str, str]

    @cached_property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return them as they go out, by the names that are usual."""
        return tuple((shown, self.values.get(name, "")) for name, shown in _SHOWN)

    @cached_property
    def digest(self) -> str:
        """Return what the signature holds of them: a SHA-256 in hex."""
        text = "\n".join(f"{name}:{self.values.get(name, '')}" for name in IDENTITY)
        return hashlib.sha256(text.encode("latin-1")).hexdigest()


class Message(msgspec.Struct, frozen=True):
    """What a signature covers.

    Attributes:
        authority: host and port as the Host header has them.
        path, query: as they go out, encoded.
        body: None where it is passed on as it comes.
    """

    method: str
    authority: str
    path: str
    query: str
    body: bytes | None
    identity: Identity
    request_id: str


@dataclass(frozen=True, eq=False)
class Key:
    """A signing key of one service and tenant; `Signer` makes one object of each."""

    id: str
    secret: bytes

    def hmac(self, text: bytes) -> str:
        """Return HMAC-SHA256 of a text in hex (RFC 2104)."""
        state = self._keyed.copy()
        state.update(text)
        return state.finalize().hex()

    @cached_property
    def _keyed(self) -> HMAC:
        """The state that every HMAC begins with."""
        return HMAC(self.secret, hashes.SHA256())


class Signer:
    """Signs with keys that are derived, so that none is stored (RFC 5869)."""

    def __init__(self, master: bytes) -> None:
        self._master = master
        self._keys: OrderedDict[tuple[str, UUID], Key] = OrderedDict()

    def key(self, service: str, tenant_id: UUID) -> Key:
        """Return the key of a service for one tenant's calls."""
        found = self._keys.get((service, tenant_id))
        if found is None:
            info = f"rangka gateway v2|{service}|{tenant_id}".encode()
            kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info)
            secret = kdf.derive(self._master)
            found = Key(hashlib.sha256(secret).hexdigest()[:16], secret)
            self._keys[service, tenant_id] = found
            if len(self._keys) > MAX_KEPT:
                self._keys.popitem(last=False)
        return found


def sign(key: Key, message: Message) -> str:
    """Return the headers that sign a message now, each time with another nonce.

    As they are written, each line with its end: nothing in them is anybody's own text.
    """
    timestamp = str(int(time.time()))
    nonce = uuid4().hex
    digest = digest_of(message.body)
    text = signed_text(message, key.id, timestamp, nonce, digest)
    signatures = f"v2={key.hmac(text)}"
    shown = ""
    if message.body is not None:
        shown = f"Content-Digest: {digest}\r\n"
        if message.body:
            old = key.hmac(f"{timestamp}|{message.path}|".encode() + message.body)
        else:
            old = _v1_of_nothing(key, timestamp, message.path)
        signatures = f"v1={old},{signatures}"
    return (
        f"X-Gateway-Timestamp: {timestamp}\r\nX-Gateway-Key-Id: {key.id}\r\n"
        f"X-Gateway-Nonce: {nonce}\r\nX-Gateway-Signature: {signatures}\r\n{shown}"
    )


@lru_cache(maxsize=1024)
def _v1_of_nothing(key: Key, timestamp: str, path: str) -> str:
    """Return v1 without a body: within a second, the same for one path and tenant."""
    return key.hmac(f"{timestamp}|{path}|".encode())


def digest_of(body: bytes | None) -> str:
    """Return the Content-Digest of a body (RFC 9530, section 2)."""
    if body is None:
        return UNSIGNED
    if not body:
        return _EMPTY
    return f"sha-256=:{b64encode(hashlib.sha256(body).digest()).decode()}:"


def signed_text(
    message: Message, key_id: str, timestamp: str, nonce: str, digest: str
) -> bytes:
    """Return what v2 signs: eleven lines, none of which can hold a line break."""
    said = message.identity.digest
    return (
        f"v2\n{key_id}\n{timestamp}\n{nonce}\n{message.method}\n{message.authority}\n"
        f"{message.path}\n{message.query}\n{digest}\n{said}\n{message.request_id}"
    ).encode("latin-1")


def verify(
    key: Key, message: Message, headers: Mapping[str, str], now: float
) -> str | None:
    """Return None when v2 holds, else what is wrong; names are in lower case.

    The caller remembers nonces for 2 minutes, and whether it takes `UNSIGNED-STREAM`.
    """
    timestamp = headers.get("x-gateway-timestamp", "")
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return "no timestamp"
    if abs(int(timestamp) - now) > SKEW_SECONDS:
        return "too old or too new"
    if headers.get("x-gateway-key-id") != key.id:
        return "another key"
    digest = digest_of(message.body)
    if headers.get("content-digest", UNSIGNED) != digest:
        return "another body"
    nonce = headers.get("x-gateway-nonce", "")
    wanted = key.hmac(signed_text(message, key.id, timestamp, nonce, digest))
    given = dict(
        part.partition("=")[::2]
        for part in headers.get("x-gateway-signature", "").split(",")
    )
    shown = given.get("v2", "").encode("latin-1", "replace")
    if not hmac.compare_digest(shown, wanted.encode()):
        return "another signature"
    return None


class IdentityTokens:
    """JWTs that name the user to one service; each is used for half of its life."""

    def __init__(self, encode: Encode, issuer: str) -> None:
        self._encode = encode
        self._issuer = issuer
        self._kept: OrderedDict[tuple[UUID, UUID, str], tuple[float, str]] = (
            OrderedDict()
        )

    def token(self, user_id: UUID, tenant_id: UUID, service: str) -> str:
        """Return a token of 60 s for this service alone (`aud`)."""
        key = (user_id, tenant_id, service)
        now = time.time()
        found = self._kept.get(key)
        if found is not None and found[0] > now >= found[0] - TOKEN_SECONDS / 2:
            return found[1]
        issued = int(now)
        token = self._encode(
            {
                "iss": self._issuer,
                "aud": service,
                "sub": str(user_id),
                "tid": str(tenant_id),
                "iat": issued,
                "exp": issued + TOKEN_SECONDS,
                "jti": secrets.token_urlsafe(12),
            }
        )
        self._kept[key] = (issued + TOKEN_SECONDS / 2, token)
        self._kept.move_to_end(key)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return token
