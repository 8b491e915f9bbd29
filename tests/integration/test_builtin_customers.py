"""The built-in customers: codes, the flow of the status, a plan before activation."""

import asyncio
from itertools import count
from typing import Any

import pytest

from tests.fixtures.api import Client, Reply, World

CUSTOMERS = "/api/v1/customers"
FLOW = {
    "prospect": {"active", "terminated"},
    "active": {"suspended", "terminated"},
    "suspended": {"active", "terminated"},
    "terminated": set[str](),
}
ACTIONS = {"activate": "active", "suspend": "suspended", "terminate": "terminated"}
_phones = count(6281900000000)


async def plan_of(client: Client, name: str, **more: Any) -> str:
    found = await client.get(f'/api/v1/plans?filter={{"name":{{"_eq":"{name}"}}}}')
    if found.data:
        return str(found.data[0]["id"])
    body = {
        "name": name,
        "download_rate": 10_000_000,
        "upload_rate": 10_000_000,
        "monthly_price": 150000,
        **more,
    }
    return str((await client.post("/api/v1/plans", body)).data["id"])


async def create(client: Client, **values: Any) -> Reply:
    body = {"name": "Budi", "phone": f"+{next(_phones)}", **values}
    return await client.post(CUSTOMERS, body)


async def in_status(world: World, status: str) -> dict[str, Any]:
    """Return a customer with a plan that came to the status on the allowed way."""
    plan = await plan_of(world.admin, "Flow 10")
    record = (await create(world.admin, plan=plan)).data
    steps = {"active": ["activate"], "suspended": ["activate", "suspend"]}
    for step in steps.get(status, ["terminate"] if status == "terminated" else []):
        record = (await act(world.admin, record["id"], step)).data["record"]
    assert record["status"] == status
    return record


async def act(client: Client, record_id: str, action: str) -> Reply:
    return await client.post(f"{CUSTOMERS}/{record_id}/actions/{action}")


async def test_codes_run_without_gaps_for_each_tenant(world: World) -> None:
    def number(reply: Reply) -> int:
        code = str(reply.data["code"])
        assert code.startswith("CUST")
        assert len(code) == len("CUST00001")
        return int(code.removeprefix("CUST"))

    first = number(await create(world.admin))
    assert (await create(world.admin, name=None)).status == 422
    taken = (await create(world.admin)).data
    assert (await create(world.admin, phone=taken["phone"])).status == 422
    many = await asyncio.gather(*(create(world.admin) for _ in range(8)))
    numbers = sorted(number(reply) for reply in many)
    assert numbers == list(range(first + 2, first + 10))
    theirs = number(await create(world.stranger))
    again = number(await create(world.stranger))
    assert again == theirs + 1


async def test_the_first_customer_of_a_tenant_is_number_one(world: World) -> None:
    replies = [await create(world.stranger)]
    codes = await world.stranger.get(f"{CUSTOMERS}?sort=code&limit=1")
    assert replies[0].status == 201
    assert codes.data[0]["code"] == "CUST00001"


async def test_the_code_is_not_written_by_users(world: World) -> None:
    reply = await create(world.admin, code="CUST99999")
    assert reply.status == 422
    record = (await create(world.admin)).data
    reply = await world.admin.patch(f"{CUSTOMERS}/{record['id']}", {"code": "X"})
    assert reply.status == 422
    after = (await world.admin.get(f"{CUSTOMERS}/{record['id']}")).data
    assert after["code"] == record["code"]


@pytest.mark.parametrize("start", list(FLOW))
@pytest.mark.parametrize("end", list(FLOW))
async def test_only_the_allowed_steps_change_the_status(
    world: World, start: str, end: str
) -> None:
    record = await in_status(world, start)
    path = f"{CUSTOMERS}/{record['id']}"
    reply = await world.admin.patch(path, {"status": end})
    if end == start or end in FLOW[start]:
        assert reply.data["status"] == end
        return
    assert (reply.status, reply.details()) == (422, {("status", "transition")})
    (detail,) = reply.error["details"]
    for allowed in FLOW[start]:
        assert allowed in detail["message"].lower()
    assert (await world.admin.get(path)).data["status"] == start


