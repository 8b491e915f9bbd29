"""Workbooks of more records than a sheet holds."""

import io
import json
from collections.abc import AsyncIterator

import openpyxl

from engine.transfer.columns import Column
from engine.transfer.exports import BATCH, workbook
from tests.fixtures.api import World


async def test_records_over_the_limit_of_a_sheet_go_to_the_next(world: World) -> None:
    parts = world.app._app.state.parts
    entity = await parts.catalog.entity(world.ours, "lab", "samples")
    assert entity is not None
    total = BATCH + 25

    async def rows() -> AsyncIterator[str]:
        for number in range(total):
            yield json.dumps({"name": f"=S{number}", "amount": number})

    columns = [Column((name,), entity.fields[name]) for name in ("name", "amount")]
    pieces = [p async for p in workbook(entity, columns, rows(), 200)]

    book = openpyxl.load_workbook(io.BytesIO(b"".join(pieces)))
    assert book.sheetnames == ["samples", "samples 2", "samples 3"]
    found = []
    for sheet in book:
        heading, *records = sheet.iter_rows(values_only=True)
        assert heading == ("name", "amount")
        assert len(records) <= 200
        found += records
    # Texts that look like formulas are still texts.
    assert found == [(f"=S{number}", number) for number in range(total)]
    assert {cell.data_type for cell in book["samples"]["A"]} == {"s"}
