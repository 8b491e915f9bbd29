"""Encryption of `secret` fields at rest.

AES-256-GCM (NIST SP 800-38D) under a key derived from RANGKA_SECRET_KEY. The
associated data binds a value to its place (tenant, entity, field, record), so a value
copied to another row or tenant does not open. The stored text is
`<key id>.<base64url nonce and ciphertext>`. Plain text is never logged.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class SecretUnreadable(Exception):
    """A stored secret does not open: another key, another place, or damage."""


class SecretBox:
    """Seals and opens secret values with one key."""

    def __init__(self, key: bytes, key_id: str = "1") -> None:
        self._aead = AESGCM(key)
        self._key_id = key_id

    def seal(self, plain: str, *, tenant_id: UUID, place: str, record_id: UUID) -> str:
        """Return the text to store. `place` is `service.entity.field id`."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._aead.encrypt(
            nonce, plain.encode(), _associated(tenant_id, place, record_id)
        )
        return f"{self._key_id}.{urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, stored: str, *, tenant_id: UUID, place: str, record_id: UUID) -> str:
        """Return the plain text of a stored value; raises SecretUnreadable."""
        key_id, _, encoded = stored.partition(".")
        if key_id != self._key_id:
            raise SecretUnreadable(f"sealed under key {key_id}, not {self._key_id}")
        raw = urlsafe_b64decode(encoded)
        try:
            plain = self._aead.decrypt(
                raw[:NONCE_BYTES],
                raw[NONCE_BYTES:],
                _associated(tenant_id, place, record_id),
            )
        except InvalidTag as error:
            raise SecretUnreadable("another key, another place, or damage") from error
        return plain.decode()


def _associated(tenant_id: UUID, place: str, record_id: UUID) -> bytes:
    return f"{tenant_id}|{place}|{record_id}".encode()
