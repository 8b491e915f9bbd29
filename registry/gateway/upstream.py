"""The HTTP client towards external services: one call out, one answer back.

Owns the aiohttp sessions, the guard of every connection they make, and what each of
their errors means. Follows no redirect, keeps no cookie, reads no proxy settings.
"""

import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import lru_cache
from typing import Any, Literal

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection as Pooled
from multidict import CIMultiDict
from yarl import URL

from registry.gateway.guard import AddressRefused, Guard, Network

CONNECT_SECONDS = 3.0
KEPT_SECONDS = 4.0
"""Shorter than the 5 s after which common servers close an idle connection."""
MAX_HEADERS = 128

Body = bytes | AsyncIterator[bytes] | None
Problem = Literal["address", "connect", "tls", "broken", "timeout"]


class UpstreamError(Exception):
    """A service gave no usable answer.

    The message is for clients: it names neither addresses nor what the service said.

    Attributes:
        problem: what kind of failure it was.
        was_reached: whether the service may have begun to work on the call.
    """

    def __init__(
        self, problem: Problem, message: str, *, was_reached: bool = False
    ) -> None:
        super().__init__(message)
        self.problem: Problem = problem
        self.message = message
        self.was_reached = was_reached


class UpstreamClient:
    """One per process. `networks` are the private ones that may be connected to."""

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._guards = {
            "https": Guard(networks),
            # In the clear a credential goes to allowed networks only.
            "http": Guard(networks, only_networks=True),
        }
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def start(self) -> None:
        """Make the sessions; connections open with calls."""
        for scheme, guard in self._guards.items():
            self._sessions[scheme] = _session(guard)

    async def stop(self) -> None:
        """Close every connection."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    async def open(
        self, method: str, url: str, headers: Iterable[tuple[str, str]], body: Body
    ) -> aiohttp.ClientResponse:
        """Return the answer once its head is there; the caller closes it.

        `url` goes out as it is, so whoever builds it has encoded it.

        Raises:
            UpstreamError: there is no connection, or no answer that can be read.
        """
        target = _address(url)
        session = self._sessions.get(target.scheme)
        if session is None:
            raise UpstreamError("address", "The service has no usable address.")
        try:
            return await session.request(
                method,
                target,
                headers=CIMultiDict(headers),
                data=body,
                allow_redirects=False,
            )
        except (aiohttp.ClientError, ssl.SSLError, OSError, ValueError) as error:
            raise _problem(error) from None

    async def fetch(
        self,
        method: str,
        url: str,
        headers: Iterable[tuple[str, str]],
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


async def read(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """Return a whole body; raises UpstreamError when it is longer or breaks off."""
    chunks, size = [], 0
    async for chunk in chunks_of(answer):
        size += len(chunk)
        if size > limit:
            raise UpstreamError(
                "broken", "The service's answer is too large.", was_reached=True
            )
        chunks.append(chunk)
    return b"".join(chunks)


async def chunks_of(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield a body as it comes; raises UpstreamError when it breaks off."""
    try:
        while chunk := await answer.content.readany():
            yield chunk
    except (aiohttp.ClientError, OSError, ValueError):
        raise UpstreamError(
            "broken", "The service's answer broke off.", was_reached=True
        ) from None


class _Connector(aiohttp.TCPConnector):
    """A pool that lends no connection on which something came unasked.

    What a service sends after an answer would be taken for the next one, which may be
    another tenant's.
    """

    async def _get(self, key: ConnectionKey, traces: list[Any]) -> Pooled | None:
        found = await super()._get(key, traces)
        while found is not None:
            protocol = found.protocol
            if protocol is not None and not protocol.should_close:
                return found
            found.close()
            found = await super()._get(key, traces)
        return None


@lru_cache(maxsize=2048)
def _address(url: str) -> URL:
    """Return an address as it is written; the usual ones are read once."""
    return URL(url, encoded=True)


def _session(guard: Guard) -> aiohttp.ClientSession:
    connector = _Connector(
        limit=0,
        keepalive_timeout=KEPT_SECONDS,
        ttl_dns_cache=30,
        socket_factory=guard.socket,
    )
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        max_line_size=8190,
        max_field_size=8190,
        max_headers=MAX_HEADERS,
    )
    # It would send idempotent calls again by itself, outside the retry budget.
    session._retry_connection = False  # noqa: SLF001
    return session


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
    return UpstreamError(
        "broken", "The service's answer cannot be read.", was_reached=True
    )
