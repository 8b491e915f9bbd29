"""The HTTP client towards external services: one call out, one answer back.

Owns the guard of every connection and what each of aiohttp's errors means. Follows no
redirect, keeps no cookie, reads no proxy settings.
"""

import re
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Literal

import aiohttp

from registry.gateway.answers import Answer, Unreadable
from registry.gateway.exchange import Body, exchange, head_of, lines_of
from registry.gateway.guard import AddressRefused, Guard, Network
from registry.gateway.pool import Pool

_URL = re.compile(r"((?i:https?))://([^\s/?#@\\]+)([^\s?#]*)(\?[^\s#]*)?", re.ASCII)

Problem = Literal["request", "address", "connect", "tls", "broken", "timeout"]


class UpstreamError(Exception):
    """A service gave no usable answer.

    The message is for clients: it names neither addresses nor what the service said.

    Attributes:
        problem: what kind of failure it was.
    """

    def __init__(self, problem: Problem, message: str) -> None:
        super().__init__(message)
        self.problem: Problem = problem
        self.message = message


class UpstreamClient:
    """One per process. `networks` are the private ones that may be connected to."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._pool = Pool(
            {
                "https": Guard(networks),
                # In the clear a credential goes to allowed networks only.
                "http": Guard(networks, only_networks=True),
            }
        )

    async def start(self) -> None:
        """Make the pool; connections open with calls."""
        await self._pool.start()

    async def stop(self) -> None:
        """Close every connection."""
        await self._pool.stop()

    async def open(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: Body
    ) -> Answer:
        """Return the answer once its head is there; the caller closes it.

        Raises:
            UpstreamError: as `send`, or `url` cannot be used.
        """
        found = _URL.fullmatch(url)
        if found is None:
            raise UpstreamError("address", "The service has no usable address.")
        scheme, authority, path, query = found.groups("")
        target = f"{path or '/'}{query}"
        try:
            lines = lines_of(headers)
        except ValueError:
            raise unwritable() from None
        return await self.send(method, scheme.lower(), authority, target, lines, body)

    async def send(
        self,
        method: str,
        scheme: str,
        authority: str,
        target: str,
        lines: bytes,
        body: Body,
        length: int | None = None,
    ) -> Answer:
        """Return the answer once its head is there; the caller closes it.

        `target` goes out as it is, so whoever builds it has encoded it; Host is the
        authority. `lines` are the headers, written by `exchange.lines_of`; `length` is
        that of a body which is a stream, where it is known.

        Raises:
            UpstreamError: there is no connection, or no answer that can be read; or
                the request cannot be written (`problem` is "request").
        """
        try:
            head = head_of(method, authority, target, lines, body, length)
            place = self._pool.place(scheme, authority)
        except ValueError:
            # Clients' own headers were looked at before, so it is the connection's.
            raise unwritable() from None
        try:
            http = place.waiting() or await self._pool.open(place)
            answer = exchange(http, head, body, length, is_bare=method == "HEAD")
            try:
                while not answer.is_begun:
                    await answer.news()
                    answer.check()
            except BaseException:
                answer.close()
                raise
        except (
            aiohttp.ClientError,
            ssl.SSLError,
            OSError,
            ValueError,
            Unreadable,
        ) as error:
            raise _problem(error) from None
        return answer

    async def fetch(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes | None = None,
        *,
        limit: int,
    ) -> tuple[int, bytes]:
        """Return status and body of a small answer, of `limit` bytes at most.

        Raises:
            UpstreamError: as `open`, or the body is longer or breaks off.
        """
        answer = await self.open(method, url, headers, body)
        try:
            raw = await read(answer, limit)
        except BaseException:
            answer.close()
            raise
        return answer.status, raw


async def read(answer: Answer, limit: int) -> bytes:
    """Return a whole body; raises UpstreamError when it is longer or breaks off."""
    if answer.is_complete:
        # It came with the head, as most do.
        body = answer.taken()
        if len(body) > limit:
            raise UpstreamError("broken", "The service's answer is too large.")
        return body
    chunks, size = [], 0
    async for chunk in chunks_of(answer):
        size += len(chunk)
        if size > limit:
            raise UpstreamError("broken", "The service's answer is too large.")
        chunks.append(chunk)
    return b"".join(chunks)


async def chunks_of(answer: Answer) -> AsyncIterator[bytes]:
    """Yield a body as it comes; raises UpstreamError when it breaks off."""
    try:
        while chunk := await answer.more():
            yield chunk
    except (Unreadable, OSError):
        raise UpstreamError("broken", "The service's answer broke off.") from None


def unwritable() -> UpstreamError:
    """Return what is said of a call that HTTP has no form for."""
    return UpstreamError(
        "request",
        "The call cannot be written: an address or a header holds a sign that it "
        "cannot. Correct the service's connection.",
    )


def _problem(error: Exception) -> UpstreamError:
    if isinstance(error, UpstreamError):
        return error
    cause = getattr(error, "os_error", None) or error
    if isinstance(cause, AddressRefused):
        return UpstreamError("address", f"The gateway does not connect there: {cause}.")
    if isinstance(
        error, aiohttp.ClientConnectorSSLError | aiohttp.ClientConnectorCertificateError
    ):
        return UpstreamError("tls", "The service's certificate cannot be trusted.")
    if isinstance(error, aiohttp.ClientConnectorError):
        return UpstreamError("connect", "The service cannot be reached.")
    if isinstance(error, TimeoutError):
        return UpstreamError("timeout", "The service cannot be reached in time.")
    return UpstreamError("broken", "The service's answer cannot be read.")
