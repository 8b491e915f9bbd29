"""`ANY /api/v1/gateway/{service}/{path…}`: calls of external services, as raw ASGI.

Owns the order of the checks, from cheap to dear, and what each failure is called.
Holds no rule of what goes out: `registry/gateway` does. A call ends here and nowhere
else; every error becomes the one error body, unless the answer has begun.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import parse_qsl, quote

from jsonschema_rs import Draft202012Validator

from engine import payload
from engine.api.deadlines import Deadlines
from engine.api.entry import GATEWAY, Scope, Send
from engine.api.envelope import encode, failure
from engine.api.gateway_callers import Callers
from engine.api.gateway_relay import Bounds, Relay
from engine.api.gateway_upload import Upload
from engine.api.gateway_watch import LOOK_SECONDS, ClientLeft, Watch
from engine.api.http import Request, answer, authenticate, peek
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

_WELL_KNOWN, _KEYS = ".well-known", ("jwks.json",)
_PREFIX = GATEWAY.encode()
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_REFUSALS = frozenset({401, 407})
"""By these a service says that it does not take the credentials."""
_SLOW = 0.9
"""Share of the timeout, from the client's last byte, after which it counts as slow."""


_LONGEST_WAIT = 24 * 3600
"""Seconds; what a service may at most ask clients to wait."""
MAX_QUERY = 8190

