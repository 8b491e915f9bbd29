"""An internet provider to measure with: a tenant with the built-in services.

Called by `routers` and `activation`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from benchmarks import site
from engine.context import RequestContext
from engine.identity.passwords import Passwords
from engine.parts import Parts
from engine.platform import ensure_core, ensure_tenant, ensure_user
from metadata import bundle
from registry import assignments, builtin


async def open_tenant(parts: Parts) -> RequestContext:
    """Publish the built-in services for a new tenant; return its administrator."""
    for name in builtin.NAMES:
        definition = bundle.load(builtin.folder(name))
        async with parts.database.owner() as connection:
            await parts.publisher.publish(connection, definition, is_builtin=True)
        await parts.catalog.reload(name)
    hashing = Passwords()
    await ensure_core(parts.database, hashing, email=site.ROOT, password=site.PASSWORD)
    async with parts.database.system() as connection:
        tenant = await ensure_tenant(connection, {"name": "Provider", "slug": "isp"})
        for name in builtin.NAMES:
            await assignments.assign(connection, tenant, name)
    made = await ensure_user(
        parts.database,
        hashing,
        tenant,
        email=site.ADMIN,
        password=site.PASSWORD,
        name="Admin",
        roles=("TENANT_ADMIN",),
    )
    return RequestContext(
        request_id="bench",
        tenant_id=tenant,
        user_id=made.user_id,
        session_id=None,
        role_ids=frozenset(),
        is_super_admin=True,
        locale="en",
        time_zone="Asia/Jakarta",
        now=datetime.now(UTC),
        email=site.ADMIN,
    )


async def create(
    parts: Parts, ctx: RequestContext, key: str, values: Mapping[str, Any]
) -> UUID:
    """Create a record of `service.entity`; return its id."""
    service, name = key.split(".")
    entity = await parts.catalog.entity(ctx.tenant_id, service, name)
    if entity is None:
        raise LookupError(f"the tenant has no {key}")
    return (await parts.records.create(ctx, entity, dict(values))).id


async def add_router(
    parts: Parts, ctx: RequestContext, port: int, **values: Any
) -> UUID:
    """Create a router that listens at this port of this machine."""
    router = {
        "name": f"Router {port}",
        "address": "127.0.0.1",
        "port": port,
        "tls": "plain",
        "local_address": "10.1.0.1",
        **values,
    }
    return await create(parts, ctx, "network.routers", router)
