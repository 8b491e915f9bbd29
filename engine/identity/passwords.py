"""Passwords: the rules for choosing one, and Argon2id off the event loop.

Never logs, stores or returns a password. Hashing runs in a small thread pool with a
bounded queue: each hash takes 19 MiB, so a flood of log-ins must wait or go away.
"""

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from engine.errors import Detail, TooManyRequests

T = TypeVar("T")

LEAST_LENGTH = 12
MOST_LENGTH = 128
LEAST_DISTINCT = 5
_LEAST_LOCAL_PART = 3

_THREADS = 2
_MOST_WAITING = 32


def problems(password: str, email: str, *, field: str = "password") -> list[Detail]:
    """Return why a password must not be chosen, empty when it may.

    12 to 128 characters, at least 5 different ones, and not the part of the e-mail
    address before the @. No rule about kinds of characters (OWASP ASVS 5, 6.2.5).
    """
    text = _normal(password)
    if not LEAST_LENGTH <= len(text) <= MOST_LENGTH:
        return [
            Detail(
                field,
                "min_length" if len(text) < LEAST_LENGTH else "max_length",
                f"Enter {LEAST_LENGTH} to {MOST_LENGTH} characters; a few words that "
                "only you would put together make a good one.",
                {"least": LEAST_LENGTH, "most": MOST_LENGTH},
            )
        ]
    if len(set(text)) < LEAST_DISTINCT:
        message = f"Use at least {LEAST_DISTINCT} different characters."
        return [Detail(field, "too_simple", message)]
    local_part = email.partition("@")[0].casefold()
    if len(local_part) >= _LEAST_LOCAL_PART and local_part in text.casefold():
        message = f'Leave "{local_part}" out: it is part of the e-mail address.'
        return [Detail(field, "contains_email", message)]
    return []


class Passwords:
    """Argon2id with t=2, m=19 MiB, p=1 (OWASP ASVS 5, appendix C)."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._threads = ThreadPoolExecutor(_THREADS, "passwords")
        self._running = 0
        # What an unknown user's password is compared with: the same work.
        self._nobody = self._hasher.hash(secrets.token_urlsafe())

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(cancel_futures=True)

    async def hash(self, password: str) -> str:
        """Return the text to store; raises TooManyRequests when too many wait."""
        return await self._run(self._hasher.hash, _normal(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Return whether the password is the stored one.

        Does the same work for None (no such user, or no password). Raises
        TooManyRequests when too many wait.
        """
        matches = await self._run(
            self._matches, stored or self._nobody, _normal(password)
        )
        return matches and bool(stored)

    def is_outdated(self, stored: str) -> bool:
        """Return whether it was hashed with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, function: Callable[..., T], *arguments: str) -> T:
        if self._running >= _THREADS + _MOST_WAITING:
            raise TooManyRequests(
                "Too many people are logging in right now; try again in a moment.",
                code="BUSY",
                headers={"Retry-After": "2"},
            )
        self._running += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, function, *arguments)
        finally:
            self._running -= 1


def _normal(password: str) -> str:
    # The same characters typed on two keyboards may differ in bytes (NIST 800-63B).
    return unicodedata.normalize("NFKC", password)
