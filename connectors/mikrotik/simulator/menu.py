"""What a menu and its arguments are, and the short notation menus.py is written in.

Holds no rows and runs nothing. Called by menus (to declare) and by everything else
of the simulator (to ask).
"""

import re
from dataclasses import dataclass

from connectors.mikrotik.simulator.profiles import Version

NOTATION = re.compile(
    r"(?P<name>[a-z0-9-]+):(?P<kind>[a-z-]+)(?:\((?P<detail>[^)]*)\))?"
    r"(?P<required>!)?(?:=(?P<default>[^\s@]*))?"
    r"(?:@(?P<since>\d+\.\d+)?(?:\.\.(?P<until>\d+\.\d+))?)?"
)


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of `add` and `set`, which is also a property of `print`.

    `detail` depends on the kind: the choices, the bounds, or the menu referred to.
    `until` is the last version that knows the argument.
    """

    name: str
    kind: str
    detail: str
    required: bool
    default: str | None
    since: Version
    until: Version

    def known(self, release: Version) -> bool:
        """Whether this version has the argument."""
        return self.since <= release <= self.until


@dataclass(frozen=True, slots=True)
class Menu:
    """One menu: its arguments, commands and the rules its rows obey."""

    path: str
    arguments: tuple[Argument, ...]
    commands: frozenset[str]
    unique: tuple[str, ...] = ()
    duplicate: str = "failure: already have such entry"
    named: bool = False
    stats: frozenset[str] = frozenset()
    policy: str = "write"
    first_id: int = 1
    fixed: frozenset[str] = frozenset()
    """Arguments that `print` shows and no client may set."""

    def argument(self, name: str, release: Version) -> Argument | None:
        """Return the argument of that name, if this version has it."""
        for found in self.arguments:
            if found.name == name and found.known(release):
                return found
        return None


def arguments(text: str) -> tuple[Argument, ...]:
    """Return the arguments written as `name:kind(detail)!=default@since..until`.

    `!` marks one that `add` needs; every part after the kind may be left out.

    Raises:
        ValueError: a part that is not in this notation.
    """
    return tuple(_argument(part) for part in text.split())


def _argument(part: str) -> Argument:
    found = NOTATION.fullmatch(part)
    if found is None:
        raise ValueError(f"{part!r} is no argument")
    return Argument(
        name=found["name"],
        kind=found["kind"],
        detail=found["detail"] or "",
        required=found["required"] is not None,
        default=found["default"],
        since=_version(found["since"]) if found["since"] else (0, 0),
        until=_version(found["until"]) if found["until"] else (99, 99),
    )


def _version(text: str) -> Version:
    major, minor = text.split(".")
    return int(major), int(minor)
