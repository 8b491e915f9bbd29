"""`/auth`: log-in, refresh, switch of tenant, log-out, sessions, password."""

from typing import Any
from uuid import UUID

from litestar import Response, delete, get, post
from litestar.params import FromPath

from engine.api.requests import (
    AnyRequest,
    answer,
    body_of,
    context_of,
    parts_of,
    request_id_of,
)
from engine.errors import BadRequest, Detail, Unauthenticated, ValidationFailed
from engine.identity.accounts import Origin

COOKIE = "rangka_refresh"
COOKIE_PATH = "/api/v1/auth"
REFRESH_SECONDS = 7 * 24 * 3600
WEB = "web"


@post("/login", status_code=200)
async def login(request: AnyRequest) -> Response[bytes]:
    """Answer tokens for an e-mail address and a password."""
    document = await body_of(request)
    email, password = _text(document, "email"), _text(document, "password")
    tenant = document.get("tenant")
    found = await parts_of(request).identity.login(
        email,
        password,
        tenant=str(tenant) if tenant else None,
        origin=_origin(request),
    )
    return _tokens(request, found)


@post("/refresh", status_code=200)
async def refresh(request: AnyRequest) -> Response[bytes]:
    """Answer the next tokens; a browser's refresh token stands in its cookie."""
    raw = await request.body()
    document = await body_of(request) if raw.strip() else {}
    token = document.get("refresh_token")
    if token is None and _is_web(request):
        token = request.cookies.get(COOKIE)
    if not isinstance(token, str) or not token:
        raise Unauthenticated("Log in first: there is no refresh token.")
    found = await parts_of(request).identity.refresh(token, origin=_origin(request))
    return _tokens(request, found)


@post("/switch-tenant", status_code=200)
async def switch_tenant(request: AnyRequest) -> Response[bytes]:
    """Answer tokens for another tenant of the user."""
    ctx = await context_of(request)
    document = await body_of(request)
    try:
        tenant_id = UUID(_text(document, "tenant_id"))
    except ValueError as error:
        raise BadRequest("tenant_id is the id of a tenant.") from error
    found = await parts_of(request).identity.switch_tenant(
        ctx, tenant_id, origin=_origin(request)
    )
    return _tokens(request, found)


@post("/logout", status_code=200)
async def logout(request: AnyRequest) -> Response[bytes]:
    """End the session."""
    await parts_of(request).identity.logout(await context_of(request))
    response = answer(request, {"logged_out": True})
    response.delete_cookie(COOKIE, path=COOKIE_PATH)
    return response


@get("/me")
async def me(request: AnyRequest) -> Response[bytes]:
    """Answer the user, the roles and permissions of now, and the tenants."""
    ctx = await context_of(request)
    return answer(request, await parts_of(request).identity.me(ctx))


@get("/sessions")
async def sessions(request: AnyRequest) -> Response[bytes]:
    """Answer the user's open sessions."""
    ctx = await context_of(request)
    return answer(request, await parts_of(request).identity.own.sessions(ctx))


@delete("/sessions/{session_id:uuid}", status_code=204)
async def end_session(request: AnyRequest, session_id: FromPath[UUID]) -> None:
    """End one of the user's own sessions."""
    ctx = await context_of(request)
    await parts_of(request).identity.own.revoke_session(ctx, session_id)


@post("/password/change", status_code=200)
async def change_password(request: AnyRequest) -> Response[bytes]:
    """Set the user's own password; every other session of the user ends."""
    ctx = await context_of(request)
    document = await body_of(request)
    old, new = _text(document, "old_password"), _text(document, "new_password")
    await parts_of(request).identity.own.change_password(ctx, old, new)
    return answer(request, {"changed": True})


HANDLERS = [
    login,
    refresh,
    switch_tenant,
    logout,
    me,
    sessions,
    end_session,
    change_password,
]


def _origin(request: AnyRequest) -> Origin:
    return Origin(
        ip=request.client.host if request.client else None,
        device=request.headers.get("user-agent", "")[:200],
        request_id=request_id_of(request),
    )


def _is_web(request: AnyRequest) -> bool:
    """Return whether our own page asks: a header that other sites cannot send."""
    return request.headers.get("x-rangka-client") == WEB


def _tokens(request: AnyRequest, found: dict[str, Any]) -> Response[bytes]:
    response = answer(request, found)
    if _is_web(request):
        response.set_cookie(
            COOKIE,
            found["refresh_token"],
            path=COOKIE_PATH,
            max_age=REFRESH_SECONDS,
            httponly=True,
            secure=parts_of(request).settings.public_url.startswith("https:"),
            samesite="strict",
        )
    return response


def _text(document: dict[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value.strip():
        detail = Detail(name, "required", "Enter a value.")
        raise ValidationFailed("1 field does not fit.", details=[detail])
    return value
