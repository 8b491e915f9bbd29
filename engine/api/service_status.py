"""Whether a service is in use, and which services are shown to every tenant."""

from litestar import Response, get, put
from litestar.params import FromPath

from engine.api.requests import AnyRequest, answer, body_of, demand, parts_of
from engine.errors import Detail, NotFound, ValidationFailed
from registry.services import STATUSES, public_services, set_status


@put("/core/services/{name:str}/status")
async def change_status(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Put a service in use, out of use, or under maintenance, for every tenant."""
    ctx = await demand(request, "service", "publish")
    status = (await body_of(request)).get("status")
    if status not in STATUSES:
        message = f"status is one of: {', '.join(STATUSES)}."
        detail = Detail("/status", "literal_error", message)
        raise ValidationFailed("There is no such status.", details=[detail])
    async with parts_of(request).database.system() as connection:
        if not await set_status(connection, name, status, ctx.user_id):
            raise NotFound(f"There is no service {name}.")
    await parts_of(request).catalog.reload(name)
    return answer(request, {"name": name, "status": status})


@get("/core/catalogue")
async def catalogue(request: AnyRequest) -> Response[bytes]:
    """Answer the public services, and which of them the user's tenant has.

    No definition is shown; whoever wants one asks the platform to assign it.
    """
    ctx = await demand(request, "service", "read")
    async with parts_of(request).database.system() as connection:
        found = await public_services(connection)
    has = {
        each.name for each in await parts_of(request).catalog.services(ctx.tenant_id)
    }
    return answer(request, [{**row, "assigned": row["name"] in has} for row in found])


HANDLERS = [change_status, catalogue]
