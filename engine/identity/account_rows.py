"""What log-in and `me` read of accounts: the user, his tenants, roles and patterns.

SQL and the JSON shapes of the contract. Runs inside the caller's
transaction of the system role.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from engine.database import Transaction
from engine.errors import Forbidden
from engine.policy_rules import SUPER_ADMIN, TENANT_ADMIN

MOST_TENANTS = 500
"""Tenants listed at log-in; a super admin of more finds the others in the console."""

_USER = """
SELECT id, email, name, password_hash, home_tenant_id, current_tenant_id, status, epoch
FROM rangka.users WHERE {}
"""
_IS_SUPER = """
SELECT 1 FROM rangka.memberships m
JOIN rangka.tenants t ON t.id = m.tenant_id AND t.type = 'core'
JOIN rangka.membership_roles mr USING (tenant_id, user_id)
JOIN rangka.roles r ON r.tenant_id = mr.tenant_id AND r.id = mr.role_id
WHERE m.user_id = %s AND m.status = 'active' AND r.name = %s AND r.is_system
  AND (m.expires_at IS NULL OR m.expires_at > now())
  AND (mr.expires_at IS NULL OR mr.expires_at > now())
"""
_TENANTS = """
SELECT t.id, t.name, t.domain, t.type, t.slug, t.time_zone,
       ARRAY(SELECT r.name FROM rangka.membership_roles mr
             JOIN rangka.roles r ON r.tenant_id = mr.tenant_id AND r.id = mr.role_id
             WHERE mr.tenant_id = t.id AND mr.user_id = %(user)s
               AND (mr.expires_at IS NULL OR mr.expires_at > now())
             ORDER BY r.name) AS roles
FROM rangka.tenants t
LEFT JOIN rangka.memberships m ON m.tenant_id = t.id AND m.user_id = %(user)s
    AND m.status = 'active' AND (m.expires_at IS NULL OR m.expires_at > now())
WHERE t.status = 'active' AND (m.user_id IS NOT NULL OR %(all)s)
  AND (%(wanted)s::text IS NULL OR t.slug = %(wanted)s OR t.domain = %(wanted)s
       OR t.id::text = %(wanted)s)
ORDER BY m.user_id IS NULL, t.name, t.id LIMIT %(limit)s
"""
_PERMISSIONS = """
WITH RECURSIVE held AS (
    SELECT role_id FROM rangka.membership_roles
    WHERE tenant_id = %(tenant)s AND user_id = %(user)s
      AND (expires_at IS NULL OR expires_at > now())
    UNION
    SELECT up.id FROM held
    JOIN rangka.roles r ON r.tenant_id = %(tenant)s AND r.id = held.role_id
    CROSS JOIN LATERAL unnest(r.inherits) AS up (id)
)
SELECT DISTINCT CASE WHEN p.resource = '*' AND p.action = '*' THEN '*'
                     ELSE p.resource || ':' || p.action END AS permission
FROM held JOIN rangka.role_rules p ON p.tenant_id = %(tenant)s
    AND p.role_id = held.role_id
WHERE p.effect = 'allow' AND (p.expires_at IS NULL OR p.expires_at > now())
ORDER BY 1
"""


async def user_by_email(connection: Transaction, email: str) -> DictRow | None:
    """Return the account of an address, whatever its case."""
    text = _USER.format("email_key = lower(%s)")
    return await (await connection.execute(text, (email,))).fetchone()


async def user_by_id(connection: Transaction, user_id: UUID) -> DictRow | None:
    """Return an account."""
    text = _USER.format("id = %s")
    return await (await connection.execute(text, (user_id,))).fetchone()


async def is_super_admin(connection: Transaction, user_id: UUID) -> bool:
    """Return whether the user holds SUPER_ADMIN in the core tenant now."""
    found = await connection.execute(_IS_SUPER, (user_id, SUPER_ADMIN))
    return await found.fetchone() is not None


async def tenants_of(
    connection: Transaction,
    user_id: UUID,
    *,
    everywhere: bool,
    wanted: str | None = None,
    limit: int = MOST_TENANTS,
) -> list[DictRow]:
    """Return the active tenants a user may work in, with his roles; own ones first.

    `everywhere` adds all active tenants (a super admin). `wanted` keeps the one with
    that slug, domain or id.
    """
    values = {"user": user_id, "all": everywhere, "wanted": wanted, "limit": limit}
    return await (await connection.execute(_TENANTS, values)).fetchall()


async def permissions_of(
    connection: Transaction, user_id: UUID, tenant_id: UUID
) -> list[str]:
    """Return the patterns that the user's roles allow in a tenant, for the UI."""
    values = {"user": user_id, "tenant": tenant_id}
    rows = await (await connection.execute(_PERMISSIONS, values)).fetchall()
    return [row["permission"] for row in rows]


