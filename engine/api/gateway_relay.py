"""Both directions of one call of a service: the body in, the answer out.

Owns lengths, pauses and the client that leaves; knows nothing of permissions or
services. Called by `gateway.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import msgspec

from engine.api.deadlines import Deadline, Deadlines, Limit
from engine.api.entry import Send
from engine.api.http import Request
from engine.api.patience import Receive
from engine.errors import BadRequest, PayloadTooLarge
from registry.gateway import headers
from registry.gateway.answers import Answer
from registry.gateway.upstream import UpstreamError, chunks_of, read

WHOLE_BODY_BYTES = 2**20
WHOLE_ANSWER_BYTES = 64 * 1024
LOOK_SECONDS = 0.02
"""How late the end of a call's time may be noticed."""
WATCH_AFTER_SECONDS = 0.25
"""A watch costs as much as a tenth of a call, so only a slow one gets it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long and how large; seconds and bytes.

    Attributes:
        idle: the longest pause of a stream, in either direction.
        longest: the longest stream.
        least_rate: bytes a second that an answer must have brought on average once
            the endpoint's timeout is over; event streams may be slower.
        document: the largest answer that has a schema.
        stream, upload: the largest answer without one, and the largest body.
    """

    idle: float = 60.0
    longest: float = 3600.0
    least_rate: int = 1024
    document: int = 20 * 2**20
    stream: int = 2 * 2**30
    upload: int = 100 * 2**20


class Upload:
    """The body of one request: whole where it is short, else a stream.

    Attributes:
        declared: bytes that Content-Length says.
        is_read: whether all of it is here.
        is_awaited: whether it is the client for whom everything waits.
        on_progress: called for each piece of a stream.
        failure: why a stream broke off.
    """

    def __init__(self, request: Request, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._method = request.method
        declared = request.header(b"content-length")
        self.declared = int(declared) if declared and declared.isdigit() else None
        self._is_chunked = request.header(b"transfer-encoding") is not None
        # HTTP/2 frames bodies without either header.
        self._is_framed = request.scope.get("http_version") not in {"1", "1.0", "1.1"}
        self.is_read = False
        self.is_awaited = False
        self.on_progress: Callable[[], None] | None = None
        self.failure: BadRequest | PayloadTooLarge | None = None

    async def start(self, *, whole: bool) -> bytes | AsyncIterator[bytes]:
        """Return the body; with `whole` it must be short.

        Raises:
            PayloadTooLarge: it is too long.
            BadRequest: the client left before it was there.
        """
        limit = WHOLE_BODY_BYTES if whole else self._limit
        if self.declared is not None and self.declared > limit:
            raise _too_large(limit)
        if not self.declared and not self._is_chunked and not self._is_framed:
            self.is_read = True
            return b""
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


class Watch:
    """Over one call: ends it when its client leaves, or when its time is over.

    Attributes:
        upload: the call's body, whose reader hears first that the client has left.
    """

    __slots__ = (
        "_begins",
        "_cancels",
        "_deadlines",
        "_has_left",
        "_receive",
        "_task",
        "_watching",
        "upload",
    )

    def __init__(
        self,
        receive: Receive,
        upload: Upload,
        deadlines: Deadlines,
    ) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call is served by a task")
        self._task = task
        self._cancels = task.cancelling()
        self._receive = receive
        self.upload = upload
        self._deadlines = deadlines
        self._watching: asyncio.Task[None] | None = None
        self._has_left = False
        self._begins = self._later(task.get_loop())

    def until(self, when: float) -> Limit:
        """Return a context manager whose block ends by a time of the loop's clock."""
        return Limit(self._deadlines, when, self._task)

    def stop(self) -> None:
        """Watch no longer."""
        self._begins.cancel()
        if self._watching is not None:
            self._watching.cancel()

    def has_left(self) -> bool:
        """Return whether a cancellation was this watch's, and take it back."""
        return self._has_left and self._task.uncancel() <= self._cancels

    def _later(self, loop: asyncio.AbstractEventLoop) -> Deadline:
        return self._deadlines.at(loop.time() + WATCH_AFTER_SECONDS, self._begin)

    def _begin(self) -> None:
        loop = self._task.get_loop()
        if self.upload.is_read:
            self._watching = loop.create_task(self._wait())
        else:
            # Whoever reads the body hears of it first.
            self._begins = self._later(loop)

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._has_left = True
        self._task.cancel()


class Relay(msgspec.Struct):
    """One answer on its way to the client.

    Attributes:
        timeout: of the endpoint, in seconds; `limit` ends with it until a stream goes.
        is_document: whether the answer has a schema, so must come whole in time.
        has_begun: whether the client has a status already.
    """

    send: Send
    bounds: Bounds
    limit: Limit
    timeout: float
    began: float
    is_document: bool
    has_begun: bool = False

    async def run(
        self,
        answer: Answer,
        extra: Sequence[tuple[bytes, bytes]],
        *,
        is_head: bool,
    ) -> None:
        """Send an answer on; raises UpstreamError when the service ends it early."""
        found = headers.inwards(answer.headers)
        found += extra
        length = answer.length
        start = {"type": "http.response.start", "status": answer.status}
        limit = self.bounds.document if self.is_document else self.bounds.stream
        if is_head or answer.status in {204, 304}:
            await read(answer, 0)
            await self._begin({**start, "headers": found})
            await self.send({"type": "http.response.body", "body": b""})
            return
        if length is not None and length > limit:
            raise UpstreamError("broken", "The service's answer is too large.")
        if length is not None:
            found.append((b"content-length", str(length).encode()))
        if length is not None and length <= WHOLE_ANSWER_BYTES:
            body = await read(answer, length)
            await self._begin({**start, "headers": found})
            await self.send({"type": "http.response.body", "body": body})
            return
        await self._stream(answer, {**start, "headers": found}, limit)

    async def _stream(
        self,
        answer: Answer,
        start: dict[str, object],
        limit: int,
    ) -> None:
        loop = asyncio.get_running_loop()
        kind = answer.header(b"content-type").partition(";")[0]
        is_slow = kind.strip().lower() == "text/event-stream"
        size = 0
        async for chunk in chunks_of(answer):
            size += len(chunk)
            now = loop.time()
            self._check(size, limit, now - self.began, is_slow=is_slow)
            self._pause(now)
            if not self.has_begun:
                await self._begin(start)
            await self.send(
                {"type": "http.response.body", "body": chunk, "more_body": True}
            )
            self._pause(loop.time())
        if not self.has_begun:
            await self._begin(start)
        await self.send({"type": "http.response.body", "body": b""})

    def _check(self, size: int, limit: int, passed: float, *, is_slow: bool) -> None:
        if size > limit:
            raise UpstreamError("broken", "The service's answer is too large.")
        is_late = passed > self.timeout and size < passed * self.bounds.least_rate
        if passed > self.bounds.longest or (is_late and not is_slow):
            raise UpstreamError("timeout", "The service's answer takes too long.")

    def _pause(self, now: float) -> None:
        if not self.is_document:
            self.limit.when = now + self.bounds.idle

    async def _begin(self, message: dict[str, object]) -> None:
        self.has_begun = True
        await self.send(message)


def _wrong_length() -> BadRequest:
    return BadRequest("The body is not as long as Content-Length says.")


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is over {limit // 1024} KiB; send less.")
