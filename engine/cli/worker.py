"""`rangka worker`: a process that runs jobs and serves nothing.

For installations whose servers have RANGKA_WORKER=off, or that want more hands. The
database must be there: a server, or an address in the settings, provides it.
"""

import argparse
import asyncio
import signal

from engine.cli import Subparsers
from engine.cli.options import add_settings_options, installed_settings_from
from engine.settings import Settings


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "worker",
        help="run jobs and schedules",
        description=(
            "Run jobs, schedules and consumers of events until interrupted. On SIGTERM "
            "or Ctrl-C no job is begun any more; those that run may end within "
            "RANGKA_DRAIN_SECONDS and are put back otherwise."
        ),
    )
    add_settings_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Work until a signal."""
    from engine import logs
    from engine.cli.database import running_database

    settings = installed_settings_from(args)
    logs.configure(settings.log_level)
    with running_database(settings):
        asyncio.run(work(settings))
    return 0


async def work(settings: Settings) -> None:
    """Run jobs until SIGTERM or SIGINT; what runs then ends or is put back."""
    from engine.parts import open_parts
    from engine.tracing import configure

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tracing = configure()
    async with open_parts(settings) as parts:
        parts.jobs.runner.tracing = tracing
        await parts.jobs.start(work=True)
        try:
            await stop.wait()
        finally:
            await parts.jobs.stop()
            if tracing is not None:
                tracing.close()
