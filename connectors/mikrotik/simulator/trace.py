"""What was said on every connection, with secrets blotted out before it is kept.

Called by server; read by tests and by people who watch the demo.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from connectors.mikrotik.simulator.replies import Words

SECRETS = frozenset({"password", "response", "secret", "contents", "data"})
BLOT = "***"


@dataclass(frozen=True, slots=True)
class Entry:
    """One sentence. `connection` counts from 1; `received` is False for replies."""

    connection: int
    received: bool
    words: tuple[str, ...]

    def __str__(self) -> str:
        arrow = ">>>" if self.received else "<<<"
        return f"{self.connection} {arrow} {' '.join(self.words)}"


class Trace:
    """The latest sentences, oldest first."""

    def __init__(self, keep: int = 20_000) -> None:
        self._entries: deque[Entry] = deque(maxlen=keep)
        self.show: Callable[[Entry], None] = lambda _: None
        """Called with every sentence as it is kept."""

    def add(self, connection: int, received: bool, words: Words) -> None:
        """Keep a sentence, without its secrets."""
        entry = Entry(connection, received, tuple(map(blot, words)))
        self._entries.append(entry)
        self.show(entry)

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def commands(self, prefix: str = "/") -> list[tuple[str, ...]]:
        """Return the received sentences whose command begins with `prefix`."""
        return [
            entry.words
            for entry in self
            if entry.received and entry.words[0].startswith(prefix)
        ]

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()


def blot(word: str) -> str:
    """Return the word, its value hidden when the name says it is a secret."""
    if word[:1] not in {"=", "?"}:
        return word
    head = word[: len(word) - len(word.lstrip("?=<>"))]
    name, equals, value = word[len(head) :].partition("=")
    if equals and value and name in SECRETS:
        return f"{head}{name}={BLOT}"
    return word
