"""The HTTP client towards external services: one call out, one answer back.

Owns aiohttp's pools, the guard of every connection they make, and what each of their
errors means. Follows no redirect, keeps no cookie, reads no proxy settings.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

import aiohttp
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection as Pooled
from yarl import URL

from registry.gateway.exchange import Answer, Body, Unreadable, exchange
from registry.gateway.guard import AddressRefused, Guard, Network

CONNECT_SECONDS = 3.0
KEPT_SECONDS = 4.0
"""Shorter than the 5 s after which common servers close an idle connection."""
MAX_PLACES = 1024

_URL = re.compile(r"((?i:https?))://([^\s/?#@\\]+)([^\s?#]*)(\?[^\s#]*)?", re.ASCII)
_TIMES = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)

Problem = Literal["address", "connect", "tls", "broken", "timeout"]


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
        self._guards = {
            "https": Guard(networks),
            # In the clear a credential goes to allowed networks only.
            "http": Guard(networks, only_networks=True),
        }
        self._pools: dict[str, _Pool] = {}
        self._places: dict[tuple[str, str], aiohttp.ClientRequest] = {}

    async def start(self) -> None:
        """Make the pools; connections open with calls."""
        for scheme, guard in self._guards.items():
            self._pools[scheme] = _Pool(
                limit=0,
                keepalive_timeout=KEPT_SECONDS,
                ttl_dns_cache=30,
                socket_factory=guard.socket,
            )

    async def stop(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.close()
        self._pools.clear()
        self._places.clear()

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
        scheme = scheme.lower()
        return await self.send(method, scheme, authority, target, headers, body)

    async def send(
        self,
        method: str,
        scheme: str,
        authority: str,
        target: str,
        headers: Sequence[tuple[str, str]],
        body: Body,
    ) -> Answer:
        """Return the answer once its head is there; the caller closes it.

        `target` goes out as it is, so whoever builds it has encoded it; Host is the
        authority.

        Raises:
            UpstreamError: there is no connection, or no answer that can be read.
        """
        try:
            place = self._place(scheme, authority)
            connection = await self._pools[scheme].connect(place, [], _TIMES)
            return await exchange(connection, method, authority, target, headers, body)
        except (
            aiohttp.ClientError,
            ssl.SSLError,
            OSError,
            ValueError,
            Unreadable,
        ) as error:
            raise _problem(error) from None

    def _place(self, scheme: str, authority: str) -> aiohttp.ClientRequest:
        """Return what the pool wants to know of a place, made once for each."""
        found = self._places.get((scheme, authority))
        if found is None:
            url = URL(f"{scheme}://{authority}/", encoded=True)
            found = aiohttp.ClientRequest("GET", url, loop=asyncio.get_running_loop())
            if len(self._places) >= MAX_PLACES:
                self._places.clear()
            self._places[scheme, authority] = found
        return found

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
    content = answer.content
    if content.is_eof() and content.exception() is None:
        # It came with the head, as most do.
        body = content.read_nowait()
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
        while chunk := await answer.content.readany():
            yield chunk
    except (aiohttp.ClientError, OSError, ValueError):
        raise UpstreamError("broken", "The service's answer broke off.") from None


class _Pool(aiohttp.TCPConnector):
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
