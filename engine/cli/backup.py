"""`rangka backup`: the whole database in one sealed file."""

import argparse
import sys
from pathlib import Path

from engine.cli import Subparsers
from engine.cli.options import add_settings_options, installed_settings_from


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "backup",
        help="write a backup of the database",
        description=(
            "Dump the whole database, every tenant in it, while the server runs; "
            "compress and encrypt it under the secret key; keep the newest and delete "
            "older ones. The secret key itself is not in it: keep secret.key (or "
            "RANGKA_SECRET_KEY) in another place, or nobody can restore the backup."
        ),
    )
    parser.add_argument(
        "--to",
        type=Path,
        metavar="FOLDER",
        help="write it here (RANGKA_BACKUP_DIR, backups in the data folder)",
    )
    parser.add_argument(
        "--keep",
        type=int,
        metavar="N",
        help="keep the newest N backups there (RANGKA_BACKUP_KEEP, 14)",
    )
    add_settings_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the backup; 1 when it fails."""
    settings = installed_settings_from(args)

    from engine.backup import BackupError, make, prune
    from engine.cli.database import running_database

    folder: Path = args.to or settings.backup_dir
    try:
        with running_database(settings):
            backup = make(settings, folder.expanduser().absolute())
        gone = prune(settings, backup.path.parent, args.keep or settings.backup_keep)
    except BackupError as error:
        sys.stderr.write(f"rangka: {error}\n")
        return 1
    print(f"{backup.path} ({backup.size / 2**20:.1f} MiB)")
    for path in gone:
        print(f"deleted {path.name}")
    return 0
