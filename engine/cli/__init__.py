"""The command `rangka`: finds the command, runs it, words its failure.

Owns the frame only. Each command is one module here with `register(subparsers)`, which
sets `run`; modules import what is heavy inside `run`, so that `--help` is instant.
"""

import argparse
import importlib
import signal
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import NoReturn, TypeAlias

from engine.settings import StartupError

COMMANDS = (
    "demo",
    "serve",
    "worker",
    "migrate",
    "service",
    "user",
    "backup",
    "restore",
    "doctor",
    "version",
)
"""The commands in the order of `--help`; each is a module of this package."""

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - no public name


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="rangka",
        description="Multi-tenant, metadata-driven low-code engine.",
        epilog=(
            "Settings are read from RANGKA_… variables; docs/operations.md lists them. "
            "`rangka COMMAND --help` explains a command."
        ),
    )
    subparsers = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    for name in COMMANDS:
        importlib.import_module(f"{__name__}.{name}").register(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 is success, 1 a check or command that failed, 2 wrong usage or a start-up that
    was refused, 130 and 143 an interrupt and a termination.
    """
    args = build_parser().parse_args(argv)
    run: Callable[[argparse.Namespace], int] = args.run
    # Until a server installs its own handlers, a signal must still pass through the
    # `finally` blocks that stop the embedded database.
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return run(args)
    except StartupError as error:
        sys.stderr.write(f"rangka: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(143)
