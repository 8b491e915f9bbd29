"""`/core/tenants/{id}/services/{name}/overlay`: a tenant's changes to a service."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from litestar import Response, get, put
from litestar.params import FromPath

from engine import overlays
from engine.api.requests import AnyRequest, answer, body_of, demand, parts_of
from engine.context import RequestContext
from engine.errors import BadRequest, Conflict, Detail, NotFound, ValidationFailed
from metadata.checks import Finding, read
from metadata.definitions import Overlay, as_json
from metadata.overlay_checks import conflicts
from registry import assignments
from registry.assignments import AssignmentError, OverlayError

_OVERLAY = "/core/tenants/{tenant_id:uuid}/services/{name:str}/overlay"


@get(_OVERLAY)
async def overlay(
    request: AnyRequest, tenant_id: FromPath[UUID], name: FromPath[str]
) -> Response[bytes]:
    """Answer a tenant's overlay, its revision, and own fields that stand aside."""
    ctx = await demand(request, "tenant", "read")
    _own(ctx, tenant_id)
    async with parts_of(request).database.system() as connection:
        try:
            service, found, revision = await assignments.overlay(
                connection, tenant_id, name
            )
        except AssignmentError as error:
            raise NotFound(error.message, code=error.code) from error
    return answer(
        request,
        {
            "service": name,
            "revision": revision,
            "overlay": as_json(found),
            "findings": [f.as_json() for f in conflicts(service, found)],
        },
    )


@put(_OVERLAY)
async def save_overlay(
    request: AnyRequest, tenant_id: FromPath[UUID], name: FromPath[str]
) -> Response[bytes]:
    """Store a tenant's overlay; it holds from the next request on."""
    ctx = await demand(request, "tenant", "update")
    _own(ctx, tenant_id)
    wanted, revision, accept_loss = _read(await body_of(request))
    parts = parts_of(request)
    try:
        saved = await overlays.save(
            parts.database,
            ctx,
            tenant_id,
            name,
            wanted,
            revision=revision,
            accept_loss=accept_loss,
        )
    except OverlayError as error:
        raise _refused(error.findings) from error
    except AssignmentError as error:
        kind = NotFound if error.code == "NOT_ASSIGNED" else Conflict
        raise kind(error.message, code=error.code) from error
    parts.catalog.forget(tenant_id)
    return answer(
        request,
        {
            "service": name,
            "revision": saved.revision,
            "overlay": as_json(saved.overlay),
            "findings": [finding.as_json() for finding in saved.findings],
        },
    )


HANDLERS = [overlay, save_overlay]


def _own(ctx: RequestContext, tenant_id: UUID) -> None:
    """Raise NotFound for the tenant of somebody else."""
    if tenant_id != ctx.tenant_id and not ctx.is_super_admin:
        raise NotFound("There is no such tenant.")


def _read(document: dict[str, Any]) -> tuple[Overlay, int, list[str]]:
    unknown = sorted(set(document) - {"overlay", "revision", "accept_loss"})
    if unknown:
        detail = Detail(f"/{unknown[0]}", "unknown_field", "Take this key out.")
        raise ValidationFailed("The body has unknown keys.", details=[detail])
    revision = document.get("revision")
    if type(revision) is not int:
        raise BadRequest("revision is the number that you read with the overlay.")
    losses = document.get("accept_loss", [])
    if not isinstance(losses, list) or not all(isinstance(x, str) for x in losses):
        raise BadRequest("accept_loss is a list of names such as customers.tax_id.")
    raw = document.get("overlay")
    if isinstance(raw, dict):
        raw = {key: value for key, value in raw.items() if key != "removed"}
    found, findings = read(Overlay, raw)
    if found is None:
        raise _refused(findings)
    return found, revision, losses


def _refused(findings: Iterable[Finding]) -> ValidationFailed:
    details = [
        Detail(_pointer(finding), finding.code, f"{finding.message}. {finding.remedy}")
        for finding in findings
        if finding.severity == "error"
    ]
    return ValidationFailed("The overlay does not fit the service.", details=details)


def _pointer(finding: Finding) -> str:
    if finding.path.startswith("/accept_loss"):
        return finding.path
    return f"/overlay{finding.path}"
