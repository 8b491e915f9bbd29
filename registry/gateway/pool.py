"""Connections to services: opened by aiohttp, kept between calls here.

A connection that waits for its next call is held, not given back to aiohttp's pool,
whose bookkeeping takes as long as the parser of an answer (docs/performance.md). Owns
how long one is kept and which one may be used again. Called by `upstream.py`.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping

import aiohttp
from yarl import URL

from registry.gateway.guard import Guard
from registry.gateway.http1 import Http1

CONNECT_SECONDS = 3.0
KEPT_SECONDS = 4.0
"""Shorter than the 5 s after which common servers close an idle connection."""
MAX_PLACES = 1024

_TIMES = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)


class Place:
    """One scheme and authority, and the connections to it that wait.

    Attributes:
        request: what aiohttp wants to know to connect there.
        is_known: whether the pool would find it again.
        idle: since when (by the monotonic clock) each one waits; the oldest first.
    """

    __slots__ = ("idle", "is_known", "request", "scheme")

    def __init__(self, scheme: str, authority: str) -> None:
        self.scheme = scheme
        self.is_known = True
        url = URL(f"{scheme}://{authority}/", encoded=True)
        loop = asyncio.get_running_loop()
        self.request = aiohttp.ClientRequest("GET", url, loop=loop)
        self.idle: deque[tuple[float, Http1]] = deque()

    def waiting(self) -> Http1 | None:
        """Return the connection that was used last, if any can be used."""
        oldest = time.monotonic() - KEPT_SECONDS
        while self.idle:
            since, http = self.idle.pop()
            if since > oldest and http.is_quiet():
                return http
            http.close()
        return None

    def close(self, oldest: float) -> None:
        """Close those that have waited since before that time."""
        while self.idle and self.idle[0][0] <= oldest:
            self.idle.popleft()[1].close()


class Pool:
    """All connections of one client. `guards` by scheme decide where they may lead."""

    def __init__(self, guards: Mapping[str, Guard]) -> None:
        self._guards = guards
        self._connectors: dict[str, aiohttp.TCPConnector] = {}
        self._places: dict[tuple[str, str], Place] = {}
        self._open: dict[Http1, Place] = {}
        self._sweep: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Be ready; connections open with calls."""
        for scheme, guard in self._guards.items():
            self._connectors[scheme] = aiohttp.TCPConnector(
                limit=0, ttl_dns_cache=30, socket_factory=guard.socket
            )

    async def stop(self) -> None:
        """Close every connection; calls under way are broken off."""
        self._forget()
        for http in tuple(self._open):
            http.break_off()
        for connector in self._connectors.values():
            await connector.close()
        self._connectors.clear()

    def place(self, scheme: str, authority: str) -> Place:
        """Return a place; raises ValueError when there can be none."""
        found = self._places.get((scheme, authority))
        if found is None:
            if len(self._places) >= MAX_PLACES:
                self._forget()
            found = self._places[scheme, authority] = Place(scheme, authority)
        return found

    async def open(self, place: Place) -> Http1:
        """Return a new connection.

        Raises:
            aiohttp.ClientError, OSError: there is none to be had.
        """
        connector = self._connectors.get(place.scheme)
        if connector is None:
            raise ConnectionAbortedError("the gateway stops")
        made = await connector.connect(place.request, [], _TIMES)
        http = Http1(made, self)
        self._open[http] = place
        return http

    def give_back(self, http: Http1) -> None:
        """Keep a connection whose answer was read."""
        place = self._open.get(http)
        if place is None or not place.is_known:
            # Nobody would look after it.
            http.close()
            return
        place.idle.append((time.monotonic(), http))
        if self._sweep is None:
            self._sweep = http.loop.call_later(KEPT_SECONDS, self._close_old)

    def ended(self, http: Http1) -> None:
        """Forget a connection that has ended."""
        self._open.pop(http, None)

    def _close_old(self) -> None:
        self._sweep = None
        oldest, any_left = time.monotonic() - KEPT_SECONDS, False
        for place in self._places.values():
            place.close(oldest)
            any_left = any_left or bool(place.idle)
        if any_left:
            loop = asyncio.get_running_loop()
            self._sweep = loop.call_later(KEPT_SECONDS / 2, self._close_old)

    def _forget(self) -> None:
        for place in self._places.values():
            place.is_known = False
            place.close(time.monotonic())
        self._places.clear()
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
