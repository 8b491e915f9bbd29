"""A core tenant, fresh business tenants and users, made by the product's own code."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from engine.context import RequestContext
from engine.database import Database
from engine.identity import Identity
from engine.identity.accounts import Origin
from engine.identity.login_limits import LoginLimits
from engine.platform import ensure_core, ensure_tenant, ensure_user
from engine.policy import Policy
from engine.settings import Settings

WITHIN_SECONDS = 3
"""How long a change may take to reach a worker."""

PASSWORD = "kopi tubruk manis"
ORIGIN = Origin(ip="192.0.2.7", device="tests", request_id="req_test")


@dataclass
class World:
    """One worker of an installation, and ways to fill it."""

    database: Database
    identity: Identity
    policy: Policy

    async def tenant(self, **values: Any) -> UUID:
        """Return a fresh tenant."""
        slug = f"t-{uuid4().hex[:12]}"
        async with self.database.system() as connection:
            return await ensure_tenant(
                connection, {"name": slug, "slug": slug, **values}
            )

    async def user(
        self, tenant_id: UUID, *roles: str, email: str | None = None
    ) -> tuple[UUID, str]:
        """Return id and e-mail address of a member with these roles."""
        email = email or f"u{uuid4().hex[:12]}@example.com"
        made = await ensure_user(
            self.database,
            self.identity.passwords,
            tenant_id,
            email=email,
            password=PASSWORD,
            name="Someone",
            roles=roles,
        )
        return made.user_id, email

    async def super_admin(self) -> tuple[UUID, UUID, str]:
        """Return the core tenant, and id and e-mail address of a super admin."""
        email = f"s{uuid4().hex[:12]}@example.com"
        made = await ensure_core(
            self.database, self.identity.passwords, email=email, password=PASSWORD
        )
        return made.tenant_id, made.user_id, email

    async def login(self, email: str, **more: Any) -> dict[str, Any]:
        """Return the answer to a log-in with the right password."""
        return await self.identity.login(email, PASSWORD, origin=ORIGIN, **more)

    async def context(self, answer: dict[str, Any]) -> RequestContext:
        """Return the context of a request with the answer's access token."""
        return await self.identity.authenticate(
            answer["access_token"], request_id="req_test"
        )

    async def member(self, *roles: str) -> RequestContext:
        """Return the context of a user with these roles in a fresh tenant."""
        tenant_id = await self.tenant()
        _, email = await self.user(tenant_id, *roles)
        return await self.context(await self.login(email))

    async def execute(self, text: str, *values: Any) -> list[dict[str, Any]]:
        """Run a statement as the system role and return its rows."""
        async with self.database.system() as connection:
            cursor = await connection.execute(text, values)
            return await cursor.fetchall() if cursor.description else []


@asynccontextmanager
async def open_world(
    settings: Settings, limits: LoginLimits | None = None
) -> AsyncIterator[World]:
    """Run one worker inside the block; without `limits` it may log in as often."""
    database = Database(
        app_dsn=settings.app_database_url,
        system_dsn=settings.system_database_url,
        owner_dsn=settings.owner_database_url,
    )
    await database.open()
    endless = LoginLimits(attempts_per_minute=100_000, failures=100_000)
    identity = Identity(database, settings, limits or endless)
    policy = Policy(database)
    await identity.start()
    await policy.start()
    yield World(database, identity, policy)
    await policy.stop()
    await identity.stop()
    await database.close()


async def soon(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds, at most as long as a change may take."""
    async with asyncio.timeout(WITHIN_SECONDS):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)
