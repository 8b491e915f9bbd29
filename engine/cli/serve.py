"""`rangka serve`: the database, its migrations, then the HTTP server.

This parent process only supervises. Worker processes build the application
(`engine.app:create`) from the environment they inherit.
"""

import argparse
import errno
import os
import socket

from engine.cli import Subparsers
from engine.cli.options import add_server_options, settings_from
from engine.settings import Settings, StartupError

APPLICATION = "engine.app:create"


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "serve",
        help="start the application",
        description=(
            "Start the embedded database if none is configured, bring its tables to "
            "this version, and serve the API and the web page until interrupted. On "
            "SIGTERM or Ctrl-C running requests are finished first."
        ),
    )
    add_server_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until a signal."""
    serve(settings_from(args))
    return 0


def serve(settings: Settings) -> None:
    """Start what is needed, serve until a signal, stop what was started.

    Raises:
        StartupError: the port is taken, or the database cannot be used.
    """
    from engine import bootstrap
    from engine.cli.database import running_database

    check_address(settings)
    with running_database(settings):
        bootstrap.prepare(settings)
        for url in (settings.app_database_url, settings.system_database_url):
            with bootstrap.connect(url) as connection:
                bootstrap.check_roles(connection)
        _run_server(settings)


def _run_server(settings: Settings) -> None:
    from granian import Granian
    from granian.constants import Interfaces, Loops
    from granian.log import LogLevels

    from engine import metrics

    os.environ.update(settings.to_environment())
    if settings.workers > 1:
        os.environ.update(metrics.share(settings.data_dir / "metrics"))
    Granian(
        APPLICATION,
        factory=True,
        interface=Interfaces.ASGI,
        address=settings.host,
        port=settings.port,
        workers=settings.workers,
        loop=Loops.uvloop,
        log_level=LogLevels(settings.log_level),
        websockets=True,
        workers_kill_timeout=settings.drain_seconds,
        # A worker that died is replaced; one that cannot start at all ends the server.
        respawn_failed_workers=True,
    ).serve()


def check_address(settings: Settings) -> None:
    """Refuse a taken port before anything is started."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StartupError(
                    f"Port {settings.port} of {settings.host} is taken: another "
                    "program listens there. Stop it, or choose another port by --port."
                ) from error
            raise StartupError(
                f"Nothing can listen on {settings.host} port {settings.port}: "
                f"{error.strerror}. Choose others by --host and --port."
            ) from error
