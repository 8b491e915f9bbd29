"""Workbooks of more records than a sheet holds."""

import io
import json
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from own_services import user_with

from engine.transfer.columns import Column
from engine.transfer.exports import BATCH, workbook
from engine.transfer.sheet_cells import Reader
from tests.fixtures.api import Client, World

READER = Reader("en", ZoneInfo("Asia/Jakarta"))


async def test_records_over_the_limit_of_a_sheet_go_to_the_next(world: World) -> None:
    parts = world.app._app.state.parts
    entity = await parts.catalog.entity(world.ours, "lab", "samples")
    assert entity is not None
    total = BATCH + 25

    async def rows() -> AsyncIterator[str]:
        for number in range(total):
            yield json.dumps({"name": f"=S{number}", "amount": number})

    columns = [Column((name,), entity.fields[name]) for name in ("name", "amount")]
    pieces = [
        p
        async for p in workbook(entity, columns, rows(), reader=READER, sheet_rows=200)
    ]

    book = openpyxl.load_workbook(io.BytesIO(b"".join(pieces)))
    assert book.sheetnames == ["samples", "samples 2", "samples 3"]
    found = []
    for sheet in book:
        heading, *records = sheet.iter_rows(values_only=True)
        assert heading == ("Name", "Amount")
        assert len(records) <= 200
        found += records
    # Texts that look like formulas are still texts.
    assert found == [(f"=S{number}", number) for number in range(total)]
    assert {cell.data_type for cell in book["samples"]["A"]} == {"s"}


async def test_a_workbook_is_written_for_people(world: World) -> None:
    plan, phone = await plan_named(world, "Rumah"), fresh_phone()
    customer = {
        "name": "Wayan",
        "phone": phone,
        "plan": plan["id"],
        "installed_on": "2026-03-31",
    }
    stored = (await world.admin.post("/api/v1/customers", customer)).data
    fields = "name,plan,status,installed_on,created_at"
    heading, row = await sheet(world.admin, phone, fields)
    # In the tenant's language.
    assert heading[:3] == ("Nama", "Paket", "Status")
    name, shown, status, installed, created = row
    assert (name, shown, status) == ("Wayan", plan["name"], "Calon")
    assert installed.isoformat().startswith("2026-03-31")
    # The tenant's clock, which is seven hours ahead of UTC.
    here = datetime.fromisoformat(stored["created_at"]) + timedelta(hours=7)
    assert abs(created - here.replace(tzinfo=None)) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("asked", "heading"),
    [({"accept-language": "en-GB,id;q=0.5"}, "Name"), ({}, "Nama")],
)
async def test_a_workbook_speaks_the_language_asked_for(
    world: World, asked: dict[str, str], heading: str
) -> None:
    phone = fresh_phone()
    await world.admin.post("/api/v1/customers", {"name": "Sri", "phone": phone})
    rows = await sheet(world.admin, phone, "name,phone", asked)
    assert rows[0][0] == heading
    assert rows[1][0] == "Sri"


async def test_a_title_that_may_not_be_read_is_not_in_the_workbook(
    world: World,
) -> None:
    plan, phone = await plan_named(world, "Hidden"), fresh_phone()
    customer = {"name": "Made", "phone": phone, "plan": plan["id"]}
    await world.admin.post("/api/v1/customers", customer)
    clerk = await user_with(
        world, {"permission": "customers:read"}, {"permission": "customers:export"}
    )
    rows = await sheet(clerk, phone, "name,plan")
    assert rows[1] == ("Made", plan["id"])


def fresh_phone() -> str:
    return f"08{uuid4().int % 10**10:010}"


async def plan_named(world: World, word: str) -> dict[str, str]:
    plan = {
        "name": f"{word} {uuid4().hex[:6]}",
        "download_rate": 1_000_000,
        "upload_rate": 1_000_000,
        "monthly_price": 1,
    }
    made: dict[str, str] = (await world.admin.post("/api/v1/plans", plan)).data
    return made


async def sheet(
    client: Client,
    phone: str,
    fields: str,
    headers: Mapping[str, str] | None = None,
) -> list[tuple[Any, ...]]:
    """Return the rows of the customers with a phone, heading first."""
    path = (
        f"/api/v1/customers/export?format=xlsx&fields={fields}&filter="
        f'{{"phone":{{"_eq":"{phone}"}}}}'
    )
    book = openpyxl.load_workbook(
        io.BytesIO((await client.get(path, headers=headers)).body)
    )
    return list(book["customers"].iter_rows(values_only=True))
