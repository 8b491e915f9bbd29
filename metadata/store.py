"""Reads and writes stored metadata: services, versions, assignments.

Nobody else does, but for what a worker reads to keep up (`store_catalog.py`), what a
definition has to do with (`store_related.py`) and follow-ups (`store_follow_ups.py`).

Takes a connection, never makes one, and never commits: the caller's transaction does.
Definitions are stored in their canonical JSON with its SHA-256.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from metadata.definitions import Service, as_json
from metadata.store_definitions import definitions

Connection = AsyncConnection[DictRow]


@dataclass(frozen=True, slots=True)
class StoredService:
    """A row of the registry without its versions."""

    id: UUID
    name: str
    type: str
    status: str
    visibility: str
    published_version: int | None
    revision: int
    draft: Mapping[str, Any] | None
    draft_revision: int

    @property
    def label(self) -> Any:
        """Return the label that the draft gives, or None."""
        return (self.draft or {}).get("label")


@dataclass(frozen=True, slots=True)
class StoredAssignment:
    """What one tenant has of one service."""

    service: str
    status: str
    settings: Mapping[str, Any]
    overlay: Mapping[str, Any]
    overlay_revision: int


_SERVICE = (
    "id, name, type, status, visibility, published_version, revision, draft, "
    "draft_revision"
)


def canonical(definition: Service) -> str:
    """Return the canonical JSON text of a definition."""
    return json.dumps(as_json(definition), ensure_ascii=False, separators=(",", ":"))


def checksum(text: str) -> str:
    """Return the SHA-256 of a canonical text, in hexadecimal."""
    return sha256(text.encode()).hexdigest()


async def services(connection: Connection, since: int = 0) -> list[StoredService]:
    """Return the registered services whose revision is over `since`, by name."""
    rows = await connection.execute(
        f"SELECT {_SERVICE} FROM rangka.services WHERE revision > %s ORDER BY name",
        (since,),
    )
    return [StoredService(**row) for row in await rows.fetchall()]


async def unpublished(connection: Connection) -> set[str]:
    """Return the names of the services whose draft differs from what is published."""
    rows = await connection.execute(
        "SELECT s.name FROM rangka.services s LEFT JOIN rangka.service_versions v "
        "ON v.service_id = s.id AND v.version = s.published_version "
        "WHERE s.draft IS NOT NULL AND s.draft IS DISTINCT FROM v.definition"
    )
    return {row["name"] for row in await rows.fetchall()}


async def service(connection: Connection, name: str) -> StoredService | None:
    """Return a registered service, or None."""
    rows = await connection.execute(
        f"SELECT {_SERVICE} FROM rangka.services WHERE name = %s", (name,)
    )
    row = await rows.fetchone()
    return None if row is None else StoredService(**row)


async def published(connection: Connection) -> dict[str, Service]:
    """Return every published definition by service name.

    Its cost grows with their number: `store_related.py` has those that matter to one.
    """
    rows = await connection.execute(
        "SELECT s.name, s.id, v.version, v.checksum FROM rangka.services s "
        "JOIN rangka.service_versions v "
        "ON v.service_id = s.id AND v.version = s.published_version"
    )
    return await definitions(connection, await rows.fetchall())


async def definition_of(
    connection: Connection, name: str, version: int | None = None
) -> tuple[int, Service] | None:
    """Return a version of a service and its number; the published one by default."""
    rows = await connection.execute(
        "SELECT v.version, v.definition FROM rangka.services s "
        "JOIN rangka.service_versions v ON v.service_id = s.id "
        "AND v.version = coalesce(%s, s.published_version) WHERE s.name = %s",
        (version, name),
    )
    row = await rows.fetchone()
    if row is None:
        return None
    return row["version"], Service.model_validate(row["definition"])


async def versions(connection: Connection, name: str) -> list[dict[str, Any]]:
    """Return the versions of a service, newest first, without their definitions."""
    rows = await connection.execute(
        "SELECT v.version, v.checksum, v.comment, v.rolled_back_to, v.published_at, "
        "v.published_by, v.plan FROM rangka.service_versions v "
        "JOIN rangka.services s ON s.id = v.service_id WHERE s.name = %s "
        "ORDER BY v.version DESC",
        (name,),
    )
    return [dict(row) for row in await rows.fetchall()]


async def register(
    connection: Connection,
    service_id: UUID,
    definition: Service,
    schema_name: str,
    *,
    is_builtin: bool,
    actor: UUID | None,
) -> bool:
    """Add a service to the registry; its first draft is the definition.

    Returns False when there is one of this name already, which stays as it is; or one
    whose name makes the same schema (`a-b` and `a_b`).
    """
    added = await connection.execute(
        "INSERT INTO rangka.services (id, name, schema_name, label, description, type, "
        "category, visibility, is_builtin, draft, draft_revision, registered_by) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 1, %s) "
        # Of any key: two at once may meet at the schema's name before their own.
        "ON CONFLICT DO NOTHING",
        (
            service_id,
            definition.name,
            schema_name,
            json.dumps(_map(definition.label, definition.name)),
            json.dumps(_map(definition.description, "")),
            definition.type,
            definition.category,
            definition.visibility,
            is_builtin,
            canonical(definition),
            actor,
        ),
    )
    return added.rowcount == 1


async def save_draft(
    connection: Connection,
    name: str,
    draft: Mapping[str, Any],
    expected_revision: int | None,
    actor: UUID | None,
) -> int | None:
    """Store a draft; returns its revision, or None when the expected one is past."""
    rows = await connection.execute(
        "UPDATE rangka.services SET draft = %s, draft_revision = draft_revision + 1, "
        "updated_at = now(), updated_by = %s WHERE name = %s "
        "AND draft_revision = coalesce(%s, draft_revision) RETURNING draft_revision",
        (json.dumps(draft), actor, name, expected_revision),
    )
    row = await rows.fetchone()
    return None if row is None else int(row["draft_revision"])


async def settle_draft(
    connection: Connection,
    stored: StoredService,
    definition: Service,
    *,
    made_from_draft: bool,
    actor: UUID | None,
) -> None:
    """Make the draft what is being published; called before the version is added.

    Unless it holds work of its own: a definition that was not made from the draft
    replaces only one without unpublished changes.
    """
    text = canonical(definition)
    await connection.execute(
        "UPDATE rangka.services s SET draft = %(text)s, "
        "draft_revision = draft_revision + 1, updated_at = now(), "
        "updated_by = %(actor)s WHERE s.id = %(id)s "
        "AND s.draft IS DISTINCT FROM %(text)s::jsonb "
        "AND (%(made_from_draft)s OR s.draft IS NULL OR s.draft = ("
        "SELECT v.definition FROM rangka.service_versions v "
        "WHERE v.service_id = s.id AND v.version = s.published_version))",
        {
            "text": text,
            "actor": actor,
            "id": stored.id,
            "made_from_draft": made_from_draft,
        },
    )


async def add_version(
    connection: Connection,
    stored: StoredService,
    definition: Service,
    plan: Mapping[str, Any],
    *,
    comment: str,
    rolled_back_to: int | None,
    actor: UUID | None,
) -> int:
    """Store a new immutable version and make it the published one; return its number.

    Belongs into the transaction of the DDL that it describes.
    """
    text = canonical(definition)
    version = (stored.published_version or 0) + 1
    await connection.execute(
        "INSERT INTO rangka.service_versions (service_id, version, definition, "
        "checksum, plan, comment, rolled_back_to, published_by) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            stored.id,
            version,
            text,
            checksum(text),
            json.dumps(plan),
            comment,
            rolled_back_to,
            actor,
        ),
    )
    await connection.execute(
        "UPDATE rangka.services SET published_version = %s, label = %s, "
        "description = %s, category = %s, visibility = %s, version = version + 1, "
        "updated_at = now(), updated_by = %s WHERE id = %s",
        (
            version,
            json.dumps(_map(definition.label, definition.name)),
            json.dumps(_map(definition.description, "")),
            definition.category,
            definition.visibility,
            actor,
            stored.id,
        ),
    )
    return version


async def assignments(
    connection: Connection, tenant_id: UUID
) -> dict[str, StoredAssignment]:
    """Return what a tenant is assigned, by service name."""
    rows = await connection.execute(
        "SELECT s.name AS service, a.status, a.settings, a.overlay, a.overlay_revision "
        "FROM rangka.assignments a JOIN rangka.services s ON s.id = a.service_id "
        "WHERE a.tenant_id = %s ORDER BY s.name",
        (tenant_id,),
    )
    found = [StoredAssignment(**row) for row in await rows.fetchall()]
    return {assignment.service: assignment for assignment in found}


async def assign(
    connection: Connection,
    tenant_id: UUID,
    service_id: UUID,
    *,
    status: str,
    settings: Mapping[str, Any] | None,
    actor: UUID | None,
) -> None:
    """Give a tenant a service, or change the status or settings of what it has."""
    await connection.execute(
        "INSERT INTO rangka.assignments (tenant_id, service_id, status, settings, "
        "assigned_by) VALUES (%s, %s, %s, %s, %s) "
        "ON CONFLICT (tenant_id, service_id) DO UPDATE SET status = excluded.status, "
        "settings = coalesce(%s, rangka.assignments.settings)",
        (
            tenant_id,
            service_id,
            status,
            json.dumps(settings or {}),
            actor,
            None if settings is None else json.dumps(settings),
        ),
    )


async def unassign(connection: Connection, tenant_id: UUID, service_id: UUID) -> bool:
    """Take a service from a tenant; its records stay. False when it had none."""
    rows = await connection.execute(
        "DELETE FROM rangka.assignments WHERE tenant_id = %s AND service_id = %s",
        (tenant_id, service_id),
    )
    return rows.rowcount > 0


async def save_overlay(
    connection: Connection,
    tenant_id: UUID,
    service: str,
    overlay: Mapping[str, Any],
    expected_revision: int,
) -> bool:
    """Store a tenant's overlay; False when the expected revision is past.

    Its revision grows by one, and every worker is told.
    """
    rows = await connection.execute(
        "UPDATE rangka.assignments a SET overlay = %s, "
        "overlay_revision = overlay_revision + 1 FROM rangka.services s "
        "WHERE a.tenant_id = %s AND s.id = a.service_id AND s.name = %s "
        "AND a.overlay_revision = %s",
        (json.dumps(overlay), tenant_id, service, expected_revision),
    )
    return rows.rowcount > 0


async def overlays(
    connection: Connection, service: str
) -> list[tuple[str, Mapping[str, Any]]]:
    """Return every overlay of a service that says something, with the tenant's name."""
    rows = await connection.execute(
        "SELECT t.name, a.overlay FROM rangka.assignments a "
        "JOIN rangka.services s ON s.id = a.service_id "
        "JOIN rangka.tenants t ON t.id = a.tenant_id "
        "WHERE s.name = %s AND a.overlay <> '{}' ORDER BY t.name",
        (service,),
    )
    return [(row["name"], row["overlay"]) for row in await rows.fetchall()]


def _map(label: Any, fallback: str) -> dict[str, str]:
    if label is None:
        return {"en": fallback}
    return {"en": label} if isinstance(label, str) else dict(label)
