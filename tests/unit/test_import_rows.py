"""Files of an import as rows: nothing is dropped without a word, nothing is slow."""

import csv
import io
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import BadRequest
from engine.transfer import rows


async def pieces(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def read(content: bytes) -> list[rows.Row]:
    source = rows.lines(pieces(content))
    return [row async for row in rows.csv_rows(source)]


FILES = {
    "a quote inside cells of two lines": (
        b'name,notes\na,5" pipe\nb,6" pipe\n',
        [
            (2, {"name": "a", "notes": '5" pipe'}),
            (3, {"name": "b", "notes": '6" pipe'}),
        ],
    ),
    "a single quote inside a cell": (
        b'name,notes\na,5" pipe\nb,x\n',
        [(2, {"name": "a", "notes": '5" pipe'}), (3, {"name": "b", "notes": "x"})],
    ),
    "a quote doubled and a line break in quotes": (
        b'name;notes\na;"5"" pipe\r\nlong"\nb;x',
        [
            (2, {"name": "a", "notes": '5" pipe\nlong'}),
            (4, {"name": "b", "notes": "x"}),
        ],
    ),
    "a carriage return in quotes": (
        b'name,notes\na,"x\ry"\n',
        [(2, {"name": "a", "notes": "x\ry"})],
    ),
    "a cell of 200,000 characters": (
        b"name,notes\na," + b"x" * 200_000 + b"\n",
        [(2, {"name": "a", "notes": "x" * 200_000})],
    ),
}


@pytest.mark.parametrize("name", FILES)
async def test_every_line_becomes_a_row(name: str) -> None:
    content, expected = FILES[name]
    assert await read(content) == expected


async def test_a_carriage_return_outside_quotes_breaks_its_line_alone() -> None:
    found = await read(b"name,notes\na,x\rb,y\nc,z\n")
    assert [rows.is_broken(row) for _, row in found] == [True, False]
    assert found[1] == (3, {"name": "c", "notes": "z"})


REFUSED = {
    "lines that end in carriage returns alone": (b"name,notes\ra,b\r", "returns"),
    "a quote that is never closed": (b'name\n"a\nb\n', "Line 2"),
    "a million line breaks in quotes": (b'name\n"' + b"\n" * 2_000_000, "Line 2"),
    "a line over 1 MiB": (b"name\n" + b"a" * 3_000_000, "1 MiB"),
    "a byte that is not UTF-8": (b"name\nJos\xe9\n", "UTF-8"),
    "50,000 columns of one name": (b"a," * 50_000 + b"a\n", "names twice: a"),
    "50,000 columns without a name": (b"a" + b"," * 50_000 + b"\n", "no name"),
    "nothing": (b"", "empty"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_file_that_is_none_is_refused(name: str) -> None:
    content, words = REFUSED[name]
    with pytest.raises(BadRequest, match=words):
        await read(content)


CELLS = st.text(st.sampled_from('ab",;\n \t'), max_size=8)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=6), st.sampled_from(",;\t"))
async def test_what_was_written_as_csv_is_read_back(
    table: list[tuple[str, str]], delimiter: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(["one", "two"])
    writer.writerows(table)
    found = await read(text.getvalue().encode())
    written = [row for row in table if any(cell.strip() for cell in row)]
    read_back = [
        (row["one"], row["two"])
        for _, row in found
        if any(str(cell).strip() for cell in row.values())
    ]
    assert read_back == written
