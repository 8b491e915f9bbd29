"""What a router, or the way to it, can say no with, and what to do about each.

Every text is safe to store and show: it never holds a word that was sent as a secret.
Called by the transport for replies, by `apply` and `reconcile` for their own refusals.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import ClassVar


class Advice(StrEnum):
    """What the caller does next."""

    RETRY = "retry"
    """The same again later, with back-off: nothing is known to be wrong."""
    REPLAN = "replan"
    """The router is not as it was read: read it again and plan anew."""
    STOP = "stop"
    """Will fail again until somebody changes a value or this code."""
    ALERT = "alert"
    """Stop all work on this router and tell its administrator; no retry by itself."""


class RouterError(Exception):
    """A command, or the connection, failed.

    Attributes:
        code: stable, snake_case, one per class.
        advice: what to do next.
    """

    code: ClassVar[str] = "refused"
    advice: ClassVar[Advice] = Advice.STOP


class Refused(RouterError):
    """The router refused in words that are not known here."""


class Unreachable(RouterError):
    """No connection could be made."""

    code = "unreachable"
    advice = Advice.RETRY


class AddressRefused(RouterError):
    """No router may be at this address; nothing was sent there."""

    code = "address_refused"
    advice = Advice.ALERT


class ConnectionLost(RouterError):
    """The connection ended; what was under way may or may not have been done."""

    code = "connection_lost"
    advice = Advice.RETRY


class TimedOut(ConnectionLost):
    """No whole reply before the deadline; the connection was dropped for it."""

    code = "timed_out"


class ProtocolBroken(ConnectionLost):
    """The peer sent what is no reply to anything asked; the connection was dropped."""

    code = "protocol_broken"


class TooManySessions(ConnectionLost):
    """The router ended the connection before a log-in: its sessions are used up."""

    code = "too_many_sessions"


class TlsFailed(RouterError):
    """The router offers no TLS that can be trusted."""

    code = "tls_failed"
    advice = Advice.ALERT


class CertificateChanged(TlsFailed):
    """The certificate is not the pinned one: another box, or somebody between."""

    code = "certificate_changed"


class LoginRefused(RouterError):
    """Wrong user or password; each further try leaves a critical line in its log."""

    code = "login_refused"
    advice = Advice.ALERT


class NotPermitted(RouterError):
    """The group of the router's user lacks a policy."""

    code = "not_permitted"
    advice = Advice.ALERT


class WrongRouter(RouterError):
    """Another serial number than the pinned one: nothing may be written."""

    code = "wrong_router"
    advice = Advice.ALERT


class Duplicate(RouterError):
    """An entry of that name or address is there already."""

    code = "duplicate"
    advice = Advice.REPLAN


class Missing(RouterError):
    """The entry is gone, or its id went stale."""

    code = "missing"
    advice = Advice.REPLAN


class BadReference(RouterError):
    """A profile, pool or interface that the value names is not there."""

    code = "bad_reference"
    advice = Advice.REPLAN


class StalePlan(RouterError):
    """The router, or what is wanted of it, changed since the plan was made."""

    code = "stale_plan"
    advice = Advice.REPLAN


class PasswordUnavailable(RouterError):
    """The password to set could not be opened here; the router was not asked."""

    code = "password_unavailable"
    advice = Advice.REPLAN


class BadValue(RouterError):
    """A value that this router will never take."""

    code = "bad_value"


class UnknownCommand(RouterError):
    """This version, or its packages, lack the menu or the parameter."""

    code = "unknown_command"
    advice = Advice.ALERT


class Misuse(RouterError):
    """The command itself was wrong: a defect of this connector."""

    code = "misuse"


class Interrupted(RouterError):
    """The command was cancelled on the router."""

    code = "interrupted"
    advice = Advice.RETRY


_SAID: tuple[tuple[str, type[RouterError]], ...] = (
    (r"invalid user ?name or password|cannot log ?in", LoginRefused),
    (r"not enough permissions|not permitted", NotPermitted),
    (r"already have|\bexists$|same name already", Duplicate),
    (r"no such item", Missing),
    (r"input does not match any value of", BadReference),
    (r"unknown parameter|no such command", UnknownCommand),
    (r"invalid value|out of range|contents too long|ambiguous value", BadValue),
    (r"^missing |can ?not (change|move|remove)|has some users", Misuse),
    (r"interrupted", Interrupted),
)
_KINDS = tuple((re.compile(pattern, re.IGNORECASE), made) for pattern, made in _SAID)
_PREFIX = re.compile(r"^failure:\s*", re.IGNORECASE)
_SUFFIX = re.compile(r"\s*\(\d+\)$")


def from_trap(
    message: str, category: str, command: str, secrets: Iterable[str] = ()
) -> RouterError:
    """Return the exception for a `!trap`.

    Args:
        message: as the router says it; `failure:` and a trailing number mean nothing.
        category: 0 to 7, or empty: many traps carry none. Only 2 (interrupted) is used,
            since the text says more than the others.
        command: the command word, for the text.
        secrets: values that must not appear in the text.
    """
    text = _SUFFIX.sub("", _PREFIX.sub("", message.strip()))
    made: type[RouterError] = Interrupted if category == "2" else Refused
    for pattern, kind in _KINDS:
        if pattern.search(text):
            made = kind
            break
    return made(f"{command}: {hide(text, secrets) or 'refused without a reason'}")


def hide(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every one of the secrets blotted out, and kept short."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "•••")
    return text if len(text) <= 300 else f"{text[:299]}…"
