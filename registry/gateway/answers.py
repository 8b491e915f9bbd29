"""One answer of a service: its head, and its body as it comes.

Owns what is here and who waits for more; `http1.py` fills it, `upstream.py` and whoever
passes it on read it.
"""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.gateway.http1 import Http1

READ_BYTES = 2**16
"""How much of an answer is read ahead of who reads it."""


class Unreadable(Exception):
    """What the service sent is no answer of HTTP."""


class Answer:
    """One answer; it ends with its body, or with `close`.

    Attributes:
        is_begun: whether the head is here.
        status, headers: as the service gave them, names in lower case.
        length: of the body in bytes as the service said it, and is held to it.
        is_complete: whether all of it is here.
        is_bare: whether it is that of a HEAD, which has no body.
        upload: sends the request's body, where that is a stream.
    """

    __slots__ = (
        "_chunks",
        "_error",
        "_http",
        "_size",
        "_waiter",
        "headers",
        "is_bare",
        "is_begun",
        "is_complete",
        "length",
        "status",
        "upload",
    )

    def __init__(self, http: "Http1", *, is_bare: bool) -> None:
        """Expect the next answer of a connection."""
        self._http: Http1 | None = http
        self._chunks: list[bytes] = []
        self._size = 0
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.is_bare = is_bare
        self.is_begun = self.is_complete = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.length: int | None = None
        self.upload: asyncio.Task[None] | None = None
        http.expect(self)

    # -- for who reads it ----------------------------------------------------------

    def header(self, name: bytes) -> str:
        """Return the last value of a header, empty where there is none."""
        for each, value in reversed(self.headers):
            if each == name:
                return value.decode("latin-1")
        return ""

    def news(self) -> "asyncio.Future[None]":
        """Return what is done once something has come; `check` what it was then.

        Raises:
            ConnectionError: nothing will come any more.
        """
        self.check()
        if self._http is None:
            raise ConnectionAbortedError("the answer was closed")
        self._waiter = self._http.loop.create_future()
        return self._waiter

    def check(self) -> None:
        """Raise what has gone wrong.

        Raises:
            Unreadable: what came is no answer of HTTP.
            ConnectionError: the connection ended before the answer did.
        """
        if self._error is not None:
            raise self._error

    async def more(self) -> bytes:
        """Return what came of the body meanwhile, empty at its end.

        Raises:
            Unreadable: it is no body of HTTP.
            ConnectionError: it broke off.
        """
        while not self._chunks:
            if self.is_complete:
                return b""
            await self.news()
            self.check()
        return self.taken()

    def taken(self) -> bytes:
        """Return what is here of the body, without waiting."""
        chunks, self._chunks = self._chunks, []
        self._size = 0
        if self._http is not None:
            self._http.resume()
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def close(self) -> None:
        """End the connection, unless the whole answer was read."""
        if self.upload is not None:
            self.upload.cancel()
        http, self._http = self._http, None
        if http is not None:
            http.close()

    # -- for who fills it ----------------------------------------------------------

    @property
    def is_sent(self) -> bool:
        """Return whether the stream that is the request's body is at its end."""
        return self.upload is None or self.upload.done()

    def add(self, chunk: bytes) -> bool:
        """Take a piece of the body; returns whether no more should be read now."""
        self._chunks.append(chunk)
        self._size += len(chunk)
        return self._size > READ_BYTES

    def arrived(self, *, is_complete: bool) -> None:
        """Say that its head, or more of its body, or all of it has come."""
        if is_complete:
            self.is_complete, self._http = True, None
            if self.upload is not None:
                self.upload.cancel()
        self._wake()

    def fail(self, error: Exception) -> None:
        """Break off: whoever waits is told, and the connection ends."""
        if not self.is_complete and self._error is None:
            self._error = error
        self.close()
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
