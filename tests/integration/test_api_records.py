"""Records over the API: life of a record, refusals, concurrency."""

import asyncio
from typing import Any
from uuid import uuid4

from tests.fixtures.api import World

CUSTOMERS = "/api/v1/customers"
SAMPLES = "/api/v1/data/lab/samples"


def phone() -> str:
    return f"08{uuid4().int % 10**10:010}"


async def customer(world: World, **values: Any) -> dict[str, Any]:
    body = {"name": "Bu Ani", "phone": phone(), **values}
    return (await world.operator.post(CUSTOMERS, body)).data


async def test_a_record_is_created_read_changed_and_deleted(world: World) -> None:
    made = await world.operator.post(CUSTOMERS, {"name": "Ani", "phone": phone()})
    assert made.status == 201
    assert made.headers["etag"] == '"1"'
    place = made.headers["location"]
    assert made.data["status"] == "prospect"
    assert made.data["due_day"] == 10
    changed = await world.operator.patch(place, {"name": "Ani Baru"})
    assert (changed.data["name"], changed.data["version"]) == ("Ani Baru", 2)
    assert (await world.admin.delete(place)).status == 204
    assert (await world.operator.get(place)).status == 404
    back = await world.admin.post(f"{place}/restore")
    assert back.data["name"] == "Ani Baru"
    assert (await world.operator.get(place)).status == 200


async def test_a_change_of_an_older_version_is_refused(world: World) -> None:
    record = await customer(world)
    place = f"{CUSTOMERS}/{record['id']}"
    await world.operator.patch(place, {"notes": "first"})
    late = await world.operator.patch(
        place, {"notes": "second"}, headers={"if-match": '"1"'}
    )
    assert (late.status, late.error["code"]) == (412, "VERSION_CONFLICT")
    assert (await world.operator.get(place)).data["notes"] == "first"


async def test_every_wrong_field_is_named_at_once(world: World) -> None:
    body = {"name": "", "phone": "x", "nope": 1, "code": "CUST1", "due_day": 99}
    reply = await world.operator.post(CUSTOMERS, body)
    assert reply.status == 422
    assert reply.details() == {
        ("name", "min_length"),
        ("phone", "format"),
        ("nope", "unknown_field"),
        ("code", "readonly"),
        ("due_day", "maximum"),
    }


async def test_a_taken_value_and_a_missing_target_are_field_errors(
    world: World,
) -> None:
    record = await customer(world)
    same = {"name": "Other", "phone": record["phone"]}
    assert (await world.operator.post(CUSTOMERS, same)).details() == {
        ("phone", "unique")
    }
    lost = {"name": "Other", "phone": phone(), "plan": str(uuid4())}
    assert (await world.operator.post(CUSTOMERS, lost)).details() == {
        ("plan", "not_found")
    }


async def test_activation_needs_a_plan_on_sale_and_stamps_the_time(
    world: World,
) -> None:
    plan = {
        "name": f"Rumah {uuid4().hex[:6]}",
        "download_rate": 10_000_000,
        "upload_rate": 5_000_000,
        "monthly_price": 150_000,
    }
    plan_id = (await world.admin.post("/api/v1/plans", plan)).data["id"]
    record = await customer(world)
    place = f"{CUSTOMERS}/{record['id']}"
    refused = await world.admin.post(f"{place}/actions/activate")
    assert refused.details() == {("plan", "required")}
    await world.operator.patch(place, {"plan": plan_id})
    done = await world.admin.post(f"{place}/actions/activate")
    assert done.data["record"]["status"] == "active"
    assert done.data["record"]["activated_at"] is not None
    again = await world.admin.post(f"{place}/actions/activate")
    assert (again.status, again.error["code"]) == (409, "ACTION_NOT_OFFERED")
    back = await world.operator.patch(place, {"status": "prospect"})
    assert back.details() == {("status", "transition")}
    used = await world.admin.delete(f"/api/v1/plans/{plan_id}")
    assert (used.status, used.error["code"]) == (409, "IN_USE")


async def test_codes_have_no_gaps_under_concurrent_writes(world: World) -> None:
    before = int((await customer(world))["code"].removeprefix("CUST"))
    bad = {"name": "x", "phone": phone(), "plan": str(uuid4())}
    good = [customer(world) for _ in range(20)]
    made = await asyncio.gather(*good, world.operator.post(CUSTOMERS, bad))
    codes = sorted(int(r["code"].removeprefix("CUST")) for r in made[:-1])
    assert codes == list(range(before + 1, before + 21))


