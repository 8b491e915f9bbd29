"""The examples publish, and do what they are there to show."""

import asyncio
from pathlib import Path

from metadata import bundle
from registry import assignments
from tests.fixtures.api import World

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
