"""Runs one simulated router by hand: `python -m connectors.mikrotik.simulator --help`.

The only place of the simulator that reads arguments and writes to the terminal.
"""

import argparse
import asyncio
import os
import signal
import ssl
import sys
from collections.abc import Sequence
from pathlib import Path

from connectors.mikrotik.simulator.profiles import PROFILES
from connectors.mikrotik.simulator.router import User
from connectors.mikrotik.simulator.simulator import Simulator
from connectors.mikrotik.simulator.tls import anonymous_tls, certificate_tls

MOST_SECRETS = 10_000


def read_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return what the command line asks for; ends the program when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m connectors.mikrotik.simulator",
        description="A RouterOS router that exists only as its API. Stop it with "
        "Ctrl-C; nothing is kept.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="IPv4 address to listen on")
    add("--port", type=int, default=8728, help="TCP port, 0 for any free one")
    add("--profile", choices=PROFILES, default="7.18", help="RouterOS version")
    add("--user", default="admin", help="login of the API")
    add("--password", default="rangka", help="password of that login")
    add("--identity", default="MikroTik", help="name of the router")
    add("--serial", default="HGA09SIM0001", help="serial number")
    add("--secrets", type=_count, default=0, help="PPPoE customers to begin with")
    add("--redial", type=float, nargs=2, default=(1.0, 30.0), metavar="SECONDS",
        help="least and most time until a kicked customer is back")  # fmt: skip
    add("--no-dialers", action="store_true", help="no customer ever dials in")
    add("--latency", type=float, default=0.0, help="seconds before each command runs")
    add("--tls", type=Path, nargs=2, metavar=("CERTIFICATE", "KEY"),
        help="serve api-ssl with these PEM files")  # fmt: skip
    add(
        "--anonymous-tls", action="store_true", help="serve api-ssl without certificate"
    )
    add(
        "--until-eof",
        action="store_true",
        help="end when standard input does, so as not to outlive who holds it",
    )
    add("--trace", action="store_true", help="show every sentence, secrets blotted out")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > MOST_SECRETS:
        raise argparse.ArgumentTypeError(f"{text!r} is not in 0..{MOST_SECRETS}")
    return int(text)


def furnish(simulator: Simulator, secrets: int) -> None:
    """Add a pool, a profile and that many customers."""
    pool = {"name": "customers", "ranges": "10.64.0.2-10.64.255.254"}
    simulator.tables["/ip/pool"].add(pool)
    simulator.tables["/ppp/profile"].add(
        {
            "name": "10M",
            "local-address": "10.64.0.1",
            "remote-address": "customers",
            "rate-limit": "10M/10M",
        }
    )
    for number in range(1, secrets + 1):
        name = f"SIM{number:05}"
        values = {"name": name, "password": name.lower(), "profile": "10M"}
        simulator.tables["/ppp/secret"].add({**values, "service": "pppoe"})


def tls_of(options: argparse.Namespace) -> ssl.SSLContext | None:
    """Return the TLS context asked for, or None for plain TCP."""
    if options.tls:
        return certificate_tls(*options.tls)
    return anonymous_tls() if options.anonymous_tls else None


async def run(options: argparse.Namespace) -> None:
    """Serve until a signal ends the program."""
    simulator = Simulator(
        options.profile,
        {options.user: User(options.password)},
        options.serial,
        identity=options.identity,
    )
    simulator.faults.latency = options.latency
    simulator.live.redial_seconds = tuple(options.redial)
    if options.trace:
        simulator.trace.show = _write
    if options.secrets:
        furnish(simulator, options.secrets)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    if options.until_eof:
        loop.add_reader(sys.stdin, _end_with_input, ended)
    async with simulator.serve(options.host, options.port, tls_of(options)) as (
        host,
        port,
    ):
        _write(
            f"RouterOS {simulator.profile.version} on {host}:{port}, "
            f"serial {simulator.serial}, {options.secrets} secrets"
        )
        if options.no_dialers:
            await ended.wait()
            return
        dialing = asyncio.create_task(simulator.live.follow_secrets())
        await ended.wait()
        dialing.cancel()
        await asyncio.gather(dialing, return_exceptions=True)


def _end_with_input(ended: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin)
        ended.set()


def _write(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Run one router as the command line says."""
    options = read_arguments()
    try:
        asyncio.run(run(options))
    except OSError as wrong:
        sys.exit(
            f"The simulator cannot start on {options.host}:{options.port}: {wrong}. "
            "Name another --port, or check the files of --tls."
        )


if __name__ == "__main__":
    main()
