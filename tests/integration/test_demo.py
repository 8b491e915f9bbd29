"""The demo: its data, loaded once, and its router, which serves its customers."""

import asyncio
import socket
from uuid import UUID, uuid4

from job_world import open_job_world, working
from network_world import Isp

from engine.demo.load import DemoTenant, load
from engine.demo.simulator import Simulator
from engine.parts import Parts, open_parts
from engine.settings import Settings

CUSTOMERS = 12
SERVED = {"active", "suspended"}
"""What they all are, by the draw of that many."""


def fresh_tenant(*, is_running: bool) -> DemoTenant:
    mark = uuid4().hex[:8]
    return DemoTenant(
        f"Demo {mark}", f"demo-{mark}", 3, CUSTOMERS, 10, is_running=is_running
    )


async def id_of(parts: Parts, tenant: DemoTenant) -> UUID:
    async with parts.database.system() as connection:
        found = await connection.execute(
            "SELECT id FROM rangka.tenants WHERE slug = %s", (tenant.slug,)
        )
        row = await found.fetchone()
    assert row is not None
    made: UUID = row["id"]
    return made


def ignore(_text: str) -> None:
    """Hear of the progress, and say nothing."""


async def test_a_second_start_imports_nothing_and_does_not_say_so(
    settings: Settings,
) -> None:
    tenant = fresh_tenant(is_running=False)
    first: list[str] = []
    second: list[str] = []
    async with open_parts(settings) as parts:
        logins = await load(parts, first.append, [tenant], router_port=1)
        again = await load(parts, second.append, [tenant], router_port=1)
        tenant_id = await id_of(parts, tenant)
        async with parts.database.transaction(tenant_id) as connection:
            found = await connection.execute(
                "SELECT count(*) AS n FROM svc_customers.customers"
            )
            customers = await found.fetchone()

    said = f"Importing {CUSTOMERS} customers of {tenant.name}"
    assert said in first
    assert not [line for line in second if "customers" in line]
    assert again == logins
    assert customers == {"n": CUSTOMERS}


async def test_the_customers_of_the_demo_are_served_by_its_router(
    settings: Settings,
) -> None:
    """They get logins; one who comes while it is away gets his at the next start."""
    tenant = fresh_tenant(is_running=True)
    async with open_job_world(settings) as world, working(world):
        parts = world.parts
        with Simulator(0) as simulator:
            port = await asyncio.to_thread(simulator.port)
            await load(parts, ignore, [tenant], router_port=port)
            isp = Isp(world, await id_of(parts, tenant))
            served = await isp.find("customers.customers")
            assert {customer["status"] for customer in served} == SERVED
            for customer in served:
                await isp.until_login(customer["id"], state=customer["status"])
            await isp.run("collect")
            assert len(await isp.find("network.sessions")) == len(served)
            assert await isp.find("billing.invoices", status="paid")
            await isp.run("overdue", "billing")
            late = await isp.find("billing.invoices", status="overdue")
            owing = {invoice["customer"] for invoice in late}
            suspended = await isp.find("customers.customers", status="suspended")
            assert owing == {customer["id"] for customer in suspended}

        new = await isp.active(served[0]["plan"])
        waits = await isp.until_login(new, state="offline")
        assert waits["reason"].startswith(f"127.0.0.1 port {port} cannot be reached")

        with socket.socket() as other:
            other.bind(("127.0.0.1", port))
            other.listen()
            with Simulator(port) as simulator:
                moved = await asyncio.to_thread(simulator.port)
                assert moved != port
                await load(parts, ignore, [tenant], router_port=moved)
                await isp.until_login(new, state="active")
                (router,) = await isp.find("network.routers")
                assert (router["port"], router["status"]) == (moved, "online")
                await isp.run("collect")
                sessions = await isp.find("network.sessions")
    online = [session for session in sessions if session["ended_at"] is None]
    assert len(online) == len(served) + 1


async def test_a_router_that_a_user_put_in_its_place_stays_as_it_is(
    settings: Settings,
) -> None:
    tenant = fresh_tenant(is_running=True)
    async with open_job_world(settings) as world:
        await load(world.parts, ignore, [tenant], router_port=1)
        isp = Isp(world, await id_of(world.parts, tenant))
        (made,) = await isp.find("network.routers")
        mine = {"name": "Kantor", "address": "192.0.2.7", "tls": "pinned"}
        await isp.update("network.routers", made["id"], **mine, password="lain")
        await load(world.parts, ignore, [tenant], router_port=2)
        (kept,) = await isp.find("network.routers")
    assert mine.items() <= kept.items()
    assert kept["port"] == made["port"] == 1
