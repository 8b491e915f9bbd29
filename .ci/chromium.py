"""Find a Chromium for the browser tests, or install one where that is possible.

`make chromium` runs it: the system's package as root on Debian and its kin, otherwise
Playwright's download.
"""

import os
import shutil
import subprocess
import sys

from engine.cli.chromium import VARIABLE, find_chromium


def main() -> None:
    """Exit with a message that says what to do when there is no browser."""
    if find_chromium() is not None:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("setup: installing Chromium with apt-get (about 30 s)", flush=True)
        for command in (
            ["apt-get", "update"],
            ["apt-get", "install", "-y", "--no-install-recommends", "chromium"],
        ):
            subprocess.run(
                command,
                env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
                stdout=subprocess.DEVNULL,
                check=False,
            )
    if find_chromium() is None:
        print("setup: downloading Chromium with Playwright", flush=True)
        subprocess.run(
            [sys.executable, "-m", "playwright", "install", "chromium"], check=False
        )
    found = find_chromium()
    if found is None:
        sys.exit(
            "setup: no Chromium, and none could be installed. The browser tests need "
            "one: install the system's package `chromium`, or set "
            f"{VARIABLE} to the program of a Chromium or Chrome."
        )
    print(f"setup: browser tests will use {found}")


if __name__ == "__main__":
    main()
