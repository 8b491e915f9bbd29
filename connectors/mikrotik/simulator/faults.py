"""What goes wrong on purpose: standing faults and ones tied to a command.

Only says what should happen; server makes it happen. Set by tests and the demo.
"""

import enum
import random
from collections.abc import Callable
from dataclasses import dataclass


class Kind(enum.Enum):
    """How one command goes wrong."""

    TRAP = "trap"
    """A refusal with the given message."""
    RESET = "reset"
    """The connection is reset (RST)."""
    SILENCE = "silence"
    """No reply ever, the connection stays open."""
    STALL = "stall"
    """The reply stops inside a word, the connection stays open."""
    STALE = "stale"
    """The reply is kept back and sent before the reply to the next command."""
    REBOOT = "reboot"
    """The router restarts."""


@dataclass(slots=True)
class Fault:
    """One fault of a command; `applied` says whether the command took effect first."""

    command: str
    kind: Kind
    applied: bool
    times: int
    message: str


class Faults:
    """The faults of one router. Attributes are changed at any time; all begin off."""

    def __init__(self, random_source: random.Random) -> None:
        self.latency = 0.0
        """Seconds before each command runs."""
        self.jitter = 0.0
        """At most this many more seconds, evenly distributed."""
        self.trickle = 0.0
        """Seconds between two bytes of a reply."""
        self.row_delay = 0.0
        """Seconds between two rows of a print."""
        self.half_open = False
        """Connections are accepted and never served."""
        self.disk_full = False
        """Nothing can be written to the router's files."""
        self._random = random_source
        self._refuse = False
        self._tell: Callable[[], None] = lambda: None
        self._planned: list[Fault] = []

    @property
    def refuse(self) -> bool:
        """Whether new connections are refused; open ones live on."""
        return self._refuse

    @refuse.setter
    def refuse(self, refuse: bool) -> None:
        self._refuse = refuse
        self._tell()

    def on_refusal(self, tell: Callable[[], None]) -> None:
        """Have `tell` called when connections begin or cease to be refused."""
        self._tell = tell

    def once(
        self,
        command: str,
        kind: Kind,
        *,
        applied: bool = True,
        times: int = 1,
        message: str = "failure: simulated",
    ) -> None:
        """Let the next runs of a command go wrong.

        Args:
            command: the whole command word (`/ppp/secret/add`), or "" for any.
            kind: what happens.
            applied: whether the command takes effect before it goes wrong.
            times: how many runs go wrong.
            message: the text of a trap.
        """
        self._planned.append(Fault(command, kind, applied, times, message))

    def take(self, command: str) -> Fault | None:
        """Return the fault this run of a command gets, and count it as used."""
        for fault in self._planned:
            if fault.command in {"", command}:
                fault.times -= 1
                if not fault.times:
                    self._planned.remove(fault)
                return fault
        return None

    def delay(self) -> float:
        """Return the seconds to wait before the next command runs."""
        return self.latency + self._random.random() * self.jitter

    def clear(self) -> None:
        """End every fault."""
        self.latency = self.jitter = self.trickle = self.row_delay = 0.0
        self.half_open = self.disk_full = False
        self._planned.clear()
        self.refuse = False
