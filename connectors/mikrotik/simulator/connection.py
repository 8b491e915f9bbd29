"""One client's connection: sentences in, tags, interleaved replies, faults out.

Called by server. Runs commands but holds none.
"""

import asyncio
import contextlib
import itertools
import socket
import struct

from connectors.mikrotik.simulator.call import Call, Sentence, parse
from connectors.mikrotik.simulator.commands import run
from connectors.mikrotik.simulator.faults import Fault, Kind
from connectors.mikrotik.simulator.login import Login
from connectors.mikrotik.simulator.replies import (
    INTERRUPTED,
    Fatal,
    Trap,
    Words,
)
from connectors.mikrotik.simulator.router import Router
from connectors.mikrotik.simulator.tables import Row
from connectors.mikrotik.simulator.wire import (
    WireError,
    encode_sentence,
    read_sentence,
    to_bytes,
    to_text,
)

MOST_BEFORE_LOGIN = 10
LONGEST_BEFORE_LOGIN = 4096
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Connection:
    """One client. `number` counts the router's connections from 1."""

    def __init__(
        self,
        router: Router,
        number: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        peer = writer.get_extra_info("peername")
        self.login = Login(router, peer[0])
        self._router = router
        self._number = number
        self._reader = reader
        self._writer = writer
        self._running: dict[str | int, asyncio.Task[None]] = {}
        self._untagged = itertools.count()
        self._in_turn = asyncio.Lock()
        self._writing = asyncio.Lock()
        self._mute = False
        self._kept: list[Words] = []
        self._listed: Row | None = None

    async def serve(self) -> None:
        """Read and answer until either side ends the connection."""
        try:
            await self._read()
        except Fatal as fatal:
            await self._send(["!fatal", str(fatal)])
        except (asyncio.IncompleteReadError, ConnectionError, WireError):
            pass  # the client went away or speaks something else
        finally:
            table = self._router.tables["/user/active"]
            if self._listed is not None and table.has(self._listed):
                table.remove(self._listed)
            tasks = tuple(self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()

    def reset(self) -> None:
        """Break the connection off at once, by RST."""
        sock = self._writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._mute = True
        self._writer.transport.abort()

    async def _read(self) -> None:
        before_login = 0
        while True:
            known = self.login.user is not None
            words = await (
                read_sentence(self._reader)
                if known
                else read_sentence(self._reader, LONGEST_BEFORE_LOGIN)
            )
            said = [to_text(word) for word in words]
            self._router.trace.add(self._number, received=True, words=said)
            sentence = parse(said)
            if not known:
                before_login += 1
                if before_login > MOST_BEFORE_LOGIN:
                    raise Fatal("too many commands before login")
                if sentence.command not in {"/login", "/quit"}:
                    raise Fatal("not logged in")
            if sentence.command == "/quit":
                raise Fatal("session terminated on request")
            if sentence.command == "/login":
                await self._log_in(sentence)
            elif sentence.command == "/cancel":
                await self._cancel(sentence)
            else:
                self._start(sentence)

    async def _log_in(self, sentence: Sentence) -> None:
        await asyncio.sleep(self._router.faults.delay())
        try:
            done = self.login.attempt(sentence)
        except Trap as trap:
            await self._send(trap.words(), sentence.tag)
            done = {}
        await self._send(_done(done), sentence.tag)
        if self.login.user is not None and self._listed is None:
            now = self._router.clock.now()
            told = {
                "when": self._router.profile.log_time(now, now),
                "name": self.login.user,
                "address": self.login.peer,
                "via": "api",
            }
            table = self._router.tables["/user/active"]
            self._listed = table.add({}, dynamic=True, live=told)

    def _start(self, sentence: Sentence) -> None:
        key = next(self._untagged) if sentence.tag is None else sentence.tag
        task = asyncio.create_task(self._run(sentence))
        self._running[key] = task
        task.add_done_callback(lambda ended: self._forget(key, ended))

    def _forget(self, key: str | int, ended: asyncio.Task[None]) -> None:
        if self._running.get(key) is ended:
            del self._running[key]
        if not ended.cancelled() and (broken := ended.exception()):
            self.reset()
            raise broken

    async def _cancel(self, sentence: Sentence) -> None:
        """Interrupt one command, or all; the victim's `!done` follows the cancel's."""
        wanted = sentence.attributes.get("tag")
        victims = [key for key in self._running if wanted in {None, key}]
        for key in victims:
            task = self._running[key]
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            tag = key if isinstance(key, str) else None
            interrupted = Trap("interrupted", INTERRUPTED)
            await self._send(interrupted.words(), tag)
        await self._send(["!done"], sentence.tag)
        for key in victims:
            await self._send(["!done"], key if isinstance(key, str) else None)

    async def _run(self, sentence: Sentence) -> None:
        with contextlib.suppress(ConnectionError):
            if sentence.tag is not None:
                await self._execute(sentence)
                return
            async with self._in_turn:
                await self._execute(sentence)

    async def _execute(self, sentence: Sentence) -> None:
        faults = self._router.faults
        await asyncio.sleep(faults.delay())
        fault = faults.take(sentence.command)
        kept, self._kept = self._kept, []
        for words in kept:
            await self._send(words)
        if fault is None:
            await self._answer(sentence, None)
        else:
            await self._go_wrong(sentence, fault)
        if self._router.restart_wanted:
            self._router.restart_wanted = False
            self._router.restart_soon()

    async def _go_wrong(self, sentence: Sentence, fault: Fault) -> None:
        """Answer as the fault says, after the command took effect or instead."""
        replies: list[Words] = []
        if fault.applied:
            await self._answer(sentence, replies)
        if fault.kind is Kind.TRAP:
            await self._send(Trap(fault.message).words(), sentence.tag)
            await self._send(["!done"], sentence.tag)
        elif fault.kind is Kind.RESET:
            self.reset()
        elif fault.kind is Kind.STALL:
            await self._send_part((replies or [_tagged(["!done"], sentence.tag)])[0])
        elif fault.kind is Kind.STALE:
            self._kept = replies
        elif fault.kind is Kind.REBOOT:
            self._router.restart_soon()

    async def _answer(self, sentence: Sentence, keep: list[Words] | None) -> None:
        """Run the command; its replies are sent, or put into `keep`."""

        async def send(words: Words) -> None:
            if keep is None:
                await self._send(words, sentence.tag)
            else:
                keep.append(_tagged(words, sentence.tag))

        call = Call(self._router, sentence, self.login.policies, send)
        try:
            await send(_done(await run(call)))
        except Trap as trap:
            await send(trap.words())
            await send(["!done"])

    async def _send(self, words: Words, tag: str | None = None) -> None:
        words = _tagged(words, tag)
        if self._mute:
            return
        self._router.trace.add(self._number, received=False, words=words)
        data = encode_sentence([to_bytes(word) for word in words])
        pause = self._router.faults.trickle
        if pause:
            # Whole even when the command is cancelled meanwhile.
            await asyncio.shield(self._trickle(data, pause))
            return
        async with self._writing:
            self._writer.write(data)
            await self._writer.drain()

    async def _trickle(self, data: bytes, pause: float) -> None:
        async with self._writing:
            for byte in data:
                self._writer.write(bytes([byte]))
                await self._writer.drain()
                await asyncio.sleep(pause)

    async def _send_part(self, words: Words) -> None:
        """Send a sentence up to the middle of its last word, then never more."""
        data = encode_sentence([to_bytes(word) for word in words])
        missing = 1 + (len(to_bytes(words[-1])) + 1) // 2
        self._router.trace.add(self._number, received=False, words=[*words, "(cut)"])
        async with self._writing:
            self._mute = True
            self._writer.write(data[:-missing])
            await self._writer.drain()


def _done(values: dict[str, str]) -> Words:
    return ["!done", *(f"={name}={value}" for name, value in values.items())]


def _tagged(words: Words, tag: str | None) -> Words:
    return words if tag is None else [*words, f".tag={tag}"]
