"""A tenant with the built-in services, simulated routers, and jobs that run."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

from job_world import JobWorld, context, open_job_world, until, working

from connectors.mikrotik.simulator import Simulator
from engine.settings import Settings
from metadata import bundle
from registry import builtin

PASSWORD = "kunci-router-42"
_phones = count(6281300000000)

Row = Mapping[str, Any]


@dataclass
class Isp:
    """One tenant of an internet provider."""

    world: JobWorld
    tenant: UUID

    async def create(self, entity: str, **values: Any) -> str:
        """Create a record as its administrator; return its id."""
        service, name = entity.split(".")
        found = await self.world.parts.catalog.entity(self.tenant, service, name)
        assert found is not None
        records = self.world.parts.records
        made = await records.create(context(self.tenant), found, values)
        return str(made.id)

    async def update(self, entity: str, record_id: str, **values: Any) -> None:
        """Change a record as its administrator."""
        service, name = entity.split(".")
        found = await self.world.parts.catalog.entity(self.tenant, service, name)
        assert found is not None
        records = self.world.parts.records
        await records.update(context(self.tenant), found, UUID(record_id), values)

    async def act(self, entity: str, record_id: str, action: str, **given: Any) -> None:
        """Run an action as its administrator."""
        service, name = entity.split(".")
        found = await self.world.parts.catalog.entity(self.tenant, service, name)
        assert found is not None
        records = self.world.parts.records
        await records.act(
            context(self.tenant), found, action, UUID(record_id), dict(given)
        )

    async def get(self, entity: str, record_id: str) -> Row:
        """Return a record."""
        async with self.world.host(
            self.tenant, entity.split(".", maxsplit=1)[0]
        ) as host:
            found = await host.get(entity, record_id)
        assert found is not None
        return dict(found)

    async def find(self, entity: str, **equal: Any) -> list[Row]:
        """Return records with these values."""
        condition = {name: {"_eq": value} for name, value in equal.items()}
        async with self.world.host(
            self.tenant, entity.split(".", maxsplit=1)[0]
        ) as host:
            return list(await host.find(entity, condition, limit=200))

    async def router(self, address: tuple[str, int], **more: Any) -> str:
        """Create a router at the address of a simulator."""
        values = {
            "name": "Pusat",
            "address": address[0],
            "port": address[1],
            "tls": "plain",
            "username": "rangka",
            "password": PASSWORD,
            "local_address": "10.10.0.1",
            **more,
        }
        return await self.create("network.routers", **values)

    async def pool(self, router: str, **more: Any) -> str:
        """Create a pool."""
        values = {"name": "pelanggan", "ranges": "10.10.0.2-10.10.0.254", **more}
        return await self.create("network.pools", router=router, **values)

    async def plan(self, name: str = "Rumah 10", **more: Any) -> str:
        """Create a plan of 10M down, 5M up."""
        values = {
            "name": name,
            "download_rate": 10_000_000,
            "upload_rate": 5_000_000,
            "monthly_price": 150_000,
            "router_profile": "10mbps_profile",
            **more,
        }
        return await self.create("plans.plans", **values)

    async def customer(self, plan: str, **more: Any) -> str:
        """Create a prospect with a plan."""
        values = {"name": "Budi", "phone": f"+{next(_phones)}", "plan": plan, **more}
        return await self.create("customers.customers", **values)

    async def active(self, plan: str, **more: Any) -> str:
        """Create a customer and activate him."""
        made = await self.customer(plan, **more)
        await self.act("customers.customers", made, "activate")
        return made

    async def login(self, customer: str) -> Row:
        """Return the login of a customer; an empty row before there is one."""
        found = await self.find("network.logins", customer=customer)
        return found[0] if found else {"state": None, "id": "", "name": ""}

    async def until_login(self, customer: str, **values: Any) -> Row:
        """Wait until the login of a customer has these values."""

        async def holds() -> bool:
            login = await self.login(customer)
            return all(login.get(name) == value for name, value in values.items())

        try:
            await until(holds)
        except TimeoutError:
            raise AssertionError(
                f"{dict(await self.login(customer))} {await self.told()}"
            ) from None
        return await self.login(customer)

    async def until_router(self, router: str, **values: Any) -> Row:
        """Wait until a router has these values."""

        async def holds() -> bool:
            row = await self.get("network.routers", router)
            return all(row.get(name) == value for name, value in values.items())

        try:
            await until(holds)
        except TimeoutError:
            raise AssertionError(
                f"{await self.get('network.routers', router)} {await self.told()}"
            ) from None
        return await self.get("network.routers", router)

    async def quiet(self) -> None:
        """Wait until no job of the tenant runs or is due."""

        async def holds() -> bool:
            due = await self.world.execute(
                "select 1 from rangka.jobs where tenant_id = %s and (state = 'running' "
                "or state = 'waiting' and run_at <= now()) union all "
                "select 1 from rangka.outbox where tenant_id = %s",
                self.tenant,
                self.tenant,
            )
            return not due

        await until(holds)

    async def told(self) -> list[tuple[Any, ...]]:
        """Return what the ledger says, for messages of tests that fail."""
        return [
            (job["name"], job["state"], job["attempts"], job["result"], job["error"])
            for job in await self.world.jobs(self.tenant)
        ]

    async def run(self, name: str, service: str = "network") -> None:
        """Run a schedule of a service now."""
        from uuid import uuid4

        slot = uuid4().hex
        await self.world.execute(
            "insert into rangka.jobs (tenant_id, id, kind, service, name, key, slot, "
            "max_attempts) values (%s, gen_random_uuid(), 'schedule', %s, %s, "
            "'schedule', %s, 1)",
            self.tenant,
            service,
            name,
            slot,
        )

        async def done() -> bool:
            rows = await self.world.execute(
                "select state from rangka.jobs where slot = %s", slot
            )
            return rows[0]["state"] in {"done", "failed"}

        await until(done)


@asynccontextmanager
async def open_isp(settings: Settings, *, work: bool = True) -> AsyncIterator[Isp]:
    """Open the parts of a process, whose jobs run if it is to work; a fresh tenant."""
    async with open_job_world(settings) as world:
        for name in builtin.NAMES:
            async with world.parts.database.owner() as connection:
                definition = bundle.load(builtin.folder(name))
                await world.parts.publisher.publish(
                    connection, definition, is_builtin=True
                )
            await world.parts.catalog.reload(name)
        tenant = await world.tenant(*builtin.NAMES, time_zone="Asia/Jakarta")
        async with working(world) if work else nullcontext():
            yield Isp(world, tenant)


def simulator(**more: Any) -> Simulator:
    """Return a router whose user may do what docs/mikrotik.md asks for."""
    return Simulator(**{"profile": "7.18", "users": {"rangka": PASSWORD}, **more})


def secrets_of(sim: Simulator) -> dict[str, dict[str, str]]:
    """Return the PPP secrets of a router by name."""
    return {
        row.text("name"): {
            name: row.text(name)
            for name in ("profile", "password", "service", "comment", "remote-address")
        }
        for row in sim.tables["/ppp/secret"]
    }


def profiles_of(sim: Simulator) -> dict[str, dict[str, str]]:
    """Return the PPP profiles of a router by name."""
    return {
        row.text("name"): {
            name: row.text(name)
            for name in ("rate-limit", "address-list", "remote-address", "comment")
        }
        for row in sim.tables["/ppp/profile"]
    }


def sessions_of(sim: Simulator, name: str) -> list[str]:
    """Return the ids of the sessions of a login."""
    return [
        row.live["session-id"]
        for row in sim.tables["/ppp/active"]
        if row.live["name"] == name
    ]
