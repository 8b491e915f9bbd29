"""The examples publish, and do what they are there to show."""

import asyncio
import importlib.util
import json
from pathlib import Path

from aiohttp import web

from metadata import bundle
from metadata.definitions import Service, as_json
from registry import assignments
from tests.fixtures.api import World
from tests.fixtures.gateway import call

WHATSAPP = Path(__file__).parents[2] / "examples" / "whatsapp"
TASKS = Path(__file__).parents[2] / "examples" / "tasks"


async def seen(world: World, path: str) -> None:
    """Wait until the assignment reached the worker; it is told, not asked."""
    for _ in range(100):
        if (await world.admin.get(path)).status == 200:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the assignment never reached the worker")


async def test_the_task_manager_needs_json_only(world: World) -> None:
    parts = world.app._app.state.parts
    async with parts.database.owner() as connection:
        await parts.publisher.publish(connection, bundle.load(TASKS))
    await parts.catalog.reload("tasks")
    async with parts.database.system() as connection:
        await assignments.assign(connection, world.ours, "tasks")
    base = "/api/v1/data/tasks"
    await seen(world, f"{base}/tasks")
    project = await world.admin.post(f"{base}/projects", {"name": "Garden"})
    body = {
        "title": "Plant",
        "project": project.data["id"],
        "steps": [{"text": "dig"}, {"text": "water", "is_done": False}],
    }
    task = (await world.admin.post(f"{base}/tasks", body)).data
    assert (task["number"], task["status"]) == ("T-0001", "open")
    await world.admin.post(f"{base}/comments", {"task": task["id"], "text": "soon"})
    done = await world.admin.post(f"{base}/tasks/{task['id']}/actions/complete")
    assert done.data["record"]["status"] == "done"
    assert done.data["record"]["done_at"] is not None
    whole = await world.viewer.get(
        f"{base}/projects/{project.data['id']}?expand=tasks.comments"
    )
    (found,) = whole.data["tasks"]
    assert found["comments"][0]["text"] == "soon"
    assert [step["text"] for step in found["steps"]] == ["dig", "water"]
    gone = await world.admin.delete(f"{base}/projects/{project.data['id']}")
    assert gone.status == 204
    assert (await world.viewer.get(f"{base}/tasks/{task['id']}")).status == 404


async def test_the_whatsapp_gateway_is_called_as_its_tenant(world: World) -> None:
    spec = importlib.util.spec_from_file_location("mock", WHATSAPP / "mock_server.py")
    assert spec is not None
    assert spec.loader is not None
    mock = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mock)
    parts = world.app._app.state.parts
    name = "whatsapp-gateway"
    key = parts.gateway.forwarder.signer.key(name, world.ours)
    runner = web.AppRunner(mock.application("k", key.secret))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    document = as_json(bundle.load(WHATSAPP))
    document["base_url"] = f"http://127.0.0.1:{port}"
    async with parts.database.owner() as connection:
        definition = Service.model_validate(document)
        await parts.publisher.publish(connection, definition)
    await parts.catalog.reload(name)
    async with parts.database.system() as connection:
        for tenant in (world.ours, world.theirs):
            await assignments.assign(connection, tenant, name)
            parts.catalog.forget(tenant)
            given = {"kind": "api_key", "secret": "k"}
            await parts.gateway.connections.put(connection, tenant, name, given, None)
    base = f"/api/v1/gateway/{name}/whatsapp"
    body = {"message": "Hello", "recipients": ["+628123456789", "0812345678901"]}
    sent = await call(world.admin, "POST", f"{base}/blast", json.dumps(body).encode())
    assert (sent.status, sent.json["accepted"]) == (202, 2)
    found = (await world.admin.get(f"{base}/history?limit=5")).json
    assert [each["message"] for each in found] == ["Hello"]
    wrong = {**body, "recipients": ["none"]}
    refused = await call(
        world.admin, "POST", f"{base}/blast", json.dumps(wrong).encode()
    )
    assert refused.details() == {("recipients.0", "format")}
    forbidden = await call(world.viewer, "POST", f"{base}/blast", b"{}")
    assert forbidden.status == 403
    await runner.cleanup()
