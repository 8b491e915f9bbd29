"""A thousand hostile documents cost little, and none of them gets in."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "fixtures" / "hostile_openapi.py"
MEGABYTES = 1024
"""Of address space, the interpreter and its libraries included."""


def test_none_gets_in_each_is_explained_and_memory_is_bounded() -> None:
    # The time is a guard against documents that never end, not a measurement.
    run = subprocess.run(
        [sys.executable, str(SCRIPT), "1000", str(MEGABYTES)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (run.returncode, run.stdout) == (0, "1000\n"), run.stderr[-2000:]
