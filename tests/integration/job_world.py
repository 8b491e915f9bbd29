"""Tenants with services whose code the tests bring, and processes they kill."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from engine.context import RequestContext
from engine.parts import Parts, open_parts
from engine.platform import ensure_tenant
from engine.settings import Settings
from metadata.definitions import Service as Definition
from registry import assignments
from registry.service import Service

CHILD = Path(__file__).with_name("job_child.py")
WITHIN_SECONDS = 60.0
"""So long a test waits for what has no bound of its own, before it fails."""


def definition(name: str, **more: Any) -> Definition:
    """Return a service with one entity `notes`: a text, a number, a secret."""
    return Definition.model_validate(
        {
            "id": name,
            "name": name,
            "entities": [
                {
                    "id": "note",
                    "name": "notes",
                    "title_field": "text",
                    "fields": [
                        {"id": "f1", "name": "text", "type": "text"},
                        {"id": "f2", "name": "count", "type": "integer"},
                        {"id": "f3", "name": "password", "type": "secret"},
                    ],
                }
            ],
            **more,
        }
    )


def fresh_name() -> str:
    """Return a name of a service that no other test has."""
    return f"job{uuid4().hex[:10]}"


@dataclass
class JobWorld:
    """The parts of one process, with a service in one tenant or more."""

    settings: Settings
    parts: Parts

    async def tenant(self, *services: str, **values: Any) -> UUID:
        """Return a fresh tenant that has these services."""
        slug = f"t-{uuid4().hex[:12]}"
        async with self.parts.database.system() as connection:
            made = await ensure_tenant(
                connection, {"name": slug, "slug": slug, **values}
            )
            for service in services:
                await assignments.assign(connection, made, service)
        return made

    async def publish(self, name: str) -> None:
        """Publish `definition(name)`."""
        async with self.parts.database.owner() as connection:
            await self.parts.publisher.publish(connection, definition(name))
        await self.parts.catalog.reload(name)

    def run_code(self, *services: Service) -> None:
        """Let this process run this code."""
        records = self.parts.records
        records._steps.code = {**records.code, **{each.name: each for each in services}}

    async def enqueue(
        self, tenant_id: UUID, service: str, job: str, **options: Any
    ) -> None:
        """Add a job as service code does in a write."""
        payload: Mapping[str, Any] = options.pop("payload", {})
        async with self.host(tenant_id, service) as host:
            await host.enqueue(job, payload, **options)

    @asynccontextmanager
    async def host(self, tenant_id: UUID, service: str) -> AsyncIterator[Any]:
        """Open a write of a service of this tenant, as a super admin."""
        from engine.host import RecordHost

        records = self.parts.records
        async with records.transaction(context(tenant_id)) as session:
            yield RecordHost(
                records, self.parts.reader, context(tenant_id), service, session, None
            )

    async def create(self, tenant_id: UUID, service: str, **values: Any) -> UUID:
        """Create a note; return its id."""
        entity = await self.parts.catalog.entity(tenant_id, service, "notes")
        assert entity is not None
        made = await self.parts.records.create(context(tenant_id), entity, values)
        return made.id

    async def notes(self, tenant_id: UUID, service: str) -> list[dict[str, Any]]:
        """Return all notes of a tenant."""
        async with self.parts.database.transaction(tenant_id) as connection:
            found = await connection.execute(
                f'select * from "svc_{service}".notes where tenant_id = %s',
                (tenant_id,),
            )
            return await found.fetchall()

    async def execute(self, text: str, *values: Any) -> list[dict[str, Any]]:
        """Run a statement as the system role and return its rows."""
        async with self.parts.database.system() as connection:
            cursor = await connection.execute(text, values)
            return await cursor.fetchall() if cursor.description else []

    async def jobs(self, tenant_id: UUID) -> list[dict[str, Any]]:
        """Return the ledger of a tenant, oldest first."""
        return await self.execute(
            "select * from rangka.jobs where tenant_id = %s order by created_at, id",
            tenant_id,
        )

    async def states(self, tenant_id: UUID, *names: str) -> list[str]:
        """Return the states of a tenant's jobs, of these names only, oldest first."""
        jobs = await self.jobs(tenant_id)
        return [job["state"] for job in jobs if not names or job["name"] in names]


def context(tenant_id: UUID, **values: Any) -> RequestContext:
    """Return the context of a super admin's request."""
    from datetime import UTC, datetime

    return RequestContext(
        request_id="req_jobs",
        tenant_id=tenant_id,
        user_id=values.get("user_id") or UUID(int=7),
        session_id=None,
        role_ids=frozenset(),
        is_super_admin=True,
        locale="en",
        time_zone="Asia/Jakarta",
        now=datetime.now(UTC),
        email="somebody@example.com",
    )


@asynccontextmanager
async def open_job_world(settings: Settings, **changes: Any) -> AsyncIterator[JobWorld]:
    """Open the parts of a process; nothing of its jobs is started."""
    changed = replace(settings, **changes)
    async with open_parts(changed) as parts:
        yield JobWorld(changed, parts)


@asynccontextmanager
async def working(world: JobWorld, *, schedules: bool = False) -> AsyncIterator[None]:
    """Run jobs in this process inside the block.

    Without `schedules` none begins at its time of the day, which would be the test's.
    """
    await world.parts.jobs.start(work=True)
    if not schedules:
        await world.parts.jobs.scheduler.stop()
    try:
        yield
    finally:
        await world.parts.jobs.stop()


@asynccontextmanager
async def child(
    settings: Settings, mode: str, service: str, folder: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `job_child.py` inside the block, killed at its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(CHILD), mode, service, str(folder),
        env={
            **os.environ,
            **settings.to_environment(),
            "RANGKA_SECRET_KEY": settings.secret_key.decode(),
            "RANGKA_OWNER_DATABASE_URL": settings.owner_database_url,
            "RANGKA_APP_DATABASE_URL": settings.app_database_url,
            "RANGKA_SYSTEM_DATABASE_URL": settings.system_database_url,
            "PYTHONPATH": f"{CHILD.parents[2]}:{CHILD.parent}",
        },
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def until(
    holds: Callable[[], Awaitable[Any]], within: float = WITHIN_SECONDS
) -> None:
    """Wait until something holds; fail when it does not in time."""
    async with asyncio.timeout(within):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.05)


async def until_file(path: Path) -> None:
    """Wait until a child process has made a file."""

    async def made() -> bool:
        return await asyncio.to_thread(path.exists)

    await until(made)
