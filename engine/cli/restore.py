"""`rangka restore`: the database of a backup in place of the present one."""

import argparse
import sys
from pathlib import Path

from engine.cli import Subparsers
from engine.cli.options import add_settings_options
from engine.settings import Settings


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "restore",
        help="bring a backup back",
        description=(
            "Replace the database by a backup. Stop the server and the workers first. "
            "The file is checked before anything is touched, and the database until "
            "now is kept under another name. On a new machine, first put the "
            "secret.key of the old one into the data folder."
        ),
    )
    parser.add_argument("file", type=Path, help="a file that `rangka backup` wrote")
    add_settings_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Restore; 1 when it fails, and then nothing has changed."""
    # Without the key nothing may be made: a new one would lock out the old one.
    settings = Settings.with_key(data_dir=args.data_dir)

    from engine.backup import BackupError, check, restore
    from engine.cli.database import running_database

    try:
        check(settings, args.file)
        with running_database(settings):
            restored = restore(settings, args.file)
    except BackupError as error:
        sys.stderr.write(f"rangka: {error}\n")
        return 1
    print(
        f"Restored {restored.tenants} tenants. The database until now is kept as "
        f"{restored.replaced}; drop it when you need it no more."
    )
    return 0
