"""`rangka version`: which program this is."""

import argparse
import platform
from importlib.metadata import version as installed

from engine.cli import Subparsers


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "version",
        help="print the versions of Rangka, Python and PostgreSQL",
        description="Print the versions of Rangka, Python and the embedded PostgreSQL.",
    )
    parser.set_defaults(run=run)


def run(_args: argparse.Namespace) -> int:
    """Print one line each."""
    from engine.postgres_binaries import PostgresBinaries
    from engine.settings import Settings, StartupError

    print(f"rangka {installed('rangka')}")
    print(f"python {platform.python_version()}")
    try:
        found = PostgresBinaries.find(Settings.from_environment(secret_key=bytes(32)))
        print(f"postgresql {found.version} ({found.bin_dir})")
    except StartupError as error:
        print(f"postgresql none: {error}")
    return 0
