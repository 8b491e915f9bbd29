"""`/api/v1/realtime`: the WebSocket over which an open page hears of changes.

The first message says who it is, since a browser cannot send headers here:
`{"type": "hello", "token": …}`; a page sends it again with each new token. Then
`{"type": "subscribe", "topics": ["customers.customers"]}`. It gets `ready`,
`subscribed`, `events`, `reload` (news may be missing: ask for everything again) and
`ping`, which it answers with `pong`. Who may hear what is `engine/realtime.py`.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import msgspec
from uuid_utils import uuid7

from engine.api.entry import Scope, Send
from engine.api.patience import Message, Receive
from engine.context import RequestContext
from engine.errors import RangkaError
from engine.parts import Parts
from engine.realtime import Hub, Subscriber, TooManyPages

PATH = "/api/v1/realtime"
HELLO_SECONDS = 10
PING_SECONDS = 25
RECHECK_SECONDS = 5
"""How often a connection's session is looked at again."""

MAX_MESSAGE_BYTES = 16 * 1024
MAX_STRANGERS = 1000
"""How many pages of a process may not have said yet who they are."""

# Close codes of 4000 to 4999 are the application's (RFC 6455, section 7.4.2); they
# follow the HTTP status of the same meaning.
BAD_MESSAGE = 4400
UNAUTHENTICATED = 4401
FORBIDDEN_ORIGIN = 4403
SILENT = 4408
TOO_MANY = 4429
RESTARTED = 1012
"""Service Restart, of the IANA registry of close codes: come again."""


class Hello(msgspec.Struct, frozen=True, tag="hello"):
    """Who the page is: its access token."""

    token: str


class Subscribe(msgspec.Struct, frozen=True, tag="subscribe"):
    """All that the page wants to hear of from now on."""

    topics: list[str]


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    """The page is still there."""


_decode = msgspec.json.Decoder(Hello | Subscribe | Pong).decode


