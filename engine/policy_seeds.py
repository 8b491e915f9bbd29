"""The roles every tenant starts with (docs/permissions.md, "Seed roles").

Owns their rules and their words, and writes them. They cannot be changed afterwards; a
tenant that needs other rules makes roles of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from uuid_utils.compat import uuid7

from engine.context import Scope
from engine.database import Transaction
from engine.policy_rules import DATA, SUPER_ADMIN, TENANT_ADMIN
from metadata.labels import Label, text_of
from registry.assignments import locale_of


@dataclass(frozen=True, slots=True)
class SeedRole:
    """A role, its words by locale, and its rules as (resource, action, scope)."""

    name: str
    label: Label
    description: Label
    rules: tuple[tuple[str, str, Scope], ...]


_SUPER = SeedRole(
    SUPER_ADMIN,
    "Super admin",
    {
        "en": "Runs the platform: everything in every tenant.",
        "id": "Menjalankan platform: semua hal di semua tenant.",
    },
    (("*", "*", "tenant"),),
)
_ROLES = (
    SeedRole(
        TENANT_ADMIN,
        {"en": "Tenant admin", "id": "Admin tenant"},
        {
            "en": "Everything inside the own tenant; what the platform keeps is out of "
            "reach.",
            "id": "Semua hal di dalam tenant sendiri, kecuali yang dipegang platform.",
        },
        (("*", "*", "tenant"),),
    ),
    SeedRole(
        "manager",
        {"en": "Manager", "id": "Manajer"},
        {
            "en": "Reads, writes, deletes, restores, imports and exports all data.",
            "id": "Membaca, menulis, menghapus, memulihkan, mengimpor, dan mengekspor "
            "semua data.",
        },
        tuple(
            (DATA, action, "tenant")
            for action in ("read", "write", "delete", "restore", "import", "export")
        ),
    ),
    SeedRole(
        "operator",
        "Operator",
        {
            "en": "Reads, creates and updates all data.",
            "id": "Membaca, membuat, dan mengubah semua data.",
        },
        ((DATA, "read", "tenant"), (DATA, "write", "tenant")),
    ),
    SeedRole(
        "member",
        {"en": "Member", "id": "Anggota"},
        {
            "en": "Creates data, reads the own and the team's, updates the own.",
            "id": "Membuat data, membaca data sendiri dan timnya, mengubah data "
            "sendiri.",
        },
        (
            (DATA, "read", "team"),
            (DATA, "create", "tenant"),
            (DATA, "update", "own"),
        ),
    ),
    SeedRole(
        "viewer",
        {"en": "Viewer", "id": "Pembaca"},
        {"en": "Reads all data.", "id": "Membaca semua data."},
        ((DATA, "read", "tenant"),),
    ),
)


def seed_roles_of(*, core: bool) -> tuple[SeedRole, ...]:
    """Return the seed roles of a tenant; SUPER_ADMIN is in the core tenant only."""
    return (_SUPER, *_ROLES) if core else _ROLES


async def seed_roles(
    connection: Transaction, tenant_id: UUID, *, core: bool
) -> Mapping[str, UUID]:
    """Write the seed roles that are missing; return the ids of all by name.

    Their words are in the tenant's language. Runs in the caller's transaction of the
    system role, and again without harm.
    """
    locale = await locale_of(connection, tenant_id)
    for role in seed_roles_of(core=core):
        role_id = uuid7()
        made = await connection.execute(
            "INSERT INTO rangka.roles (tenant_id, id, name, label, description, "
            "is_system) VALUES (%s, %s, %s, %s, %s, true) "
            "ON CONFLICT (tenant_id, name) DO NOTHING",
            (
                tenant_id,
                role_id,
                role.name,
                text_of(role.label, locale, role.name),
                text_of(role.description, locale, ""),
            ),
        )
        if made.rowcount == 0:
            continue
        for position, (resource, action, scope) in enumerate(role.rules):
            await connection.execute(
                "INSERT INTO rangka.role_rules (tenant_id, id, role_id, resource, "
                "action, scope, position) VALUES (%s, %s, %s, %s, %s, %s, %s)",
                (tenant_id, uuid7(), role_id, resource, action, scope, position),
            )
    found = await connection.execute(
        "SELECT name, id FROM rangka.roles WHERE tenant_id = %s AND is_system",
        (tenant_id,),
    )
    return {row["name"]: row["id"] for row in await found.fetchall()}
