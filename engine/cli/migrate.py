"""`rangka migrate`: make and update roles, database and platform tables."""

import argparse

from engine.cli import Subparsers
from engine.cli.options import add_settings_options, settings_from


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "migrate",
        help="make or update the database",
        description=(
            "Make what is missing in the database (roles, the database itself, "
            "extensions, rights) and bring the platform's tables to this version. "
            "It may run at any time and again; `rangka serve` does it at every start."
        ),
    )
    add_settings_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Migrate and print what was applied."""
    settings = settings_from(args)

    from engine import bootstrap
    from engine.cli.database import running_database

    with running_database(settings):
        applied = bootstrap.prepare(settings)
    for revision in applied:
        print(f"applied {revision}")
    print("The database is up to date." if not applied else "Done.")
    return 0
