"""What every Litestar handler shares: who asks, the parts, a JSON body, an answer."""

from typing import Any

from litestar import Request, Response

from engine import payload
from engine.api.envelope import JSON, success_of
from engine.api.http import bearer
from engine.context import Grant, RequestContext
from engine.errors import Forbidden
from engine.parts import Parts

AnyRequest = Request[Any, Any, Any]


def parts_of(request: AnyRequest) -> Parts:
    """Return the parts of the process."""
    parts: Parts = request.app.state.parts
    return parts


def request_id_of(request: AnyRequest) -> str:
    """Return the id that the entry gave the request."""
    request_id: str = request.scope["rangka.request_id"]  # type: ignore[typeddict-item]
    return request_id


async def context_of(request: AnyRequest) -> RequestContext:
    """Return who asks; raises Unauthenticated."""
    ctx = await parts_of(request).identity.authenticate(
        bearer(request.headers.get("authorization")),
        request_id=request_id_of(request),
        ip=request.client.host if request.client else None,
        user_agent=request.headers.get("user-agent"),
        tenant_hint=request.headers.get("x-tenant-id"),
    )
    request.scope["rangka.context"] = ctx  # type: ignore[typeddict-unknown-key]
    return ctx


async def demand(request: AnyRequest, resource: str, action: str) -> RequestContext:
    """Return who asks, if allowed; raises Unauthenticated or Forbidden."""
    ctx = await context_of(request)
    grant: Grant = await parts_of(request).policy.authorize(ctx, resource, action)
    if not grant.allowed:
        raise Forbidden(f"You need the permission {resource}:{action} for this.")
    return ctx


async def body_of(request: AnyRequest) -> dict[str, Any]:
    """Return the JSON object of the body; raises BadRequest."""
    return payload.decode_object(await request.body())


def answer(request: AnyRequest, value: Any, status: int = 200) -> Response[bytes]:
    """Return a success with any JSON value as its data."""
    return Response(
        success_of(value, request_id_of(request)), status_code=status, media_type=JSON
    )
