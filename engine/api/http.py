"""Reading a raw ASGI request and answering it, and who asks; for the hot routes."""

from collections.abc import Coroutine, Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from engine.api.entry import Scope, Send
from engine.api.envelope import JSON
from engine.api.patience import Receive
from engine.context import RequestContext
from engine.errors import BadRequest, PayloadTooLarge, Unauthenticated
from engine.identity import Identity


class Request:
    """One raw request: method, path segments, query, headers, body."""

    __slots__ = (
        "_body",
        "_receive",
        "headers",
        "is_streamed",
        "method",
        "query",
        "request_id",
        "scope",
    )

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self._receive = receive
        self.headers: Mapping[bytes, bytes] = scope["rangka.headers"]
        """The last one of each name; names are lower case."""
        self._body: bytes | None = None
        self.is_streamed = False
        """Whether `chunks` took the body, so that nobody can read it again."""
        self.method: str = scope["method"]
        self.query: str = scope["query_string"].decode("latin-1")
        self.request_id: str = scope["rangka.request_id"]

    def header(self, name: bytes) -> str | None:
        """Return a header's value; names are lower case. The last one wins."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def has_body(self) -> bool:
        """Return whether a header says that a body comes (RFC 9112, section 6.3)."""
        names = self.headers
        return b"content-length" in names or b"transfer-encoding" in names

    @property
    def ip(self) -> str | None:
        """Return the peer's address."""
        client = self.scope.get("client")
        return client[0] if client else None

    async def body(self, limit: int) -> bytes:
        """Return the body, each time it is asked for; raises PayloadTooLarge.

        `limit` counts bytes.
        """
        if self._body is not None:
            return self._body
        declared = self.header(b"content-length")
        if declared is not None and declared.isdigit() and int(declared) > limit:
            raise _too_large(limit)
        chunks, size = [], 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise BadRequest("The connection ended before the body did.")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            chunks.append(chunk)
            if not message.get("more_body"):
                self._body = b"".join(chunks)
                return self._body

    async def chunks(self, limit: int) -> Any:
        """Yield the body piece by piece; raises PayloadTooLarge over `limit` bytes."""
        self.is_streamed = True
        size, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise BadRequest("The connection ended before the body did.")
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            more = bool(message.get("more_body"))
            if chunk:
                yield chunk


def segments(path: str) -> list[str]:
    """Return the decoded segments of a path, the empty ones at its ends dropped."""
    return [unquote(part) for part in path.strip("/").split("/")]


async def answer(
    send: Send,
    status: int,
    body: bytes,
    headers: Iterable[tuple[bytes, bytes]] = (),
    content_type: str = JSON,
) -> None:
    """Send a whole response."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", content_type.encode()),
                (b"content-length", str(len(body)).encode()),
                *headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The body is over {limit // 1024} KiB; send less, or use the import for files."
    )


def peek(request: Request, identity: Identity) -> RequestContext | None:
    """Return who asks, None where `authenticate` has to ask the database.

    Raises Unauthenticated, or Forbidden for another tenant than the token's.
    """
    return identity.peek(
        bearer(request.header(b"authorization")),
        request_id=request.request_id,
        ip=request.ip,
        user_agent=request.header(b"user-agent"),
        tenant_hint=request.header(b"x-tenant-id"),
    )


def authenticate(
    request: Request, identity: Identity
) -> Coroutine[Any, Any, RequestContext]:
    """Return who asks; raises Unauthenticated."""
    return identity.authenticate(
        bearer(request.header(b"authorization")),
        request_id=request.request_id,
        ip=request.ip,
        user_agent=request.header(b"user-agent"),
        tenant_hint=request.header(b"x-tenant-id"),
    )


def bearer(authorization: str | None) -> str:
    """Return the access token of a header (RFC 6750); raises Unauthenticated."""
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated(
            "Log in first: send Authorization: Bearer <access token>.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return token
