"""Signatures: whatever is changed on the way is noticed."""

import hashlib
import hmac
import time
from typing import Any
from uuid import UUID

import msgspec
import pytest

from registry.gateway.signing import (
    IDENTITY,
    Identity,
    IdentityTokens,
    Key,
    Message,
    Signer,
    sign,
    verify,
)

OURS, THEIRS = UUID(int=1), UUID(int=2)
MESSAGE = Message(
    "POST",
    "api.example.com:8443",
    "/v1/send",
    "a=1&b=2",
    b'{"to":"0812"}',
    Identity({name: f"value of {name}" for name in IDENTITY}),
    "req_1",
)


def read(lines: str) -> dict[str, str]:
    """Return headers as they are written; names in lower case."""
    assert lines.endswith("\r\n")
    pairs = [line.partition(": ") for line in lines[:-2].split("\r\n")]
    return {name.lower(): value for name, _, value in pairs}


@pytest.fixture
def key() -> Key:
    return Signer(b"m" * 32).key("wa", OURS)


@pytest.fixture
def headers(key: Key) -> dict[str, str]:
    return read(sign(key, MESSAGE))


def test_a_signature_holds_for_a_minute(key: Key, headers: dict[str, str]) -> None:
    at = int(headers["x-gateway-timestamp"])
    for now in (at - 60, at, at + 60):
        assert verify(key, MESSAGE, headers, now) is None
    for now in (at - 61, at + 61):
        assert verify(key, MESSAGE, headers, now) == "too old or too new"


CHANGES: list[dict[str, Any]] = [
    {"method": "PUT"},
    {"authority": "api.example.com:8444"},
    {"path": "/v1/sent"},
    {"query": "a=1&b=3"},
    {"query": ""},
    {"body": b'{"to":"0813"}'},
    {"body": b""},
    {"body": None},
    {"request_id": "req_2"},
    *(
        {"identity": Identity({**MESSAGE.identity.values, name: value})}
        for name in IDENTITY
        for value in ("root", "")
    ),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_message_is_noticed(
    key: Key, headers: dict[str, str], change: dict[str, Any]
) -> None:
    changed = msgspec.structs.replace(MESSAGE, **change)
    assert verify(key, changed, headers, time.time()) is not None


def test_every_changed_sign_of_the_headers_is_noticed(
    key: Key, headers: dict[str, str]
) -> None:
    tried = 0
    for name in ("x-gateway-timestamp", "x-gateway-nonce", "content-digest"):
        value = headers[name]
        for index in range(len(value)):
            other = "1" if value[index] == "0" else "0"
            changed = {**headers, name: value[:index] + other + value[index + 1 :]}
            if changed[name] != value:
                tried += 1
                assert verify(key, MESSAGE, changed, time.time()) is not None
    assert tried > 60
    value = headers["x-gateway-signature"].partition("v2=")[2]
    for broken in ("", "v2=", f"v1={value}", f"v2={value[:-1]}", f"v2={value}0", "é"):
        changed = {**headers, "x-gateway-signature": broken}
        assert verify(key, MESSAGE, changed, time.time()) == "another signature"
    assert verify(key, MESSAGE, {}, time.time()) == "no timestamp"


def test_each_tenant_and_service_has_a_key_of_its_own(
    headers: dict[str, str],
) -> None:
    signer = Signer(b"m" * 32)
    keys = [
        signer.key("wa", OURS),
        signer.key("wa", THEIRS),
        signer.key("wb", OURS),
        Signer(b"n" * 32).key("wa", OURS),
    ]
    assert len({key.id for key in keys}) == len({key.secret for key in keys}) == 4
    found = [verify(key, MESSAGE, headers, time.time()) for key in keys]
    assert found == [None, *["another key"] * 3]
    forged = Key(keys[0].id, keys[1].secret)
    assert verify(forged, MESSAGE, headers, time.time()) == "another signature"


def test_the_first_signature_is_that_of_older_services(
    key: Key, headers: dict[str, str]
) -> None:
    text = f"{headers['x-gateway-timestamp']}|/v1/send|".encode() + (
        MESSAGE.body or b""
    )
    wanted = hmac.new(key.secret, text, hashlib.sha256).hexdigest()
    assert headers["x-gateway-signature"].startswith(f"v1={wanted},v2=")


def test_a_stream_is_signed_without_its_body(key: Key) -> None:
    message = msgspec.structs.replace(MESSAGE, body=None)
    headers = read(sign(key, message))
    assert headers["x-gateway-signature"].startswith("v2=")
    assert verify(key, message, headers, time.time()) is None
    assert verify(key, MESSAGE, headers, time.time()) == "another body"


def test_a_nonce_is_never_used_twice(key: Key) -> None:
    nonces = {read(sign(key, MESSAGE))["x-gateway-nonce"] for _ in range(100)}
    assert len(nonces) == 100


def test_identity_tokens_are_kept_for_their_own_user_and_service() -> None:
    made: list[Any] = []

    def encode(claims: Any) -> str:
        made.append(claims)
        return f"{claims['sub']} {claims['tid']} {claims['aud']}"

    tokens = IdentityTokens(encode, "https://rangka.example")
    calls = [(OURS, OURS, "a"), (OURS, THEIRS, "a"), (THEIRS, OURS, "a"),
             (OURS, OURS, "b")]  # fmt: skip
    for _ in range(3):
        for user, tenant, service in calls:
            assert tokens.token(user, tenant, service) == f"{user} {tenant} {service}"
    assert len(made) == 4
    assert all(claims["exp"] - claims["iat"] == 60 for claims in made)
