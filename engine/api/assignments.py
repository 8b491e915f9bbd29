"""`/core/tenants/{id}/services`: which services a tenant has."""

from typing import Any
from uuid import UUID

from litestar import Response, delete, get, put
from litestar.params import FromPath

from engine.api.requests import AnyRequest, answer, body_of, demand, parts_of
from engine.database import Transaction
from engine.errors import BadRequest, Conflict, ValidationFailed
from engine.record_findings import findings
from metadata import store
from metadata.payloads import settings_validator
from registry import assignments


@get("/core/tenants/{tenant_id:uuid}/services")
async def assigned(request: AnyRequest, tenant_id: FromPath[UUID]) -> Response[bytes]:
    """Answer what a tenant is assigned."""
    await demand(request, "service", "assign")
    async with parts_of(request).database.system() as connection:
        found = await store.assignments(connection, tenant_id)
    return answer(
        request,
        [
            {
                "service": a.service,
                "status": a.status,
                "settings": a.settings,
                "overlay_revision": a.overlay_revision,
            }
            for a in found.values()
        ],
    )


@put("/core/tenants/{tenant_id:uuid}/services/{name:str}")
async def assign(
    request: AnyRequest, tenant_id: FromPath[UUID], name: FromPath[str]
) -> Response[bytes]:
    """Give a tenant a service, or change the status or settings of what it has.

    What is left out stays as it is.
    """
    ctx = await demand(request, "service", "assign")
    raw = await request.body()
    document = await body_of(request) if raw.strip() else {}
    unknown = sorted(document.keys() - {"status", "settings"})
    if unknown:
        raise BadRequest(f"There is no {unknown[0]} here; use status and settings.")
    async with parts_of(request).database.system() as connection:
        await _check_settings(connection, name, document.get("settings"))
        status = document.get("status")
        if status is None:
            present = (await store.assignments(connection, tenant_id)).get(name)
            status = present.status if present else "active"
        try:
            await assignments.assign(
                connection,
                tenant_id,
                name,
                status=str(status),
                settings=document.get("settings"),
                actor=ctx.user_id,
            )
        except assignments.AssignmentError as error:
            raise Conflict(error.message, code=error.code) from error
    parts_of(request).catalog.forget(tenant_id)
    return answer(request, {"service": name, "assigned": True})


@delete("/core/tenants/{tenant_id:uuid}/services/{name:str}", status_code=204)
async def unassign(
    request: AnyRequest, tenant_id: FromPath[UUID], name: FromPath[str]
) -> None:
    """Take a service from a tenant; its records stay and come back with it."""
    await demand(request, "service", "assign")
    async with parts_of(request).database.system() as connection:
        try:
            await assignments.unassign(connection, tenant_id, name)
        except assignments.AssignmentError as error:
            raise Conflict(error.message, code=error.code) from error
    parts_of(request).catalog.forget(tenant_id)


HANDLERS = [assigned, assign, unassign]


async def _check_settings(connection: Transaction, name: str, settings: Any) -> None:
    """Raise unless the settings, where given, are those that the service declares."""
    if settings is None:
        return
    if not isinstance(settings, dict):
        raise BadRequest("settings is an object: a value for each setting.")
    found = await store.definition_of(connection, name)
    details = findings(settings_validator(found[1]), settings) if found else []
    if details:
        raise ValidationFailed("Some settings do not fit.", details=details)
