"""One request on a connection.

Owns how a request is written: what aiohttp's session does besides (cookies, redirects,
proxies, traces) a gateway does not want, and it takes as long as all the checks
together (docs/performance.md). Called by `upstream.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable

from registry.gateway.answers import Answer
from registry.gateway.http1 import Http1

Body = bytes | AsyncIterator[bytes] | None


def exchange(
    http: Http1, head: bytes, body: Body, length: int | None, *, is_bare: bool
) -> Answer:
    """Send a request; return the answer that is to come.

    `length` is that of a body which is a stream, None where it is not known; `is_bare`
    says that the request is a HEAD.
    """
    answer = Answer(http, is_bare=is_bare)
    try:
        if isinstance(body, bytes):
            http.transport.write(head + body)
            return answer
        http.transport.write(head)
        if body is not None:
            answer.upload = asyncio.create_task(_send(http, answer, body, length))
    except BaseException:
        answer.close()
        raise
    return answer


def head_of(
    method: str,
    authority: str,
    target: str,
    lines: bytes,
    body: Body,
    length: int | None,
) -> bytes:
    """Return a request's head.

    `lines` are its headers as `lines_of` returns them, without those that are said
    here: the host, and how the body is framed.

    Raises:
        ValueError: method, authority or target hold a sign that they cannot.
    """
    said = f"{method}{target}{authority}"
    if not said.isascii() or not said.isprintable() or " " in said:
        raise ValueError("the target holds a sign that has to be encoded")
    if body is None:
        framing = ""
    elif isinstance(body, bytes):
        framing = f"Content-Length: {len(body)}\r\n"
    elif length is not None:
        framing = f"Content-Length: {length}\r\n"
    else:
        framing = "Transfer-Encoding: chunked\r\n"
    begin = f"{method} {target} HTTP/1.1\r\nHost: {authority}\r\n{framing}"
    return b"%b%b\r\n" % (begin.encode("ascii"), lines)


def lines_of(headers: Iterable[tuple[str, str]]) -> bytes:
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
