"""Who has which service: assign, suspend, take away, overlay; with its roles.

Takes a connection of the system role; the caller's transaction decides.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow
from pydantic import ValidationError
from uuid_utils.compat import uuid7

from metadata import store
from metadata.checks import Finding
from metadata.definitions import Overlay, Role, Service, as_json
from metadata.inverses import shared
from metadata.labels import DEFAULT_LOCALE, text_of
from metadata.overlay_checks import check_overlay, removed, stepping_aside
from metadata.store_catalog import sharing

STATUSES = ("active", "inactive", "suspended")
Connection = AsyncConnection[DictRow]


class AssignmentError(Exception):
    """An assignment is not possible; `code` is stable."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class OverlayError(Exception):
    """An overlay has errors; `findings` are all of them, with paths into it."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n".join(f"{f.path}: {f.message}" for f in findings))
        self.findings = findings


@dataclass(frozen=True, slots=True)
class SavedOverlay:
    """What saving an overlay did.

    Attributes:
        lost: ids of own fields, by entity, whose values are to be erased now.
    """

    service: Service
    before: Overlay
    overlay: Overlay
    revision: int
    findings: Sequence[Finding]
    lost: Mapping[str, Sequence[str]]


async def assign(
    connection: Connection,
    tenant_id: UUID,
    name: str,
    *,
    status: str = "active",
    settings: Mapping[str, Any] | None = None,
    actor: UUID | None = None,
) -> None:
    """Give a tenant a service and its default roles; again changes status, settings.

    Raises AssignmentError when the service is not published, the tenant unknown, a
    service that it requires missing, or when two services of the tenant would list
    their records in one target under one name.
    """
    if status not in STATUSES:
        raise AssignmentError("BAD_STATUS", f"status is one of: {', '.join(STATUSES)}.")
    stored = await store.service(connection, name)
    found = await store.definition_of(connection, name)
    if stored is None or found is None:
        raise AssignmentError(
            "NOT_PUBLISHED", f"{name} is not published; publish it first."
        )
    if not await _tenant_exists(connection, tenant_id):
        raise AssignmentError("UNKNOWN_TENANT", "There is no such tenant.")
    definition = found[1]
    present = await store.assignments(connection, tenant_id)
    missing = [r for r in definition.requires if r not in present]
    if missing:
        raise AssignmentError(
            "MISSING_SERVICE",
            f"{name} needs {', '.join(missing)}; assign that to the tenant first.",
        )
    if name not in present:
        await _refuse_twins(connection, definition, present)
    await store.assign(
        connection,
        tenant_id,
        stored.id,
        status=status,
        settings=settings,
        actor=actor,
    )
    await _seed_roles(connection, tenant_id, definition)


async def unassign(connection: Connection, tenant_id: UUID, name: str) -> None:
    """Take a service from a tenant; its records stay.

    Raises AssignmentError while another service of the tenant requires it.
    """
    stored = await store.service(connection, name)
    present = await store.assignments(connection, tenant_id)
    if stored is None or name not in present:
        return
    published = await store.published(connection)
    users = [
        other
        for other in present
        if other in published and name in published[other].requires
    ]
    if users:
        raise AssignmentError(
            "STILL_REQUIRED", f"{', '.join(users)} needs {name}; take that away first."
        )
    await store.unassign(connection, tenant_id, stored.id)


async def overlay(
    connection: Connection, tenant_id: UUID, name: str
) -> tuple[Service, Overlay, int]:
    """Return a service, a tenant's overlay of it and the overlay's revision.

    Raises AssignmentError when the tenant does not have the service.
    """
    present = (await store.assignments(connection, tenant_id)).get(name)
    found = await store.definition_of(connection, name)
    if present is None or found is None:
        raise AssignmentError("NOT_ASSIGNED", "This tenant does not have the service.")
    return found[1], Overlay.model_validate(present.overlay), present.overlay_revision


async def tenant_conflicts(
    connection: Connection,
    old: Service | None,
    new: Service,
    others: Mapping[str, Service],
) -> list[Finding]:
    """Return what tenants that have the service could not live with, or would notice.

    Nobody has one that was never published. `others` are the other published services.
    Needs a connection that sees every tenant's assignments.
    """
    if old is None:
        return []
    twins = {name: shared(new, other) for name, other in others.items()}
    twins = {name: pairs for name, pairs in twins.items() if pairs}
    beside = await sharing(connection, new.name, twins) if twins else set()
    found = [
        Finding(
            "error",
            own.path,
            "duplicate_inverse",
            f"{other.entity}.{other.field} is listed as {own.name} in {own.target} "
            f"already, and some tenant has {name} too",
            "Choose another name.",
        )
        for name in sorted(beside)
        for own, other in twins[name]
    ]
    return found + await _overlay_conflicts(connection, old, new)


async def _refuse_twins(
    connection: Connection, definition: Service, present: Mapping[str, object]
) -> None:
    """Raise AssignmentError for an inverse that a service of the tenant has too."""
    published = await store.published(connection)
    for name in sorted(published.keys() & present.keys()):
        for own, other in shared(definition, published[name]):
            raise AssignmentError(
                "DUPLICATE_INVERSE",
                f"{own.entity} and {other.entity} would both be listed as {own.name} "
                f"in {own.target}. Publish one of the two services with another name "
                "for its inverse first.",
            )


async def _overlay_conflicts(
    connection: Connection, old: Service, new: Service
) -> list[Finding]:
    """Return a warning for each new field that puts tenants' own fields aside."""
    tenants: dict[tuple[str, str], set[str]] = {}
    for tenant, document in await store.overlays(connection, new.name):
        try:
            read = Overlay.model_validate(document)
        except ValidationError:
            # An overlay that cannot be read is not served either.
            continue
        for entity, field in stepping_aside(new, read) - stepping_aside(old, read):
            tenants.setdefault((entity, field), set()).add(tenant)
    return [
        Finding(
            "warning",
            f"/entities/{index}/fields",
            "own_field",
            f"the own field {name} of {len(who)} tenants steps aside for the service's "
            f"({', '.join(sorted(who)[:3])}{', …' if len(who) > 3 else ''})",
            "Its values are kept; they are back once the tenant renames the field. "
            "Tell them, or choose another name.",
        )
        for index, entity in enumerate(new.entities)
        for (key, name), who in sorted(tenants.items())
        if key == entity.name
    ]


