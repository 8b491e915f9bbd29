"""One tenant's credentials, tokens and answers never serve another."""

import asyncio
import json
from typing import Any

import psycopg
import pytest

from engine.secrets import SecretUnreadable
from engine.settings import Settings
from tests.fixtures.api import World
from tests.fixtures.gateway import (
    BASE,
    Seen,
    Writer,
    call,
    endpoint,
    outside,
    publish,
    reply,
)


def place(name: str, tenant: Any) -> str:
    return f"/api/v1/core/tenants/{tenant}/services/{name}/connection"


@pytest.mark.parametrize("kind", ["api_key", "oauth2_client_credentials"])
async def test_each_call_goes_out_as_its_own_tenant(world: World, kind: str) -> None:
    async def act(seen: Seen, writer: Writer) -> None:
        given = seen.headers
        if seen.target.startswith("/token"):
            who = seen.target.removeprefix("/token/")
            said = {"access_token": f"of-{who}", "token_type": "Bearer"}
            writer.write(reply(body=json.dumps(said).encode()))
            return
        await asyncio.sleep(0.001)
        shown = given.get("x-api-key") or given["authorization"].split(" ")[1]
        said = {"tenant": given["x-tenant-id"], "shown": shown, "target": seen.target}
        writer.write(reply(body=json.dumps(said).encode()))

    async with outside(act) as there:
        name = await publish(
            world, there.url, [endpoint("show", "/show/{n}")], auth_type="api_key"
        )
        for tenant, who in ((world.ours, "us"), (world.theirs, "them")):
            document: dict[str, Any] = {"kind": kind, "secret": f"of-{who}"}
            if kind != "api_key":
                document["settings"] = {
                    "token_url": f"{there.url}/token/{who}",
                    "client_id": who,
                }
            done = await world.root.request("PUT", place(name, tenant), document)
            assert done.status == 200

        async def ask(number: int) -> None:
            client = (world.operator, world.stranger)[number % 2]
            tenant = (world.ours, world.theirs)[number % 2]
            found = await call(client, "GET", f"{BASE}/{name}/show/{number}")
            assert found.json == {
                "tenant": str(tenant),
                "shown": ("of-us", "of-them")[number % 2],
                "target": f"/show/{number}",
            }

        for start in range(0, 400, 40):
            await asyncio.gather(*(ask(start + each) for each in range(40)))


async def test_a_sealed_secret_opens_for_its_own_tenant_alone(
    world: World, settings: Settings
) -> None:
    name = await publish(world, "http://127.0.0.1:9", [endpoint("show", "/show")])
    document = {"kind": "bearer", "secret": "ours alone"}
    await world.root.request("PUT", place(name, world.ours), document)
    copy = """
    INSERT INTO rangka.connections (tenant_id, service, id, kind, settings, secret)
    SELECT %s, service, id, kind, settings, secret FROM rangka.connections
    WHERE tenant_id = %s AND service = %s
    """
    with psycopg.connect(settings.system_database_url) as system:
        system.execute(copy, (world.theirs, world.ours, name))
    connections = world.app._app.state.parts.gateway.connections
    stolen = await connections.get(world.theirs, name)
    with pytest.raises(SecretUnreadable):
        stolen.secret.reveal()


async def test_row_security_stands_between_tenants(
    world: World, settings: Settings
) -> None:
    name = await publish(world, "http://127.0.0.1:9", [endpoint("show", "/show")])
    document = {"kind": "bearer", "secret": "x"}
    await world.root.request("PUT", place(name, world.ours), document)
    query = "select count(*) from rangka.connections where service = %s"
    counts = []
    with psycopg.connect(settings.app_database_url) as app:
        for tenant in (str(world.ours), str(world.theirs), ""):
            app.execute("select set_config('rangka.tenant', %s, false)", (tenant,))
            row = app.execute(query, (name,)).fetchone()
            assert row is not None
            counts.append(row[0])
        for change in ("delete from", "truncate"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(f"{change} rangka.connections".encode())
            app.rollback()
    assert counts == [1, 0, 0]
