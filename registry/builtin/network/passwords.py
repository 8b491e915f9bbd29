"""Passwords of PPPoE logins: made here, kept sealed, never shown. Pure."""

import secrets

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are mistaken for others on paper: i, l, o, 0, 1."""
LENGTH = 14


def new_password() -> str:
    """Return a random password of 69 bits, ASCII."""
    return "".join(secrets.choice(_LETTERS) for _ in range(LENGTH))


def new_mark() -> str:
    """Return what tells this password from the one before; says nothing about it."""
    return secrets.token_hex(8)
