"""`/core/services`: the super admin's console over the registry."""

from typing import Any

from litestar import Response, get, post, put
from litestar.params import FromPath
from uuid_utils.compat import uuid7

from engine.api import service_status, versions
from engine.api.problems import publish_error
from engine.api.requests import (
    AnyRequest,
    answer,
    body_of,
    context_of,
    demand,
    parts_of,
)
from engine.api.versions import (
    demand_assigned,
    reader_of,
    stored_service,
    version_of,
)
from engine.database import Transaction
from engine.errors import BadRequest, Conflict, Detail, NotFound, ValidationFailed
from metadata import store
from metadata.checks import check_service, read_service
from metadata.definitions import (
    Definition,
    Entity,
    Menu,
    Service,
    as_json,
    author_schema,
)
from metadata.fields import FIELD_TYPES
from metadata.identifiers import schema_name
from metadata.labels import locale_map
from metadata.registration import is_registration, read_registration
from registry.publishing import PublishError

_SERVICE = "/core/services/{name:str}"


@get("/core/services")
async def services(request: AnyRequest) -> Response[bytes]:
    """Answer the registered services, without their definitions.

    To a tenant's own administrator those that the tenant is assigned.
    """
    ctx, sees_all = await reader_of(request)
    assigned = await parts_of(request).catalog.services(ctx.tenant_id)
    own = {service.name for service in assigned}
    async with parts_of(request).database.system() as connection:
        found = await store.services(connection, 0)
        unpublished = await store.unpublished(connection)
    return answer(
        request,
        [
            {
                "id": str(item.id),
                "name": item.name,
                "label": item.label,
                "type": item.type,
                "status": item.status,
                "visibility": item.visibility,
                "published_version": item.published_version,
                "has_unpublished_changes": sees_all and item.name in unpublished,
            }
            for item in found
            if sees_all or item.name in own
        ],
    )


