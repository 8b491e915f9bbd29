"""Options that several commands share, and how they become settings."""

import argparse
from pathlib import Path

from engine.settings import Settings


def add_settings_options(parser: argparse.ArgumentParser) -> None:
    """Add `--data-dir`; everything else is said by `RANGKA_…` variables."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        metavar="FOLDER",
        help="folder of the embedded database and files (RANGKA_DATA_DIR, ./var)",
    )


def add_server_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a command that serves HTTP."""
    add_settings_options(parser)
    parser.add_argument(
        "--host", metavar="ADDRESS", help="listen here (RANGKA_HOST, 127.0.0.1)"
    )
    parser.add_argument(
        "--port", type=port_number, metavar="N", help="listen here (RANGKA_PORT, 8000)"
    )
    parser.add_argument(
        "--workers", type=_workers, metavar="N", help="processes (RANGKA_WORKERS, 1)"
    )


def settings_from(args: argparse.Namespace) -> Settings:
    """Return the environment's settings with the options given on the command line."""
    data_dir: Path | None = args.data_dir
    return Settings.from_environment(
        data_dir=data_dir.expanduser().absolute() if data_dir else None,
        host=getattr(args, "host", None),
        port=getattr(args, "port", None),
        workers=getattr(args, "workers", None),
    )


def installed_settings_from(args: argparse.Namespace) -> Settings:
    """Return the settings of an installation that is there; raises NoInstallation.

    For commands that would be of no use in a new one, and must not make it.
    """
    return Settings.of_installation(data_dir=args.data_dir)


def port_number(text: str) -> int:
    """Return the TCP port of an argument; argparse says what is wrong with others."""
    return _whole(text, 65535)


def _workers(text: str) -> int:
    return _whole(text, 256)


def _whole(text: str, most: int) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number from 1 to {most}"
        )
    return int(text)
