"""Reads of stored metadata by which a worker keeps up with changes.

Beside `store.py`, under the same terms: takes a connection, never makes one.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from metadata.inverses import Inverse

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


async def inverses(
    connection: Connection, names: Collection[str]
) -> dict[str, tuple[Inverse, ...]]:
    """Return what published services declare as inverses, by service name.

    Taken out of the stored definitions, so that none of them has to be compiled.
    """
    rows = await connection.execute(
        "SELECT s.name AS service, e.value ->> 'name' AS entity, "
        "f.value ->> 'name' AS field, f.value ->> 'to' AS target, "
        "f.value ->> 'inverse' AS name "
        "FROM rangka.services s JOIN rangka.service_versions v "
        "ON v.service_id = s.id AND v.version = s.published_version "
        "CROSS JOIN jsonb_array_elements(v.definition -> 'entities') e "
        "CROSS JOIN jsonb_array_elements(e.value -> 'fields') f "
        "WHERE s.name = ANY (%s) AND f.value ->> 'inverse' IS NOT NULL",
        (list(names),),
    )
    found: dict[str, list[Inverse]] = {name: [] for name in names}
    for row in await rows.fetchall():
        key = f"{row['service']}.{row['entity']}"
        inverse = Inverse(row["target"], row["name"], key, row["field"])
        found[row["service"]].append(inverse)
    return {name: tuple(items) for name, items in found.items()}


async def sharing(
    connection: Connection, service: str, others: Collection[str]
) -> set[str]:
    """Return those of the other services that some tenant has beside this one."""
    rows = await connection.execute(
        "SELECT DISTINCT o.name FROM rangka.assignments a "
        "JOIN rangka.services s ON s.id = a.service_id "
        "JOIN rangka.assignments b ON b.tenant_id = a.tenant_id "
        "JOIN rangka.services o ON o.id = b.service_id "
        "WHERE s.name = %s AND o.name = ANY (%s)",
        (service, list(others)),
    )
    return {row["name"] for row in await rows.fetchall()}