@pytest.mark.parametrize("start", list(FLOW))
@pytest.mark.parametrize("action", list(ACTIONS))
async def test_actions_follow_the_same_flow(
    world: World, start: str, action: str
) -> None:
    record = await in_status(world, start)
    path = f"{CUSTOMERS}/{record['id']}"
    rows = await world.admin.get(
        f'{CUSTOMERS}?actions=true&filter={{"id":{{"_eq":"{record["id"]}"}}}}'
    )
    offered = rows.data[0]["_actions"][action]
    reply = await act(world.admin, record["id"], action)
    if ACTIONS[action] in FLOW[start]:
        assert offered is True
        assert reply.data["record"]["status"] == ACTIONS[action]
        return
    assert offered is False
    assert reply.status in {409, 422}
    assert (await world.admin.get(path)).data["status"] == start


async def test_a_terminated_customer_stays_terminated(world: World) -> None:
    record = await in_status(world, "terminated")
    path = f"{CUSTOMERS}/{record['id']}"
    for status in ("prospect", "active", "suspended"):
        reply = await world.admin.patch(path, {"status": status})
        assert reply.details() == {("status", "transition")}
    whole = {"name": "Budi", "phone": record["phone"], "status": "active"}
    assert (await world.admin.request("PUT", path, whole)).status == 422
    assert (await world.admin.patch(path, {"notes": "moved"})).status == 200


async def test_activation_needs_a_plan(world: World) -> None:
    record = (await create(world.admin)).data
    path = f"{CUSTOMERS}/{record['id']}"
    for reply in (
        await world.admin.patch(path, {"status": "active"}),
        await act(world.admin, record["id"], "activate"),
    ):
        assert reply.status == 422
        assert reply.details() == {("plan", "required")}
        assert "paket" in reply.error["details"][0]["message"].lower()
    assert (await world.admin.get(path)).data["status"] == "prospect"
    plan = await plan_of(world.admin, "Flow 10")
    both = await world.admin.patch(path, {"status": "active", "plan": plan})
    assert both.data["status"] == "active"
    assert both.data["activated_at"] is not None
    without = await world.admin.patch(path, {"plan": None})
    assert without.details() == {("plan", "required")}


async def test_a_customer_starts_as_a_prospect(world: World) -> None:
    record = (await create(world.admin)).data
    assert (record["status"], record["activated_at"]) == ("prospect", None)


async def test_customers_taken_over_arrive_in_any_status(world: World) -> None:
    """A provider that moves here has suspended and former customers already."""
    for status in ("suspended", "terminated"):
        assert (await create(world.admin, status=status)).data["status"] == status
    reply = await create(world.admin, status="active")
    assert reply.details() == {("plan", "required")}
    assert (await create(world.admin, status="asleep")).status == 422


async def test_a_plan_off_sale_is_not_given_any_more(world: World) -> None:
    gone = await plan_of(world.admin, "Old 5", is_active=False)
    reply = await create(world.admin, plan=gone)
    assert reply.details() == {("plan", "not_on_sale")}
    assert (await create(world.stranger, plan=gone)).status == 422


async def test_a_plan_with_customers_is_kept(world: World) -> None:
    plan = await plan_of(world.admin, "Kept 20")
    record = (await create(world.admin, plan=plan)).data
    refused = await world.admin.delete(f"/api/v1/plans/{plan}")
    assert refused.status in {409, 422}
    shown = await world.admin.get(f"{CUSTOMERS}/{record['id']}?expand=plan")
    assert shown.data["plan"]["name"] == "Kept 20"


async def test_a_relation_in_a_form_says_what_its_target_is_called_by(
    world: World,
) -> None:
    payment = (await world.admin.get("/api/v1/forms/billing/payments")).data
    shown = {
        control["scope"].rpartition("/")[2]: control["options"]
        for row in payment["ui"]["elements"]
        for control in row["elements"]
    }
    assert shown["invoice"]["title_field"] == "number"
    assert "title_field" not in shown["amount"]
    login = (await world.admin.get("/api/v1/forms/network/logins")).data
    (move,) = (action for action in login["actions"] if action["name"] == "move")
    (row,) = move["ui"]["elements"]
    assert row["elements"][0]["options"]["title_field"] == "name"
