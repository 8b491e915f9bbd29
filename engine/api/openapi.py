"""`/openapi.json`: the API as the user who asks may use it."""

from importlib.metadata import version

from litestar import Response, get

from engine.api.describe import WORDS, grants_of, permissions_of
from engine.api.entry import PLATFORM_ENTITIES
from engine.api.envelope import JSON, encode
from engine.api.requests import AnyRequest, context_of, parts_of
from engine.context import RequestContext
from engine.parts import Parts
from metadata import openapi
from metadata.compiled import CompiledEntity

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


HANDLERS = [document]
