"""Loads the demo: built-in services, two tenants, users, plans and customers.

Everything goes through the product's own doors (publish, assign, import), so the demo
is also a proof of them. Runs again without harm.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from engine.context import RequestContext
from engine.demo import people, router
from engine.demo.entities import entity_of
from engine.identity.passwords import Passwords
from engine.parts import Parts
from engine.platform import ensure_core, ensure_tenant, ensure_user
from metadata import bundle
from registry import assignments, builtin

PASSWORD = "selamat-datang-2026"  # noqa: S105 - printed on purpose: demo logins
EXAMPLES = Path(__file__).parents[2] / "examples"
EXTERNAL = "whatsapp-gateway"
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Login:
    """A user of the demo."""

    email: str
    password: str
    tenant: str
    role: str


@dataclass(frozen=True, slots=True)
class DemoTenant:
    """A tenant of the demo, and how much is in it."""

    name: str
    slug: str
    plans: int
    customers: int
    max_users: int
    left_out: frozenset[str] = frozenset()
    """Services that it does not get."""
    is_running: bool = False
    """Whether its customers are served, by the simulated router, and billed."""


TENANTS = (
    # Each customer's event would be work for the network: minutes of it, here.
    DemoTenant("Sejahtera Net", "sejahtera", 30, 15_000, 50, frozenset({"network"})),
    DemoTenant("Maju Bersama", "maju", 8, 400, 10, is_running=True),
)


async def load(
    parts: Parts,
    progress: Progress,
    tenants: Sequence[DemoTenant] = TENANTS,
    *,
    router_port: int,
) -> list[Login]:
    """Fill the database with the demo and return its logins.

    What an earlier run has imported is not imported, nor made up, again.

    Args:
        parts: of the process.
        progress: told what begins.
        tenants: to be filled.
        router_port: where the simulated router listens, now or later.
    """
    progress("Publishing the services")
    services = await _publish(parts)
    hashing = Passwords()
    core = await ensure_core(
        parts.database,
        hashing,
        email="admin@rangka.test",
        password=PASSWORD,
        name="Super Admin",
    )
    logins = [Login("admin@rangka.test", PASSWORD, "core", "SUPER_ADMIN")]
    for tenant in tenants:
        progress(f"Preparing the tenant {tenant.name}")
        tenant_id = await _tenant(parts, tenant, services)
        for role in ("TENANT_ADMIN", "operator", "viewer"):
            email = f"{role.lower().replace('tenant_', '')}@{tenant.slug}.test"
            await ensure_user(
                parts.database,
                hashing,
                tenant_id,
                email=email,
                password=PASSWORD,
                name=f"{role.replace('_', ' ').title()} {tenant.name}",
                roles=(role,),
            )
            logins.append(Login(email, PASSWORD, tenant.slug, role))
        ctx = _context(tenant_id, core.user_id)
        plans = people.plans(tenant.plans)
        if not await _has_imported(parts, ctx, "plans"):
            await _import(parts, ctx, "plans", plans)
        known = await _has_imported(parts, ctx, "customers")
        if tenant.is_running:
            await router.place(parts, ctx, router_port, has_customers=known)
        if not known:
            progress(f"Importing {tenant.customers:,} customers of {tenant.name}")
            names = people.plan_names(tenant.plans)
            rows = people.customers(tenant.customers, names, seed=tenant.customers)
            await _import(parts, ctx, "customers", rows)
            if tenant.is_running:
                await _bill(parts, ctx, people.invoices(rows, plans, _today(ctx)))
    return logins


async def _publish(parts: Parts) -> list[str]:
    """Publish the built-in services and the examples; returns their names."""
    folders = [builtin.folder(name) for name in builtin.NAMES]
    folders.extend(sorted(f.parent for f in EXAMPLES.glob("*/service.json")))
    names = []
    for folder in folders:
        definition = bundle.load(folder)
        async with parts.database.owner() as connection:
            await parts.publisher.publish(
                connection,
                definition,
                comment="Shipped with Rangka",
                is_builtin=folder.parent == builtin.FOLDER,
            )
        await parts.catalog.reload(definition.name)
        names.append(definition.name)
    return names


async def _tenant(parts: Parts, tenant: DemoTenant, services: list[str]) -> UUID:
    async with parts.database.system() as connection:
        tenant_id = await ensure_tenant(
            connection,
            {"name": tenant.name, "slug": tenant.slug, "max_users": tenant.max_users},
        )
        for name in services:
            if name not in tenant.left_out:
                await assignments.assign(connection, tenant_id, name)
        if EXTERNAL in services:
            # The key that the example's mock server takes.
            key = {"kind": "api_key", "secret": "demo-key"}
            await parts.gateway.connections.put(
                connection, tenant_id, EXTERNAL, key, None
            )
    return tenant_id


async def _has_imported(parts: Parts, ctx: RequestContext, name: str) -> bool:
    """Return whether the demo's own import came through before."""
    async with parts.database.transaction(ctx.tenant_id) as connection:
        found = await connection.execute(
            "SELECT 1 FROM rangka.imports WHERE tenant_id = %s AND service = %s "
            "AND entity = %s AND created_by = %s AND status = 'done' AND NOT dry_run "
            "LIMIT 1",
            (ctx.tenant_id, name, name, ctx.user_id),
        )
        return await found.fetchone() is not None


async def _bill(parts: Parts, ctx: RequestContext, invoices: bytes) -> None:
    """Import invoices, and pay those of active customers that are late."""
    await _import(parts, ctx, "invoices", invoices, service="billing")
    entity = await entity_of(parts, ctx, "billing", "invoices")
    served = {"status": {"_eq": "active"}}
    late = {"due_on": {"_lt": "$today"}, "customer": served}
    async with parts.records.transaction(ctx) as session:
        paid = await parts.reader.find(ctx, entity, late, ("due_on",), 200, session)
    payments = await entity_of(parts, ctx, "billing", "payments")
    for number, invoice in enumerate(paid):
        payment = {
            "invoice": invoice["id"],
            "amount": invoice["amount"],
            "paid_on": invoice["due_on"],
            "method": ("cash", "transfer")[number % 2],
        }
        await parts.records.create(ctx, payments, payment)


async def _import(
    parts: Parts,
    ctx: RequestContext,
    name: str,
    file: bytes,
    *,
    service: str | None = None,
) -> None:
    entity = await entity_of(parts, ctx, service or name, name)
    report: dict[str, Any] = await parts.imports.run(
        ctx, entity, _pieces(file), content_type="text/csv", query="format=csv"
    )
    if report["failed"]:
        raise ValueError(f"the demo data does not fit {name}: {report['errors'][:3]}")


async def _pieces(file: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(file), 65536):
        yield file[start : start + 65536]


def _today(ctx: RequestContext) -> date:
    return ctx.now.astimezone(ZoneInfo(ctx.time_zone)).date()


def _context(tenant_id: UUID, user_id: UUID) -> RequestContext:
    return RequestContext(
        request_id="demo",
        tenant_id=tenant_id,
        user_id=user_id,
        session_id=None,
        role_ids=frozenset(),
        is_super_admin=True,
        locale="id",
        time_zone="Asia/Jakarta",
        now=datetime.now(UTC),
        email="admin@rangka.test",
    )
