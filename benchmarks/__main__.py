"""`make bench`: measure the product, print tables of ratios; nothing is asserted.

Both sides of a ratio are measured in the same run, in turn, since machines differ and
are noisy. Figures and what they mean: docs/performance.md.
"""

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Iterator

from benchmarks import (
    access,
    activation,
    changes,
    crud,
    definition,
    events,
    gateway,
    load,
    processes,
    routers,
    site,
)
from benchmarks.report import Table

GROUPS = (
    "crud",
    "access",
    "publish",
    "import",
    "start",
    "events",
    "routers",
    "activation",
    "gateway",
)


def main() -> int:
    """Run the chosen groups; returns 0, or 1 when a tool is missing."""
    args = _arguments()
    version = platform.python_version()
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {version}\n")
    try:
        for table in _tables(args):
            print(table.show(), flush=True)
    except load.MissingTool as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _tables(args: argparse.Namespace) -> Iterator[Table]:
    times = {"seconds": args.seconds, "rounds": args.rounds}
    wanted = args.groups or GROUPS
    if "start" in wanted:
        yield processes.start_up(args.rounds)
    if "routers" in wanted:
        yield from routers.run(args.rounds)
    if "activation" in wanted:
        yield activation.run()
    if set(wanted) <= {"start", "routers", "activation"}:
        return
    with site.installation() as here:
        asyncio.run(site.fill(here, tenants=args.tenants, rows=args.rows))
        with site.serving(here):
            site.log_in(here)
            if "crud" in wanted:
                yield from crud.run(here, **times, peers=not args.no_peers)
                site.log_in(here)
            if "access" in wanted:
                yield access.restricted(here, **times)
                yield access.deep_page(here, **times)
                yield asyncio.run(access.decisions(here))
            if "publish" in wanted:
                site.log_in(here)
                yield changes.run(here)
            if "import" in wanted:
                site.log_in(here)
                yield processes.import_rows(here)
            if "events" in wanted:
                site.log_in(here)
                yield events.run(here)
            if "gateway" in wanted:
                site.log_in(here)
                yield from gateway.run(here, **times)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "groups", nargs="*", choices=GROUPS, metavar="group", help=", ".join(GROUPS)
    )
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="the median is shown")
    parser.add_argument("--tenants", type=int, default=definition.TENANTS)
    parser.add_argument("--rows", type=int, default=definition.ROWS)
    parser.add_argument("--no-peers", action="store_true", help="leave frameworks out")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
