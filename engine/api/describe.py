"""`/forms` and `/menus`: what the interface shows, for this user."""

from collections.abc import Mapping
from typing import Any

from litestar import Response, get
from litestar.params import FromPath, FromQuery

from engine.api.requests import AnyRequest, answer, context_of, parts_of
from engine.context import Grant, RequestContext
from engine.errors import Forbidden, NotFound
from engine.parts import Parts
from metadata import endpoint_forms, forms, lists, menus
from metadata.compiled import CompiledAction, CompiledEntity
from metadata.labels import locale_map, words_of

WORDS = ("read", "create", "update", "delete", "export", "import", "restore")


@get(
    [
        "/forms/{service:str}/{entity:str}",
        "/forms/{service:str}/{entity:str}/{form:str}",
    ]
)
async def form(
    request: AnyRequest,
    service: FromPath[str],
    entity: FromPath[str],
    form: FromPath[str] = "default",
) -> Response[bytes]:
    """Answer schema, UI schema, list, actions and permissions of an entity."""
    ctx, parts = await context_of(request), parts_of(request)
    found = await parts.catalog.entity(ctx.tenant_id, service, entity)
    if found is None:
        return answer(request, await endpoint_form(parts, ctx, service, entity))
    return answer(request, await _entity_form(parts, ctx, found, form))


@get("/forms/{service:str}/endpoints/{endpoint:str}")
async def form_of_endpoint(
    request: AnyRequest, service: FromPath[str], endpoint: FromPath[str]
) -> Response[bytes]:
    """Answer the form of an endpoint, and how its inputs become a call."""
    ctx, parts = await context_of(request), parts_of(request)
    # An entity may be called "endpoints", and have a form of this name.
    entity = await parts.catalog.entity(ctx.tenant_id, service, "endpoints")
    if entity is not None:
        return answer(request, await _entity_form(parts, ctx, entity, endpoint))
    return answer(request, await endpoint_form(parts, ctx, service, endpoint))


@get("/menus/user")
async def menu(request: AnyRequest) -> Response[bytes]:
    """Answer the menu of the user in the current tenant."""
    ctx, parts = await context_of(request), parts_of(request)
    services = await parts.catalog.services(ctx.tenant_id)
    wanted: set[tuple[str, str]] = set()

    def note(resource: str, action: str) -> bool:
        wanted.add((resource, action))
        return True

    # The first pass only finds out what has to be asked of the policy.
    menus.build(services, note)
    granted = {
        key for key in wanted if (await parts.policy.authorize(ctx, *key)).allowed
    }
    built = menus.build(services, lambda *key: key in granted)
    permissions = await parts.policy.permissions(ctx)
    return answer(request, {"menus": built, "permissions": permissions})


@get("/core/explain-access")
async def explain(
    request: AnyRequest, resource: FromQuery[str], action: FromQuery[str] = "read"
) -> Response[bytes]:
    """Answer which rule decides what the user may do."""
    ctx, parts = await context_of(request), parts_of(request)
    return answer(request, await parts.policy.explain(ctx, resource, action))


HANDLERS = [form, form_of_endpoint, menu, explain]


async def _entity_form(
    parts: Parts, ctx: RequestContext, entity: CompiledEntity, form: str
) -> dict[str, Any]:
    grants = await grants_of(parts, ctx, entity)
    if not grants["read"].allowed and not grants["create"].allowed:
        raise Forbidden(f"Your role may not read {entity.name}.")
    return await describe(parts, ctx, entity, form, grants)


async def grants_of(
    parts: Parts, ctx: RequestContext, entity: CompiledEntity
) -> Mapping[str, Grant]:
    """Return the grant of each standard action."""
    return {
        word: await parts.policy.authorize(ctx, entity.resource, word) for word in WORDS
    }


def permissions_of(
    entity: CompiledEntity, grants: Mapping[str, Grant]
) -> dict[str, bool]:
    """Return which standard actions there are and the grants allow."""
    storage = entity.definition.storage
    found: dict[str, bool] = {w: grants[w].allowed for w in WORDS}
    found["history"] = found["read"] and entity.history and storage is None
    found["restore"] &= entity.soft_delete
    if storage is not None:
        found["create"] &= storage.creatable
        found["update"] &= storage.updatable
        found["delete"] &= storage.deletable
        found["import"] = False
    return found


