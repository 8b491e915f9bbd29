"""`python -m benchmarks`: measure, print tables of ratios, nothing else."""

import argparse
import asyncio
import os
import platform
import sys

from benchmarks import crud, definition, load, site


def main() -> int:
    """Run the chosen groups; returns 0, or 1 when a tool is missing."""
    args = _arguments()
    print(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}\n"
    )
    try:
        with site.installation() as here:
            asyncio.run(site.fill(here, tenants=args.tenants, rows=args.rows))
            with site.serving(here):
                site.log_in(here)
                for table in crud.run(
                    here,
                    seconds=args.seconds,
                    rounds=args.rounds,
                    peers=not args.no_peers,
                ):
                    print(table.show(), flush=True)
    except load.MissingTool as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="the median is shown")
    parser.add_argument("--tenants", type=int, default=definition.TENANTS)
    parser.add_argument("--rows", type=int, default=definition.ROWS)
    parser.add_argument("--no-peers", action="store_true", help="leave frameworks out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