_NONE_DECLARED = frozenset[str]()
_JSON = b"content-type: application/json\r\n"

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
        except ClientLeft:
            return
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
        name, segments = _target(request)
        if name == _WELL_KNOWN and segments == _KEYS:
            await answer(send, 200, encode(self._gateway.public_keys()))
            return
        if request.method not in _METHODS:
            raise MethodNotAllowed(
                "The gateway does not pass this method on.",
                headers={"Allow": ", ".join(sorted(_METHODS))},
            )
        identity = self._parts.identity
        ctx = peek(request, identity) or await authenticate(request, identity)
        request.scope["rangka.context"] = ctx
        service = self._parts.catalog.peek(ctx.tenant_id, name)
        if service is None:
            service = await self._parts.catalog.service(ctx.tenant_id, name)
        routes = self._routes_of(service)
        route, values = _match(routes, request.method, segments)
        if not self._is_allowed(ctx, route):
            await self._authorize(ctx, route)
        caller = self._callers.peek(ctx, route.service, routes)
        if caller is None:
            caller = await self._callers.caller(ctx, route.service, routes)
        most = route.endpoint.rate_limit
        key = f"{caller.tenant}:{route.key}"
        limits = self._gateway.limits
        verdict = limits.take_here(key, most) or await limits.take(key, most)
        extra += verdict.headers
        if not verdict.allowed:
            raise TooManyRequests(
                f"Your organisation may call this {most} times a minute."
            )
        passage = self._let_through(route.service, caller)
        try:
            await self._pass_on(
                request, receive, send, route, values, caller, passage, extra
            )
        finally:
            passage.leave()

    def _routes_of(self, service: CompiledService | None) -> Routes:
        """Return what an external service takes; raises NotFound where it is none."""
        if service is None or service.definition.type != "external":
            raise NotFound("There is no such external service for this tenant.")
        definition = service.definition
        routes = self._routes.get(service.name)
        if routes is None or routes.endpoints is not definition.endpoints:
            routes = self._routes[service.name] = Routes(service)
        return routes

    def _is_allowed(self, ctx: RequestContext, route: Route) -> bool:
        """Return whether decisions at hand allow it; else they have to be asked for."""
        policy = self._parts.policy
        for resource, action in route.permissions:
            grant = policy.peek(ctx, resource, action)
            if grant is None or not grant.allowed:
                return False
        return True

    async def _authorize(self, ctx: RequestContext, route: Route) -> None:
        for resource, action in route.permissions:
            grant = await self._parts.policy.authorize(ctx, resource, action)
            if not grant.allowed:
                raise Forbidden(
                    f"You need the permission {resource}:{action} for this."
                )

    def _let_through(self, service: str, caller: Caller) -> Passage:
        """Return a place among the calls under way; raises Unavailable."""
        try:
            return self._gateway.gates.enter(service, caller.tenant)
        except Closed as error:
            wait = str(max(1, -int(-error.retry_after // 1)))
            raise Unavailable(
                f"The service {service} {error.reason}; try again later.",
                code="SERVICE_CLOSED",
                headers={"Retry-After": wait},
            ) from error

    async def _pass_on(
        self,
        request: Request,
        receive: Receive,
        send: Send,
        route: Route,
        values: Mapping[str, str],
        caller: Caller,
        passage: Passage,
        extra: Sequence[tuple[bytes, bytes]],
    ) -> None:
        upload = Upload(request, receive, self._bounds.upload)
        task = request.scope["rangka.task"]
        watch = Watch(task, receive, upload, self._deadlines)
        relay = Relay(send, self._bounds, watch, bool(route.endpoint.response_schema))
        try:
            with watch:
                call, outwards = _call(request, route, values)
                if not upload.is_read or route.needs_body:
                    await _take(call, outwards, upload, route)
                timeout = route.endpoint.timeout_ms / 1000
                watch.begin(timeout)
                if not isinstance(call.body, bytes):
                    upload.on_progress = watch.progressed
                reply = await self._gateway.forwarder.send(
                    call, caller, passage.breaker
                )
                try:
                    slow = watch.waited() > _SLOW * timeout
                    passage.answered(failed=reply.status in FAILED, slow=slow)
                    if not 200 <= reply.status < 500 or reply.status in _REFUSALS:
                        self._refuse(reply, call, caller)
                    await relay.run(reply, extra, is_head=call.method == "HEAD")
                finally:
                    # Read to its end it went back to the pool already.
                    reply.close()
        except (TimeoutError, UpstreamError, CredentialsRefused, NoConnection) as error:
            problem: RangkaError | None = upload.failure
            if upload.is_awaited and isinstance(error, TimeoutError):
                problem = problem or BadRequest(
                    "The body stopped coming; send it again."
                )
            # What the client did is no failure of the service for its breaker.
            if problem is None and _is_the_services(error):
                passage.answered(failed=True, slow=False)
            if relay.has_begun:
                raise _BrokeOff from None
            raise (problem or _client_error(error)) from None

    def _refuse(self, reply: Answer, call: Call, caller: Caller) -> NoReturn:
        """Raise for an answer whose body is not for clients."""
        status = reply.status
        if status in _REFUSALS:
            # To a client it would mean that he has to log in here again.
            self._gateway.forwarder.refused(call, caller)
            raise BadGateway(
                "The service does not take your organisation's credentials; an "
                "administrator has to correct its connection.",
                code="CREDENTIALS_REFUSED",
            )
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


def _target(request: Request) -> tuple[str, Segments]:
    """Return service and segments of the raw path.

    Raises BadRequest when path or framing can be read in two ways.
    """
    scope = request.scope
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    try:
        if request.has_body:
            headers.check_framing(scope["headers"])
        segments = segments_of(_rest_of(raw))
    except (headers.BadHeaders, BadPath) as error:
        raise BadRequest(f"The request cannot be passed on: {error}.") from error
    # Without a path it means the service's root.
    return segments[0], segments[1:] or ("",)


def _rest_of(raw: bytes) -> bytes:
    if not raw.startswith(_PREFIX):
        raise BadPath("its path is not written as it is meant")
    return raw[len(_PREFIX) :]


def _match(
    routes: Routes, method: str, segments: Segments
) -> tuple[Route, Mapping[str, str]]:
    try:
        return routes.match(method, segments)
    except NoRoute as error:
        raise NotFound("The service has no endpoint at this path.") from error
    except WrongMethod as error:
        raise MethodNotAllowed(
            f"This path takes {error}.", headers={"Allow": str(error)}
        ) from error


def _call(
    request: Request, route: Route, values: Mapping[str, str]
) -> tuple[Call, headers.Outwards]:
    """Return what goes out but for its body, and the client's headers of it.

    What the endpoint describes of it is checked.
    """
    if route.base is None:
        raise BadGateway("The service has no usable base_url; correct it.")
    inputs = route.inputs
    declared = inputs.headers if inputs else _NONE_DECLARED
    try:
        outwards = headers.outwards(request.scope["headers"], declared)
    except headers.BadHeaders as error:
        raise BadRequest(f"The request cannot be passed on: {error}.") from error
    query = _query(request)
    if inputs is not None:
        _check(inputs.problems("path", values.items()))
        pairs = parse_qsl(query, keep_blank_values=True) if query else ()
        _check(inputs.problems("query", pairs))
        if declared:
            _check(inputs.problems("header", outwards.pairs))
    call = Call(
        service=route.service,
        needs_connection=route.needs_connection,
        base=route.base,
        method=request.method,
        path=route.path(values),
        query=query,
        lines=outwards.lines,
        may_repeat=b"idempotency-key" in request.headers,
        request_id=request.request_id,
        trace_parent=headers.trace_parent(request.header(b"traceparent")),
        address=request.ip,
    )
    return call, outwards


async def _take(
    call: Call, outwards: headers.Outwards, upload: Upload, route: Route
) -> None:
    """Give a call its body, checked where the endpoint has a schema for it."""
    call.body = body = await upload.start(whole=route.body is not None)
    if not isinstance(body, bytes):
        call.length = upload.declared
    elif route.body is not None and (body or route.needs_body):
        value = payload.decode(body)
        if not route.body.is_valid(value):
            _check((route.body, value))
        # What was checked is what the service has to take it for.
        call.lines = outwards.untyped + _JSON


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
