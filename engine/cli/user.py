"""`rangka user create`: a user of a tenant, or a super admin, from the command line."""

import argparse
import asyncio
import getpass
import sys

from engine.cli import Subparsers
from engine.cli.options import add_settings_options, installed_settings_from
from engine.settings import Settings


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "user",
        help="make users",
        description="Make users without the web page, such as the first super admin.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    create = commands.add_parser(
        "create",
        help="make a user",
        description=(
            "Make a user and give roles of one tenant. What exists stays: an account "
            "keeps its password and name, and its other roles. The password is asked "
            "for, or read from standard input, so that it shows in no process list."
        ),
    )
    create.add_argument("email", help="e-mail address to log in with")
    create.add_argument("--name", help="name of the person (default: the address)")
    place = create.add_mutually_exclusive_group(required=True)
    place.add_argument("--tenant", metavar="SLUG", help="make a member of this tenant")
    place.add_argument(
        "--super-admin",
        action="store_true",
        help="make a super admin, and the core tenant if there is none yet",
    )
    create.add_argument(
        "--role",
        action="append",
        default=[],
        metavar="NAME",
        dest="roles",
        help="role in the tenant, such as TENANT_ADMIN; may be repeated",
    )
    create.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from standard input instead of asking",
    )
    add_settings_options(create)
    create.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Make the user; 1 when what was given cannot be used."""
    if args.super_admin and args.roles:
        sys.stderr.write("rangka: --role belongs to --tenant; leave it out.\n")
        return 2
    settings = installed_settings_from(args)
    if args.password_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = getpass.getpass("Password: ")

    from engine.cli.database import installed_database
    from engine.errors import RangkaError

    with installed_database(settings):
        try:
            print(asyncio.run(_create(settings, args, password)))
        except RangkaError as error:
            sys.stderr.write(f"rangka: {error.message}\n")
            for detail in error.details:
                sys.stderr.write(f"  {detail.field}: {detail.message}\n")
            return 1
    return 0


async def _create(settings: Settings, args: argparse.Namespace, password: str) -> str:
    from engine.database import Database
    from engine.errors import NotFound
    from engine.identity.passwords import Passwords
    from engine.platform import ensure_core, ensure_user

    database = Database(
        app_dsn=settings.app_database_url,
        system_dsn=settings.system_database_url,
        owner_dsn=settings.owner_database_url,
    )
    await database.open()
    hashing = Passwords()
    try:
        name = args.name or args.email
        if args.super_admin:
            made = await ensure_core(
                database, hashing, email=args.email, password=password, name=name
            )
        else:
            async with database.system() as connection:
                found = await connection.execute(
                    "SELECT id FROM rangka.tenants WHERE slug = %s", (args.tenant,)
                )
                row = await found.fetchone()
            if row is None:
                raise NotFound(f"There is no tenant with the slug {args.tenant}.")
            made = await ensure_user(
                database,
                hashing,
                row["id"],
                email=args.email,
                password=password,
                name=name,
                roles=tuple(args.roles),
            )
    finally:
        hashing.close()
        await database.close()
    if made.is_new:
        return f"Made {args.email}."
    return f"{args.email} had an account; its password stays, its roles were added."
