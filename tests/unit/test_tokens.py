"""Access tokens: what ours look like, and every other that is refused."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from engine.identity.signing_keys import SigningKeys
from engine.identity.tokens import AccessTokens, Subject, TokenRefused

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
USER = UUID("0190d1a4-0000-7000-8000-000000000001")
SESSION = UUID("0190d1a4-0000-7000-8000-000000000002")
TENANT = UUID("0190d1a4-0000-7000-8000-000000000003")
ISSUER = "https://rangka.example.com"

KEY = Ed25519PrivateKey.generate()
OLD_KEY = Ed25519PrivateKey.generate()
STRANGE_KEY = Ed25519PrivateKey.generate()
KEYS = SigningKeys("new", KEY, {"new": KEY.public_key(), "old": OLD_KEY.public_key()})
HEADER = {"kid": "new", "typ": "at+jwt"}
CLAIMS = {
    "iss": ISSUER,
    "aud": ["rangka"],
    "sub": str(USER),
    "sid": str(SESSION),
    "tid": str(TENANT),
    "epoch": 3,
    "iat": int(NOW.timestamp()),
    "nbf": int(NOW.timestamp()),
    "exp": int(NOW.timestamp()) + 900,
    "jti": "x",
}


def tokens() -> AccessTokens:
    return AccessTokens(KEYS, ISSUER)


def issue(made: AccessTokens) -> str:
    return made.issue(
        user_id=USER, session_id=SESSION, tenant_id=TENANT, epoch=3, now=NOW
    )


def signed(
    claims: dict[str, Any] | None = None,
    header: dict[str, Any] | None = None,
    key: Any = KEY,
    algorithm: str = "EdDSA",
) -> str:
    return jwt.encode(
        CLAIMS if claims is None else claims,
        key,
        algorithm=algorithm,
        headers=HEADER if header is None else header,
    )


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in CLAIMS.items() if key != name}


def unsigned(header: dict[str, Any]) -> str:
    parts = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in (header, CLAIMS)
    )
    return ".".join([*parts, ""])


def test_an_issued_token_is_verified_and_says_what_was_put_in() -> None:
    made = tokens()
    token = issue(made)

    claims = made.verify(token, NOW)

    assert claims.subject == Subject(SESSION, USER, TENANT)
    assert claims.epoch == 3
    assert claims.expires_at == NOW.replace(microsecond=0) + timedelta(minutes=15)


def test_an_issued_token_holds_these_claims_and_no_permissions() -> None:
    token = issue(tokens())

    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, options={"verify_signature": False})

    assert header == {"alg": "EdDSA", "kid": "new", "typ": "at+jwt"}
    assert set(claims) == set(CLAIMS)
    assert issue(tokens()) != token


def test_a_token_of_an_older_key_is_still_accepted() -> None:
    token = signed(header={"kid": "old", "typ": "at+jwt"}, key=OLD_KEY)

    assert tokens().verify(token, NOW).subject.user_id == USER


def test_a_token_ends_at_its_second_even_when_it_is_known() -> None:
    made = tokens()
    token = issue(made)
    made.verify(token, NOW)

    made.verify(token, NOW + timedelta(seconds=899))
    with pytest.raises(TokenRefused):
        made.verify(token, NOW + timedelta(seconds=900))


def test_a_clock_a_little_ahead_is_forgiven() -> None:
    token = issue(tokens())

    assert tokens().verify(token, NOW - timedelta(seconds=4))
    with pytest.raises(TokenRefused):
        tokens().verify(token, NOW - timedelta(seconds=6))


PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
RAW = KEY.public_key().public_bytes_raw()

REFUSED = {
    "empty": "",
    "one part": "abc",
    "three empty parts": "..",
    "not base64": "!.!.!",
    "not ascii": "é.é.é",
    "half a character": "\ud800.a.b",
    "nul": "\x00",
    "huge": "a" * 5000,
    "huge but sound": signed({**CLAIMS, "x": "y" * 3000}),
    "alg none": unsigned({"alg": "none", "typ": "at+jwt", "kid": "new"}),
    "alg None": unsigned({"alg": "None", "typ": "at+jwt", "kid": "new"}),
    "no alg": unsigned({"typ": "at+jwt", "kid": "new"}),
    "public key as HMAC secret": signed(key=RAW, algorithm="HS256"),
    "strange key": signed(key=STRANGE_KEY),
    "strange key as the old one": signed(
        header={"kid": "old", "typ": "at+jwt"}, key=STRANGE_KEY
    ),
    "unknown kid": signed(header={"kid": "x", "typ": "at+jwt"}),
    "kid is SQL": signed(header={"kid": "' or 1=1 --", "typ": "at+jwt"}),
    "kid is a path": signed(header={"kid": "../../dev/null", "typ": "at+jwt"}),
    "no kid": signed(header={"typ": "at+jwt"}),
    "typ JWT": signed(header={"kid": "new", "typ": "JWT"}),
    "typ of another purpose": signed(header={"kid": "new", "typ": "rt+jwt"}),
    "jku": signed(header={**HEADER, "jku": "https://evil.example"}),
    "jwk": signed(header={**HEADER, "jwk": {"kty": "OKP"}}),
    "x5u": signed(header={**HEADER, "x5u": "https://evil.example"}),
    "crit": signed(header={**HEADER, "crit": ["exp"]}),
    **{f"without {name}": signed(without(name)) for name in CLAIMS},
    "another audience": signed({**CLAIMS, "aud": ["other"]}),
    "another issuer": signed({**CLAIMS, "iss": "https://evil.example"}),
    "sub is no id": signed({**CLAIMS, "sub": "root"}),
    "sid is no id": signed({**CLAIMS, "sid": "1"}),
    "tid is no text": signed({**CLAIMS, "tid": 5}),
    "epoch is text": signed({**CLAIMS, "epoch": "3"}),
    "epoch is true": signed({**CLAIMS, "epoch": True}),
    "exp is text": signed({**CLAIMS, "exp": "9999999999"}),
    "exp is a fraction": signed({**CLAIMS, "exp": CLAIMS["exp"] + 0.5}),
    "exp is far away": signed({**CLAIMS, "exp": CLAIMS["exp"] + 10**6}),
    "expired": signed({**CLAIMS, "iat": 1000, "nbf": 1000, "exp": 1900}),
    "from the future": signed(
        {**CLAIMS, "iat": CLAIMS["iat"] + 60, "exp": CLAIMS["exp"] + 60}
    ),
    "not before later": signed({**CLAIMS, "nbf": CLAIMS["nbf"] + 60}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_every_other_token_is_refused(name: str) -> None:
    made = tokens()

    for _ in range(2):
        with pytest.raises(TokenRefused):
            made.verify(REFUSED[name], NOW)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_changed_byte_is_refused(part: int) -> None:
    parts = issue(tokens()).split(".")
    middle = len(parts[part]) // 2
    letter = "A" if parts[part][middle] != "A" else "B"
    parts[part] = parts[part][:middle] + letter + parts[part][middle + 1 :]

    with pytest.raises(TokenRefused):
        tokens().verify(".".join(parts), NOW)


def test_a_forgotten_session_or_user_is_verified_anew() -> None:
    made = tokens()
    token = issue(made)
    first = made.verify(token, NOW)

    assert made.verify(token, NOW) is first
    made.forget(session_id=SESSION)
    second = made.verify(token, NOW)
    made.forget(user_id=USER)

    assert second is not first
    assert made.verify(token, NOW) is not second


def test_a_retired_key_is_not_accepted_after_a_forget() -> None:
    made = tokens()
    token = signed(header={"kid": "old", "typ": "at+jwt"}, key=OLD_KEY)
    made.verify(token, NOW)
    made.keys = SigningKeys("new", KEY, {"new": KEY.public_key()})
    made.forget(user_id=USER)

    with pytest.raises(TokenRefused):
        made.verify(token, NOW)


def test_what_is_kept_has_a_bound_and_the_last_used_stay() -> None:
    made = AccessTokens(KEYS, ISSUER, most_verified=3)
    known = issue(made)
    first = made.verify(known, NOW)

    for _ in range(5):
        made.verify(issue(made), NOW)
        assert made.verify(known, NOW) is first

    assert len(made._verified) == 3
