"""The overlay that docs/overlays.md shows is one that could be saved."""

import json
import re
from pathlib import Path

from metadata import bundle
from metadata.definitions import Overlay
from metadata.overlay_checks import check_overlay
from registry import builtin

PAGE = Path(__file__).parents[2] / "docs" / "overlays.md"


def test_the_page_shows_an_overlay_of_customers_without_findings() -> None:
    text = PAGE.read_text(encoding="utf-8")
    (shown,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    service = bundle.load(builtin.folder("customers"))
    overlay = Overlay.model_validate(json.loads(shown))
    findings = check_overlay(service, overlay, stored=Overlay())
    assert [finding.message for finding in findings] == []
