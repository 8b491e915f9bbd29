"""The first start: the core tenant and its first super admin; and further tenants.

Plain functions for the command line, demo data and the writer of tenants; they run
again without harm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from engine.database import Database, Transaction
from engine.errors import ValidationFailed
from engine.identity import passwords
from engine.identity.passwords import Passwords
from engine.platform import members
from engine.policy_rules import SUPER_ADMIN
from engine.policy_seeds import seed_roles

CORE_SLUG = "core"
_CORE_USERS = 1000
_LOCK = 7_266_002


@dataclass(frozen=True, slots=True)
class EnsuredUser:
    """A user of a tenant. `is_new`: the account was made, with the given password."""

    tenant_id: UUID
    user_id: UUID
    is_new: bool


async def ensure_core(
    database: Database,
    hashing: Passwords,
    *,
    email: str,
    password: str | None,
    name: str = "Administrator",
) -> EnsuredUser:
    """Make the core tenant if there is none, and the user a super admin of it.

    An existing account keeps its password and name. Raises ValidationFailed for a
    password that must not be chosen.
    """
    async with database.system() as connection:
        core_id = await ensure_tenant(
            connection,
            {"name": "Core", "slug": CORE_SLUG, "max_users": _CORE_USERS},
            core=True,
        )
    return await ensure_user(
        database,
        hashing,
        core_id,
        email=email,
        password=password,
        name=name,
        roles=(SUPER_ADMIN,),
    )


async def ensure_tenant(
    connection: Transaction, values: Mapping[str, Any], *, core: bool = False
) -> UUID:
    """Return the tenant with the slug of `values`, made with its seed roles if new.

    There is one core tenant, whatever its slug. Keys as in the table `tenants`; what
    is not named gets the table's default.
    """
    # One at a time, or two first starts would both make the core tenant.
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
    found = await connection.execute(
        "SELECT id FROM rangka.tenants WHERE CASE WHEN %s THEN type = 'core' "
        "ELSE slug = %s END",
        (core, values["slug"]),
    )
    row = await found.fetchone()
    if row is not None:
        tenant_id: UUID = row["id"]
    else:
        tenant_id = await add_tenant(connection, values, core=core)
    await seed_roles(connection, tenant_id, core=core)
    return tenant_id


async def add_tenant(
    connection: Transaction,
    values: Mapping[str, Any],
    *,
    core: bool = False,
    created_by: UUID | None = None,
) -> UUID:
    """Insert a tenant and return its id; raises UniqueViolation for a taken slug."""
    tenant_id = uuid7()
    columns = {
        "id": tenant_id,
        "type": "core" if core else "business",
        "created_by": created_by,
        "updated_by": created_by,
        **{
            name: values[name]
            for name in TENANT_COLUMNS
            if values.get(name) is not None
        },
    }
    names = ", ".join(columns)
    places = ", ".join(["%s"] * len(columns))
    await connection.execute(
        f"INSERT INTO rangka.tenants ({names}) VALUES ({places})",  # noqa: S608 - constants
        list(columns.values()),
    )
    return tenant_id


TENANT_COLUMNS = (
    "name",
    "slug",
    "domain",
    "subscription_tier",
    "status",
    "max_users",
    "time_zone",
    "locale",
)
"""Columns of `tenants` that a writer sets."""


async def ensure_user(
    database: Database,
    hashing: Passwords,
    tenant_id: UUID,
    *,
    email: str,
    password: str | None,
    name: str,
    roles: tuple[str, ...] = (),
) -> EnsuredUser:
    """Make the user a member with at least these roles; existing things stay.

    Raises ValidationFailed for unknown roles or a password that must not be chosen,
    Conflict when the tenant has all the users it may have.
    """
    email = email.strip()
    hashed = None
    if password is not None:
        found = passwords.problems(password, email)
        if found:
            raise ValidationFailed("Choose another password.", details=found)
        hashed = await hashing.hash(password)
    async with database.system() as connection:
        user_id, is_new = await members.find_or_add_account(
            connection,
            email=email,
            name=name,
            password_hash=hashed,
            home_tenant_id=tenant_id,
        )
        await members.add_membership(connection, tenant_id, user_id)
        wanted = await members.roles_by_name(connection, tenant_id, roles)
        held = await members.roles_of(connection, tenant_id, user_id)
        ids = {*wanted.values(), *(row["id"] for row in held)}
        await members.set_roles(connection, tenant_id, user_id, sorted(ids))
    return EnsuredUser(tenant_id, user_id, is_new)
