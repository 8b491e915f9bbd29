"""The outermost ASGI layer: request id, alias paths, access log, security headers.

Refuses what neither application reads: compressed bodies, two hosts, paths with NUL.

Stands before the applications: data paths go straight to the data routes, calls of
external services to the gateway, all else to Litestar
(docs/decisions/0003-data-routes-first.md). Turns the alias paths of the contract into
data paths: `/api/v1/{service}/…` of a primary entity and `/api/v1/core/{entity}/…` of
the platform's own entities both become `/api/v1/data/…`.
"""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from uuid_utils import uuid7

from engine.api.envelope import JSON, failure
from engine.api.patience import Message, Patience, Receive
from engine.draining import Draining
from engine.errors import BadRequest, NotFound, RangkaError, UnsupportedMediaType
from engine.metrics import Metrics
from engine.proxies import Proxies

Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

logger = logging.getLogger("rangka.access")

BASE = "/api/v1/"
DATA = "/api/v1/data/"
GATEWAY = "/api/v1/gateway/"
PRIMARY = "~"
"""Stands for the primary entity of a service in an internal data path."""

RESERVED = frozenset(
    {
        "auth",
        "core",
        "data",
        "forms",
        "menus",
        "gateway",
        "openapi.json",
        "realtime",
        "health",
        "metrics",
        "docs",
    }
)
"""First words of API paths; no service with a primary entity has such a name."""

PLATFORM_ENTITIES = frozenset({"tenants", "users", "roles", "teams", "jobs", "audit"})

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
)

_NO_SOCKETS: Mapping[str, Callable[[], AsgiApp]] = {}

BODY_PAUSE_SECONDS = 30
"""How long the next piece of a body may take."""


