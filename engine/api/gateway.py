"""`ANY /api/v1/gateway/{service}/{path…}`: calls of external services, as raw ASGI.

Owns the order of the checks, from cheap to dear, and what each failure is called.
Holds no rule of what goes out: `registry/gateway` does. A call ends here and nowhere
else; every error becomes the one error body, unless the answer has begun.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote

from jsonschema_rs import Draft202012Validator

from engine import payload
from engine.api.deadlines import Deadlines
from engine.api.entry import GATEWAY, Scope, Send
from engine.api.envelope import encode, failure
from engine.api.gateway_callers import Callers
from engine.api.gateway_relay import LOOK_SECONDS, Bounds, Relay, Upload, Watch
from engine.api.http import Request, answer, authenticate
from engine.api.patience import Receive
from engine.api.problems import MethodNotAllowed, client_error
from engine.context import RequestContext
from engine.errors import (
    BadGateway,
    BadRequest,
    Forbidden,
    GatewayTimeout,
    NotFound,
    RangkaError,
    TooManyRequests,
    Unavailable,
    ValidationFailed,
)
from engine.parts import Parts
from engine.record_findings import findings
from metadata.compiled import CompiledService
from registry.gateway import headers
from registry.gateway.answers import Answer
from registry.gateway.breaker import Closed, Passage
from registry.gateway.credentials import CredentialsRefused
from registry.gateway.forward import FAILED, Call, Caller, NoConnection
from registry.gateway.routes import (
    BadPath,
    NoRoute,
    Route,
    Routes,
    WrongMethod,
    segments_of,
)
from registry.gateway.upstream import UpstreamError

KEYS = ".well-known/jwks.json"
_PREFIX, _KEYS = GATEWAY.encode(), KEYS.encode()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_SLOW = 0.9
"""Share of the timeout, from the client's last byte, after which it counts as slow."""


_LONGEST_WAIT = 24 * 3600
"""Seconds; what a service may at most ask clients to wait."""
MAX_QUERY = 8190

Segments = tuple[str, ...]


