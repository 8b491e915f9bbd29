"""How many roles of tenants give a permission; numbers alone, of no tenant the name.

Needs a connection that sees every tenant's roles. Called by the route that imports.
"""

from collections.abc import Iterable, Mapping

from psycopg import AsyncConnection
from psycopg.rows import DictRow


async def holders(
    connection: AsyncConnection[DictRow], permissions: Iterable[str]
) -> Mapping[str, tuple[int, int]]:
    """Return (roles, tenants) for each permission that some role gives as such.

    A pattern such as `pets:*` gives whatever there is, and is not counted.
    """
    rows = await connection.execute(
        "SELECT resource || ':' || action AS permission, "
        "count(DISTINCT (tenant_id, role_id)) AS roles, "
        "count(DISTINCT tenant_id) AS tenants FROM rangka.role_rules "
        "WHERE effect = 'allow' AND resource || ':' || action = ANY(%s) "
        "GROUP BY resource, action",
        (list(permissions),),
    )
    return {
        row["permission"]: (row["roles"], row["tenants"])
        for row in await rows.fetchall()
    }
