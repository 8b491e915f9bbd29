"""The answer of one call of a service, on its way to the client.

Owns its length and its pauses; knows nothing of permissions or services. Called by
`gateway.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from engine.api.entry import Send
from engine.api.gateway_watch import Watch
from registry.gateway import headers
from registry.gateway.answers import Answer
from registry.gateway.upstream import UpstreamError, chunks_of, read

WHOLE_ANSWER_BYTES = 64 * 1024


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


class Relay(msgspec.Struct):
    """One answer on its way to the client.

    Attributes:
        watch: over the call; its time ends the answer until a stream goes.
        is_document: whether the answer has a schema, so must come whole in time.
        has_begun: whether the client has a status already.
    """

    send: Send
    bounds: Bounds
    watch: Watch
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
        start = {
            "type": "http.response.start",
            "status": answer.status,
            "headers": found,
        }
        length, body = answer.length, None
        limit = self.bounds.document if self.is_document else self.bounds.stream
        if is_head or answer.status in {204, 304}:
            body = await read(answer, 0)
        elif length is not None:
            if length > limit:
                raise UpstreamError("broken", "The service's answer is too large.")
            found.append((b"content-length", b"%d" % length))
            if answer.is_complete:
                # It came with its head, as most do.
                body = answer.taken()
            elif length <= WHOLE_ANSWER_BYTES:
                body = await read(answer, length)
        if body is None:
            await self._stream(answer, start, limit)
            return
        self.has_begun = True
        await self.send(start)
        await self.send({"type": "http.response.body", "body": body})

    async def _stream(
        self,
        answer: Answer,
        start: dict[str, object],
        limit: int,
    ) -> None:
        kind = answer.header(b"content-type").partition(";")[0]
        is_slow = kind.strip().lower() == "text/event-stream"
        size = 0
        async for chunk in chunks_of(answer):
            size += len(chunk)
            self._check(size, limit, is_slow=is_slow)
            self._pause()
            if not self.has_begun:
                self.has_begun = True
                await self.send(start)
            await self.send(
                {"type": "http.response.body", "body": chunk, "more_body": True}
            )
            self._pause()
        if not self.has_begun:
            self.has_begun = True
            await self.send(start)
        await self.send({"type": "http.response.body", "body": b""})

    def _check(self, size: int, limit: int, *, is_slow: bool) -> None:
        if size > limit:
            raise UpstreamError("broken", "The service's answer is too large.")
        passed = self.watch.passed()
        is_late = passed > self.watch.timeout and size < passed * self.bounds.least_rate
        if passed > self.bounds.longest or (is_late and not is_slow):
            raise UpstreamError("timeout", "The service's answer takes too long.")

    def _pause(self) -> None:
        if not self.is_document:
            self.watch.go_on(self.bounds.idle)
