"""Resolve the newest allowed versions into requirements/*.txt, hashes and no addresses.

`make lock` runs it. A lock that names a host would only work where that host does.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LOCKS = ROOT / "requirements"
HEADER = "# Written by `make lock`; do not edit.\n"


def compile_lock(name: str, *source: str) -> None:
    """Write one lock from the given sources of `uv pip compile`."""
    print(f"lock: requirements/{name}.txt")
    target = LOCKS / f"{name}.txt"
    subprocess.run(
        [
            Path(sys.executable).with_name("uv"), "pip", "compile", "--quiet",
            "--universal", "--generate-hashes", "--upgrade", "--no-header",
            "--no-emit-index-url", "--no-emit-find-links", "--no-annotate",
            "--python-version", "3.11", "--output-file", target, *source,
        ],
        cwd=ROOT,
        check=True,
    )  # fmt: skip
    text = target.read_text()
    addresses = re.findall(r"\S*(?:://|--(?:extra-)?index-url|--find-links)\S*", text)
    if addresses:
        target.unlink()
        sys.exit(f"lock: {target.name} would hold addresses: {', '.join(addresses)}")
    target.write_text(HEADER + text)


def main() -> None:
    """Write the locks: what runs, develops and is compared, and the installer."""
    LOCKS.mkdir(exist_ok=True)
    uv = LOCKS / "uv.in"
    compile_lock("uv", str(uv))
    compile_lock("run", "pyproject.toml")
    compile_lock("dev", "pyproject.toml", "--group", "dev")
    # Installed beside the others, so with the same versions.
    constraint = str(LOCKS / "dev.txt")
    compile_lock("bench", "--group", "bench", "--constraint", constraint)


if __name__ == "__main__":
    main()
