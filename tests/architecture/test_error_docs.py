"""docs/error-codes.md lists exactly the codes that the code can answer with."""

import re
from pathlib import Path

from engine import errors
from engine.api.problems import MethodNotAllowed
from engine.errors import RangkaError

ROOT = Path(__file__).parents[2]


def codes_of_the_code() -> set[str]:
    found = {cls.default_code for cls in RangkaError.__subclasses__()}
    found |= {RangkaError.default_code, MethodNotAllowed.default_code}
    assert errors.NotFound.default_code in found
    for folder in ("engine", "registry"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            found |= set(re.findall(r'code="([A-Z][A-Z_]+)"', text))
            found |= set(re.findall(r'AssignmentError\(\s*"([A-Z_]+)"', text))
            found |= set(re.findall(r'"(INVALID_CURSOR|UNKNOWN_PARAMETER)"', text))
            if path.name.startswith("publishing"):
                words = re.findall(r'PublishError\(\s*"([a-z_]+)"', text)
                # Findings and unknown versions answer with general codes.
                found |= {
                    word.upper()
                    for word in words
                    if word not in {"findings", "unknown_version", "unknown_service"}
                }
    return found


def test_the_page_lists_every_code_and_no_other() -> None:
    page = (ROOT / "docs" / "error-codes.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([A-Z_]+)` \|", page, re.MULTILINE)
    assert sorted(listed) == sorted(set(listed))
    assert set(listed) == codes_of_the_code()
