"""The Ed25519 keys that sign access tokens, kept sealed in `signing_keys`.

Owns making, sealing and loading them. A key younger than 10 s does not sign while an
older one can, so that every worker knows it before its first token arrives.
"""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg.rows import DictRow

from engine.database import Database, Transaction
from engine.settings import StartupError

NONCE_BYTES = 12
_KNOWN_EVERYWHERE_AFTER = timedelta(seconds=10)
_ACCEPTED_AFTER_RETIREMENT = timedelta(minutes=16)
_LOCK = 7_266_001
"""Advisory lock of the first start, when several workers find no key."""


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The key that signs now, and every key whose tokens are accepted, by kid."""

    kid: str
    private: Ed25519PrivateKey
    public: Mapping[str, Ed25519PublicKey]


async def load(database: Database, sealing_key: bytes) -> SigningKeys:
    """Return the keys, making the first one; `sealing_key` has 32 bytes.

    Raises:
        StartupError: the keys were sealed under another RANGKA_SECRET_KEY.
    """
    async with database.system() as connection:
        found = await _accepted(connection)
        if not any(row["retired_at"] is None for row in found):
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            found = await _accepted(connection)
            if not any(row["retired_at"] is None for row in found):
                await add(connection, sealing_key)
                found = await _accepted(connection)
    now = datetime.now(UTC)
    signing = [row for row in found if row["retired_at"] is None]
    settled = [
        row for row in signing if row["created_at"] + _KNOWN_EVERYWHERE_AFTER <= now
    ]
    # Rows are ordered by age: the newest that is known everywhere, else the oldest.
    chosen = settled[-1] if settled else signing[0]
    kid = str(chosen["kid"])
    public = {
        str(row["kid"]): Ed25519PublicKey.from_public_bytes(bytes(row["public_key"]))
        for row in found
    }
    private = _open(bytes(chosen["private_key"]), sealing_key, kid)
    return SigningKeys(kid, private, public)


async def _accepted(connection: Transaction) -> list[DictRow]:
    rows = await connection.execute(
        "SELECT kid, private_key, public_key, created_at, retired_at "
        "FROM rangka.signing_keys "
        "WHERE retired_at IS NULL OR retired_at > now() - %s ORDER BY created_at, kid",
        (_ACCEPTED_AFTER_RETIREMENT,),
    )
    return await rows.fetchall()


async def add(connection: Transaction, sealing_key: bytes) -> None:
    """Make a further key; it signs once every worker has read it."""
    private = Ed25519PrivateKey.generate()
    kid = secrets.token_hex(8)
    await connection.execute(
        "INSERT INTO rangka.signing_keys (kid, private_key, public_key) "
        "VALUES (%s, %s, %s)",
        (
            kid,
            _seal(private, sealing_key, kid),
            private.public_key().public_bytes_raw(),
        ),
    )


def _seal(private: Ed25519PrivateKey, sealing_key: bytes, kid: str) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    raw = private.private_bytes_raw()
    return nonce + AESGCM(sealing_key).encrypt(nonce, raw, kid.encode())


def _open(sealed: bytes, sealing_key: bytes, kid: str) -> Ed25519PrivateKey:
    nonce, text = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        raw = AESGCM(sealing_key).decrypt(nonce, text, kid.encode())
    except InvalidTag as error:
        raise StartupError(
            "The keys in the database were sealed under another RANGKA_SECRET_KEY. "
            "Start with the key this database was made with."
        ) from error
    return Ed25519PrivateKey.from_private_bytes(raw)
