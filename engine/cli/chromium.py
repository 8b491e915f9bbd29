"""Where a Chromium for the browser tests is on this machine.

Used by `rangka doctor`, by the tests and by the installer in `.ci`; the running
application needs no browser.
"""

import os
import shutil
import sys
from pathlib import Path

VARIABLE = "RANGKA_CHROMIUM"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> Path | None:
    """Return the program: `RANGKA_CHROMIUM`, the system's, or Playwright's own."""
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named) if os.access(named, os.X_OK) else None
    for name in _NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    programs = (
        "chromium-*/chrome-linux*/chrome",
        "chromium-*/chrome-mac*/*.app/Contents/MacOS/*",
    )
    downloaded = [p for glob in programs for p in _playwright_folder().glob(glob)]
    return max(downloaded, default=None, key=lambda path: path.stat().st_mtime)


def _playwright_folder() -> Path:
    named = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if named and named != "0":
        return Path(named)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ms-playwright"
    return Path.home() / ".cache" / "ms-playwright"
