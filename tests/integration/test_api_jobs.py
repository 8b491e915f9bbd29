"""The list of jobs: seen, retried and cancelled by those who may."""

from typing import Any
from uuid import UUID

import psycopg
import pytest
from own_services import user_with
from uuid_utils.compat import uuid7

from tests.fixtures.api import World

JOBS = "/api/v1/core/jobs"


def add(world: World, state: str, *, tenant: UUID | None = None, **more: Any) -> str:
    """Put a job into the ledger as it would be after some time; return its id."""
    settings = world.app._app.state.parts.settings
    job_id = uuid7()
    values = {
        "tenant_id": tenant or world.ours,
        "id": job_id,
        "service": "plans",
        "name": "nothing",
        "state": state,
        "attempts": 3,
        # Nobody here has code for it, and nobody asks for some minutes.
        "run_at": "infinity" if state == "waiting" else "now",
        **more,
    }
    columns = ", ".join(values)
    places = ", ".join(["%s"] * len(values))
    with psycopg.connect(settings.system_database_url) as system:
        system.execute(
            f"insert into rangka.jobs ({columns}) values ({places})",
            list(values.values()),
        )
    return str(job_id)


async def test_a_tenant_admin_sees_the_jobs_of_the_own_tenant_only(
    world: World,
) -> None:
    ours = add(world, "failed", error="The router does not answer.", error_code="error")
    theirs = add(world, "failed", tenant=world.theirs)

    failed = f'{{"id":{{"_in":["{ours}","{theirs}"]}},"state":{{"_eq":"failed"}}}}'
    reply = await world.admin.get(f"{JOBS}?filter={failed}")
    one = await world.admin.get(f"{JOBS}/{ours}")

    (found,) = reply.data
    assert (found["id"], found["error"]) == (ours, "The router does not answer.")
    assert one.data["state"] == "failed"
    assert (await world.admin.get(f"{JOBS}/{theirs}")).status == 404


async def test_a_failed_job_runs_again_when_asked(world: World) -> None:
    job = add(world, "failed", error="no", error_code="error", finished_at="now")

    reply = await world.admin.post(f"{JOBS}/{job}/actions/retry")

    record = reply.data["record"]
    assert reply.status == 200
    assert (record["state"], record["attempts"], record["error"]) == (
        "waiting",
        0,
        None,
    )
    of_job = f'{{"record_id":{{"_eq":"{job}"}}}}'
    log = await world.admin.get(f"/api/v1/core/audit?filter={of_job}")
    assert [entry["action"] for entry in log.data] == ["retry"]


@pytest.mark.parametrize("state", ["waiting", "running"])
async def test_a_job_that_has_not_ended_is_cancelled(world: World, state: str) -> None:
    job = add(world, state, heartbeat_at="infinity")

    reply = await world.admin.post(f"{JOBS}/{job}/actions/cancel")

    assert reply.data["record"]["state"] == "cancelled"


@pytest.mark.parametrize(
    ("state", "action"), [("done", "retry"), ("waiting", "retry"), ("done", "cancel")]
)
async def test_what_a_jobs_state_does_not_offer_is_refused(
    world: World, state: str, action: str
) -> None:
    job = add(world, state)

    reply = await world.admin.post(f"{JOBS}/{job}/actions/{action}")

    assert (reply.status, reply.error["code"]) == (409, "ACTION_NOT_OFFERED")


async def test_a_job_whose_key_waits_already_is_not_added_beside_it(
    world: World,
) -> None:
    failed = add(world, "failed", key="router-1")
    waiting = add(world, "waiting", key="router-1")

    reply = await world.admin.post(f"{JOBS}/{failed}/actions/retry")

    assert reply.status == 409
    assert (await world.admin.get(f"{JOBS}/{failed}")).data["state"] == "failed"
    await world.admin.post(f"{JOBS}/{waiting}/actions/cancel")


async def test_who_may_only_read_jobs_neither_retries_nor_cancels(
    world: World,
) -> None:
    reader = await user_with(world, {"permission": "jobs:read"})
    failed, waiting = add(world, "failed"), add(world, "waiting")

    assert (await reader.get(f"{JOBS}/{failed}")).status == 200
    assert (await reader.post(f"{JOBS}/{failed}/actions/retry")).status == 403
    assert (await reader.post(f"{JOBS}/{waiting}/actions/cancel")).status == 403
    assert (await world.operator.get(JOBS)).status == 403


@pytest.mark.parametrize("action", ["retry", "cancel"])
async def test_a_job_of_another_tenant_is_out_of_reach(
    world: World, action: str
) -> None:
    state = "failed" if action == "retry" else "waiting"
    job = add(world, state, tenant=world.theirs)

    reply = await world.admin.post(f"{JOBS}/{job}/actions/{action}")

    settings = world.app._app.state.parts.settings
    with psycopg.connect(settings.system_database_url) as system:
        row = system.execute("select state from rangka.jobs where id = %s", (job,))
        assert row.fetchone() == (state,)
    assert reply.status == 404


async def test_jobs_are_written_by_no_request(world: World) -> None:
    job = add(world, "done")

    assert (await world.admin.post(JOBS, {"name": "mine"})).status in {403, 409}
    assert (await world.admin.patch(f"{JOBS}/{job}", {"state": "failed"})).status in {
        403,
        409,
        422,
    }
    assert (await world.admin.delete(f"{JOBS}/{job}")).status in {403, 409}
    assert (await world.admin.get(f"{JOBS}/{job}")).data["state"] == "done"


async def test_the_menu_leads_tenant_admins_to_the_jobs_and_operators_not(
    world: World,
) -> None:
    def paths(reply: Any) -> set[str]:
        return {item["path"] for item in reply.data["menus"]}

    assert "/admin/jobs" in paths(await world.admin.get("/api/v1/menus/user"))
    assert "/admin/jobs" not in paths(await world.operator.get("/api/v1/menus/user"))