class Entry:
    """ASGI application around Litestar and the data routes.

    `data` is asked for at each request, since the data routes open with the lifespan
    that Litestar runs; so are the applications of `sockets`, by path.
    """

    def __init__(
        self,
        app: AsgiApp,
        data: Callable[[], AsgiApp],
        proxies: Proxies,
        metrics: Metrics,
        *,
        gateway: Callable[[], AsgiApp] | None = None,
        sockets: Mapping[str, Callable[[], AsgiApp]] = _NO_SOCKETS,
        draining: Draining | None = None,
        body_pause_seconds: float = BODY_PAUSE_SECONDS,
    ) -> None:
        self._app = app
        self._data = data
        self._proxies = proxies
        self._metrics = metrics
        self._gateway = gateway
        self._sockets = sockets
        self._draining = draining or Draining(notice_seconds=0, drain_seconds=30)
        self._patience = Patience(body_pause_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket; the lifespan passes through."""
        if scope["type"] != "http":
            await self._no_request(scope, receive, send)
            return
        started = time.perf_counter()
        self._find_client(scope)
        # By name, the last one of each: asked here and by the raw applications.
        named = scope["rangka.headers"] = dict(scope["headers"])
        request_id = _request_id(named)
        scope["rangka.request_id"] = request_id
        scope["rangka.path"] = scope["path"]
        status = 500

        # Not async by itself: what awaits it awaits the server's own at once.
        def send_with_headers(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"x-request-id", request_id.encode()),
                    *_SECURITY_HEADERS,
                ]
                if self._draining.has_begun and scope["http_version"] != "2":
                    # The next request of this connection belongs to another process.
                    message["headers"].append((b"connection", b"close"))
            return send(message)

        task = scope["rangka.task"] = asyncio.current_task()
        self._draining.under_way.add(task)
        self._metrics.begun()
        try:
            refused = _refused(scope, named)
            if refused is None:
                app = self._app_for(scope)
                await app(scope, self._patient(scope, receive), send_with_headers)
            else:
                await _answer(send_with_headers, refused, request_id)
        finally:
            self._draining.under_way.discard(task)
            seconds = time.perf_counter() - started
            scope["rangka.status"] = status
            self._metrics.answered(route_of(scope), scope["method"], status, seconds)
            if logger.isEnabledFor(logging.INFO):
                _log(scope, status, request_id, seconds)

    def _find_client(self, scope: Scope) -> None:
        peer = scope.get("client")
        if peer and self._proxies.are_any:
            address = self._proxies.client(peer[0], scope["headers"])
            scope["client"] = (address, peer[1])

    def _patient(self, scope: Scope, receive: Receive) -> Receive:
        """Return what to receive by: a body may stop coming, if there is one."""
        named = scope["rangka.headers"]
        if b"transfer-encoding" in named:
            return self._patience.of(receive, None)
        length = named.get(b"content-length")
        # HTTP/2 frames bodies without either header.
        if length is None and scope["http_version"] in {"1.1", "1.0"}:
            return receive
        is_said = length is not None and length.isdigit()
        return self._patience.of(receive, int(length) if is_said else None)

    def _app_for(self, scope: Scope) -> AsgiApp:
        path = scope["path"]
        if path.startswith(GATEWAY) and self._gateway is not None:
            return self._gateway()
        path = data_path(path)
        if path.startswith(DATA):
            scope["rangka.data_path"] = path[len(DATA) :]
            return self._data()
        return self._app

    async def _no_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket; a path that has none is refused (403, before it opens)."""
        self._find_client(scope)
        app = self._sockets.get(scope["path"])
        if app is None:
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        task = asyncio.current_task()
        self._draining.under_way.add(task)
        try:
            await app()(scope, receive, send)
        finally:
            self._draining.under_way.discard(task)


def data_path(path: str) -> str:
    """Return the path inside the data mount for an alias path, or the path itself."""
    if not path.startswith(BASE) or path.startswith(DATA):
        return path
    first, _, rest = path[len(BASE) :].partition("/")
    tail = f"/{rest}" if rest else ""
    if first == "core":
        entity, _, below = rest.partition("/")
        if entity in PLATFORM_ENTITIES and not _is_assignment(entity, below):
            return f"{DATA}platform/{rest}"
        return path
    if not first or first in RESERVED:
        return path
    return f"{DATA}{first}/{PRIMARY}{tail}"


def _is_assignment(entity: str, below: str) -> bool:
    """Return whether the path is `/core/tenants/{id}/services…`, a handler's own."""
    return entity == "tenants" and below.partition("/")[2].startswith("services")


def _refused(scope: Scope, named: Mapping[bytes, bytes]) -> RangkaError | None:
    """Return why nothing here reads a request, or None."""
    if len(named) < len(scope["headers"]) or b"content-encoding" in named:
        problem = _refused_headers(scope)
        if problem is not None:
            return problem
    if "\0" in scope["path"] or "%00" in scope["path"]:
        # No name holds NUL, and PostgreSQL takes no text that does.
        return NotFound("There is nothing at this path.")
    return None


def _refused_headers(scope: Scope) -> RangkaError | None:
    hosts = 0
    for name, value in scope["headers"]:
        hosts += name == b"host"
        if name == b"content-encoding" and value.strip().lower() != b"identity":
            return UnsupportedMediaType(
                "The body is compressed; send it as it is, without Content-Encoding.",
                # Says what would be taken (RFC 9110, section 15.5.16).
                headers={"accept-encoding": "identity"},
            )
    if hosts > 1 and scope["http_version"] != "2":
        # What stands in front may have gone by the other one (RFC 9112, section 3.2).
        return BadRequest(
            "The request names more than one Host; send one.",
            headers={"connection": "close"},
        )
    return None


async def _answer(send: Send, error: RangkaError, request_id: str) -> None:
    body = failure(error, request_id)
    headers = [
        (b"content-type", JSON.encode()),
        (b"content-length", str(len(body)).encode()),
        *((name.encode(), value.encode()) for name, value in error.headers.items()),
    ]
    status = error.status
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def route_of(scope: Scope) -> str:
    """Return what answered, as few names as there are handlers; never a path."""
    return str(scope.get("rangka.route") or scope.get("path_template") or "none")


def _request_id(named: Mapping[bytes, bytes]) -> str:
    given = named.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode()
    return f"req_{uuid7().hex}"


def _log(scope: Scope, status: int, request_id: str, seconds: float) -> None:
    context = scope.get("rangka.context")
    fields = {
        "request_id": request_id,
        "method": scope["method"],
        "path": scope["rangka.path"],
        "status": status,
        "ms": round(seconds * 1000, 2),
        "tenant_id": str(context.tenant_id) if context else None,
        "user_id": str(context.user_id) if context else None,
    }
    logger.info("request", extra={"fields": fields})
