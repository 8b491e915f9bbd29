"""What may be written into a router's form, by whom, and what is forgotten by it.

The stored password goes where the form says, so whoever changes that must know the
password and be trusted with routers. Called by the hooks of routers.
"""

from typing import Any

from registry.builtin.network.connection import CONNECTION_FIELDS
from registry.builtin.network.records import ROUTERS
from registry.service import Change, Host

_WHERE_TO = ("address", "port", "tls", "username")
"""What says to whom the stored password is sent, and how."""
_SENT = ("username", "password")
_NONE = (None, {"set": False})
"""How a record shows that it holds no password."""
_DEMANDS = {
    **dict.fromkeys((*CONNECTION_FIELDS, "expected_serial"), "confirm_certificate"),
    "applies_itself": "reconcile_apply",
}
"""Fields by the action whose permission they demand: they do what it does."""


async def check(host: Host, change: Change) -> None:
    """Refuse what would send the password astray or pass by a permission.

    And what is no user or password of a router; see `transport`.
    """
    for name in _SENT:
        text: Any = change.values.get(name)
        if isinstance(text, str) and not (text.isascii() and text.isprintable()):
            message = "Use letters, digits and signs of ASCII only."
            host.refuse(name, "ascii", message)
    await _check_rights(host, change)
    stored = change.old["password"] if change.old is not None else None
    if stored not in _NONE and "password" not in change.values:
        moved = [name for name in _WHERE_TO if change.changed(name)]
        if moved:
            host.refuse(
                "password",
                "required",
                f"Enter the router's password again, since {_listed(moved)} changed: "
                "a stored password is not sent elsewhere.",
            )


async def _check_rights(host: Host, change: Change) -> None:
    if change.old is None:
        if not await host.may(ROUTERS, "confirm_certificate"):
            host.refuse("", "not_permitted", _unpermitted("confirm_certificate"))
        return
    changed = [name for name in _DEMANDS if change.changed(name)]
    for name in changed:
        if not await host.may(ROUTERS, _DEMANDS[name], change.id):
            host.refuse(name, "not_permitted", _unpermitted(_DEMANDS[name]))


def forget(change: Change) -> None:
    """Forget what is known of a router that is reached in another way from now on."""
    replaced = change.old is not None and change.old["expected_serial"] is not None
    if reached_otherwise(change) or (replaced and change.changed("expected_serial")):
        change.values.update(
            status="untested",
            alert=False,
            last_error=None,
            offline_since=None,
            last_polls=None,
        )


def reached_otherwise(change: Change) -> bool:
    """Return whether the next connection is another one than the last."""
    return any(change.changed(name) for name in CONNECTION_FIELDS)


def _unpermitted(action: str) -> str:
    return (
        "Your role may not set up routers; ask somebody whose role may. "
        f"It takes the permission {ROUTERS}:{action}."
    )


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
