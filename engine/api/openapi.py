"""`/openapi.json`: the API as the user who asks may use it."""

from importlib.metadata import version

from litestar import Response, get

from engine.api.describe import WORDS, grants_of, permissions_of
from engine.api.entry import PLATFORM_ENTITIES
from engine.api.envelope import JSON, encode
from engine.api.requests import AnyRequest, context_of, parts_of
from engine.context import RequestContext
from engine.parts import Parts
from metadata import openapi, openapi_calls
from metadata.compiled import CompiledEntity, CompiledService
from metadata.definitions import Endpoint
from metadata.endpoint_forms import permissions_of as permissions_of_call
from metadata.openapi_console import console_paths

SERVER = "/api/v1"


@get("/openapi.json")
async def document(request: AnyRequest) -> Response[bytes]:
    """Answer the OpenAPI 3.1 document; without an envelope, as tools expect it."""
    ctx, parts = await context_of(request), parts_of(request)
    services = await parts.catalog.services(ctx.tenant_id)
    found = [entity for each in services for entity in each.entities.values()]
    for name in sorted(PLATFORM_ENTITIES):
        entity = await parts.catalog.entity(ctx.tenant_id, "platform", name)
        if entity is not None:
            found.append(entity)
    made = openapi.document(
        [await _reachable(parts, ctx, entity) for entity in found],
        [
            console_paths(await _registry(parts, ctx)),
            *[
                openapi_calls.gateway_paths(
                    each, await _callable(parts, ctx, each), ctx.locale
                )
                for each in services
                if each.definition.endpoints
            ],
        ],
        version=version("rangka"),
        server=f"{parts.settings.public_url}{SERVER}",
        locale=ctx.locale,
    )
    return Response(encode(made), media_type=JSON)


async def _reachable(
    parts: Parts, ctx: RequestContext, entity: CompiledEntity
) -> openapi.Reachable:
    grants = await grants_of(parts, ctx, entity)
    words = permissions_of(entity, grants)
    own = [
        name
        for name, action in entity.actions.items()
        if (
            await parts.policy.authorize(ctx, entity.resource, action.permission)
        ).allowed
    ]
    read, create, update = (grants[word] for word in ("read", "create", "update"))
    path = f"/data/{entity.service}/{entity.name}"
    return openapi.Reachable(
        entity,
        f"/core/{entity.name}" if entity.is_platform else path,
        frozenset([*(word for word in WORDS if words[word]), *own]),
        read.reaches_field,
        lambda name: create.reaches_field(name) or update.reaches_field(name),
    )


async def _registry(parts: Parts, ctx: RequestContext) -> list[str]:
    """Return what a user may do to services."""
    return [
        word
        for word in ("register", "publish", "read")
        if (await parts.policy.authorize(ctx, "service", word)).allowed
    ]


async def _callable(
    parts: Parts, ctx: RequestContext, service: CompiledService
) -> list[Endpoint]:
    """Return the endpoints that a user may call."""
    found = []
    for call in service.definition.endpoints:
        asked = permissions_of_call(service.name, call)
        grants = [await parts.policy.authorize(ctx, *word) for word in asked]
        if all(grant.allowed for grant in grants):
            found.append(call)
    return found


HANDLERS = [document]
