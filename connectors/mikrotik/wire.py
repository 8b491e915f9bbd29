"""Sentences on a socket: librouteros' encoding without the parts that do harm.

What is replaced, and why (librouteros 4.2.2): it logs every word, passwords too, at
DEBUG; it reads words as ASCII and drops other bytes; an empty sentence or a `!fatal`
without reason is an IndexError; typed parsing turns a name `123` into a number and
fails on `.tag=1` or `=flag`; replies are read without tags, so that commands cannot
overlap. Lengths, the writing of words and the socket stay its own.
"""

import logging
from asyncio import StreamReader, StreamWriter
from dataclasses import dataclass

from librouteros.connections import AsyncSocketTransport
from librouteros.exceptions import ConnectionClosed, ProtocolError
from librouteros.protocol import (
    AsyncApiProtocol,
    decode_length,
    determine_length,
    encode_sentence,
)

from connectors.mikrotik.errors import ConnectionLost, ProtocolBroken

CODE_PAGE = "cp1252"
"""How WinBox writes comments; every byte has to come out as something."""

_CONTROLS: dict[int, str | None] = {
    **dict.fromkeys((*range(0x20), *range(0x7F, 0xA0))),
    **dict.fromkeys(map(ord, "\t\n\r"), " "),
}

# Nothing here calls its `log`; the pin holds for whatever else may import it.
logging.getLogger("librouteros").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a peer may make us hold; what is above ends the connection.

    Attributes:
        words: of one sentence.
        sentence_bytes: of all words of one sentence.
        reply_bytes: of all sentences of one reply, with what their words cost besides.
    """

    words: int
    sentence_bytes: int
    reply_bytes: int


STRANGER = Limits(words=64, sentence_bytes=64 << 10, reply_bytes=64 << 10)
"""Before the log-in: anybody may be there."""
KNOWN = Limits(words=4096, sentence_bytes=256 << 10, reply_bytes=64 << 20)
"""After it: a row has some dozens of short words, twenty thousand log-ins some MiB."""

WORD_COST = 32
"""Bytes that a word of a reply is counted for besides its own: it is kept as text."""


class Wire(AsyncApiProtocol):  # type: ignore[misc]  # librouteros has no types
    """Reads and writes whole sentences; knows nothing of commands.

    Attributes:
        limits: of what is read from now on; a stranger's until somebody says otherwise.
    """

    def __init__(self, reader: StreamReader, writer: StreamWriter) -> None:
        super().__init__(AsyncSocketTransport(reader, writer), "ascii")
        self._reader = reader
        self._writer = writer
        self.limits = STRANGER
        self._taken = 0

    async def writeSentence(self, cmd: str, *words: str) -> None:  # noqa: N802
        """Send one sentence whole, so that two never mix."""
        self._writer.write(encode_sentence(cmd, *words, encoding="ascii"))
        await self._writer.drain()

    async def readSentence(self) -> tuple[str, tuple[str, ...]]:  # noqa: N802
        """Return the reply word and the rest of the next sentence that has words.

        Raises:
            ConnectionLost: it ended.
            ProtocolBroken: lengths that no router sends.
        """
        try:
            while True:
                words: list[str] = []
                self._taken = 0
                while word := await self.readWord():
                    words.append(word)
                    if len(words) > self.limits.words:
                        raise ProtocolBroken("too many words in one sentence")
                if words:
                    return words[0], tuple(words[1:])
        except ConnectionClosed:
            raise ConnectionLost("the router closed the connection") from None
        except ProtocolError:
            raise ProtocolBroken("a length that is no length of a word") from None

    async def readWord(self) -> str:  # noqa: N802
        """Return the next word, empty at the end of a sentence."""
        head: bytes = await self.transport.read(1)
        if head == b"\x00":
            return ""
        head += await self.transport.read(determine_length(head))
        length: int = decode_length(head)
        # The limits of now: this sentence may be waited for since before the log-in.
        self._taken += length
        if self._taken > self.limits.sentence_bytes:
            raise ProtocolBroken("too many bytes in one sentence")
        return text(await self.transport.read(length))

    def drop(self) -> None:
        """End the connection now; a peer that hangs cannot delay it."""
        self._writer.transport.abort()


def text(word: bytes) -> str:
    """Return the bytes as UTF-8, or by the code page where they are none.

    Without control characters: PostgreSQL stores no NUL, and ESC writes on terminals.
    """
    try:
        decoded = word.decode("utf-8")
    except UnicodeDecodeError:
        decoded = word.decode(CODE_PAGE, errors="replace")
    return decoded if decoded.isprintable() else decoded.translate(_CONTROLS)


def cost(words: tuple[str, ...]) -> int:
    """Return for how many bytes of a reply the words of a sentence are counted."""
    return sum(len(word) + WORD_COST for word in words)


def attributes(words: tuple[str, ...]) -> dict[str, str]:
    """Return the `=name=value` words; a value may be empty or hold `=`."""
    found: dict[str, str] = {}
    for word in words:
        if word.startswith("="):
            name, _, value = word[1:].partition("=")
            found[name] = value
    return found


def tag_of(words: tuple[str, ...]) -> str | None:
    """Return the tag of a reply, None without one."""
    for word in reversed(words):
        if word.startswith(".tag="):
            return word[5:]
    return None
