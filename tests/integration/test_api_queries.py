"""Lists, exports and imports over the API."""

import csv
import io
import json
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import openpyxl
import pytest

from tests.fixtures.api import World

SAMPLES = "/api/v1/data/lab/samples"


async def filled(world: World, count: int = 12) -> str:
    """Create samples with ties and nulls; return the mark in their names."""
    mark = uuid4().hex[:10]
    operations = [
        {
            "op": "create",
            "values": {
                "name": f"{mark} {n:03}",
                "amount": None if n % 4 == 0 else n // 3,
                "price": f"{n}.50",
                "taken_on": f"2026-{1 + n % 3:02}-10",
            },
        }
        for n in range(count)
    ]
    await world.operator.post(f"{SAMPLES}/bulk", {"operations": operations})
    return mark


def of(mark: str, **extra: str) -> str:
    wanted = quote(json.dumps({"name": {"_starts": mark}}))
    rest = "".join(f"&{name}={quote(value)}" for name, value in extra.items())
    return f"{SAMPLES}?filter={wanted}{rest}"


async def walk(world: World, path: str, after: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = f"&cursor={after}" if after else ""
    for _ in range(50):
        reply = await world.viewer.get(f"{path}{cursor}")
        found.extend(reply.data)
        page = reply.json["meta"]["page"]
        if not page["has_more"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"
    raise AssertionError("the walk does not end")


async def test_a_walk_by_cursor_meets_every_record_once_on_any_sort(
    world: World,
) -> None:
    mark = await filled(world)
    whole = (await world.viewer.get(of(mark, limit="200"))).data
    for sort in ("amount", "-amount", "amount:nulls_first,-name", "-price,name", "id"):
        rows = await walk(world, of(mark, sort=sort, limit="5"))
        assert len(rows) == 12, sort
        assert {r["id"] for r in rows} == {r["id"] for r in whole}, sort
    amounts = [
        r["amount"] for r in await walk(world, of(mark, sort="amount", limit="5"))
    ]
    known = [a for a in amounts if a is not None]
    assert known == sorted(known)
    assert amounts[len(known) :] == [None] * 3


async def test_a_walk_meets_no_record_twice_while_others_are_added(
    world: World,
) -> None:
    mark = await filled(world)
    path = of(mark, sort="-created_at", limit="5")
    first = await world.viewer.get(path)
    await world.operator.post(SAMPLES, {"name": f"{mark} new"})
    cursor = first.json["meta"]["page"]["next_cursor"]
    second = await walk(world, path, after=cursor)
    seen = [r["id"] for r in first.data] + [r["id"] for r in second]
    assert len(seen) == len(set(seen)) == 12


async def test_a_cursor_of_another_list_is_refused(world: World) -> None:
    mark = await filled(world)
    reply = await world.viewer.get(of(mark, sort="name", limit="5"))
    cursor = reply.json["meta"]["page"]["next_cursor"]
    for sort in ("-name", "price"):
        other = await world.viewer.get(of(mark, sort=sort, cursor=cursor))
        assert (other.status, other.error["code"]) == (400, "INVALID_CURSOR")


async def test_conditions_fields_and_counts(world: World) -> None:
    mark = await filled(world)
    condition = {
        "_and": [
            {"name": {"_starts": mark}},
            {"_or": [{"amount": {"_gte": 2}}, {"amount": {"_null": True}}]},
            {"price": {"_between": [1, "9.5"]}},
        ]
    }
    path = f"{SAMPLES}?filter={quote(json.dumps(condition))}&count=exact&fields=name"
    reply = await world.viewer.get(path)
    wanted = [
        n for n in range(12) if (n % 4 == 0 or n // 3 >= 2) and 1 <= n + 0.5 <= 9.5
    ]
    assert reply.json["meta"]["page"]["count"] == len(wanted)
    assert {frozenset(row) for row in reply.data} == {frozenset({"id", "name"})}
    brackets = f"{SAMPLES}?filter[name][_starts]={mark}&filter[amount][_eq]=2"
    assert len((await world.viewer.get(brackets)).data) == 2


async def test_quantifiers_look_into_lines(world: World) -> None:
    mark = uuid4().hex[:10]
    for quantity in (1, 9):
        body = {"name": mark, "parts": [{"quantity": quantity}]}
        await world.operator.post(SAMPLES, body)
    some = {"name": {"_eq": mark}, "parts": {"_some": {"quantity": {"_gt": 5}}}}
    none = {"name": {"_eq": mark}, "parts": {"_none": {"quantity": {"_gt": 5}}}}
    for condition, quantity in ((some, 9), (none, 1)):
        found = await world.viewer.get(
            f"{SAMPLES}?filter={quote(json.dumps(condition))}"
        )
        assert [r["parts"][0]["quantity"] for r in found.data] == [quantity]


async def test_aggregates_by_month(world: World) -> None:
    mark = await filled(world)
    aggregate = json.dumps({"n": {"_count": "*"}, "total": {"_sum": "amount"}})
    reply = await world.viewer.get(
        of(mark, aggregate=aggregate, group="month(taken_on)")
    )
    assert [row["n"] for row in reply.data] == [4, 4, 4]
    assert [row["month_taken_on"] for row in reply.data] == [
        "2026-01-01",
        "2026-02-01",
        "2026-03-01",
    ]


async def test_exports_say_what_the_list_says(world: World) -> None:
    mark = await filled(world)
    listed = (await world.admin.get(of(mark, sort="name", limit="200"))).data
    names = [row["name"] for row in listed]

    async def export(kind: str) -> bytes:
        path = of(mark, sort="name", format=kind).replace("?", "/export?", 1)
        reply = await world.admin.get(path)
        assert reply.status == 200
        return reply.body

    table = csv.DictReader(io.StringIO((await export("csv")).decode("utf-8-sig")))
    assert [row["name"] for row in table] == names
    lines = (await export("jsonl")).decode().splitlines()
    assert [json.loads(line) for line in lines] == listed
    sheet = openpyxl.load_workbook(io.BytesIO(await export("xlsx"))).active
    assert sheet is not None
    cells = [str(row[1].value) for row in sheet.iter_rows(min_row=2)]
    assert cells == names


async def upload(world: World, text: str, query: str = "") -> dict[str, Any]:
    reply = await world.admin.post(f"{SAMPLES}/import?format=csv{query}", text.encode())
    return reply.data


async def test_an_import_with_errors_keeps_nothing_and_lists_them(
    world: World,
) -> None:
    mark = uuid4().hex[:10]
    text = f"name,amount,taken_on\n{mark} a,1,2026-01-02\n{mark} b,x,\n,3,never\n"
    report = await upload(world, text)
    assert (report["rows"], report["imported"], report["failed"]) == (3, 0, 2)
    errors = (await world.admin.get(report["errors_url"])).body.decode().splitlines()
    assert errors[0] == "row,field,code,message,value"
    assert {line.split(",")[0] for line in errors[1:]} == {"3", "4"}
    assert (await world.viewer.get(of(mark))).data == []
    kept = await upload(world, text, "&on_error=skip")
    assert (kept["imported"], kept["failed"]) == (1, 2)
    assert [r["name"] for r in (await world.viewer.get(of(mark))).data] == [f"{mark} a"]


async def test_a_dry_run_changes_nothing_and_a_repeat_imports_nothing(
    world: World,
) -> None:
    mark = uuid4().hex[:10]
    text = "name;amount\n" + "".join(f"{mark} {n};{n}\n" for n in range(30))
    dry = await upload(world, text, "&dry_run=true")
    assert (dry["imported"], dry["dry_run"]) == (30, True)
    assert (await world.viewer.get(of(mark))).data == []
    assert (await upload(world, text))["imported"] == 30
    again = await upload(world, text)
    assert again["repeated"] is True
    counted = await world.viewer.get(of(mark, count="exact"))
    assert counted.json["meta"]["page"]["count"] == 30


@pytest.mark.parametrize(
    "typed", ["{0}-{1}-{2}", "{0} {1} {2}", "+62 {3}-{1}-{2}", "+62{3}{1}{2}"]
)
async def test_a_phone_is_found_however_it_is_written(world: World, typed: str) -> None:
    parts = ["0899", *(f"{uuid4().int % 10**4:04}" for _ in range(2)), "899"]
    phone = "".join(parts[:3])
    made = await world.admin.post(
        "/api/v1/customers", {"name": "Nyoman", "phone": phone}
    )
    assert made.status == 201, made.body
    search = typed.format(*parts).replace("+", "%2B").replace(" ", "%20")
    found = (await world.admin.get(f"/api/v1/customers?search={search}")).data
    assert made.data["id"] in {record["id"] for record in found}
    other = await world.admin.get("/api/v1/customers?search=0899-0000-00000000")
    assert other.data == []
