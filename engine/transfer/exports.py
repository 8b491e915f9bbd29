"""Export: a list with its filters, whole, as CSV, JSONL or XLSX, in bounded memory."""

import asyncio
import csv
import io
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import xlsxwriter
from psycopg import AsyncServerCursor
from uuid_utils.compat import uuid7

from engine import record_sql
from engine.context import RequestContext
from engine.database import Database, Transaction
from engine.driver import Call
from engine.errors import Forbidden
from engine.policy import Policy
from engine.query import ListQuery, parse_list, plan_export
from engine.query.scope import Directory
from engine.record_reads import RecordReader
from engine.record_session import InTransaction
from engine.transfer.cells import guarded
from engine.transfer.columns import Column, columns_of
from engine.transfer.sheet_cells import Reader, locale_of, with_titles
from metadata.compiled import CompiledEntity

BATCH = 500
CHUNK_BYTES = 64 * 1024
SPOOL_BYTES = 4 * 1024 * 1024
MAX_SHEET_ROWS = 1_048_575

Writer = Callable[
    [CompiledEntity, Sequence[Column], AsyncIterator[str]], AsyncIterator[bytes]
]

CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class Export:
    """A download: its pieces, its type and its file name."""

    chunks: AsyncIterator[bytes]
    content_type: str
    file_name: str


class Exports:
    """Writes whole lists as files."""

    def __init__(
        self, database: Database, policy: Policy, reader: RecordReader
    ) -> None:
        self._database = database
        self._policy = policy
        self._reader = reader

    async def start(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        query_string: str,
        accept_language: str | None = None,
    ) -> Export:
        """Return the download; raises Forbidden and BadRequest before its first byte.

        A workbook speaks the language asked for, else the tenant's.
        Needs the permissions `read` and `export`; the read grant decides which rows
        and fields are in it.
        """
        query = parse_list(query_string)
        allowed = await self._policy.authorize(ctx, entity.resource, "export")
        grant = await self._reader.readable(ctx, entity)
        if not allowed.allowed:
            raise Forbidden(
                f"Your role may not export {entity.name}. An administrator of your "
                f"tenant can allow {entity.resource}:export."
            )

        def plan(found: Directory) -> tuple[Call, list[Column]]:
            columns = columns_of(found, entity, grant, query)
            if query.format != "xlsx":
                return plan_export(found, ctx, entity, grant, query), columns
            titled, titles = with_titles(found, entity, query)
            columns = [replace(c, title=titles.get(c.heading, "")) for c in columns]
            return plan_export(found, ctx, entity, grant, titled), columns

        call, columns = await self._reader.directory(ctx).plan(plan)
        rows = self._rows(ctx, entity, call, query)
        locale = locale_of(accept_language, ctx.locale)
        reader = Reader(locale, ZoneInfo(ctx.time_zone))
        writers: Mapping[str, Writer] = {
            "csv": csv_file,
            "jsonl": _jsonl,
            "xlsx": partial(workbook, reader=reader),
        }
        return Export(
            _whole(writers[query.format](entity, columns, rows)),
            CONTENT_TYPES[query.format],
            f"{entity.name}.{query.format}",
        )

    async def _rows(
        self, ctx: RequestContext, entity: CompiledEntity, call: Call, query: ListQuery
    ) -> AsyncIterator[str]:
        """Yield each record as JSON text, from a cursor on the server."""
        statement, params = call
        async with self._database.export(ctx.tenant_id) as connection:
            await _log(connection, ctx, entity, query)
            values = [None if p is None else p.decode() for p in params]
            text = _named(statement.text, len(values))
            async with AsyncServerCursor(connection, "rangka_export") as cursor:
                cursor.itersize = BATCH
                named = {f"p{i + 1}": value for i, value in enumerate(values)}
                await cursor.execute(text.encode(), named)
                async for row in cursor:
                    yield next(iter(row.values())) if isinstance(row, dict) else row[0]


