"""docs/mikrotik.md lists every code and every field, and no other."""

import re
from pathlib import Path

from connectors.mikrotik import errors
from connectors.mikrotik.errors import Advice, RouterError
from connectors.mikrotik.fields import FIELDS, MENU, Kind
from connectors.mikrotik.results import NotSent

TEXT = (Path(__file__).parents[2] / "docs" / "mikrotik.md").read_text(encoding="utf-8")
FIRST_WORD = {
    Advice.RETRY: "retry",
    Advice.REPLAN: "read",
    Advice.STOP: "stop",
    Advice.ALERT: "stop",
}


def rows_after(heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading."""
    part = TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_code_is_listed_with_its_advice() -> None:
    classes = [
        made
        for made in [*vars(errors).values(), NotSent]
        if isinstance(made, type) and issubclass(made, RouterError)
    ]
    advice = {made.code: made.advice for made in classes}
    listed = {
        code: words
        for codes, _, words in rows_after("What can go wrong")
        for code in re.findall(r"`(\w+)`", codes)
    }
    assert listed.keys() == advice.keys()
    for code, words in listed.items():
        assert words.startswith(FIRST_WORD[advice[code]]), code
        assert ("administrator" in words) == (advice[code] is Advice.ALERT), code


def test_every_field_that_is_written_is_listed() -> None:
    listed = {
        menu.strip("`"): set(re.findall(r"`([\w-]+)`", cells[-1]))
        for menu, *cells in rows_after("What is written")
    }
    for kind in Kind:
        own = {"name", "comment"} | ({"password"} if kind is Kind.SECRET else set())
        assert listed[MENU[kind]] == set(FIELDS[kind]) | own
