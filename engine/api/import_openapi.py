"""`/core/services/import-openapi`: an OpenAPI document → the draft of a service."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from litestar import Response, post
from uuid_utils.compat import uuid7

from engine.api.requests import AnyRequest, answer, body_of, demand, parts_of
from engine.database import Transaction
from engine.errors import BadRequest, Conflict, Detail, ValidationFailed
from metadata import store
from metadata.checks import Finding, check_service
from metadata.definitions import MenuItem, Service, as_json
from metadata.endpoint_forms import form_of
from metadata.identifiers import schema_name
from metadata.labels import locale_map, words_of
from registry.gateway.upstream import UpstreamClient
from registry.openapi import Imported, import_document, import_text
from registry.openapi.differences import Difference, difference, gone, updated
from registry.openapi.documents import is_address
from registry.openapi.fetching import NotFetched, fetched, is_fetchable
from registry.openapi.holders import holders

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_SOURCES = ("text", "document", "url")
_KEYS = (*_SOURCES, "name", "base_url", "dry_run", "draft_revision")


@post("/core/services/import-openapi", status_code=200)
async def import_openapi(request: AnyRequest) -> Response[bytes]:
    """Answer what a document becomes; without `dry_run` store it as a draft.

    All or nothing: with one finding that is an error nothing is stored.
    """
    ctx = await demand(request, "service", "register")
    body = await body_of(request)
    imported = await _read(body, parts_of(request).gateway.client)
    dry_run = body.get("dry_run", False)
    if imported.service is None:
        if not dry_run:
            raise ValidationFailed(
                "The document cannot be imported.", details=_details(imported.findings)
            )
        return answer(request, _preview(imported, None, [], None))
    if not dry_run:
        # A service that exists gets a draft, which is a change of it.
        await demand(request, "service", "update")
    async with parts_of(request).database.system() as connection:
        stored = await store.service(connection, imported.service.name)
        before = await _before(connection, stored)
        service = imported.service
        if before is not None:
            service = updated(before, service)
        others = await store.published(connection)
        others.pop(service.name, None)
        findings = [*check_service(service, others=others), *imported.findings]
        changes = await _changes(connection, before, service)
        if dry_run:
            return answer(request, _preview(imported, service, findings, changes))
        errors = [item for item in findings if item.severity == "error"]
        if errors:
            raise ValidationFailed(
                "The document cannot be imported.", details=_details(errors)
            )
        if stored is None:
            is_new = await store.register(
                connection,
                uuid7(),
                service,
                schema_name(service.name),
                is_builtin=False,
                actor=ctx.user_id,
            )
            if not is_new:
                raise _taken(service.name)
            revision: int | None = 1
        else:
            revision = await store.save_draft(
                connection,
                service.name,
                as_json(service),
                _revision(body),
                ctx.user_id,
            )
    if revision is None:
        raise Conflict(
            "Somebody else saved this draft since you read it. Read it again.",
            code="DRAFT_CONFLICT",
        )
    result = _preview(imported, service, findings, changes)
    return answer(
        request, {**result, "draft_revision": revision}, 200 if stored else 201
    )


HANDLERS = [import_openapi]


async def _read(body: dict[str, Any], client: UpstreamClient) -> Imported:
    """Return what a body becomes; it is read beside the event loop."""
    unknown = sorted(body.keys() - set(_KEYS))
    if unknown:
        raise BadRequest(f"There is no {unknown[0]} here; use {', '.join(_KEYS)}.")
    given = [key for key in _SOURCES if body.get(key) is not None]
    if len(given) != 1:
        raise BadRequest(
            "Send one of text (JSON or YAML), document (an object), url (its address)."
        )
    name, url = body.get("name"), body.get("base_url")
    if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
        detail = Detail("/name", "string_pattern_mismatch", "Use a to z, 0 to 9, -, _.")
        raise ValidationFailed("The name does not fit.", details=[detail])
    if url is not None and not (isinstance(url, str) and is_address(url)):
        detail = Detail("/base_url", "base_url", "Begin with https:// or http://.")
        raise ValidationFailed("The address does not fit.", details=[detail])
    if not isinstance(body.get("dry_run", False), bool):
        raise BadRequest("dry_run is true or false.")
    _revision(body)
    url = url.rstrip("/") if url else None
    if given == ["document"]:
        return await asyncio.to_thread(
            import_document, body["document"], name=name, base_url=url
        )
    text, location = body.get("text"), body.get("url")
    if given == ["url"]:
        if not (isinstance(location, str) and is_fetchable(location)):
            detail = Detail("/url", "url", "Begin with https://; no user, no #.")
            raise ValidationFailed("The address does not fit.", details=[detail])
        try:
            text = await fetched(client, location)
        except NotFetched as error:
            return Imported(None, [error.finding])
    if not isinstance(text, str):
        raise BadRequest("text is the document as JSON or YAML.")
    return await asyncio.to_thread(
        import_text, text, name=name, base_url=url, location=location
    )


async def _before(
    connection: Transaction, stored: store.StoredService | None
) -> Service | None:
    """Return the service as it is, with what its draft changes; None when it is new."""
    if stored is None:
        return None
    if stored.type != "external":
        raise _taken(stored.name)
    if stored.draft is not None:
        return Service.model_validate(stored.draft)
    found = await store.definition_of(connection, stored.name)
    return found[1] if found else None


async def _changes(
    connection: Transaction, before: Service | None, after: Service
) -> Difference | None:
    """Return what an import changes; None for a service that is new."""
    if before is None:
        return None
    held = await holders(connection, gone(before, after))
    return difference(before, after, held)


def _taken(name: str) -> Conflict:
    detail = Detail("name", "unique", "Choose another name.")
    return Conflict(
        f"There is a service {name} already, or one whose name differs from it in - "
        "and _ alone.",
        code="SERVICE_EXISTS",
        details=[detail],
    )


def _preview(
    imported: Imported,
    service: Service | None,
    findings: Sequence[Finding],
    changes: Difference | None,
) -> dict[str, Any]:
    shown = findings if service else imported.findings
    security = imported.security
    found: dict[str, Any] = {
        "importable": service is not None
        and all(item.severity != "error" for item in shown),
        "findings": [item.as_json() for item in shown],
        "name": service.name if service else None,
        "definition": as_json(service) if service else None,
        "endpoints": [],
        "menu": [],
        "permissions": [],
        "security": security.as_json() if security else None,
        "difference": None,
    }
    if service is None:
        return found
    return {
        **found,
        "endpoints": [
            {
                "name": call.name,
                "label": dict(locale_map(call.label, words_of(call.name))),
                "method": call.method,
                "path": call.path,
                "permissions": list(call.required_permissions),
                "form": form_of(call),
            }
            for call in service.endpoints
        ],
        "menu": [_item(item) for item in service.menu.items],
        "permissions": list(
            dict.fromkeys(
                word for call in service.endpoints for word in call.required_permissions
            )
        ),
        "difference": changes.as_json() if changes else None,
    }


def _item(item: MenuItem) -> dict[str, Any]:
    return {
        "name": item.name,
        "label": dict(locale_map(item.label, words_of(item.name))),
        "endpoint": item.endpoint,
        "children": [_item(child) for child in item.children],
    }


def _details(findings: Sequence[Finding]) -> list[Detail]:
    return [
        Detail(f.path, f.code, f"{f.message}. {f.remedy}")
        for f in findings
        if f.severity == "error"
    ]


def _revision(body: dict[str, Any]) -> int | None:
    value = body.get("draft_revision")
    if value is not None and type(value) is not int:
        raise BadRequest("draft_revision is the number you read.")
    return value
