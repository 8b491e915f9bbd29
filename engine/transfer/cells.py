"""CSV cells that a spreadsheet takes for text, and the texts they stand for; pure."""

import csv
import io
import re
from collections.abc import Sequence

_RUN = re.compile(r"'*(?:[=@\t\r\n＝＋－＠]|[+-](?![\d .,:/()-]*\Z))")
"""What a spreadsheet takes for a formula, after quotes that guard it already."""


def guarded(text: str) -> str:
    """Return a text as a CSV cell that no spreadsheet runs: with `'` before it.

    OWASP, "CSV Injection". Numbers and telephone numbers stay as they are.
    """
    return f"'{text}" if _RUN.match(text) else text


def unguarded(cell: str) -> str:
    """Return the text that `guarded` made this cell of."""
    return cell[1:] if cell.startswith("'") and _RUN.match(cell[1:]) else cell


def csv_line(cells: Sequence[str]) -> bytes:
    """Return one line of a CSV file (RFC 4180) with its cells guarded."""
    line = io.StringIO(newline="")
    csv.writer(line).writerow([guarded(cell) for cell in cells])
    return line.getvalue().encode()
