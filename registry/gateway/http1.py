"""The client's side of one HTTP/1.1 connection: answers, read one after the other.

Owns what belongs to which answer, and whether a connection can be used again. aiohttp
opens it and keeps its books; the bytes are read here with llhttp (by httptools), the
parser of Node and of aiohttp, since aiohttp's own objects around it take two thirds of
the time of reading an answer (docs/performance.md). Called by `pool.py` and
`exchange.py`.
"""

import asyncio
import select
from typing import Protocol

from aiohttp.connector import Connection
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from registry.gateway.answers import Answer, Unreadable

MAX_HEADERS = 128
MAX_LINE_BYTES = 8190
MAX_ASIDE_BYTES = 64 * 1024
"""What may come in one go that is no body: a head with the interim answers before it,
the trailer, what stands beside the length of a chunk."""


class Owner(Protocol):
    """Who lends connections."""

    def give_back(self, http: "Http1") -> None:
        """Take one that can be used again."""

    def ended(self, http: "Http1") -> None:
        """Take note of one that cannot."""


class Http1(asyncio.Protocol):
    """Takes over a connection that aiohttp has opened.

    Attributes:
        loop: that it was made in.
        transport: writes what is to be sent.
    """

    __slots__ = (
        "_answer",
        "_aside",
        "_connection",
        "_handler",
        "_has_body_come",
        "_is_done",
        "_is_interim",
        "_is_paused",
        "_is_reusable",
        "_is_until_end",
        "_owner",
        "_parser",
        "_readable",
        "_writable",
        "loop",
        "transport",
    )

    def __init__(self, connection: Connection, owner: Owner) -> None:
        """Read from now on; raises ConnectionError when it has ended already."""
        handler, transport = connection.protocol, connection.transport
        if handler is None or transport is None or handler.should_close:
            # Also when the service spoke before it was asked.
            connection.close()
            raise ConnectionResetError("the connection ended at once")
        self._connection = connection
        self._handler = handler
        self._owner = owner
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport = transport
        self._answer: Answer | None = None
        self._parser: HttpResponseParser | None = None
        self._writable: asyncio.Future[None] | None = None
        self._aside = 0
        self._is_paused = self._is_done = self._is_interim = False
        self._is_reusable = self._is_until_end = self._has_body_come = False
        self._readable = select.poll()
        self._readable.register(transport.get_extra_info("socket"), select.POLLIN)
        transport.set_protocol(self)

    # -- for the pool and the exchange ---------------------------------------------

    def is_quiet(self) -> bool:
        """Return whether it is open and nothing came unasked, seen or not seen yet.

        What waits in the kernel would be taken for the next answer.
        """
        return not self.transport.is_closing() and not self._readable.poll(0)

    def close(self) -> None:
        """End it at once, whatever is still to be sent; aiohttp ends its part too."""
        self._answer = None
        self._connection.close()
        # To close alone would wait for a service that takes nothing more.
        self.transport.abort()

    def break_off(self) -> None:
        """End it, and tell whoever waits for an answer."""
        if self._answer is None:
            self.close()
        else:
            self._answer.fail(ConnectionAbortedError("the gateway stops"))

    def expect(self, answer: Answer) -> None:
        """Give what comes from now on to this answer."""
        self._answer = answer
        if self._parser is None:
            self._parser = HttpResponseParser(self)
            # As servers of small devices write, and as aiohttp takes it too; everything
            # that two readers could take for two different messages stays an error.
            self._parser.set_dangerous_leniencies(
                lenient_optional_cr_before_lf=True,
                lenient_spaces_after_chunk_size=True,
            )
        self._aside = 0
        self._is_interim = self._is_done = False
        self._is_reusable = self._is_until_end = False

    def resume(self) -> None:
        """Read on: there is room again."""
        if self._is_paused:
            self._is_paused = False
            self.transport.resume_reading()

    async def drain(self) -> None:
        """Wait while too much waits to be sent; raises ConnectionError when it ends."""
        if self._writable is not None:
            await self._writable
        if self.transport.is_closing():
            raise ConnectionResetError("the connection ended")

    # -- called by the event loop --------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Read on. What belongs to no answer ends the connection."""
        answer, parser = self._answer, self._parser
        if answer is None or parser is None:
            self.close()
            return
        self._has_body_come = False
        try:
            parser.feed_data(data)
        except HttpParserUpgrade:
            pass
        except HttpParserError as error:
            if not self._is_done:
                answer.fail(Unreadable(str(error)))
                return
            # The answer is whole; what came after it is nobody's.
            self._is_reusable = False
        if self._is_done:
            if self._parser is None and not data.endswith(b"\n"):
                # After a head without a body something began.
                self._is_reusable = False
            self._finish(answer)
            return
        self._aside = 0 if self._has_body_come else self._aside + len(data)
        if self._aside > MAX_ASIDE_BYTES:
            answer.fail(Unreadable("its head or its trailer is too long"))
        elif answer.is_begun:
            answer.arrived(is_complete=False)

    def eof_received(self) -> bool:
        """End the answer, well where nothing else says where it ends; then close."""
        answer = self._answer
        if answer is None:
            self.close()
        elif self._is_until_end:
            self._finish(answer)
        else:
            answer.fail(ConnectionResetError("the service ended the connection"))
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Break off the answer that has not come."""
        self._handler.connection_lost(exc)
        self._owner.ended(self)
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        if self._answer is not None:
            self._answer.fail(ConnectionResetError("the connection ended"))

    def pause_writing(self) -> None:
        """Let `drain` wait."""
        self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        """Let `drain` go on."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    def _finish(self, answer: Answer) -> None:
        """Complete an answer; use the connection again if nothing is left on it."""
        self._answer = None
        self.resume()
        # With half a request on it, the next one would wait behind the rest.
        is_sent = answer.is_sent and not self.transport.get_write_buffer_size()
        if self._is_reusable and is_sent:
            self._owner.give_back(self)
        else:
            self.close()
        answer.arrived(is_complete=True)

    # -- called by the parser, within `data_received` ------------------------------

    def on_message_begin(self) -> None:
        """Note the beginning of an answer that nobody has asked for."""
        if self._is_done:
            self._is_reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a line of the head; those after the body are of no use here."""
        answer = self._answer
        if answer is None or answer.is_begun:
            return
        if len(answer.headers) >= MAX_HEADERS or len(name + value) > MAX_LINE_BYTES:
            raise Unreadable
        answer.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Begin an answer, or pass over one that only says that another follows."""
        answer, parser = self._answer, self._parser
        if answer is None or parser is None or self._is_done:
            return
        status, version = parser.get_status_code(), parser.get_http_version()
        if status < 100 or version not in {"1.1", "1.0"}:
            raise Unreadable
        self._is_interim = status < 200 and status != 101
        if self._is_interim:
            # Interim answers say nothing (RFC 9110, section 15.2).
            answer.headers.clear()
            return
        length, codings = b"", []
        for name, value in answer.headers:
            if name == b"content-length":
                length = value
            elif name == b"transfer-encoding":
                codings.append(value.strip().lower())
        if codings and codings != [b"chunked"]:
            # Any other coding would have to be undone before it is passed on.
            raise Unreadable
        # RFC 9112, section 6.1: what HTTP/1.0 says of codings is not to be relied on.
        is_certain = not codings or version == "1.1"
        self._is_reusable = parser.should_keep_alive() and is_certain
        answer.status, answer.is_begun = status, True
        if answer.is_bare or status in {101, 204, 304}:
            # RFC 9112, section 6.3: no body, whatever the head says. The parser knows
            # of no HEAD, so it is not asked again.
            self._is_done, self._parser = True, None
            self._is_reusable = self._is_reusable and status != 101
        elif not codings:
            answer.length = int(length) if length else None
            self._is_until_end = not length

    def on_chunk_header(self) -> None:
        """Note a piece of a body where none may be."""
        if self._is_done:
            self._is_reusable = False

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        answer = self._answer
        if self._is_done or answer is None:
            self._is_reusable = False
            return
        self._has_body_come = True
        if answer.add(body) and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    def on_message_complete(self) -> None:
        """End the answer, once all that came with it is read."""
        if not self._is_interim:
            self._is_done = True
