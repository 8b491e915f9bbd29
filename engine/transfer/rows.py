"""Files of an import as rows: CSV and JSONL, piece by piece.

Owns decoding only. A row is a mapping from field name to CSV text or JSON value,
with the number of the row in the file (the header is line 1 of a CSV).
"""

import csv
import io
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

from engine.errors import BadRequest, ValidationFailed
from engine.payload import parse
from engine.transfer.cells import unguarded

MAX_LINE_BYTES = 1024 * 1024
MAX_CELL_CHARACTERS = 2 * MAX_LINE_BYTES
csv.field_size_limit(MAX_CELL_CHARACTERS)
"""Over what a line may have, so that it is lines that are refused, with their number;
`csv` by itself stops at 131,072."""

Row = tuple[int, Mapping[str, Any]]


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Yield the lines of a UTF-8 file without their line ends.

    Raises BadRequest when it is not UTF-8 or a line is over 1 MiB.
    """
    rest = b""
    first = True
    async for chunk in chunks:
        rest += chunk
        *whole, rest = rest.split(b"\n")
        if len(rest) > MAX_LINE_BYTES:
            raise BadRequest(
                "A line is longer than 1 MiB; is this a CSV or JSONL file?"
            )
        for line in whole:
            yield _text(line, first=first)
            first = False
    if rest:
        yield _text(rest, first=first)


def _text(line: bytes, *, first: bool) -> str:
    try:
        text = line.decode("utf-8").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise BadRequest(
            "The file is not UTF-8. In a spreadsheet, save it as “CSV UTF-8”."
        ) from error
    return text.removeprefix("\ufeff") if first else text


async def jsonl_rows(source: AsyncIterator[str]) -> AsyncIterator[Row]:
    """Yield one row a line; a line that is no JSON object has the key None."""
    number = 0
    async for line in source:
        number += 1
        if not line.strip():
            continue
        try:
            value = parse(line, any_text=True)
        except (BadRequest, ValidationFailed):
            value = None
        yield number, value if isinstance(value, dict) else {_BROKEN: line[:200]}


_BROKEN = ""
"""Name under which a line stands that could not be read."""


def is_broken(row: Mapping[str, Any]) -> bool:
    """Return whether the line could not be read at all."""
    return _BROKEN in row


async def csv_rows(source: AsyncIterator[str]) -> AsyncIterator[Row]:
    """Yield the rows of a CSV file (RFC 4180) with a header line.

    The separator is `,`, `;` or a tab, told by the header; spreadsheets with
    Indonesian settings write `;`.
    """
    header: list[str] | None = None
    delimiter = ",;\t"
    pending: list[str] = []
    size = started = number = 0
    quoted = False
    async for line in source:
        number += 1
        if not pending:
            started = number
        pending.append(line)
        size += len(line) + 1
        quoted = _ends_quoted(line, delimiter, quoted=quoted)
        if quoted:
            if size > MAX_LINE_BYTES:
                raise BadRequest(f'Line {started}: a quote (") is never closed.')
            continue
        record = "\n".join(pending)
        pending, size = [], 0
        if not record.strip():
            continue
        if header is None:
            delimiter = max(",;\t", key=record.count)
            header = [name.strip() for name in _cells(record, delimiter) or ()]
            _check_header(header)
            continue
        cells = _cells(record, delimiter)
        if cells is None or len(cells) > len(header):
            yield started, {_BROKEN: record[:200]}
            continue
        yield started, dict(zip(header, map(unguarded, cells), strict=False))
    if pending:
        raise BadRequest(f'Line {started}: a quote (") is never closed.')
    if header is None:
        raise BadRequest("The file is empty; its first line names the fields.")


def _ends_quoted(line: str, delimiters: str, *, quoted: bool) -> bool:
    """Return whether a line ends inside a quoted cell, given how it begins.

    A quote opens a cell only at its start; elsewhere (`5" pipe`) it is a character
    like others, as `csv` reads it.
    """
    place = line.find('"')
    while place >= 0:
        if not quoted:
            quoted = place == 0 or line[place - 1] in delimiters
        elif line.startswith('"', place + 1):
            place += 1
        else:
            quoted = False
        place = line.find('"', place + 1)
    return quoted


def _cells(record: str, delimiter: str) -> list[str] | None:
    """Return the cells of one record; None when `csv` reads it as several.

    That is so when it holds a carriage return outside quotes.
    """
    rows = list(csv.reader(io.StringIO(record, newline=""), delimiter=delimiter))
    return rows[0] if len(rows) == 1 else None


def _check_header(header: list[str]) -> None:
    if not header:
        raise BadRequest(
            "The lines end in carriage returns alone. In a spreadsheet, save it as "
            "“CSV UTF-8”."
        )
    empty = [str(index + 1) for index, name in enumerate(header) if not name][:20]
    times = Counter(header)
    twice = sorted(name for name in times if name and times[name] > 1)[:20]
    if empty:
        raise BadRequest(f"Column {', '.join(empty)} has no name in the first line.")
    if twice:
        raise BadRequest(f"The first line names twice: {', '.join(twice)}.")
