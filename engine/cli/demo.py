"""`rangka demo`: a filled system in one command."""

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engine.cli import Subparsers
from engine.cli.options import add_server_options, settings_from
from engine.settings import Settings


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "demo",
        help="start with demo data and print the logins",
        description=(
            "Prepare the database, load two tenants with services, users and customers "
            "(once; a second start keeps what is there), print where to log in, and "
            "serve until interrupted."
        ),
    )
    add_server_options(parser)
    parser.add_argument(
        "--json", action="store_true", help="print URL and logins as one JSON object"
    )
    parser.add_argument(
        "--no-serve", action="store_true", help="load the data and stop"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Load the demo, print the logins, serve."""
    from engine import bootstrap
    from engine.cli.database import running_database
    from engine.cli.serve import check_address, serve

    settings = _with_examples(settings_from(args))
    if not args.no_serve:
        # Before the loading, which would be in vain.
        check_address(settings)

    def progress(text: str) -> None:
        print(f"  {text} …", file=sys.stderr, flush=True)

    with running_database(settings):
        progress("Preparing the database")
        bootstrap.prepare(settings)
        found = asyncio.run(_load(settings, progress))
        _show(settings, found, as_json=args.json)
        if not args.no_serve:
            with _outside():
                serve(settings)
    return 0


@contextmanager
def _outside() -> Iterator[None]:
    """Run the mock server of the external service; without it only its calls fail."""
    from engine.demo.load import EXAMPLES

    script = EXAMPLES / "whatsapp" / "mock_server.py"
    if not script.exists():
        yield
        return
    mock = subprocess.Popen([sys.executable, str(script)])  # noqa: S603 - our own
    try:
        yield
    finally:
        mock.terminate()
        mock.wait()


def _with_examples(settings: Settings) -> Settings:
    """Return settings with which the examples' own code and mock server run, too."""
    from dataclasses import replace

    from engine.demo.load import EXAMPLES

    if settings.gateway_networks is None:
        settings = replace(settings, gateway_networks="127.0.0.0/8")
    if settings.services_path is not None or not EXAMPLES.is_dir():
        return settings
    return replace(settings, services_path=str(EXAMPLES))


async def _load(
    settings: Settings, progress: Callable[[str], None]
) -> list[dict[str, str]]:
    from dataclasses import asdict

    from engine.demo import load
    from engine.parts import open_parts

    async with open_parts(settings) as parts:
        return [asdict(login) for login in await load(parts, progress)]


def _show(settings: Settings, logins: list[dict[str, str]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"url": settings.public_url, "logins": logins}), flush=True)
        return
    print(f"\nOpen {settings.public_url} and log in:\n")
    for login in logins:
        print(
            f"  {login['role']:<14} {login['email']:<28} {login['password']}"
            f"   ({login['tenant']})"
        )
    print("\nCtrl-C stops it.\n", flush=True)