async def save_overlay(
    connection: Connection,
    tenant_id: UUID,
    name: str,
    wanted: Overlay,
    *,
    revision: int,
    accept_loss: Sequence[str] = (),
) -> SavedOverlay:
    """Store a tenant's overlay of a service; every worker serves it from then on.

    Own fields that it lacks keep their values, unless `accept_loss` names them as
    `entity.field`. Raises AssignmentError when the tenant does not have the service
    or somebody else saved since `revision`; OverlayError with everything that is
    wrong, where nothing is stored.
    """
    service, stored, present = await overlay(connection, tenant_id, name)
    findings = check_overlay(service, wanted, stored=stored)
    gone = removed(wanted, stored)
    names = {f"{entity}.{f.name}" for entity, fields in gone.items() for f in fields}
    for index, loss in enumerate(accept_loss):
        if loss not in names:
            known = ", ".join(sorted(names)) or "none"
            message = f'"{loss}" is no own field that this would remove'
            findings.append(
                Finding(
                    "error",
                    f"/accept_loss/{index}",
                    "unknown_loss",
                    message,
                    f"There are: {known}.",
                )
            )
    if any(finding.severity == "error" for finding in findings):
        raise OverlayError(findings)
    lost = {
        entity: tuple(f.id for f in fields if f"{entity}.{f.name}" in accept_loss)
        for entity, fields in gone.items()
    }
    kept = {
        entity: tuple(f for f in fields if f.id not in lost[entity])
        for entity, fields in gone.items()
    }
    kept = {entity: fields for entity, fields in kept.items() if fields}
    whole = wanted.model_copy(update={"removed": kept})
    document = as_json(whole)
    if present != revision or not await store.save_overlay(
        connection, tenant_id, name, document, revision
    ):
        raise AssignmentError(
            "OVERLAY_CONFLICT",
            "Somebody else saved this overlay since you read it. Read it again.",
        )
    return SavedOverlay(
        service,
        stored,
        whole,
        revision + 1,
        findings,
        {entity: ids for entity, ids in lost.items() if ids},
    )


async def _tenant_exists(connection: Connection, tenant_id: UUID) -> bool:
    found = await connection.execute(
        "SELECT 1 FROM rangka.tenants WHERE id = %s", (tenant_id,)
    )
    return await found.fetchone() is not None


async def locale_of(connection: Connection, tenant_id: UUID) -> str:
    """Return the language in which a tenant is given what it may call its own."""
    found = await connection.execute(
        "SELECT locale FROM rangka.tenants WHERE id = %s", (tenant_id,)
    )
    row = await found.fetchone()
    return DEFAULT_LOCALE if row is None else str(row["locale"])


async def _seed_roles(
    connection: Connection, tenant_id: UUID, definition: Service
) -> None:
    """Add the service's default roles; a role of that name the tenant has stays.

    Their words are in the tenant's language.
    """
    locale = await locale_of(connection, tenant_id)
    for role in definition.roles:
        found = await connection.execute(
            "INSERT INTO rangka.roles (tenant_id, id, name, label, description) "
            "VALUES (%s, %s, %s, %s, %s) ON CONFLICT (tenant_id, name) DO NOTHING "
            "RETURNING id",
            (
                tenant_id,
                uuid7(),
                role.name,
                text_of(role.label, locale, role.name),
                text_of(role.description, locale, ""),
            ),
        )
        row = await found.fetchone()
        if row is not None:
            await _add_rules(connection, tenant_id, row["id"], role)


async def _add_rules(
    connection: Connection, tenant_id: UUID, role_id: UUID, role: Role
) -> None:
    for position, rule in enumerate(role.rules):
        resource, _, action = rule.permission.partition(":")
        await connection.execute(
            "INSERT INTO rangka.role_rules (tenant_id, id, role_id, resource, action, "
            "effect, scope, filter, fields, presets, position) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                tenant_id,
                uuid7(),
                role_id,
                resource,
                action or "*",
                rule.effect,
                rule.scope,
                json.dumps(rule.filter),
                list(rule.fields) if rule.fields is not None else None,
                json.dumps(rule.presets),
                position,
            ),
        )
