"""One request on a connection, and the head of its answer.

Owns how a request is written: what aiohttp's session does besides (cookies, redirects,
proxies, traces) a gateway does not want, and it takes as long as all the checks
together (docs/performance.md). Called by `upstream.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence

from registry.gateway.http1 import Answer, Http1

Body = bytes | AsyncIterator[bytes] | None


async def exchange(
    connection: Http1,
    method: str,
    authority: str,
    target: str,
    headers: Sequence[tuple[str, str]],
    body: Body,
    lines: bytes = b"",
) -> Answer:
    """Send a request; return its answer once the head is there.

    `headers` hold `content-length` where the body is a stream of known length; `lines`
    are more headers, as `lines_of` returns them.

    Raises:
        ValueError: a header holds what no header can.
        Unreadable: there is an answer, but none of HTTP.
        ConnectionError: the connection ended.
    """
    answer = Answer(connection, is_bare=method == "HEAD")
    try:
        length: int | None = None
        begin = f"{method} {target} HTTP/1.1\r\nHost: {authority}\r\n"
        if isinstance(body, bytes):
            begin += f"Content-Length: {len(body)}\r\n"
        elif body is not None:
            length = next(
                (int(text) for name, text in headers if name == "content-length"), None
            )
            if length is None:
                begin += "Transfer-Encoding: chunked\r\n"
        _check(method + target + authority)
        head = begin.encode("ascii") + lines + lines_of(headers) + b"\r\n"
        if isinstance(body, bytes):
            connection.transport.write(head + body)
        else:
            connection.transport.write(head)
            if body is not None:
                sending = _send(connection, answer, body, length)
                answer.upload = asyncio.create_task(sending)
        await answer.begin()
    except BaseException:
        answer.close()
        raise
    return answer


def lines_of(headers: Sequence[tuple[str, str]]) -> bytes:
    """Return headers as they are written; raises ValueError when one holds another."""
    lines = [f"{name}: {value}" for name, value in headers]
    _check("".join(lines))
    lines.append("")
    return "\r\n".join(lines).encode("latin-1")


def _check(text: str) -> None:
    if "\n" in text or "\r" in text or "\0" in text:
        raise ValueError("a header holds a control sign")


async def _send(
    connection: Http1, answer: Answer, body: AsyncIterator[bytes], length: int | None
) -> None:
    """Send a body as it comes; one of another length ends the connection."""
    size, transport = 0, connection.transport
    try:
        async for chunk in body:
            if not chunk:
                continue
            size += len(chunk)
            if length is None:
                transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            else:
                _check_size(size, length)
                transport.write(chunk)
            await connection.drain()
        if length is not None:
            _check_size(length, size)
        else:
            transport.write(b"0\r\n\r\n")
    except Exception as error:  # noqa: BLE001 - whatever broke the body, the call ends
        answer.fail(ConnectionAbortedError(f"the body broke off: {error!r}"))


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise ValueError("the body is not as long as it was said to be")