async def _log(
    connection: Transaction,
    ctx: RequestContext,
    entity: CompiledEntity,
    query: ListQuery,
) -> None:
    entry = record_sql.LogEntry(
        id=uuid7(),
        tenant_id=ctx.tenant_id,
        actor_id=ctx.user_id,
        actor_name=ctx.email,
        action="export",
        changes={"format": [None, query.format]},
        request_id=ctx.request_id,
        ip=ctx.ip,
    )
    call = record_sql.append_log(entity.service, entity.name, None, entry)
    await InTransaction(connection).run([call])


def _named(text: str, count: int) -> str:
    """Return the statement with psycopg's named placeholders instead of `$n`."""
    text = text.replace("%", "%%")
    for number in range(count, 0, -1):
        text = text.replace(f"${number}::", f"%(p{number})s::")
    return text


async def _whole(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield a file once it is there as a whole, in memory or on disk.

    A client that reads slowly, or not at all, then keeps no transaction open; and what
    goes wrong halfway is still answered as an error.
    """
    with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as file:
        async for chunk in chunks:
            file.write(chunk)
        file.seek(0)
        while piece := file.read(CHUNK_BYTES):
            yield piece


async def csv_file(
    _entity: CompiledEntity, columns: Sequence[Column], rows: AsyncIterator[str]
) -> AsyncIterator[bytes]:
    """Yield a CSV file with a heading (RFC 4180); formulas are guarded."""
    # The mark tells spreadsheets that the file is UTF-8.
    buffer = io.StringIO("\ufeff", newline="")
    buffer.seek(0, io.SEEK_END)
    writer = csv.writer(buffer)
    writer.writerow([column.heading for column in columns])
    async for row in rows:
        record = json.loads(row)
        writer.writerow([guarded(column.text(record)) for column in columns])
        if buffer.tell() > CHUNK_BYTES:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue().encode()


async def _jsonl(
    _entity: CompiledEntity, _columns: Sequence[Column], rows: AsyncIterator[str]
) -> AsyncIterator[bytes]:
    pieces: list[str] = []
    size = 0
    async for row in rows:
        pieces.append(row)
        size += len(row)
        if size > CHUNK_BYTES:
            yield ("\n".join(pieces) + "\n").encode()
            pieces, size = [], 0
    if pieces:
        yield ("\n".join(pieces) + "\n").encode()


async def workbook(
    entity: CompiledEntity,
    columns: Sequence[Column],
    rows: AsyncIterator[str],
    *,
    reader: Reader,
    sheet_rows: int = MAX_SHEET_ROWS,
) -> AsyncIterator[bytes]:
    """Yield an XLSX file; it is written to a temporary file, row by row.

    A sheet holds `sheet_rows` records below its headings; more go to further sheets.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "export.xlsx"
        # Texts stay texts: a value that starts with = must never become a formula.
        options = {
            "constant_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "tmpdir": folder,
            "default_date_format": "yyyy-mm-dd",
        }
        book = xlsxwriter.Workbook(str(path), options)
        bold = book.add_format({"bold": True})
        clock = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        headings = [reader.heading(column) for column in columns]
        sheets = [_sheet(book, entity.name[:31], headings, bold)]

        def write(first: int, texts: Sequence[str]) -> None:
            for number, text in enumerate(texts, first):
                place = number % sheet_rows
                if number and not place:
                    name = f"{entity.name[:24]} {len(sheets) + 1}"
                    sheets.append(_sheet(book, name, headings, bold))
                record = json.loads(text)
                for at, column in enumerate(columns):
                    cell = reader.cell(column, record)
                    if isinstance(cell, datetime):
                        sheets[-1].write_datetime(place + 1, at, cell, clock)
                    else:
                        sheets[-1].write(place + 1, at, cell)

        # A workbook costs 0.2 ms a row and its end seconds: other requests must not
        # wait for it.
        written, batch = 0, []
        async for row in rows:
            batch.append(row)
            if len(batch) == BATCH:
                await asyncio.to_thread(write, written, batch)
                written, batch = written + len(batch), []
        await asyncio.to_thread(write, written, batch)
        await asyncio.to_thread(book.close)
        with path.open("rb") as file:
            while piece := file.read(CHUNK_BYTES):
                yield piece


def _sheet(book: Any, name: str, headings: Sequence[str], bold: Any) -> Any:
    sheet = book.add_worksheet(name)
    sheet.write_row(0, 0, headings, bold)
    return sheet
