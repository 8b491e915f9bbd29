"""`make setup` tells each step in one line."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_web_page_is_built_with_one_line_of_progress() -> None:
    # Shows the commands and runs none; -B takes everything for outdated.
    told = subprocess.run(
        ["make", "--dry-run", "--always-make", "ui-shell/dist/index.html"],
        cwd=ROOT,
        env={**os.environ, "MAKEFLAGS": "", "MAKELEVEL": ""},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    said = re.findall(r'^echo "setup: (.*)"$', told, re.MULTILINE)
    assert said == [
        "installing the packages of the web page (about 20 s)",
        "building the web page",
    ]
    builds = [line for line in told.splitlines() if " run build" in line]
    assert len(builds) == 1
    assert "--silent" in builds[0]
    assert builds[0].endswith(" -- --logLevel warn")
