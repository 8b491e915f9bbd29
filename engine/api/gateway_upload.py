"""The body of one call of a service, on its way in.

Owns its length, its pauses and what it may be; knows nothing of permissions or
services. Called by `gateway.py`.
"""

from collections.abc import AsyncIterator, Callable

from engine.api.http import Request
from engine.api.patience import Receive
from engine.errors import BadRequest, PayloadTooLarge

WHOLE_BODY_BYTES = 2**20
_WITH_HEADERS = frozenset({"1", "1.0", "1.1"})
"""Versions of HTTP whose bodies have a header that says so (RFC 9112, section 6.3)."""


class Upload:
    """The body of one request: whole where it is short, else a stream.

    Attributes:
        declared: bytes that Content-Length says.
        is_read: whether all of it is here.
        is_awaited: whether it is the client for whom everything waits.
        on_progress: called for each piece of a stream.
        failure: why a stream broke off.
    """

    __slots__ = (
        "_limit",
        "_receive",
        "declared",
        "failure",
        "is_awaited",
        "is_read",
        "on_progress",
    )

    def __init__(self, request: Request, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self.is_awaited = False
        self.on_progress: Callable[[], None] | None = None
        self.failure: BadRequest | PayloadTooLarge | None = None
        self.declared: int | None = None
        # HTTP/2 frames bodies without a header.
        self.is_read = request.scope["http_version"] in _WITH_HEADERS
        if request.has_body:
            declared = request.header(b"content-length")
            self.declared = int(declared) if declared and declared.isdigit() else None
            is_chunked = request.header(b"transfer-encoding") is not None
            self.is_read = self.is_read and not self.declared and not is_chunked

    async def start(self, *, whole: bool) -> bytes | AsyncIterator[bytes]:
        """Return the body; with `whole` it must be short.

        Raises:
            PayloadTooLarge: it is too long.
            BadRequest: the client left before it was there.
        """
        if self.is_read:
            return b""
        limit = WHOLE_BODY_BYTES if whole else self._limit
        if self.declared is not None and self.declared > limit:
            raise _too_large(limit)
        short = self.declared is not None and self.declared <= WHOLE_BODY_BYTES
        chunks = [await self._next()]
        size = len(chunks[0])
        if not whole and not short and (not self.is_read or size > WHOLE_BODY_BYTES):
            return self._stream(chunks[0])
        while not self.is_read:
            if size > limit:
                raise _too_large(limit)
            chunks.append(await self._next())
            size += len(chunks[-1])
        if size > limit:
            raise _too_large(limit)
        self._check_length(size)
        return b"".join(chunks)

    async def _stream(self, first: bytes) -> AsyncIterator[bytes]:
        size, chunk = 0, first
        try:
            while True:
                size += len(chunk)
                if size > self._limit:
                    raise _too_large(self._limit)
                if self.declared is not None and size > self.declared:
                    # Passed on, the rest would be the connection's next request.
                    raise _wrong_length()
                if self.on_progress is not None:
                    self.on_progress()
                if chunk:
                    yield chunk
                if self.is_read:
                    break
                chunk = await self._next()
            self._check_length(size)
        except (BadRequest, PayloadTooLarge) as error:
            self.failure = error
            raise

    def _check_length(self, size: int) -> None:
        if self.declared is not None and size != self.declared:
            raise _wrong_length()

    async def _next(self) -> bytes:
        self.is_awaited = True
        message = await self._receive()
        self.is_awaited = False
        if message["type"] == "http.disconnect":
            raise BadRequest("The connection ended before the body did.")
        self.is_read = not message.get("more_body")
        return bytes(message.get("body", b""))


def _wrong_length() -> BadRequest:
    return BadRequest("The body is not as long as Content-Length says.")


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is over {limit // 1024} KiB; send less.")
