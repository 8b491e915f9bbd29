"""What a service was and is: its versions, its export, and whether its tables agree."""

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from engine.api.requests import AnyRequest, answer, demand, parts_of
from engine.context import RequestContext
from engine.database import Transaction
from engine.errors import NotFound
from metadata import bundle, store
from metadata.definitions import Service, as_json
from registry import publishing_drift

_SERVICE = "/core/services/{name:str}"


async def reader_of(request: AnyRequest) -> tuple[RequestContext, bool]:
    """Return who reads the registry, and whether all of it; raises Forbidden.

    All of it is for those who may register services. A tenant's own administrator
    sees what its tenant is assigned, as it is published: drafts, older versions and
    the plans that count other tenants' rows are the platform's.
    """
    ctx = await demand(request, "service", "read")
    every = await parts_of(request).policy.authorize(ctx, "service", "register")
    return ctx, every.allowed


async def demand_assigned(request: AnyRequest, ctx: RequestContext, name: str) -> None:
    """Raise NotFound unless the tenant has the service, as for one that is not."""
    if await parts_of(request).catalog.service(ctx.tenant_id, name) is None:
        raise NotFound(f"There is no service {name}.")


async def stored_service(connection: Transaction, name: str) -> store.StoredService:
    """Return a registered service; raises NotFound."""
    stored = await store.service(connection, name)
    if stored is None:
        raise NotFound(f"There is no service {name}.")
    return stored


async def version_of(
    connection: Transaction, name: str, number: int
) -> tuple[int, Service]:
    """Return a version and its definition; raises NotFound."""
    await stored_service(connection, name)
    found = await store.definition_of(connection, name, number)
    if found is None:
        raise NotFound(f"{name} has no version {number}.")
    return found


@get(f"{_SERVICE}/versions")
async def versions(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Answer the versions, newest first."""
    await demand(request, "service", "register")
    async with parts_of(request).database.system() as connection:
        await stored_service(connection, name)
        found = await store.versions(connection, name)
    return answer(request, found)


@get(f"{_SERVICE}/versions/{{number:int}}")
async def version(
    request: AnyRequest, name: FromPath[str], number: FromPath[int]
) -> Response[bytes]:
    """Answer the definition of one version."""
    await demand(request, "service", "register")
    async with parts_of(request).database.system() as connection:
        found, definition = await version_of(connection, name, number)
    return answer(request, {"version": found, "definition": as_json(definition)})


@get(f"{_SERVICE}/drift")
async def drift(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Answer how the tables differ from the published version, with remedies."""
    await demand(request, "service", "register")
    async with parts_of(request).database.owner() as connection:
        await stored_service(connection, name)
        found = await publishing_drift.drift(connection, name)
    return answer(request, {"differences": [item.as_json() for item in found]})


@get(f"{_SERVICE}/export")
async def export(
    request: AnyRequest,
    name: FromPath[str],
    format: FromQuery[str] = "json",  # noqa: A002 - the parameter's name in the API
) -> Response[bytes]:
    """Answer the published definition as JSON, or as a ZIP of its folder."""
    ctx, sees_all = await reader_of(request)
    if not sees_all:
        await demand_assigned(request, ctx, name)
    async with parts_of(request).database.system() as connection:
        found = await store.definition_of(connection, name)
    if found is None:
        raise NotFound("There is no published version of this service.")
    if format == "zip":
        headers = {"content-disposition": f'attachment; filename="{name}.zip"'}
        return Response(
            bundle.to_zip(found[1]), media_type="application/zip", headers=headers
        )
    return answer(request, as_json(found[1]))


HANDLERS = [versions, version, drift, export]
