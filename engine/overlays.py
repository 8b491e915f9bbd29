"""A tenant's overlay of a service: store it, erase what the tenant lets go, log it.

One transaction of the system role holds all of it; values are erased by the app role
inside it, as the tenant. A crash can at worst have erased what was consented to while
the field is still there. Called by `engine/api/overlays.py`.
"""

from collections.abc import Sequence
from uuid import UUID

from psycopg import sql
from sqlalchemy.dialects import postgresql

from engine.context import RequestContext
from engine.database import Database
from engine.database_errors import InvalidValue
from engine.identity.event_log import Event, write
from engine.record_sql import layout
from metadata.checks import Finding
from metadata.compiled import CompiledEntity, CompiledService
from metadata.compiler import compile_service
from metadata.definitions import Overlay, as_json
from metadata.fields import FIELD_TYPES
from metadata.fields.base import FieldDefinition
from registry import assignments
from registry.assignments import OverlayError, SavedOverlay

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # not typed upstream


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
        compiled = compile_service(saved.service, 1)
        findings = await _unreadable(database, tenant_id, compiled, saved)
        if findings:
            raise OverlayError(findings)
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
            await _erase(database, tenant_id, compiled, saved)
    return saved


async def _unreadable(
    database: Database, tenant_id: UUID, service: CompiledService, saved: SavedOverlay
) -> list[Finding]:
    """Return the new own fields whose id still has values of another type.

    The overlay that knew them is gone where the service was taken from the tenant and
    given back; the values stayed with their records.
    """
    found = []
    for name, fields in saved.overlay.fields.items():
        entity = service.entities[name]
        before = (
            *saved.before.fields.get(name, ()),
            *saved.before.removed.get(name, ()),
        )
        known = {field.id for field in before}
        for index, field in enumerate(fields):
            if field.id in known or await _reads(database, tenant_id, entity, field):
                continue
            found.append(
                Finding(
                    "error",
                    f"/fields/{name}/{index}/id",
                    "type_changed",
                    f"{field.name}: values of an earlier field with this id cannot "
                    f"be read as {field.type}",
                    "Give the field an id of its own.",
                )
            )
    return found


async def _reads(
    database: Database, tenant_id: UUID, entity: CompiledEntity, field: FieldDefinition
) -> bool:
    """Return whether every value that is kept under the field's id is one of it."""
    kind = FIELD_TYPES[field.type].sql_type(field).compile(dialect=_DIALECT)
    statement = sql.SQL(
        "SELECT count((custom ->> %s)::{}) FROM {} WHERE tenant_id = %s AND custom ? %s"
    ).format(sql.SQL(kind), sql.SQL(layout(entity).table))
    try:
        async with database.transaction(tenant_id) as connection:
            await connection.execute(statement, (field.id, tenant_id, field.id))
    except InvalidValue:
        return False
    return True


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
