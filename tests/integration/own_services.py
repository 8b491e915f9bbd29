"""A service of a test's own, published to both tenants; and users with own rules."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import psycopg

from metadata.definitions import Service
from registry import assignments
from registry.service import Service as Code
from tests.fixtures.api import PASSWORD, Client, World, log_in


def fresh_name(word: str) -> str:
    """Return a name of a service that no other test has."""
    return f"{word}{uuid4().hex[:10]}"


async def give(world: World, definition: Mapping[str, Any]) -> str:
    """Publish a service, or its next version, and assign it; return its path."""
    parts = world.app._app.state.parts
    name = str(definition["name"])
    async with parts.database.owner() as connection:
        await parts.publisher.publish(connection, Service.model_validate(definition))
    await parts.catalog.reload(name)
    async with parts.database.system() as connection:
        for tenant in (world.ours, world.theirs):
            await assignments.assign(connection, tenant, name)
            parts.catalog.forget(tenant)
    return f"/api/v1/data/{name}"


def run_with(world: World, code: Code) -> None:
    """Let the application run this code, as a server does that has its folder."""
    records = world.app._app.state.parts.records
    records._steps.code = {**records.code, code.name: code}


async def user_with(world: World, *rules: Mapping[str, Any]) -> Client:
    """Return a client of a new user of `ours` whose only role has these rules."""
    name = f"r{uuid4().hex[:10]}"
    role = {"name": name, "label": name, "rules": list(rules)}
    made = await world.admin.post("/api/v1/core/roles", role)
    assert made.status == 201, made.body
    user = {
        "name": name,
        "email": f"{name}@example.com",
        "password": PASSWORD,
        "role_names": [name],
    }
    made = await world.admin.post("/api/v1/core/users", user)
    assert made.status == 201, made.body
    return await log_in(world.app, f"{name}@example.com")


async def logged(world: World, service: str) -> str:
    """Return everything the event log holds of a service's records, as text."""
    parts = world.app._app.state.parts
    async with parts.database.system() as connection:
        found = await connection.execute(
            "select string_agg(changes::text, ' ') as text from rangka.log "
            "where service = %s",
            (service,),
        )
        row = await found.fetchone()
    return str(row["text"])


async def somebody_waits(world: World) -> None:
    """Return once some statement in this worker's database waits for a lock."""
    settings = world.app._app.state.parts.settings
    query = (
        "select 1 from pg_locks l join pg_stat_activity a using (pid) "
        "where not l.granted and a.datname = current_database()"
    )
    connection = await psycopg.AsyncConnection.connect(settings.owner_database_url)
    async with asyncio.timeout(5), connection:
        while True:
            if await (await connection.execute(query)).fetchone():
                return
            await asyncio.sleep(0.02)