class _Closed(Exception):
    """The connection ends; `code` is told unless the page has gone."""

    def __init__(self, code: int | None, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class RealtimeApp:
    """The WebSocket as an ASGI application."""

    def __init__(self, parts: Parts, hub: Hub, closing: asyncio.Event) -> None:
        """Take `closing`, which is set when pages are to go to another process."""
        self._parts = parts
        self._hub = hub
        self._closing = closing
        self._strangers = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection until it ends."""
        if (await receive())["type"] != "websocket.connect":
            return
        if not self._is_ours(scope):
            await send({"type": "websocket.close", "code": FORBIDDEN_ORIGIN})
            return
        await send({"type": "websocket.accept"})
        try:
            await self._serve(scope, receive, send)
        except _Closed as end:
            if end.code is not None:
                # A page that has gone cannot be told; servers differ in how they say.
                with contextlib.suppress(OSError, RuntimeError):
                    await send(
                        {
                            "type": "websocket.close",
                            "code": end.code,
                            "reason": end.reason[:120],
                        }
                    )

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._strangers >= MAX_STRANGERS:
            raise _Closed(TOO_MANY, "too many pages connect at once")
        page = _Page(self._parts, self._hub, scope, receive, send)
        self._strangers += 1
        try:
            await page.greet()
        finally:
            self._strangers -= 1
        with page.joined():
            await page.welcome()
            tasks = [
                asyncio.create_task(work())
                for work in (page.listen, page.speak, page.watch, self._part)
            ]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            for task in done:
                task.result()

    async def _part(self) -> None:
        """End the connection with the process."""
        await self._closing.wait()
        raise _Closed(RESTARTED, "the server stops; connect again")

    def _is_ours(self, scope: Scope) -> bool:
        """Return whether no foreign page opens the connection.

        Programs send no Origin; what they must have all the same is a token.
        """
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        if origin is None:
            return True
        asked = urlsplit(origin.decode("latin-1")).netloc
        known = urlsplit(self._parts.settings.public_url).netloc
        return asked in {known, headers.get(b"host", b"").decode("latin-1")}


class _Page:
    """One connection: what it said and what it is told."""

    def __init__(
        self, parts: Parts, hub: Hub, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._parts = parts
        self._hub = hub
        self._receive = receive
        self._send = send
        self._client = scope.get("client")
        self._token = ""
        self._heard_at = 0.0
        self._subscriber: Subscriber | None = None
        self._ctx: RequestContext | None = None

    async def greet(self) -> None:
        """Wait for the first message, which says who it is."""
        try:
            async with asyncio.timeout(HELLO_SECONDS):
                message = await self._next()
        except TimeoutError as error:
            raise _Closed(SILENT, "say hello with a token first") from error
        if not isinstance(message, Hello):
            raise _Closed(UNAUTHENTICATED, "say hello with a token first")
        await self._know(message.token)

    @contextlib.contextmanager
    def joined(self) -> Iterator[None]:
        """Belong to the hub inside the block."""
        assert self._ctx is not None  # noqa: S101 - `greet` came first
        try:
            self._subscriber = self._hub.join(self._ctx)
        except TooManyPages as error:
            raise _Closed(TOO_MANY, "close some of your other pages") from error
        try:
            yield
        finally:
            self._hub.leave(self._subscriber)

    async def welcome(self) -> None:
        """Tell the page that it belongs to the hub."""
        await self._tell({"type": "ready"})

    async def listen(self) -> None:
        """Take what the page says until it goes."""
        subscriber = self._joined
        while True:
            message = await self._next()
            if isinstance(message, Hello):
                await self._renew(message.token)
                await self._hub.subscribe(subscriber, subscriber.topics)
            elif isinstance(message, Subscribe):
                topics = await self._hub.subscribe(subscriber, message.topics)
                subscriber.put({"type": "subscribed", "topics": sorted(topics)})

    async def speak(self) -> None:
        """Tell the page what is waiting for it."""
        while True:
            for message in await self._joined.take():
                await self._tell(message)

    async def watch(self) -> None:
        """End the connection with its session, or when the page answers no more."""
        pinged_at = asyncio.get_running_loop().time()
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            await self._renew(self._token)
            now = asyncio.get_running_loop().time()
            if now - self._heard_at > 2 * PING_SECONDS + RECHECK_SECONDS:
                raise _Closed(SILENT, "no answer")
            if now - pinged_at >= PING_SECONDS:
                pinged_at = now
                self._joined.put({"type": "ping"})

    async def _renew(self, token: str) -> None:
        """Be the same user of the same tenant, by what his session says now."""
        before, ctx = self._joined.ctx, await self._know(token)
        if (ctx.tenant_id, ctx.user_id) != (before.tenant_id, before.user_id):
            raise _Closed(UNAUTHENTICATED, "connect again as somebody else")
        self._joined.ctx = ctx

    @property
    def _joined(self) -> Subscriber:
        assert self._subscriber is not None  # noqa: S101 - inside `joined`
        return self._subscriber

    async def _know(self, token: str) -> RequestContext:
        try:
            self._ctx = await self._parts.identity.authenticate(
                token,
                request_id=f"rt_{uuid7().hex}",
                ip=self._client[0] if self._client else None,
            )
        except RangkaError as error:
            raise _Closed(UNAUTHENTICATED, error.message) from error
        self._token = token
        return self._ctx

    async def _next(self) -> Hello | Subscribe | Pong:
        message: Message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise _Closed(None)
        self._heard_at = asyncio.get_running_loop().time()
        text = message.get("text")
        raw = text.encode() if text is not None else message.get("bytes") or b""
        if len(raw) > MAX_MESSAGE_BYTES:
            raise _Closed(BAD_MESSAGE, "the message is too long")
        try:
            said: Hello | Subscribe | Pong = _decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            raise _Closed(BAD_MESSAGE, "the message is not of this protocol") from error
        return said

    async def _tell(self, message: dict[str, Any]) -> None:
        text = msgspec.json.encode(message).decode()
        try:
            await self._send({"type": "websocket.send", "text": text})
        except (OSError, RuntimeError) as error:
            raise _Closed(None) from error
