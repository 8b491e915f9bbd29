"""`rangka demo`: a filled system in one command."""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from engine.cli import Subparsers
from engine.cli.options import add_server_options, port_number, settings_from
from engine.settings import Settings

MOCK_PORT = 8090
"""Where the definition of the WhatsApp gateway expects it."""

ROUTER_PORT = 8728
"""Where RouterOS listens for its API without TLS, and the simulator by itself."""


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "demo",
        help="start with demo data and print the logins",
        description=(
            "Prepare the database, load two tenants with services, users and customers "
            "(once; a second start keeps what is there), print where to log in, and "
            "serve until interrupted. Beside it run a simulated router, which the "
            "customers of one tenant are connected to, and a simulated WhatsApp "
            "gateway; with --no-serve none of the three. Requests and jobs are not "
            "logged, unless RANGKA_LOG_LEVEL says so."
        ),
    )
    add_server_options(parser)
    parser.add_argument(
        "--json", action="store_true", help="print URL and logins as one JSON object"
    )
    parser.add_argument(
        "--no-serve", action="store_true", help="load the data and stop"
    )
    parser.add_argument(
        "--router-port",
        type=port_number,
        default=ROUTER_PORT,
        metavar="N",
        help=f"the simulated router listens here ({ROUTER_PORT}; another when taken)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Load the demo, print the logins, serve."""
    from engine import bootstrap
    from engine.cli.database import running_database
    from engine.cli.serve import check_address, serve
    from engine.demo.simulator import Simulator

    settings = _with_examples(settings_from(args))
    if not args.no_serve:
        # Before the loading, which would be in vain.
        check_address(settings)

    def progress(text: str) -> None:
        print(f"  {text} …", file=sys.stderr, flush=True)

    with ExitStack() as running:
        simulator = None
        if not args.no_serve:
            simulator = running.enter_context(Simulator(args.router_port))
        running.enter_context(running_database(settings))
        progress("Preparing the database")
        bootstrap.prepare(settings)
        port = simulator.port() if simulator else args.router_port
        found = asyncio.run(_load(settings, port, progress))
        shown: dict[str, Any] = {"url": settings.public_url, "logins": found}
        if simulator:
            pid = simulator.process_id
            shown["router"] = {"address": f"127.0.0.1:{port}", "process": pid}
        print(json.dumps(shown) if args.json else _text(shown), flush=True)
        if simulator:
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
    if _is_taken(MOCK_PORT):
        told = f"Port {MOCK_PORT} is taken: the WhatsApp gateway is what listens there"
        print(f"  {told}.", file=sys.stderr, flush=True)
        yield
        return
    mock = subprocess.Popen([sys.executable, str(script)])  # noqa: S603 - our own
    try:
        yield
    finally:
        mock.terminate()
        mock.wait()


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _with_examples(settings: Settings) -> Settings:
    """Return settings with which the examples' code and what is simulated run, too."""
    from dataclasses import replace

    from engine.demo.load import EXAMPLES

    if settings.gateway_networks is None:
        settings = replace(settings, gateway_networks="127.0.0.0/8")
    if "RANGKA_LOG_LEVEL" not in os.environ:
        # The log of requests and jobs would push the log-ins off the screen.
        settings = replace(settings, log_level="warning")
    # The simulated router listens on this machine.
    routers = f"{settings.router_networks},127.0.0.0/8"
    settings = replace(settings, router_networks=routers)
    if settings.services_path is not None or not EXAMPLES.is_dir():
        return settings
    return replace(settings, services_path=str(EXAMPLES))


async def _load(
    settings: Settings, router_port: int, progress: Callable[[str], None]
) -> list[dict[str, str]]:
    from dataclasses import asdict

    from engine.demo import load
    from engine.parts import open_parts

    async with open_parts(settings) as parts:
        logins = await load(parts, progress, router_port=router_port)
        return [asdict(login) for login in logins]


def _text(shown: Mapping[str, Any]) -> str:
    """Return the same for people; with a router in it, when it is served."""
    router = shown.get("router")
    opening = f"Open {shown['url']} and log in" if router else "The data is loaded"
    lines = [f"\n{opening}:\n"]
    lines += [
        f"  {login['role']:<14} {login['email']:<28} {login['password']}"
        f"   ({login['tenant']})"
        for login in shown["logins"]
    ]
    if router:
        lines.append(
            f"\nA simulated router answers at {router['address']} (process "
            f"{router['process']});\nthe customers of Maju Bersama are connected to it."
            "\n\nRANGKA_LOG_LEVEL=info shows each request and job. Ctrl-C stops it.\n"
        )
    else:
        lines.append("\nWithout --no-serve the same command serves it.\n")
    return "\n".join(lines)
