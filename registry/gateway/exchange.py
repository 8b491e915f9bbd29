"""One request and its answer over a connection of aiohttp's pool.

Writes the request's head itself and reads with aiohttp's parser: what its session does
besides (cookies, redirects, proxies, traces) a gateway does not want, and it takes as
long as all the checks together (docs/performance.md). Called by `upstream.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader
from multidict import CIMultiDictProxy

Body = bytes | AsyncIterator[bytes] | None

MAX_HEADERS = 128
MAX_LINE_BYTES = 8190
READ_BYTES = 2**16
"""How much of an answer is read ahead of who reads it."""


class Unreadable(Exception):
    """What the service sent is no answer of HTTP."""


class Answer:
    """An answer whose head is there; ends with its body, or with `close`.

    Attributes:
        headers: as the service gave them, names in any case.
        content: the body, as it comes.
        upload: sends the request's body, where that is a stream.
    """

    __slots__ = (
        "_connection",
        "_give_back",
        "content",
        "headers",
        "status",
        "upload",
    )

    def __init__(
        self, connection: Connection, give_back: Callable[[Connection], None]
    ) -> None:
        self._connection: Connection | None = connection
        self._give_back = give_back
        self.upload: asyncio.Task[None] | None = None
        self.status = 0
        self.headers: CIMultiDictProxy[str]
        self.content: StreamReader

    @property
    def protocol(self) -> ResponseHandler | None:
        """Return what reads and writes; None once it has ended."""
        return self._connection.protocol if self._connection else None

    async def begin(self, protocol: ResponseHandler) -> None:
        """Wait for the head.

        Raises:
            Unreadable: it is none.
            aiohttp.ClientError: the connection ended before it.
        """
        while True:
            try:
                message, content = await protocol.read()
            except HttpProcessingError as error:
                raise Unreadable from error
            # Interim answers (RFC 9110, section 15.2) say nothing; an upgrade would
            # be the last on its connection.
            if message.code == 101 or not 100 <= message.code < 200:
                break
        self.status = message.code
        self.headers = message.headers
        self.content = content
        if not protocol.upgraded:
            content.on_eof(self._ended)

    def close(self) -> None:
        """End the connection, unless the whole answer was read."""
        if self.upload is not None:
            self.upload.cancel()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ended(self) -> None:
        """Give the connection back; one with half a request on it is closed."""
        if self.upload is not None and not self.upload.done():
            self.close()
        elif self._connection is not None:
            self._give_back(self._connection)
            self._connection = None


async def exchange(
    answer: Answer,
    method: str,
    authority: str,
    target: str,
    headers: Sequence[tuple[str, str]],
    body: Body,
) -> None:
    """Send a request and wait for the head of its answer.

    `headers` hold `content-length` where the body is a stream of known length.

    Raises:
        ValueError: a header holds what no header can.
        Unreadable: there is an answer, but none of HTTP.
        aiohttp.ClientError: the connection ended.
    """
    protocol = answer.protocol
    if protocol is None or protocol.transport is None:
        answer.close()
        raise aiohttp.ServerDisconnectedError
    try:
        protocol.set_response_params(
            skip_payload=method == "HEAD",
            read_until_eof=True,
            auto_decompress=False,
            read_bufsize=READ_BYTES,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
            max_headers=MAX_HEADERS,
        )
        lines = [f"{method} {target} HTTP/1.1", f"Host: {authority}"]
        lines += [f"{name}: {value}" for name, value in headers]
        length: int | None = None
        if isinstance(body, bytes):
            lines.append(f"Content-Length: {len(body)}")
        elif body is not None:
            length = next(
                (int(text) for name, text in headers if name == "content-length"), None
            )
            if length is None:
                lines.append("Transfer-Encoding: chunked")
        head = _head(lines)
        protocol.transport.write(head + body if isinstance(body, bytes) else head)
        if body is not None and not isinstance(body, bytes):
            sending = _send(protocol, body, length)
            answer.upload = asyncio.create_task(sending)
        await answer.begin(protocol)
    except BaseException:
        answer.close()
        raise


def _head(lines: list[str]) -> bytes:
    """Return a request's head; raises ValueError when a line holds another one."""
    text = "\r\n".join(lines) + "\r\n\r\n"
    breaks = len(lines) + 1
    if text.count("\n") != breaks or text.count("\r") != breaks or "\0" in text:
        raise ValueError("a header holds a control sign")
    return text.encode("latin-1")


async def _send(
    protocol: ResponseHandler, body: AsyncIterator[bytes], length: int | None
) -> None:
    """Send a body as it comes; one of another length ends the connection."""
    size = 0
    try:
        async for chunk in body:
            if not chunk:
                continue
            transport = protocol.transport
            if transport is None:
                return
            size += len(chunk)
            if length is None:
                transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            else:
                _check_size(size, length)
                transport.write(chunk)
            await protocol._drain_helper()  # noqa: SLF001 - its only way to wait
        if length is not None:
            _check_size(length, size)
        elif protocol.transport is not None:
            protocol.transport.write(b"0\r\n\r\n")
    except Exception as error:  # noqa: BLE001 - whatever broke the body, the call ends
        if protocol.transport is not None:
            protocol.transport.abort()
        protocol.set_exception(aiohttp.ClientConnectionError("body broke off"), error)


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise ValueError("the body is not as long as it was said to be")
