"""Accounts, memberships and the roles of members, as SQL in a given transaction.

Shared by the writers of users and tenants, by the command line and by demo data.
Checks what must hold for every caller (limit of users, the last administrator); who
may do it is the writers' business.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from psycopg.rows import DictRow
from uuid_utils.compat import uuid7

from engine.database import Transaction
from engine.errors import Conflict, Detail, ValidationFailed
from engine.policy_rules import SUPER_ADMIN, TENANT_ADMIN


async def find_or_add_account(
    connection: Transaction,
    *,
    email: str,
    name: str,
    password_hash: str | None,
    home_tenant_id: UUID,
    created_by: UUID | None = None,
) -> tuple[UUID, bool]:
    """Return an account's id and whether it is new; an existing one stays as it is."""
    made = await connection.execute(
        "INSERT INTO rangka.users (id, email, name, password_hash, home_tenant_id, "
        "password_changed_at, created_by, updated_by) "
        "VALUES (%(id)s, %(email)s, %(name)s, %(hash)s, %(home)s, "
        "CASE WHEN %(hash)s::text IS NULL THEN NULL ELSE now() END, %(by)s, %(by)s) "
        "ON CONFLICT (email_key) DO NOTHING RETURNING id",
        {
            "id": uuid7(),
            "email": email,
            "name": name,
            "hash": password_hash,
            "home": home_tenant_id,
            "by": created_by,
        },
    )
    row = await made.fetchone()
    if row is not None:
        return row["id"], True
    found = await connection.execute(
        "SELECT id FROM rangka.users WHERE email_key = lower(%s)", (email,)
    )
    existing = await found.fetchone()
    if existing is None:
        raise Conflict("Another write was in the way; try again.", code="BUSY")
    return existing["id"], False


async def add_membership(
    connection: Transaction,
    tenant_id: UUID,
    user_id: UUID,
    *,
    status: str = "active",
    team_id: UUID | str | None = None,
    expires_at: datetime | str | None = None,
    granted_by: UUID | None = None,
) -> bool:
    """Add a member; return False when the user is one already.

    Raises Conflict (USER_LIMIT) when the tenant has as many as it may have.
    """
    # The lock makes two additions at the limit come one after the other; "no key",
    # since both hold the key's share lock through the account's home tenant.
    limits = await connection.execute(
        "SELECT max_users FROM rangka.tenants WHERE id = %s FOR NO KEY UPDATE",
        (tenant_id,),
    )
    limit = await limits.fetchone()
    made = await connection.execute(
        "INSERT INTO rangka.memberships (tenant_id, user_id, status, team_id, "
        "expires_at, granted_by, created_by, updated_by) "
        "VALUES (%(tenant)s, %(user)s, %(status)s, %(team)s, %(expires)s, %(by)s, "
        "%(by)s, %(by)s) ON CONFLICT (tenant_id, user_id) DO NOTHING",
        {
            "tenant": tenant_id,
            "user": user_id,
            "status": status,
            "team": team_id,
            "expires": expires_at,
            "by": granted_by,
        },
    )
    if made.rowcount == 0:
        return False
    counted = await connection.execute(
        "SELECT count(*) AS n FROM rangka.memberships WHERE tenant_id = %s",
        (tenant_id,),
    )
    count = await counted.fetchone()
    if limit is None or count is None or count["n"] > limit["max_users"]:
        most = limit["max_users"] if limit else 0
        raise Conflict(
            f"This tenant may have {most} users and has them. Remove one, or ask for "
            "a larger subscription.",
            code="USER_LIMIT",
        )
    return True


async def check_team(
    connection: Transaction, tenant_id: UUID, team_id: UUID | str | None
) -> None:
    """Raise ValidationFailed when the tenant has no such team."""
    if team_id is None:
        return
    found = await connection.execute(
        "SELECT 1 FROM rangka.teams WHERE tenant_id = %s AND id = %s",
        (tenant_id, team_id),
    )
    if await found.fetchone() is None:
        detail = Detail("team_id", "not_found", "There is no such team here.")
        raise ValidationFailed("1 field does not fit.", details=[detail])


async def roles_by_name(
    connection: Transaction, tenant_id: UUID, names: Iterable[str]
) -> Mapping[str, UUID]:
    """Return the ids of a tenant's roles; raises ValidationFailed for unknown ones."""
    names = list(dict.fromkeys(names))
    found = await connection.execute(
        "SELECT name, id FROM rangka.roles WHERE tenant_id = %s AND name = ANY(%s)",
        (tenant_id, names),
    )
    known = {row["name"]: row["id"] for row in await found.fetchall()}
    details = [
        Detail(f"role_names.{place}", "not_found", f'There is no role "{name}" here.')
        for place, name in enumerate(names)
        if name not in known
    ]
    if details:
        raise ValidationFailed("Some roles do not exist.", details=details)
    return {name: known[name] for name in names}


async def set_roles(
    connection: Transaction,
    tenant_id: UUID,
    user_id: UUID,
    role_ids: Sequence[UUID],
    *,
    granted_by: UUID | None = None,
) -> None:
    """Make these the member's roles; the ones he keeps keep their expiry."""
    wanted = list(role_ids)
    await connection.execute(
        "DELETE FROM rangka.membership_roles "
        "WHERE tenant_id = %s AND user_id = %s AND role_id <> ALL(%s)",
        (tenant_id, user_id, wanted),
    )
    await connection.execute(
        "INSERT INTO rangka.membership_roles (tenant_id, user_id, role_id, granted_by) "
        "SELECT %s, %s, role_id, %s FROM unnest(%s::uuid[]) role_id "
        "ON CONFLICT DO NOTHING",
        (tenant_id, user_id, granted_by, wanted),
    )


async def roles_of(
    connection: Transaction, tenant_id: UUID, user_id: UUID
) -> list[DictRow]:
    """Return `id` and `name` of a member's own roles."""
    found = await connection.execute(
        "SELECT r.id, r.name FROM rangka.membership_roles mr JOIN rangka.roles r "
        "ON r.tenant_id = mr.tenant_id AND r.id = mr.role_id "
        "WHERE mr.tenant_id = %s AND mr.user_id = %s ORDER BY r.name",
        (tenant_id, user_id),
    )
    return await found.fetchall()


async def keep_an_administrator(
    connection: Transaction, tenant_id: UUID, lost: Iterable[str]
) -> None:
    """Raise Conflict (LAST_ADMIN) when nobody is left with a role just taken away.

    `lost` are the names of roles that a member had until now; call it after the write,
    in its transaction.
    """
    for name in {SUPER_ADMIN, TENANT_ADMIN} & set(lost):
        left = await connection.execute(
            "SELECT 1 FROM rangka.membership_roles mr "
            "JOIN rangka.memberships m USING (tenant_id, user_id) "
            "JOIN rangka.users u ON u.id = m.user_id "
            "JOIN rangka.roles r ON r.tenant_id = mr.tenant_id AND r.id = mr.role_id "
            "WHERE mr.tenant_id = %s AND r.name = %s AND m.status = 'active' "
            "AND u.status = 'active' AND (m.expires_at IS NULL OR m.expires_at > now())"
            " AND (mr.expires_at IS NULL OR mr.expires_at > now()) LIMIT 1",
            (tenant_id, name),
        )
        if await left.fetchone() is None:
            raise Conflict(
                f"This is the last {name} here. Give the role to another user first.",
                code="LAST_ADMIN",
            )