async def choose_tenant(
    connection: Transaction,
    user: DictRow,
    *,
    is_super: bool,
    wanted: str | None = None,
) -> DictRow:
    """Return the tenant to work in; raises Forbidden without an active membership."""
    if wanted:
        choices: Sequence[str | None] = (wanted.strip().lower(),)
    else:
        known = (user["current_tenant_id"], user["home_tenant_id"])
        choices = (*(str(each) for each in known if each), None)
    for choice in choices:
        found = await tenants_of(
            connection, user["id"], everywhere=is_super, wanted=choice, limit=1
        )
        if found:
            return found[0]
    raise Forbidden(
        "You are not an active member of this tenant, or it is not active. Leave the "
        "tenant out, or ask its administrator.",
        code="TENANT_NOT_AVAILABLE",
    )


async def user_and_tenants(
    connection: Transaction, user: DictRow, tenant: DictRow, *, is_super: bool
) -> dict[str, Any]:
    """Return `user`, `tenants` and `time_zone` of the answer to a log-in."""
    permissions = await permissions_of(connection, user["id"], tenant["id"])
    tenants = await tenants_of(connection, user["id"], everywhere=is_super)
    return {
        "user": user_json(user, tenant, permissions, is_super=is_super),
        "tenants": [tenant_json(each, is_super=is_super) for each in tenants],
        "time_zone": tenant["time_zone"],
    }


def user_json(
    user: DictRow,
    tenant: DictRow,
    permissions: Sequence[str],
    *,
    is_super: bool,
) -> dict[str, Any]:
    """Return `user` of the answer to a log-in."""
    return {
        "id": str(user["id"]),
        "email": user["email"],
        "name": user["name"],
        "home_tenant_id": str(user["home_tenant_id"]),
        "current_tenant_id": str(tenant["id"]),
        "roles": _roles(tenant, is_super=is_super),
        "permissions": ["*"] if is_super else list(permissions),
    }


def tenant_json(tenant: DictRow, *, is_super: bool) -> dict[str, Any]:
    """Return one entry of `tenants` of the answer to a log-in."""
    roles = _roles(tenant, is_super=is_super)
    weightiest = min(roles, key=_weight, default=None)
    return {
        "id": str(tenant["id"]),
        "name": tenant["name"],
        "domain": tenant["domain"],
        "type": tenant["type"],
        "user_role": weightiest,
    }


def session_json(row: Mapping[str, Any], current: UUID | None) -> dict[str, Any]:
    """Return one entry of the list of sessions."""
    return {
        "id": str(row["id"]),
        "device": row["device"],
        "ip": row["ip"],
        "created_at": row["created_at"].isoformat(),
        "last_seen_at": row["last_seen_at"].isoformat(),
        "current": row["id"] == current,
    }


def _roles(tenant: DictRow, *, is_super: bool) -> list[str]:
    roles = [name for name in tenant["roles"] if name != SUPER_ADMIN]
    return [SUPER_ADMIN, *roles] if is_super else roles


def _weight(role: str) -> tuple[int, str]:
    order = {SUPER_ADMIN: 0, TENANT_ADMIN: 1}
    return order.get(role, 2), role
