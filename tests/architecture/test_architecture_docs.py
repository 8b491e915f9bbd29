"""docs/architecture.md names only modules that are there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
WORD = re.compile(r"(?:\b(engine|metadata|registry|connectors)/)?([a-z_/]+)\.py\b")


def modules(line: str) -> list[str]:
    """Return the paths a line names; `a/b.py · c.py` and `a/b.py (+ c.py)` share a/."""
    found, folder = [], ""
    for match in WORD.finditer(line):
        package, rest = match.groups()
        if package:
            folder = f"{package}/{rest}".rpartition("/")[0]
            found.append(f"{package}/{rest}.py")
        elif folder:
            found.append(f"{folder}/{rest}.py")
    return found


def test_every_module_that_is_named_is_there() -> None:
    named = [path for line in TEXT.splitlines() for path in modules(line)]
    assert len(named) > 40
    assert not [path for path in named if not (ROOT / path).exists()]


def test_every_folder_that_is_named_is_there() -> None:
    named = re.findall(r"`((?:engine|metadata|registry)/[a-z_/]+/)`", TEXT)
    assert len(named) > 5
    assert not [path for path in named if not (ROOT / path).is_dir()]
