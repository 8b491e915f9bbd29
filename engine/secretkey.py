"""The secret every other secret of an installation is derived from.

Owns the file that keeps it. Never hands it to anyone but `engine.settings`.
"""

import os
import secrets
from pathlib import Path

KEY_BYTES = 32


class SecretKeyError(Exception):
    """The secret key file cannot be used; the message says what to do."""


def load_or_create(path: Path) -> bytes:
    """Return the key kept in `path`, making one of 32 random bytes if there is none.

    Several processes may start at once: the first complete file wins, and all of
    them return its content.

    Raises:
        SecretKeyError: the file is too short, open to other users, or not writable.
    """
    try:
        if not path.exists():
            _create(path)
        mode = path.stat().st_mode & 0o077
        key = path.read_bytes()
    except OSError as error:
        raise SecretKeyError(
            f"The secret key cannot be kept in {path}: {error.strerror}. "
            "Make its folder writable, or set RANGKA_SECRET_KEY."
        ) from error
    if mode:
        raise SecretKeyError(
            f"Other users of this machine can read {path}. Run: chmod 600 {path}"
        )
    if len(key) < KEY_BYTES:
        raise SecretKeyError(
            f"{path} holds {len(key)} bytes, at least {KEY_BYTES} are needed. "
            "Restore the file from a backup; with a new key the stored secrets "
            "and the database passwords no longer fit."
        )
    return key


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    candidate = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(candidate, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        # A hard link appears whole or not at all, and never replaces another's key.
        if not path.exists():
            try:
                os.link(candidate, path)
            except FileExistsError:
                return
    finally:
        candidate.unlink()
