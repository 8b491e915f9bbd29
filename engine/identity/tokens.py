"""Access tokens: EdDSA JWTs of 15 minutes (RFC 8037, RFC 9068).

Owns their form and their check. A token says who asks for which tenant in which
session, never what is allowed; whether the session still lives is not decided here.
"""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt
import msgspec
from uuid_utils.compat import uuid7

from engine.identity.signing_keys import SigningKeys

LIFETIME_SECONDS = 900
AUDIENCE = "rangka"
TYPE = "at+jwt"
ALGORITHM = "EdDSA"
MAX_LENGTH = 2048
MAX_VERIFIED = 10_000
_SKEW_SECONDS = 5
"""How far another worker's clock may be ahead."""

_CLAIMS = ("iss", "aud", "sub", "sid", "tid", "epoch", "iat", "nbf", "exp", "jti")
_HEADERS = {"alg", "kid", "typ"}


class TokenRefused(Exception):
    """The token is malformed, forged, expired or meant for something else."""


class Subject(msgspec.Struct, frozen=True, cache_hash=True):
    """Whom a token speaks for; also the key of what is known of him.

    Attributes:
        session_id: None for a user looked at from outside.
    """

    session_id: UUID | None
    user_id: UUID
    tenant_id: UUID


class Claims(msgspec.Struct, frozen=True):
    """What a verified token says."""

    subject: Subject
    epoch: int
    expires_at: datetime


class AccessTokens:
    """Issues tokens and verifies them, each one by its signature once only."""

    def __init__(
        self, keys: SigningKeys, issuer: str, most_verified: int = MAX_VERIFIED
    ) -> None:
        self.keys = keys
        self._most_verified = most_verified
        self._issuer = issuer
        # By the token itself: who can read this memory reads the signing key as well.
        self._verified: OrderedDict[str, Claims] = OrderedDict()

    def issue(
        self,
        *,
        user_id: UUID,
        session_id: UUID,
        tenant_id: UUID,
        epoch: int,
        now: datetime,
    ) -> str:
        """Return a token that expires in 900 s."""
        issued_at = int(now.timestamp())
        claims = {
            "iss": self._issuer,
            "aud": [AUDIENCE],
            "sub": str(user_id),
            "sid": str(session_id),
            "tid": str(tenant_id),
            "epoch": epoch,
            "iat": issued_at,
            "nbf": issued_at,
            "exp": issued_at + LIFETIME_SECONDS,
            "jti": uuid7().hex,
        }
        headers = {"kid": self.keys.kid, "typ": TYPE}
        return jwt.encode(
            claims, self.keys.private, algorithm=ALGORITHM, headers=headers
        )

    def verify(self, token: str, now: datetime) -> Claims:
        """Return the claims of a token of ours; raises TokenRefused."""
        if len(token) > MAX_LENGTH:
            raise TokenRefused("too long")
        claims = self._verified.get(token)
        if claims is None:
            claims = self._check(token, now)
            self._verified[token] = claims
            if len(self._verified) > self._most_verified:
                self._verified.popitem(last=False)
        else:
            self._verified.move_to_end(token)
        if claims.expires_at <= now:
            self._verified.pop(token, None)
            raise TokenRefused("expired")
        return claims

    def forget(
        self, *, session_id: UUID | None = None, user_id: UUID | None = None
    ) -> None:
        """Drop what was verified for a session or a user."""
        gone = [
            token
            for token, claims in self._verified.items()
            if claims.subject.session_id == session_id
            or claims.subject.user_id == user_id
        ]
        for token in gone:
            del self._verified[token]

    def _check(self, token: str, now: datetime) -> Claims:
        try:
            header = jwt.get_unverified_header(token)
            key = self.keys.public.get(_kid(header))
            if key is None:
                raise TokenRefused("unknown key")
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=self._issuer,
                options={
                    "require": list(_CLAIMS),
                    # Against the caller's clock, below.
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            return _read(claims, now)
        except (
            jwt.PyJWTError,
            ValueError,
            TypeError,
            AttributeError,
            OverflowError,
        ) as error:
            raise TokenRefused(str(error)) from error


def _kid(header: Mapping[str, Any]) -> str:
    """Return the key id of a header that holds what ours do and nothing else.

    A header that names a key (`jku`, `jwk`, `x5u`) or an extension is refused with it.
    """
    if set(header) != _HEADERS or header["typ"] != TYPE or header["alg"] != ALGORITHM:
        raise TokenRefused("not the header of an access token")
    kid = header["kid"]
    if not isinstance(kid, str):
        raise TokenRefused("kid is not text")
    return kid


def _read(claims: Mapping[str, Any], now: datetime) -> Claims:
    instants = [claims[name] for name in ("iat", "nbf", "exp", "epoch")]
    if any(type(value) is not int for value in instants):
        raise TokenRefused("iat, nbf, exp and epoch are whole numbers")
    latest_start = now.timestamp() + _SKEW_SECONDS
    if claims["iat"] > latest_start or claims["nbf"] > latest_start:
        raise TokenRefused("not valid yet")
    if not 0 < claims["exp"] - claims["iat"] <= LIFETIME_SECONDS:
        raise TokenRefused("lives longer than ours do")
    return Claims(
        _subject(claims["sid"], claims["sub"], claims["tid"]),
        epoch=claims["epoch"],
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )


@lru_cache(maxsize=MAX_VERIFIED)
def _subject(session_id: str, user_id: str, tenant_id: str) -> Subject:
    """Return one object for equal ones: dictionaries find that without comparing."""
    return Subject(UUID(session_id), UUID(user_id), UUID(tenant_id))