async def test_the_same_idempotency_key_creates_one_record(world: World) -> None:
    body = {"name": "Once", "phone": phone()}
    key = {"idempotency-key": uuid4().hex}
    replies = await asyncio.gather(
        *(world.operator.post(CUSTOMERS, body, headers=key) for _ in range(4))
    )
    assert {r.status for r in replies} == {201}
    assert len({r.data["id"] for r in replies}) == 1
    other = await world.operator.post(CUSTOMERS, {**body, "name": "No"}, headers=key)
    assert (other.status, other.error["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")


async def test_an_atomic_bulk_keeps_nothing_when_one_fails(world: World) -> None:
    number = phone()
    operations = [
        {"op": "create", "values": {"name": "A", "phone": number}},
        {"op": "create", "values": {"name": "B", "phone": number}},
    ]
    path = "/api/v1/data/customers/customers"
    reply = await world.operator.post(f"{path}/bulk", {"operations": operations})
    assert reply.details() == {("operations.1.phone", "unique")}
    found = await world.operator.get(f"{path}?filter[phone][_eq]={number}")
    assert found.data == []
    body = {"operations": operations, "atomic": False}
    each = (await world.operator.post(f"{path}/bulk", body)).data
    assert [item["status"] for item in each] == [201, 422]


async def test_lines_are_created_changed_and_removed_with_their_owner(
    world: World,
) -> None:
    body = {"name": "S", "parts": [{"quantity": 1}, {"quantity": 2}]}
    made = (await world.operator.post(SAMPLES, body)).data
    first, second = made["parts"]
    assert [first["quantity"], second["quantity"]] == [1, 2]
    kept = [{"id": second["id"], "quantity": 5}, {"quantity": 7}]
    place = f"{SAMPLES}/{made['id']}"
    changed = (await world.operator.patch(place, {"parts": kept})).data
    assert [line["quantity"] for line in changed["parts"]] == [5, 7]
    assert changed["parts"][0]["id"] == second["id"]
    bad = await world.operator.patch(place, {"parts": [{"quantity": "x"}]})
    assert bad.details() == {("parts.0.quantity", "type")}


async def test_a_line_of_another_record_is_not_taken_over(world: World) -> None:
    one = (
        await world.operator.post(SAMPLES, {"name": "1", "parts": [{"quantity": 1}]})
    ).data
    two = (await world.operator.post(SAMPLES, {"name": "2"})).data
    stolen = [{"id": one["parts"][0]["id"], "quantity": 9}]
    reply = await world.operator.patch(f"{SAMPLES}/{two['id']}", {"parts": stolen})
    assert reply.status == 422
    kept = (await world.operator.get(f"{SAMPLES}/{one['id']}")).data
    assert kept["parts"] == one["parts"]


async def test_a_secret_is_stored_sealed_and_never_answered(world: World) -> None:
    made = await world.operator.post(SAMPLES, {"name": "S", "password": "hunter2-xyz"})
    assert made.data["password"] == {"set": True}
    place = f"{SAMPLES}/{made.data['id']}"
    for path in (place, f"{place}/history", SAMPLES, f"{SAMPLES}/export?format=jsonl"):
        reply = await world.admin.get(path)
        assert reply.status == 200, path
        assert b"hunter2" not in reply.body, path


async def test_history_names_fields_and_who_changed_them(world: World) -> None:
    record = await customer(world)
    place = f"{CUSTOMERS}/{record['id']}"
    await world.operator.patch(place, {"notes": "hello"})
    entries = (await world.operator.get(f"{place}/history")).data
    assert [entry["action"] for entry in entries] == ["update", "create"]
    assert entries[0]["changes"] == [{"field": "notes", "old": None, "new": "hello"}]
    assert entries[0]["actor"]["name"].startswith("operator")


async def test_put_replaces_and_takes_back_what_was_read(world: World) -> None:
    record = await customer(world, notes="gone", email="a@example.com")
    place = f"{CUSTOMERS}/{record['id']}"
    same = await world.operator.request("PUT", place, record)
    assert same.data["version"] == 1
    fewer = {"name": "Put", "phone": record["phone"], "status": "prospect"}
    put = (await world.operator.request("PUT", place, fewer)).data
    assert (put["name"], put["notes"], put["email"]) == ("Put", None, None)


async def test_a_viewer_reads_and_writes_nothing(world: World) -> None:
    record = await customer(world)
    place = f"{CUSTOMERS}/{record['id']}"
    assert (await world.viewer.get(place)).status == 200
    assert (await world.viewer.patch(place, {"notes": "x"})).status == 403
    assert (await world.viewer.delete(place)).status == 403
    body = {"name": "x", "phone": phone()}
    assert (await world.viewer.post(CUSTOMERS, body)).status == 403
