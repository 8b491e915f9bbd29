"""The service behind every gateway that is measured: as little work as can be.

Usage: python upstream.py PORT. Answers 2 KB of JSON, and 1 GB at /stream.
"""

import asyncio
import sys

import uvloop

_BODY = b'{"items":[' + b",".join([b'{"name":"' + b"x" * 40 + b'"}'] * 37) + b"]}"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
_ANSWER = _HEAD + str(len(_BODY)).encode() + b"\r\n\r\n" + _BODY
_PIECE = bytes(2**16)
_STREAM = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
    b"Content-Length: 1073741824\r\n\r\n"
)


class Service(asyncio.Protocol):
    """One connection; requests come one after the other."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._buffer = b""
        self._left = 0

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        length = 0
        for line in head.split(b"\r\n")[1:]:
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        if head.startswith(b"GET /stream"):
            self._transport.write(_STREAM)
            self._left = 2**30
            self.resume_writing()
        else:
            self._transport.write(_ANSWER)

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        while self._left and not self._is_paused:
            self._left -= len(_PIECE)
            self._transport.write(_PIECE)


async def serve(port: int) -> None:
    """Serve until the process ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Service, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
