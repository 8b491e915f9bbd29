"""Log lines: one JSON object each, without echoes of what is told elsewhere."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from engine import logs


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Where a configured process writes; the usual handlers come back afterwards."""
    found = io.StringIO()
    monkeypatch.setattr("sys.stderr", found)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("info")
    yield found
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_is_json_with_its_fields(written: io.StringIO) -> None:
    with logs.about({"request_id": "r1"}):
        logging.getLogger("rangka.x").info("done %d", 3, extra={"fields": {"ms": 4}})
    line = json.loads(written.getvalue())
    assert (line["logger"], line["level"], line["message"]) == (
        "rangka.x",
        "info",
        "done 3",
    )
    assert (line["request_id"], line["ms"]) == ("r1", 4)


def test_an_error_that_is_raised_is_not_echoed_by_the_driver(
    written: io.StringIO,
) -> None:
    driver = logging.getLogger("psycopg")
    driver.warning("error ignored terminating %r: %s", "<pipe>", "pipeline aborted")
    driver.warning("something else")
    logging.getLogger("psycopg.pool").warning("a pool has trouble")
    told = [json.loads(line)["message"] for line in written.getvalue().splitlines()]
    assert told == ["something else", "a pool has trouble"]
