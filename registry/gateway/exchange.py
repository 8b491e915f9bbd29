"""One request on a connection, and the head of its answer.

Owns how a request is written: what aiohttp's session does besides (cookies, redirects,
proxies, traces) a gateway does not want, and it takes as long as all the checks
together (docs/performance.md). Called by `upstream.py`.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence

from registry.gateway.answers import Answer
from registry.gateway.http1 import Http1

Body = bytes | AsyncIterator[bytes] | None

_VISIBLE = re.compile("[!-~]+")


async def exchange(
    http: Http1, head: bytes, body: Body, length: int | None, *, is_bare: bool
) -> Answer:
    """Send a request; return its answer once the head of that is there.

    `length` is that of a body which is a stream, None where it is not known; `is_bare`
    says that the request is a HEAD.

    Raises:
        Unreadable: there is an answer, but none of HTTP.
        ConnectionError: the connection ended.
    """
    answer = Answer(http, is_bare=is_bare)
    try:
        if isinstance(body, bytes):
            http.transport.write(head + body)
        else:
            http.transport.write(head)
            if body is not None:
                sending = _send(http, answer, body, length)
                answer.upload = asyncio.create_task(sending)
        await answer.begin()
    except BaseException:
        answer.close()
        raise
    return answer


def head_of(
    method: str,
    authority: str,
    target: str,
    headers: Sequence[tuple[str, str]],
    lines: bytes,
    body: Body,
) -> tuple[bytes, int | None]:
    """Return a request's head, and the length of a body which is a stream.

    `headers` hold `content-length` where that is known; `lines` are more headers, as
    `lines_of` returns them.

    Raises:
        ValueError: something holds a sign that it cannot.
    """
    if not _VISIBLE.fullmatch(method + target + authority):
        raise ValueError("the target holds a sign that has to be encoded")
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
    return begin.encode("ascii") + lines + lines_of(headers) + b"\r\n", length


def lines_of(headers: Sequence[tuple[str, str]]) -> bytes:
    """Return headers as they are written; raises ValueError when one holds another."""
    lines = [f"{name}: {value}" for name, value in headers]
    text = "".join(lines)
    if "\n" in text or "\r" in text or "\0" in text:
        raise ValueError("a header holds a control sign")
    lines.append("")
    return "\r\n".join(lines).encode("latin-1")


async def _send(
    http: Http1, answer: Answer, body: AsyncIterator[bytes], length: int | None
) -> None:
    """Send a body as it comes; one of another length ends the connection."""
    size, transport = 0, http.transport
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
            await http.drain()
        if length is not None:
            _check_size(length, size)
        else:
            transport.write(b"0\r\n\r\n")
    except Exception as error:  # noqa: BLE001 - whatever broke the body, the call ends
        answer.fail(ConnectionAbortedError(f"the body broke off: {error!r}"))


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise ValueError("the body is not as long as it was said to be")