@get(_SERVICE)
async def service(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Answer one service with its draft and its published definition.

    The draft is for those who may register services.
    """
    ctx, sees_all = await reader_of(request)
    if not sees_all:
        await demand_assigned(request, ctx, name)
    async with parts_of(request).database.system() as connection:
        stored = await stored_service(connection, name)
        found = await store.definition_of(connection, name)
    return answer(
        request,
        {
            "id": str(stored.id),
            "name": stored.name,
            "type": stored.type,
            "status": stored.status,
            "visibility": stored.visibility,
            "published_version": stored.published_version,
            "draft": stored.draft if sees_all else None,
            "draft_revision": stored.draft_revision if sees_all else None,
            "definition": as_json(found[1]) if found else None,
        },
    )


@post("/core/services/register", status_code=201)
async def register(request: AnyRequest) -> Response[bytes]:
    """Add a service with its first draft; publishing comes apart.

    Takes a definition, or the short body of an external service.
    """
    ctx = await demand(request, "service", "register")
    definition = _registered(await body_of(request))
    async with parts_of(request).database.system() as connection:
        is_new = await store.register(
            connection,
            uuid7(),
            definition,
            schema_name(definition.name),
            is_builtin=False,
            actor=ctx.user_id,
        )
    if not is_new:
        detail = Detail("name", "unique", "Choose another name.")
        raise Conflict(
            f"There is a service {definition.name} already, or one whose name differs "
            "from it in - and _ alone.",
            code="SERVICE_EXISTS",
            details=[detail],
        )
    return answer(request, {"name": definition.name, "draft_revision": 1}, 201)


@put(f"{_SERVICE}/draft")
async def save_draft(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Store a draft; it may still have findings, but it must have the right shape."""
    ctx = await demand(request, "service", "update")
    document = await body_of(request)
    definition = _definition(document)
    _same_name(definition, name)
    expected = _revision(document)
    async with parts_of(request).database.system() as connection:
        await stored_service(connection, name)
        revision = await store.save_draft(
            connection, name, as_json(definition), expected, ctx.user_id
        )
    if revision is None:
        raise Conflict(
            "Somebody else saved this draft since you read it. Read it again.",
            code="DRAFT_CONFLICT",
        )
    return answer(request, {"name": name, "draft_revision": revision})


@post(f"{_SERVICE}/validate", status_code=200)
async def validate(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Answer every finding of a definition, its shape included."""
    await demand(request, "service", "register")
    raw = await request.body()
    document = await body_of(request) if raw.strip() else {}
    async with parts_of(request).database.system() as connection:
        wanted = document.get("definition")
        if wanted is None:
            wanted = await _draft(connection, name)
        definition, findings = read_service(wanted)
        if definition is not None:
            others = await store.published(connection)
            others.pop(definition.name, None)
            findings = check_service(definition, others=others)
    return answer(request, {"findings": [finding.as_json() for finding in findings]})


@post(f"{_SERVICE}/plan", status_code=200)
async def plan(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Answer what publishing would do: sentences, SQL, locks, rows, losses.

    Of the draft, of a `definition` sent, or of going back to an older `version`. It
    counts the rows of all tenants and shows values that do not fit.
    """
    await demand(request, "service", "register")
    parts = parts_of(request)
    raw = await request.body()
    document = await body_of(request) if raw.strip() else {}
    try:
        async with parts.database.owner() as connection:
            if "version" in document:
                number = _number(document, "version")
                _, definition = await version_of(connection, name, number)
            else:
                definition = await _wanted(connection, name, document)
            planned = await parts.publisher.plan(connection, definition)
    except PublishError as error:
        raise publish_error(error) from error
    return answer(request, planned.as_json())


@post(f"{_SERVICE}/publish", status_code=200)
async def publish(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Publish the draft, or the definition sent; answers version and plan."""
    ctx = await demand(request, "service", "publish")
    parts = parts_of(request)
    raw = await request.body()
    document = await body_of(request) if raw.strip() else {}
    try:
        async with parts.database.owner() as connection:
            definition = await _wanted(connection, name, document)
            version, planned = await parts.publisher.publish(
                connection,
                definition,
                accept_loss=_names(document, "accept_loss"),
                comment=str(document.get("comment", ""))[:500],
                actor=ctx.user_id,
                draft_revision=_revision(document),
            )
    except PublishError as error:
        raise publish_error(error) from error
    parts.follow_ups.wake()
    await parts.catalog.reload(name)
    return answer(request, {"version": version, "plan": planned.as_json()})


@post(f"{_SERVICE}/rollback", status_code=200)
async def roll_back(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Publish an older version's definition as a new version."""
    ctx = await demand(request, "service", "publish")
    parts, document = parts_of(request), await body_of(request)
    version = _number(document, "version")
    try:
        async with parts.database.owner() as connection:
            number, planned = await parts.publisher.roll_back(
                connection,
                name,
                version,
                accept_loss=_names(document, "accept_loss"),
                actor=ctx.user_id,
            )
    except PublishError as error:
        raise publish_error(error) from error
    parts.follow_ups.wake()
    await parts.catalog.reload(name)
    return answer(request, {"version": number, "plan": planned.as_json()})


@get("/core/field-types")
async def field_types(request: AnyRequest) -> Response[bytes]:
    """Answer every field type with the JSON Schema of its options."""
    await context_of(request)
    return answer(
        request,
        [
            {
                "name": kind.name,
                "label": dict(locale_map(kind.label, kind.name)),
                "description": dict(locale_map(kind.description, "")),
                "widget": kind.widget,
                "renderer": kind.renderer,
                "operators": sorted(kind.operators),
                "sortable": kind.sortable,
                "schema": kind.definition.model_json_schema(),
            }
            for kind in FIELD_TYPES.values()
        ],
    )


@get("/core/schemas/{name:str}")
async def schemas(request: AnyRequest, name: FromPath[str]) -> Response[bytes]:
    """Answer the JSON Schema of a definition, for editors."""
    await context_of(request)
    models: dict[str, type[Definition]] = {
        "service": Service,
        "entity": Entity,
        "menu": Menu,
    }
    if name not in models:
        raise NotFound("There are schemas of: service, entity, menu.")
    return answer(request, author_schema(models[name]))


HANDLERS = [
    services,
    service,
    register,
    save_draft,
    validate,
    plan,
    publish,
    roll_back,
    *versions.HANDLERS,
    *service_status.HANDLERS,
    field_types,
    schemas,
]


async def _draft(connection: Transaction, name: str) -> Any:
    stored = await stored_service(connection, name)
    if stored.draft is None:
        raise NotFound(f"{name} has no draft.")
    return stored.draft


async def _wanted(
    connection: Transaction, name: str, document: dict[str, Any]
) -> Service:
    """Return the definition sent, else the draft."""
    raw = document.get("definition")
    if raw is None:
        raw = await _draft(connection, name)
    definition = _definition({"definition": raw})
    _same_name(definition, name)
    return definition


def _definition(document: dict[str, Any]) -> Service:
    raw = document.get("definition", document)
    definition, findings = read_service(raw)
    if definition is None:
        details = [Detail(f.path, f.code, f.message) for f in findings]
        raise ValidationFailed("The definition does not fit.", details=details)
    return definition


def _registered(document: dict[str, Any]) -> Service:
    """Return the definition of either kind of body."""
    if not is_registration(document):
        return _definition(document)
    definition, findings = read_registration(document)
    if definition is None:
        details = [Detail(f.path, f.code, f"{f.message}. {f.remedy}") for f in findings]
        raise ValidationFailed("The service does not fit.", details=details)
    return definition


def _same_name(definition: Service, name: str) -> None:
    if definition.name != name:
        detail = Detail("/name", "immutable", f"Keep the name {name}.")
        raise ValidationFailed("A service keeps its name.", details=[detail])


def _number(document: dict[str, Any], key: str) -> int:
    value = document.get(key)
    if type(value) is not int or not 0 < value < 2**31:
        raise BadRequest(f"{key} is the number of an older version.")
    return value


def _revision(document: dict[str, Any]) -> int | None:
    value = document.get("draft_revision")
    if value is not None and type(value) is not int:
        raise BadRequest("draft_revision is the number you read.")
    return value


def _names(document: dict[str, Any], key: str) -> list[str]:
    value = document.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise BadRequest(f"{key} is a list of names.")
    return value
