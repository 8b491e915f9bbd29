"""A service as a whole: whether it may be used now, and which are shown to everybody.

Takes a connection of the system role; the caller's transaction decides. Never touches
definitions or assignments.
"""

from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

STATUSES = ("active", "inactive", "maintenance")
Connection = AsyncConnection[DictRow]


async def set_status(
    connection: Connection, name: str, status: str, actor: UUID | None
) -> bool:
    """Change whether a service is used; every worker hears of it. False: no such one.

    `inactive` is gone for every tenant, `maintenance` is answered with 503; what
    tenants have of it stays.
    """
    found = await connection.execute(
        "UPDATE rangka.services SET status = %s, version = version + 1, "
        "updated_at = now(), updated_by = %s WHERE name = %s",
        (status, actor, name),
    )
    return found.rowcount == 1


async def public_services(connection: Connection) -> list[dict[str, Any]]:
    """Return what is told of the public services in use to those who lack them."""
    rows = await connection.execute(
        "SELECT s.name, s.label, s.description, s.type, s.category, "
        "v.definition->>'icon' AS icon, "
        "coalesce(v.definition->>'version', '1.0.0') AS version, "
        "v.definition->>'documentation_url' AS documentation_url, "
        "v.definition->>'contact_email' AS contact_email "
        "FROM rangka.services s JOIN rangka.service_versions v "
        "ON v.service_id = s.id AND v.version = s.published_version "
        "WHERE s.visibility = 'public' AND s.status = 'active' ORDER BY s.name"
    )
    return [dict(row) for row in await rows.fetchall()]
