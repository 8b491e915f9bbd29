"""A tenant's overlay of a service: store it, erase what the tenant lets go, log it.

One transaction of the system role holds all of it; values are erased by the app role
inside it, as the tenant. A crash can at worst have erased what was consented to while
the field is still there. Called by `engine/api/overlays.py`.
"""

from collections.abc import Sequence
from uuid import UUID

from psycopg import sql

from engine.context import RequestContext
from engine.database import Database
from engine.identity.event_log import Event, write
from engine.record_sql import layout
from metadata.compiled import CompiledService
from metadata.compiler import compile_service
from metadata.definitions import Overlay, as_json
from registry import assignments
from registry.assignments import SavedOverlay


async def save(
    database: Database,
    ctx: RequestContext,
    tenant_id: UUID,
    name: str,
    wanted: Overlay,
    *,
    revision: int,
    accept_loss: Sequence[str],
) -> SavedOverlay:
    """Store the overlay; every worker serves it from then on.

    Raises AssignmentError and OverlayError as `registry/assignments.py` does.
    """
    async with database.system() as connection:
        saved = await assignments.save_overlay(
            connection,
            tenant_id,
            name,
            wanted,
            revision=revision,
            accept_loss=accept_loss,
        )
        pair = [as_json(saved.before), as_json(saved.overlay)]
        event = Event(
            tenant_id=tenant_id,
            entity="assignments",
            action="overlay",
            record_id=None,
            actor_id=ctx.user_id,
            actor_name=ctx.email,
            changes={f"overlay.{name}": pair},
            version=saved.revision,
            request_id=ctx.request_id,
            ip=ctx.ip,
        )
        await write(connection, event)
        if saved.lost:
            compiled = compile_service(saved.service, 1)
            await _erase(database, tenant_id, compiled, saved)
    return saved


async def _erase(
    database: Database, tenant_id: UUID, service: CompiledService, saved: SavedOverlay
) -> None:
    """Take the values of own fields out of the tenant's records."""
    async with database.transaction(tenant_id) as connection:
        for name, ids in saved.lost.items():
            entity = service.entities.get(name)
            if entity is None:
                # The service has lost the entity, and the values with it.
                continue
            statement = sql.SQL(
                "UPDATE {} SET custom = custom - %s::text[] "
                "WHERE tenant_id = %s AND custom ?| %s::text[]"
            ).format(sql.SQL(layout(entity).table))
            keys = list(ids)
            await connection.execute(statement, (keys, tenant_id, keys))
