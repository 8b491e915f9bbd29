"""The client's side of one HTTP/1.1 connection: answers, read one after the other.

Owns what belongs to which answer. aiohttp opens the connection and keeps its books;
the bytes are read here with llhttp (by httptools), the parser of Node and of aiohttp,
since aiohttp's own objects around it take two thirds of the time of reading an answer
(docs/performance.md). Called by `pool.py` and `exchange.py`.
"""

import asyncio
from collections.abc import Callable

from aiohttp.connector import Connection
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

MAX_HEADERS = 128
MAX_LINE_BYTES = 8190
MAX_HEAD_BYTES = 64 * 1024
"""What may come, with interim answers, before a head is complete."""
READ_BYTES = 2**16
"""How much of an answer is read ahead of who reads it."""


class Unreadable(Exception):
    """What the service sent is no answer of HTTP."""


class Answer:
    """One answer; it ends with its body, or with `close`.

    Attributes:
        status: 0 until the head is there.
        headers: as the service gave them, names in lower case.
        length: of the body in bytes as the service said it, and is held to it.
        is_complete: whether all of it is here.
        upload: sends the request's body, where that is a stream.
    """

    __slots__ = (
        "_chunks",
        "_connection",
        "_error",
        "_size",
        "_waiter",
        "headers",
        "is_bare",
        "is_complete",
        "length",
        "status",
        "upload",
    )

    def __init__(self, connection: "Http1", *, is_bare: bool) -> None:
        """Expect the next answer on a connection; `is_bare` says that of a HEAD."""
        self._connection: Http1 | None = connection
        self._chunks: list[bytes] = []
        self._size = 0
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.is_bare = is_bare
        self.is_complete = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.length: int | None = None
        self.upload: asyncio.Task[None] | None = None
        connection.expect(self)

    def header(self, name: bytes) -> str:
        """Return the last value of a header, empty where there is none."""
        for each, value in reversed(self.headers):
            if each == name:
                return value.decode("latin-1")
        return ""

    async def begin(self) -> None:
        """Wait for the head.

        Raises:
            Unreadable: it is none.
            ConnectionError: the connection ended before it.
        """
        while not self.status:
            await self._wait()

    async def more(self) -> bytes:
        """Return what came of the body meanwhile, empty at its end.

        Raises:
            Unreadable: it is no body of HTTP.
            ConnectionError: it broke off.
        """
        while not self._chunks:
            if self.is_complete:
                return b""
            await self._wait()
        return self.taken()

    def taken(self) -> bytes:
        """Return what is here of the body, without waiting."""
        chunks, self._chunks = self._chunks, []
        self._size = 0
        if self._connection is not None:
            self._connection.resume()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def close(self) -> None:
        """End the connection, unless the whole answer was read."""
        if self.upload is not None:
            self.upload.cancel()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def fail(self, error: Exception) -> None:
        """Break off: whoever waits is told, and the connection ends."""
        if not self.is_complete and self._error is None:
            self._error = error
        self.close()
        self._wake()

    def add(self, chunk: bytes) -> bool:
        """Take a piece of the body; returns whether no more should be read now."""
        self._chunks.append(chunk)
        self._size += len(chunk)
        return self._size > READ_BYTES

    def here(self, *, is_complete: bool, is_reusable: bool) -> None:
        """Say that its head, or more of its body, or all of it has come."""
        if is_complete:
            self.is_complete = True
            connection, self._connection = self._connection, None
            if connection is not None:
                # With half a request on it, nothing else can be sent there.
                if is_reusable and (self.upload is None or self.upload.done()):
                    connection.give_back(connection)
                else:
                    if self.upload is not None:
                        self.upload.cancel()
                    connection.close()
        self._wake()

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        if self._connection is None:
            raise ConnectionAbortedError("the answer was closed")
        self._waiter = self._connection.loop.create_future()
        await self._waiter
        if self._error is not None:
            raise self._error

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class Http1(asyncio.Protocol):
    """Takes over a connection that aiohttp has opened.

    Attributes:
        give_back: is told when it can be used again.
        loop: that it was made in.
        transport: writes what is to be sent.
    """

    __slots__ = (
        "_answer",
        "_connection",
        "_handler",
        "_head_bytes",
        "_interim",
        "_is_done",
        "_is_paused",
        "_is_reusable",
        "_parser",
        "_until_end",
        "_writable",
        "give_back",
        "loop",
        "transport",
    )

    def __init__(
        self, connection: Connection, give_back: Callable[["Http1"], None]
    ) -> None:
        """Read from now on; raises ConnectionError when it has ended already."""
        handler, transport = connection.protocol, connection.transport
        if handler is None or transport is None or handler.should_close:
            # Also when the service spoke before it was asked.
            connection.close()
            raise ConnectionResetError("the connection ended at once")
        self._connection = connection
        self._handler = handler
        self.give_back = give_back
        self.loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport = transport
        self._answer: Answer | None = None
        self._parser: HttpResponseParser | None = None
        self._writable: asyncio.Future[None] | None = None
        self._is_paused = False
        transport.set_protocol(self)

    # -- for the pool and the exchange ---------------------------------------------

    @property
    def is_open(self) -> bool:
        """Return whether it can be used."""
        return not self.transport.is_closing()

    def close(self) -> None:
        """End it; aiohttp ends its part too."""
        self._answer = None
        self._connection.close()

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
        self._head_bytes = 0
        self._interim = self._is_done = self._is_reusable = self._until_end = False

    def resume(self) -> None:
        """Read on: there is room again."""
        if self._is_paused:
            self._is_paused = False
            self.transport.resume_reading()

    async def drain(self) -> None:
        """Wait while too much waits to be sent; raises ConnectionError when it ends."""
        if self._writable is not None:
            await self._writable
        if not self.is_open:
            raise ConnectionResetError("the connection ended")

    # -- called by the event loop --------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Read on. What belongs to no answer ends the connection."""
        answer, parser = self._answer, self._parser
        if answer is None or parser is None:
            self.close()
            return
        try:
            parser.feed_data(data)
        except HttpParserUpgrade:
            pass
        except (HttpParserError, Unreadable) as error:
            answer.fail(Unreadable(type(error).__name__))
            return
        if self._is_done:
            self._answer = None
            self.resume()
        if answer.status:
            answer.here(is_complete=self._is_done, is_reusable=self._is_reusable)
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            answer.fail(Unreadable("its head is too long"))

    def eof_received(self) -> bool:
        """Close: a service that stops sending gets no more requests."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """End the answer, well where nothing else says where it ends."""
        self._handler.connection_lost(exc)
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        answer, self._answer = self._answer, None
        if answer is None:
            return
        if self._until_end and exc is None:
            answer.here(is_complete=True, is_reusable=False)
        else:
            answer.fail(ConnectionResetError("the connection ended"))

    def pause_writing(self) -> None:
        """Let `drain` wait."""
        self._writable = self.loop.create_future()

    def resume_writing(self) -> None:
        """Let `drain` go on."""
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # -- called by the parser, within `data_received` ------------------------------

    def on_message_begin(self) -> None:
        """Note the beginning of an answer that nobody has asked for."""
        if self._is_done:
            self._is_reusable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a line of the head; those after the body are of no use here."""
        answer = self._answer
        if answer is None or answer.status or self._is_done:
            return
        if len(value) > MAX_LINE_BYTES or len(answer.headers) >= MAX_HEADERS:
            raise Unreadable
        answer.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Begin an answer, or pass over one that only says that another follows."""
        answer, parser = self._answer, self._parser
        if answer is None or parser is None or self._is_done:
            return
        status = parser.get_status_code()
        self._interim = 100 <= status < 200 and status != 101
        if self._interim:
            # Interim answers say nothing (RFC 9110, section 15.2).
            answer.headers.clear()
            return
        self._is_reusable = parser.should_keep_alive()
        coded = answer.header(b"transfer-encoding")
        if not coded:
            text = answer.header(b"content-length")
            answer.length = int(text) if text.isdigit() else None
        answer.status = status
        if answer.is_bare or status in {101, 204, 304}:
            # RFC 9112, section 6.3: no body, whatever the head says. The parser knows
            # of no HEAD, so it is not asked again.
            self._is_done, self._parser = True, None
            self._is_reusable = self._is_reusable and status != 101
        else:
            is_chunked = coded.lower().rpartition(",")[2].strip() == "chunked"
            self._until_end = answer.length is None and not is_chunked

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        answer = self._answer
        if self._is_done or answer is None:
            self._is_reusable = False
        elif answer.add(body) and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    def on_message_complete(self) -> None:
        """End the answer, once all that came with it is read."""
        if not self._interim:
            self._is_done = True