class GatewayApp:
    """The gateway's route as one ASGI application."""

    def __init__(self, parts: Parts, bounds: Bounds | None = None) -> None:
        self._parts = parts
        settings = parts.settings
        self._bounds = bounds or Bounds(
            upload=settings.gateway_body_limit_bytes,
            stream=settings.gateway_answer_limit_bytes,
        )
        self._gateway = parts.gateway
        self._routes: dict[str, Routes] = {}
        self._callers = Callers(parts.policy, parts.gateway.forwarder)
        self._deadlines = Deadlines(LOOK_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one call; an error after the first byte cuts the connection."""
        request = Request(scope, receive)
        extra: list[tuple[bytes, bytes]] = []
        try:
            await self._serve(request, receive, send, extra)
        except _BrokeOff:
            raise
        except Exception as error:  # noqa: BLE001 - the root of the gateway's route
            problem = client_error(error, request.request_id)
            given = {
                name.lower().encode(): value.encode()
                for name, value in problem.headers.items()
            }
            pairs = (given | dict(extra)).items()
            body = failure(problem, request.request_id)
            await answer(send, problem.status, body, pairs)

    async def _serve(
        self,
        request: Request,
        receive: Receive,
        send: Send,
        extra: list[tuple[bytes, bytes]],
    ) -> None:
        scope = request.scope
        try:
            if request.has_body:
                headers.check_framing(scope["headers"])
            name, segments = _target(scope)
        except (headers.BadHeaders, BadPath) as error:
            raise BadRequest(f"The request cannot be passed on: {error}.") from error
        if name == KEYS:
            await answer(send, 200, encode(self._gateway.public_keys()))
            return
        if request.method not in _METHODS:
            raise MethodNotAllowed(
                "The gateway does not pass this method on.",
                headers={"Allow": ", ".join(sorted(_METHODS))},
            )
        ctx = await authenticate(request, self._parts.identity)
        scope["rangka.context"] = ctx
        service, routes, route, values = await self._find(ctx, request, name, segments)
        await self._authorize(ctx, route)
        caller = self._callers.peek(ctx, service.name, routes)
        if caller is None:
            caller = await self._callers.caller(ctx, service.name, routes)
        await self._count(caller, route, extra)
        try:
            passage = self._gateway.gates.enter(service.name, caller.tenant)
        except Closed as error:
            wait = str(max(1, -int(-error.retry_after // 1)))
            raise Unavailable(
                f"The service {service.name} {error.reason}; try again later.",
                code="SERVICE_CLOSED",
                headers={"Retry-After": wait},
            ) from error
        upload = Upload(request, receive, self._bounds.upload)
        watch = Watch(receive, upload, self._deadlines)
        try:
            call = await self._call(request, upload, service, routes, route, values)
            await self._forward(send, call, caller, route, watch, passage, extra)
        except asyncio.CancelledError:
            if not watch.has_left():
                raise
        finally:
            watch.stop()
            passage.leave()

    # -- checks, in their order ----------------------------------------------------

    async def _find(
        self, ctx: RequestContext, request: Request, name: str, segments: Segments
    ) -> tuple[CompiledService, Routes, Route, Mapping[str, str]]:
        catalog = self._parts.catalog
        service = catalog.peek(ctx.tenant_id, name)
        if service is None:
            service = await catalog.service(ctx.tenant_id, name)
        if service is None or service.definition.type != "external":
            raise NotFound("There is no such external service for this tenant.")
        routes = self._routes.get(name)
        if routes is None or routes.endpoints is not service.definition.endpoints:
            routes = self._routes[name] = Routes(service)
        try:
            route, values = routes.match(request.method, segments)
        except NoRoute as error:
            raise NotFound("The service has no endpoint at this path.") from error
        except WrongMethod as error:
            raise MethodNotAllowed(
                f"This path takes {error}.", headers={"Allow": str(error)}
            ) from error
        return service, routes, route, values

    async def _authorize(self, ctx: RequestContext, route: Route) -> None:
        policy = self._parts.policy
        for resource, action in route.permissions:
            grant = policy.peek(ctx, resource, action)
            if grant is None:
                grant = await policy.authorize(ctx, resource, action)
            if not grant.allowed:
                raise Forbidden(
                    f"You need the permission {resource}:{action} for this."
                )

    async def _count(
        self, caller: Caller, route: Route, extra: list[tuple[bytes, bytes]]
    ) -> None:
        endpoint = route.endpoint
        key = f"{caller.tenant}:{route.service}:{endpoint.id}"
        limits, most = self._gateway.limits, endpoint.rate_limit
        verdict = limits.take_here(key, most) or await limits.take(key, most)
        extra += verdict.headers
        if not verdict.allowed:
            raise TooManyRequests(
                f"Your organisation may call this {endpoint.rate_limit} times a minute."
            )

    async def _call(
        self,
        request: Request,
        upload: Upload,
        service: CompiledService,
        routes: Routes,
        route: Route,
        values: Mapping[str, str],
    ) -> Call:
        """Return what goes out, its body and its query checked by the schema."""
        if routes.base is None:
            raise BadGateway("The service has no usable base_url; correct it.")
        inputs = route.inputs
        declared = inputs.headers if inputs else frozenset[str]()
        try:
            outwards = headers.outwards(request.scope["headers"], declared)
        except headers.BadHeaders as error:
            raise BadRequest(f"The request cannot be passed on: {error}.") from error
        query = _query(request)
        if inputs is not None:
            _check(inputs.problems("path", values.items()))
            _check(inputs.problems("query", parse_qsl(query, keep_blank_values=True)))
            _check(inputs.problems("header", outwards))
        body: bytes | AsyncIterator[bytes]
        body = await upload.start(whole=route.body is not None)
        if route.body is not None and (body or route.needs_body):
            value = payload.decode(body if isinstance(body, bytes) else b"")
            if not route.body.is_valid(value):
                _check((route.body, value))
            # What was checked is what the service has to take it for.
            outwards = [pair for pair in outwards if pair[0] != "content-type"]
            outwards.append(("content-type", "application/json"))
        if not isinstance(body, bytes) and upload.declared is not None:
            outwards.append(("content-length", str(upload.declared)))
        return Call(
            service=service.name,
            needs_connection=service.definition.auth_type != "none",
            base=routes.base,
            method=request.method,
            path=route.path(values),
            query=query,
            headers=outwards,
            body=body,
            may_repeat=request.header(b"idempotency-key") is not None,
            request_id=request.request_id,
            trace_parent=headers.trace_parent(request.header(b"traceparent")),
            address=request.ip,
        )

    # -- the call ------------------------------------------------------------------

    async def _forward(
        self,
        send: Send,
        call: Call,
        caller: Caller,
        route: Route,
        watch: Watch,
        passage: Passage,
        extra: Sequence[tuple[bytes, bytes]],
    ) -> None:
        loop, upload = asyncio.get_running_loop(), watch.upload
        timeout, began = route.endpoint.timeout_ms / 1000, loop.time()
        waits_since = began
        relay: Relay | None = None
        try:
            with watch.until(began + timeout) as limit:

                def progressed() -> None:
                    nonlocal waits_since
                    waits_since = loop.time()
                    limit.when = waits_since + timeout

                upload.on_progress = progressed
                relay = Relay(
                    send, self._bounds, limit, timeout, began,
                    is_document=bool(route.endpoint.response_schema),
                )  # fmt: skip
                reply = await self._gateway.forwarder.send(
                    call, caller, passage.breaker
                )
                try:
                    slow = loop.time() - waits_since > _SLOW * timeout
                    passage.answered(failed=reply.status in FAILED, slow=slow)
                    self._check_status(reply, call, caller)
                    await relay.run(reply, extra, is_head=call.method == "HEAD")
                finally:
                    # Read to its end it went back to the pool already.
                    reply.close()
        except (TimeoutError, UpstreamError, CredentialsRefused, NoConnection) as error:
            if upload.failure is not None:
                raise upload.failure from None
            if upload.is_awaited and isinstance(error, TimeoutError):
                # Nothing that the service did: its breaker must not hear of it.
                raise BadRequest("The body stopped coming; send it again.") from None
            if _is_the_services(error):
                passage.answered(failed=True, slow=False)
            if relay is not None and relay.has_begun:
                raise _BrokeOff from None
            raise _client_error(error) from None

    def _check_status(self, reply: Answer, call: Call, caller: Caller) -> None:
        """Raise for an answer whose body is not for clients."""
        status = reply.status
        if status in {401, 407}:
            # To a client it would mean that he has to log in here again.
            self._gateway.forwarder.refused(call, caller)
            raise BadGateway(
                "The service does not take your organisation's credentials; an "
                "administrator has to correct its connection.",
                code="CREDENTIALS_REFUSED",
            )
        if status < 500 and status >= 200:
            return
        wait = reply.header(b"retry-after")
        is_number = wait.isascii() and wait.isdigit() and len(wait) <= 9
        seconds = min(int(wait), _LONGEST_WAIT) if is_number else 5
        again = {"Retry-After": str(seconds)}
        if status == 503:
            raise Unavailable(
                "The service says that it cannot answer now.",
                code="SERVICE_UNAVAILABLE",
                headers=again,
            )
        if status == 504:
            raise GatewayTimeout("The service says that it timed out.")
        raise BadGateway(f"The service failed: it answered {status}.")


class _BrokeOff(ConnectionAbortedError):
    """An answer ended in its middle: the server closes, so the client can tell."""


def _target(scope: Scope) -> tuple[str, Segments]:
    """Return service and segments of the raw path; raises BadPath."""
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    if not raw.startswith(_PREFIX):
        raise BadPath("its path is not written as it is meant")
    rest = raw[len(_PREFIX) :]
    if rest == _KEYS:
        return KEYS, ()
    segments = segments_of(rest)
    # Without a path it means the service's root.
    return segments[0], segments[1:] or ("",)


def _query(request: Request) -> str:
    """Return the query as it is passed on; raises BadRequest."""
    query = request.query
    if not query:
        return query
    if len(query) > MAX_QUERY:
        raise BadRequest(f"The query is over {MAX_QUERY} bytes.")
    if not query.isascii() or any(
        sign <= " " or sign in '"<>\\^`{|}' for sign in query
    ):
        raise BadRequest("The query holds a sign that must be percent-encoded.")
    return query


def _check(problem: tuple[Draft202012Validator, Any] | None) -> None:
    if problem is not None:
        details = findings(*problem)
        raise ValidationFailed("Some values do not fit.", details=details)


def _is_the_services(error: Exception) -> bool:
    """Return whether the service failed, and not what the tenant gave for it."""
    if isinstance(error, UpstreamError):
        return error.problem != "request"
    return not isinstance(error, CredentialsRefused | NoConnection)


def _client_error(error: Exception) -> RangkaError:
    """Return what a client is told of a service that failed."""
    if isinstance(error, NoConnection):
        return Unavailable(
            "Your organisation has no credentials for this service; an administrator "
            "has to enter its connection.",
            code="CONNECTION_MISSING",
        )
    if isinstance(error, CredentialsRefused):
        return BadGateway(str(error), code="CREDENTIALS_REFUSED")
    if isinstance(error, UpstreamError):
        if error.problem == "timeout":
            return GatewayTimeout(error.message)
        if error.problem == "address":
            return BadGateway(error.message, code="ADDRESS_REFUSED")
        return BadGateway(error.message)
    return GatewayTimeout("The service did not answer in time.")
