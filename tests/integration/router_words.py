"""A client of the simulated router that says exactly the words it is given."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

from connectors.mikrotik.simulator import Simulator
from connectors.mikrotik.simulator.wire import (
    encode_sentence,
    read_sentence,
    to_bytes,
    to_text,
)

GUARD = 5.0
Sentence = list[str]


class Words:
    """One connection; every wait ends after `GUARD` seconds."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, *words: str) -> None:
        self.writer.write(encode_sentence([to_bytes(word) for word in words]))
        await self.writer.drain()

    async def hear(self) -> Sentence:
        sentence = await asyncio.wait_for(read_sentence(self.reader), GUARD)
        return [to_text(word) for word in sentence]

    async def hear_until_done(self, times: int = 1) -> list[Sentence]:
        heard: list[Sentence] = []
        while times:
            heard.append(await self.hear())
            times -= heard[-1][0] in {"!done", "!fatal"}
        return heard

    async def ask(self, *words: str) -> list[Sentence]:
        await self.say(*words)
        return await self.hear_until_done()

    async def rows(self, *words: str) -> list[dict[str, str]]:
        """The rows of a print; fails when the router refuses it."""
        heard = await self.ask(*words)
        assert heard[-1][0] == "!done", heard
        assert not any(sentence[0] == "!trap" for sentence in heard), heard
        return [attributes(one) for one in heard if one[0] == "!re"]

    async def refused(self, *words: str) -> str:
        """The message of the trap; fails when there is none."""
        heard = await self.ask(*words)
        assert [sentence[0] for sentence in heard] == ["!trap", "!done"], heard
        return attributes(heard[0])["message"]

    async def add(self, menu: str, **values: str) -> str:
        """The id of the new row."""
        words = [f"={name.replace('_', '-')}={value}" for name, value in values.items()]
        heard = await self.ask(f"{menu}/add", *words)
        assert heard[-1][0] == "!done", heard
        assert len(heard) == 1, heard
        return attributes(heard[0])["ret"]

    async def ended(self) -> bool:
        """Whether the other side closed; waits for it."""
        try:
            return await asyncio.wait_for(self.reader.read(), GUARD) == b""
        except ConnectionResetError:
            return True


def attributes(sentence: Sentence) -> dict[str, str]:
    pairs = (word[1:].partition("=") for word in sentence[1:] if word[0] == "=")
    return {name: value for name, _, value in pairs}


@contextlib.asynccontextmanager
async def connected(
    address: tuple[str, int], tls: ssl.SSLContext | None = None
) -> AsyncIterator[Words]:
    reader, writer = await asyncio.open_connection(*address, ssl=tls)
    try:
        yield Words(reader, writer)
    finally:
        writer.transport.abort()


@contextlib.asynccontextmanager
async def reached(simulator: Simulator) -> AsyncIterator[Words]:
    """A served router and a client that has said nothing yet."""
    async with simulator.serve() as address, connected(address) as words:
        yield words


@contextlib.asynccontextmanager
async def logged_in(
    simulator: Simulator, user: str = "admin", password: str = ""
) -> AsyncIterator[Words]:
    """A served router and a client that is logged in the modern way."""
    async with reached(simulator) as words:
        assert await words.ask("/login", f"=name={user}", f"=password={password}") == [
            ["!done"]
        ]
        yield words
