"""A file that nobody reads, cuts short or changes without the key.

AES-256-GCM (NIST SP 800-38D) over pieces of 1 MiB in the STREAM construction (Hoang,
Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance", 2015): the nonce counts the pieces and marks the last one, so
pieces cannot be swapped or left off. Each file has a key of its own, HMAC-SHA256 of its
random salt. Nothing is held in memory but one piece.
"""

import hmac
import os
from collections.abc import Iterator
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"RANGKA-BACKUP-1\n"
PIECE_BYTES = 2**20
_SALT_BYTES = 16
_TAG_BYTES = 16


class UnsealError(Exception):
    """The file does not open; the message says what is wrong with it."""


class Sealer:
    """Writes a sealed file; it is complete only after `finish`."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        salt = os.urandom(_SALT_BYTES)
        self._file = file
        self._header = MAGIC + salt
        self._aead = AESGCM(_file_key(key, salt))
        self._number = 0
        self._held = bytearray()
        file.write(self._header)

    def write(self, data: bytes) -> None:
        """Take more of the content."""
        self._held += data
        while len(self._held) > PIECE_BYTES:
            self._piece(bytes(self._held[:PIECE_BYTES]), last=False)
            del self._held[:PIECE_BYTES]

    def finish(self) -> None:
        """Write the last piece."""
        self._piece(bytes(self._held), last=True)
        self._held.clear()

    def _piece(self, plain: bytes, *, last: bool) -> None:
        nonce = _nonce(self._number, last=last)
        self._file.write(self._aead.encrypt(nonce, plain, self._header))
        self._number += 1


def unseal(file: BinaryIO, key: bytes) -> Iterator[bytes]:
    """Yield the content of a sealed file, each piece after it was found genuine.

    Raises:
        UnsealError: no backup, another key, damage, or a file cut short. What was
            yielded before is genuine, but not the whole.
    """
    header = file.read(len(MAGIC) + _SALT_BYTES)
    if not header.startswith(MAGIC) or len(header) < len(MAGIC) + _SALT_BYTES:
        raise UnsealError("this is no backup of Rangka")
    aead = AESGCM(_file_key(key, header[len(MAGIC) :]))
    number = 0
    piece = file.read(PIECE_BYTES + _TAG_BYTES)
    while True:
        ahead = file.read(PIECE_BYTES + _TAG_BYTES)
        try:
            yield aead.decrypt(_nonce(number, last=not ahead), piece, header)
        except InvalidTag as error:
            raise UnsealError(_why(number, is_last=not ahead)) from error
        if not ahead:
            return
        piece, number = ahead, number + 1


def _why(number: int, *, is_last: bool) -> str:
    if number == 0:
        return (
            "it does not open: it was made with another secret key, or is damaged. "
            "Restore needs the secret.key (or RANGKA_SECRET_KEY) of that installation"
        )
    if is_last:
        return "it is cut short or damaged at its end"
    return f"it is damaged {number} MiB after its start"


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if last else b"\0")


def _file_key(key: bytes, salt: bytes) -> bytes:
    return hmac.new(key, salt, "sha256").digest()
