"""Reads of stored metadata by which a worker keeps up with changes.

Beside `store.py`, under the same terms: takes a connection, never makes one.
"""

from collections.abc import Mapping
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

Connection = AsyncConnection[DictRow]


async def published_versions(connection: Connection, since: int) -> dict[str, int]:
    """Return the published versions of services whose revision is over `since`."""
    rows = await connection.execute(
        "SELECT name, published_version FROM rangka.services "
        "WHERE revision > %s AND published_version IS NOT NULL",
        (since,),
    )
    return {row["name"]: row["published_version"] for row in await rows.fetchall()}


async def catalog_revision(connection: Connection, tenant_id: UUID) -> int:
    """Return how often what a tenant is assigned has changed; 0 without the tenant."""
    rows = await connection.execute(
        "SELECT catalog_revision FROM rangka.tenants WHERE id = %s", (tenant_id,)
    )
    row = await rows.fetchone()
    return 0 if row is None else int(row["catalog_revision"])


async def changed_tenants(
    connection: Connection, known: Mapping[UUID, int]
) -> list[UUID]:
    """Return the tenants whose catalogue revision is not the known one any more."""
    rows = await connection.execute(
        "SELECT k.id FROM unnest(%s::uuid[], %s::bigint[]) AS k (id, revision) "
        "LEFT JOIN rangka.tenants t ON t.id = k.id "
        "WHERE coalesce(t.catalog_revision, 0) <> k.revision",
        (list(known), list(known.values())),
    )
    return [row["id"] for row in await rows.fetchall()]
