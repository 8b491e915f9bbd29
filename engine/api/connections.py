"""A tenant's connections to external services, and how those services are."""

import asyncio
from typing import Any
from uuid import UUID

from litestar import Response, delete, get, post, put
from litestar.params import FromPath

from engine.api.requests import (
    AnyRequest,
    answer,
    body_of,
    context_of,
    demand,
    parts_of,
)
from engine.context import RequestContext
from engine.errors import BadRequest, Detail, Forbidden, NotFound, ValidationFailed
from metadata.definitions import Service
from registry.connections import ConnectionInvalid
from registry.gateway import health
from registry.gateway.credentials import CredentialsRefused
from registry.gateway.routes import base_of
from registry.gateway.upstream import UpstreamError

TEST_SECONDS = 10.0
MAX_TEST_ANSWER = 256 * 1024
_PLACE = "/core/tenants/{tenant_id:uuid}/services/{name:str}/connection"


@get(_PLACE)
async def show(
    request: AnyRequest, tenant_id: FromPath[UUID], name: FromPath[str]
) -> Response[bytes]:
    """Answer a connection without its secret, and the key that signs calls with it."""
    await _external(request, tenant_id, name)
    async with parts_of(request).database.system() as connection:
        found = await parts_of(request).gateway.connections.show(
            connection, tenant_id, name
        )
    if found is None:
        raise NotFound("The tenant has no connection to this service.")
    return answer(request, found)


@put(_PLACE)
async def keep(
    request: AnyRequest, tenant_id: FromPath[UUID], name: FromPath[str]
) -> Response[bytes]:
    """Keep a connection in place of the one before; its secret is never shown again."""
    ctx, _ = await _external(request, tenant_id, name)
    document = await body_of(request)
    connections = parts_of(request).gateway.connections
    async with parts_of(request).database.system() as connection:
        try:
            await connections.put(connection, tenant_id, name, document, ctx.user_id)
        except ConnectionInvalid as error:
            raise ValidationFailed(
                "The connection does not fit.",
                details=[Detail(error.field, error.code, error.message)],
            ) from None
        found = await connections.show(connection, tenant_id, name)
    # Only now: what another call read before the commit is the old one.
    connections.forget(tenant_id, name)
    return answer(request, found)


@delete(_PLACE, status_code=204)
async def remove(
    request: AnyRequest, tenant_id: FromPath[UUID], name: FromPath[str]
) -> None:
    """Delete a connection and its secret."""
    await _external(request, tenant_id, name)
    connections = parts_of(request).gateway.connections
    async with parts_of(request).database.system() as connection:
        was_there = await connections.delete(connection, tenant_id, name)
    connections.forget(tenant_id, name)
    if not was_there:
        raise NotFound("The tenant has no connection to this service.")


@post(f"{_PLACE}/test", status_code=200)
async def test(
    request: AnyRequest, tenant_id: FromPath[UUID], name: FromPath[str]
) -> Response[bytes]:
    """Ask the service's health address, or its base, with the tenant's credentials."""
    _, definition = await _external(request, tenant_id, name)
    gateway = parts_of(request).gateway
    connection = await gateway.connections.get(tenant_id, name)
    if connection is None:
        raise NotFound("The tenant has no connection to this service.")
    base = base_of(definition.base_url)
    if base is None:
        raise BadRequest("The service has no usable base_url.")
    own = f"{base.scheme}://{base.authority}"
    url = definition.health_check_url or ""
    if not url.startswith(f"{own}/"):
        # Credentials go to the service itself and nowhere else.
        url = f"{own}{base.path or '/'}"
    status, problem = None, ""
    try:
        async with asyncio.timeout(TEST_SECONDS):
            own_header = await gateway.forwarder.credentials.header(
                tenant_id, name, connection, base.host
            )
            status, _ = await gateway.client.fetch(
                "GET", url, [("Accept", "*/*"), own_header], limit=MAX_TEST_ANSWER
            )
    except TimeoutError:
        problem = "The service does not answer in time."
    except (UpstreamError, CredentialsRefused) as error:
        problem = str(error)
    if status in {401, 403, 407}:
        problem = "The service does not take these credentials."
    elif status is not None and status >= 500:
        problem = f"The service failed: it answered {status}."
    return answer(request, {"ok": not problem, "status": status, "message": problem})


@get("/core/tenants/{tenant_id:uuid}/services/{name:str}/signing-key")
async def signing_key(
    request: AnyRequest, tenant_id: FromPath[UUID], name: FromPath[str]
) -> Response[bytes]:
    """Answer the key by which the service checks signatures; for a super admin."""
    ctx, _ = await _external(request, tenant_id, name)
    if not ctx.is_super_admin:
        raise Forbidden("Only a super admin sees the key of a service.")
    key = parts_of(request).gateway.forwarder.signer.key(name, tenant_id)
    return answer(request, {"key_id": key.id, "secret": key.secret.hex()})


@get("/core/service-health")
async def service_health(request: AnyRequest) -> Response[bytes]:
    """Answer the health of the external services that the user's tenant has.

    A super admin is answered all of them.
    """
    ctx = await context_of(request)
    parts = parts_of(request)
    names = None
    if not ctx.is_super_admin:
        services = await parts.catalog.services(ctx.tenant_id)
        names = [each.name for each in services]
    async with parts.database.system() as connection:
        found = await health.states(connection, names)
    tenant = str(ctx.tenant_id)
    return answer(
        request,
        [
            {**row, "breaker": parts.gateway.gates.state(row["service"], tenant)}
            for row in found
        ],
    )


HANDLERS = [show, keep, remove, test, signing_key, service_health]


async def _external(
    request: AnyRequest, tenant_id: UUID, name: str
) -> tuple[RequestContext, Service]:
    """Return who asks and the service; raises unless he may set its connection.

    An administrator reaches the own tenant alone, a super admin every one.
    """
    ctx = await demand(request, "tenant", "update")
    if tenant_id != ctx.tenant_id and not ctx.is_super_admin:
        raise NotFound("There is no such tenant for you.")
    found: Any = await parts_of(request).catalog.service(tenant_id, name)
    if found is None or found.definition.type != "external":
        raise NotFound("There is no such external service for this tenant.")
    return ctx, found.definition
