"""One sentence of a client, taken apart, and where its replies go.

Made by server; handed to the commands.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from connectors.mikrotik.simulator.menus import MENUS, PRINT, VERBS
from connectors.mikrotik.simulator.profiles import Version
from connectors.mikrotik.simulator.replies import (
    MISSING,
    Trap,
    Words,
    no_permission,
    unknown_parameter,
)
from connectors.mikrotik.simulator.router import Router

Send = Callable[[Words], Awaitable[None]]
ROW_VERBS = frozenset(
    {"set", "unset", "remove", "enable", "disable", "comment", "move"}
)
READ_VERBS = frozenset({"print", "getall", "listen"})


@dataclass(slots=True)
class Sentence:
    """The words of a sentence by what they are; any order is fine."""

    command: str
    attributes: dict[str, str]
    queries: list[str]
    tag: str | None


def parse(words: Words) -> Sentence:
    """Return the parts of a sentence.

    `=name` without a second `=` is a name with an empty value, as RouterOS takes it.
    """
    sentence = Sentence(words[0], {}, [], None)
    for word in words[1:]:
        if word.startswith("="):
            name, _, value = word[1:].partition("=")
            sentence.attributes[name] = value
        elif word.startswith("?"):
            sentence.queries.append(word)
        elif word.startswith(".tag="):
            sentence.tag = word[5:]
    return sentence


@dataclass(slots=True)
class Call:
    """One run of a command by a user who is logged in.

    `policies` are those of the user's group. `send` sends one reply sentence.
    """

    router: Router
    sentence: Sentence
    policies: frozenset[str]
    send: Send

    @property
    def path(self) -> str:
        """The menu of the command."""
        return self.sentence.command.rpartition("/")[0]

    @property
    def verb(self) -> str:
        """The last part of the command."""
        return self.sentence.command.rpartition("/")[2]

    @property
    def attributes(self) -> dict[str, str]:
        """The values given, by name."""
        return self.sentence.attributes

    @property
    def release(self) -> Version:
        """The version of the router."""
        return self.router.profile.release

    def take(self, name: str) -> str:
        """Return a value the command cannot do without.

        Raises:
            Trap: it is missing.
        """
        if name not in self.attributes:
            raise Trap(f"missing ={name}=")
        return self.attributes[name]

    def allow_only(self, *names: str) -> None:
        """Refuse any value under another name.

        Raises:
            Trap: there is one.
        """
        for name in self.attributes:
            if name not in names:
                raise unknown_parameter(name)

    def check(self) -> None:
        """Refuse what this version lacks or this user may not do.

        Raises:
            Trap: no such command, or no permission.
        """
        command = self.sentence.command
        versions = VERBS.get(command)
        if versions:
            if not versions[0] <= self.release <= versions[1]:
                raise self._no_such_command()
            needed = {VERB_POLICIES[command]}
        else:
            menu = MENUS.get(self.path)
            if menu is None or self.verb not in menu.commands:
                raise self._no_such_command()
            needed = {"read"} if self.verb in READ_VERBS else {"write", menu.policy}
        if not needed <= self.policies:
            raise no_permission()
        if self.verb in READ_VERBS:
            self._check_print()

    def _check_print(self) -> None:
        for name in self.attributes:
            first, last = PRINT.get(name, ((99, 99), (0, 0)))
            if not first <= self.release <= last:
                raise unknown_parameter(name)

    def _no_such_command(self) -> Trap:
        known = {"/".join(path.split("/")[:n]) for path in MENUS for n in range(2, 6)}
        if self.path in known:
            return Trap("no such command", MISSING)
        if self.release < (7, 0):
            return Trap("no such command prefix", MISSING)
        parts = self.sentence.command.strip("/").split("/")
        depth = next(
            (
                n
                for n in range(len(parts))
                if "/" + "/".join(parts[: n + 1]) not in known
            ),
            len(parts) - 1,
        )
        return Trap(f"no such command or directory ({parts[depth]})", MISSING)


VERB_POLICIES = {
    "/ping": "test",
    "/tool/ping": "test",
    "/interface/monitor-traffic": "test",
    "/export": "ftp",
    "/file/read": "ftp",
    "/system/backup/save": "ftp",
    "/system/reboot": "reboot",
}
"""The policy each command of `VERBS` needs."""