async def describe(
    parts: Parts,
    ctx: RequestContext,
    entity: CompiledEntity,
    form_name: str,
    grants: Mapping[str, Grant],
) -> dict[str, Any]:
    """Return what `/forms` answers for these grants."""
    read, create, update = grants["read"], grants["create"], grants["update"]

    def readable(name: str) -> bool:
        return read.reaches_field(name) or create.reaches_field(name)

    def writable(name: str) -> bool:
        return create.reaches_field(name) or update.reaches_field(name)

    await parts.catalog.load_all(ctx.tenant_id)

    def title_of(key: str) -> str | None:
        target = parts.catalog.target(key)
        return target.title_field if target else None

    try:
        made = forms.entity_form(
            entity,
            form=form_name,
            readable=readable,
            writable=writable,
            preset={*create.presets, *update.presets},
            title_of=title_of,
        )
    except KeyError as error:
        raise NotFound(f"{entity.name} has no form {form_name}.") from error
    made = {**made, **await parts.platform.form(ctx, entity, made, parts.catalog)}

    named = words_of(entity.name)
    label = entity.definition.label
    plural = entity.definition.label_plural or label
    return {
        "service": entity.service,
        "entity": entity.name,
        "label": dict(locale_map(label, named)),
        "label_plural": dict(locale_map(plural, named)),
        "title_field": entity.title_field,
        "resource": entity.resource,
        "version": entity.version,
        **made,
        "list": lists.entity_list(
            entity, readable=read.reaches_field, title_of=title_of
        ),
        "actions": [
            _action(action, title_of)
            for action in entity.actions.values()
            if (
                await parts.policy.authorize(ctx, entity.resource, action.permission)
            ).allowed
        ],
        "permissions": permissions_of(entity, grants),
        "related": await _related(parts, ctx, entity),
        "fixed": _fixed(entity),
        "forms": [
            {"name": name, "label": item.label} for name, item in entity.forms.items()
        ]
        or [{"name": "default", "label": None}],
        "soft_delete": entity.soft_delete,
        "history": entity.history,
    }


async def _related(
    parts: Parts, ctx: RequestContext, entity: CompiledEntity
) -> list[dict[str, Any]]:
    """Return which entities point at this one, of those that the user may follow.

    By the names under which their relations list themselves (`inverse`), for lists of
    the records that belong to one of this entity's.
    """
    await parts.catalog.load_inverses(ctx.tenant_id)
    found = []
    inverses = parts.catalog.inverses(ctx.tenant_id, entity.key) or {}
    for inverse in inverses.values():
        service, _, name = inverse.entity.partition(".")
        # Among those loaded above: one under maintenance must not end this form too.
        pointing = parts.catalog.peek_entity(ctx.tenant_id, service, name)
        if pointing is None:
            continue
        grant = await parts.policy.authorize(ctx, pointing.resource, "read")
        if not grant.reaches_field(inverse.field):
            continue
        definition = pointing.definition
        plural = definition.label_plural or definition.label
        found.append(
            {
                "name": inverse.name,
                "service": service,
                "entity": name,
                "field": inverse.field,
                "label": dict(locale_map(plural, words_of(inverse.name))),
            }
        )
    return found


def _fixed(entity: CompiledEntity) -> dict[str, Any] | None:
    """Return which records stay as they are for everybody, and why."""
    storage = entity.definition.storage
    if storage is None or storage.fixed is None:
        return None
    field, reason = storage.fixed.field, storage.fixed.reason
    return {"field": field, "reason": dict(locale_map(reason, ""))}


async def endpoint_form(
    parts: Parts, ctx: RequestContext, service: str, name: str
) -> dict[str, Any]:
    """Return the form of an external service's endpoint.

    Raises NotFound and, when a permission is missing, Forbidden.
    """
    found = await parts.catalog.service(ctx.tenant_id, service)
    endpoints = found.definition.endpoints if found else ()
    endpoint = next((item for item in endpoints if item.name == name), None)
    if found is None or endpoint is None:
        raise NotFound("There is no such service, entity or endpoint for this tenant.")
    for resource, action in endpoint_forms.permissions_of(service, endpoint):
        if not (await parts.policy.authorize(ctx, resource, action)).allowed:
            raise Forbidden(f"You need the permission {resource}:{action} for this.")
    about = endpoint.description
    return {
        "service": service,
        "service_label": dict(locale_map(found.definition.label, words_of(service))),
        "endpoint": name,
        "label": dict(locale_map(endpoint.label, words_of(name))),
        "description": dict(locale_map(about, "")) if about else None,
        "method": endpoint.method,
        "path": endpoint.path,
        "version": found.version,
        **endpoint_forms.form_of(endpoint),
        "response_schema": endpoint.response_schema,
        "permissions": {"call": True},
    }


def _action(action: CompiledAction, title_of: forms.TitleOf) -> dict[str, Any]:
    definition = action.definition
    made = forms.action_form(action, title_of)
    confirm = definition.confirm
    return {
        "name": action.name,
        "label": dict(locale_map(definition.label, words_of(action.name))),
        "scope": definition.scope,
        "confirm": dict(locale_map(confirm, "")) if confirm is not None else None,
        "destructive": definition.destructive,
        "icon": definition.icon,
        "schema": made["schema"] if made else None,
        "ui": made["ui"] if made else None,
    }
