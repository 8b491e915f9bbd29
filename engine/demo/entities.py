"""Finds the entities that the demo writes to. Called by `load` and `router`."""

from engine.context import RequestContext
from engine.parts import Parts
from metadata.compiled import CompiledEntity


async def entity_of(
    parts: Parts, ctx: RequestContext, service: str, name: str
) -> CompiledEntity:
    """Return an entity of the tenant.

    Raises:
        LookupError: the tenant does not have the service.
    """
    entity = await parts.catalog.entity(ctx.tenant_id, service, name)
    if entity is None:
        raise LookupError(f"the service {service} is not assigned")
    return entity
