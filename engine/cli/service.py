"""`rangka service`: validate, plan, publish and export definitions."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from engine.cli import Subparsers
from engine.cli.options import add_settings_options, settings_from
from engine.database import Transaction
from engine.settings import Settings, StartupError
from metadata import bundle
from metadata.checks import Finding
from metadata.definitions import Service

T = TypeVar("T")


def register(subparsers: Subparsers) -> None:
    """Add the command and its own commands."""
    parser = subparsers.add_parser(
        "service",
        help="validate, plan, publish or export a service",
        description="Work with a service as a folder of JSON files.",
    )
    commands = parser.add_subparsers(metavar="command", required=True)
    for name, help_text, run in (
        ("validate", "say what is wrong with a folder", _validate),
        ("plan", "show what publishing a folder would do", _plan),
        ("publish", "publish a folder as a new version", _publish),
        ("export", "write a published service as a folder", _export),
    ):
        command = commands.add_parser(name, help=help_text, description=help_text)
        add_settings_options(command)
        if name == "export":
            command.add_argument("name", help="name of the service")
            command.add_argument("folder", type=Path, help="folder to write")
        else:
            command.add_argument("folder", type=Path, help="folder with service.json")
        if name == "publish":
            command.add_argument(
                "--accept-loss",
                action="append",
                default=[],
                metavar="NAME",
                help="consent to destroying this, as the plan names it; repeatable",
            )
            command.add_argument("--comment", default="", help="why, for the history")
        command.set_defaults(run=run)


def _validate(args: argparse.Namespace) -> int:
    definition = _load(args.folder)
    findings = asyncio.run(
        _with_owner(settings_from(args), lambda c: _findings(c, definition))
    )
    for finding in findings:
        print(_line(finding))
    if not findings:
        print(f"{definition.name}: nothing is wrong")
    return 1 if any(f.severity == "error" for f in findings) else 0


def _plan(args: argparse.Namespace) -> int:
    definition = _load(args.folder)
    plan = asyncio.run(
        _with_owner(settings_from(args), lambda c: _planned(c, definition))
    )
    print(json.dumps(plan, indent=2, ensure_ascii=False))
    return 0 if plan["publishable"] else 1


def _publish(args: argparse.Namespace) -> int:
    from registry.publishing import Plan, Publisher, PublishError

    definition = _load(args.folder)

    async def publish(connection: Transaction) -> tuple[int, Plan]:
        return await Publisher().publish(
            connection, definition, accept_loss=args.accept_loss, comment=args.comment
        )

    try:
        version, plan = asyncio.run(_with_owner(settings_from(args), publish))
    except PublishError as error:
        print(error.message, file=sys.stderr)
        if error.plan is not None:
            for finding in error.plan.findings:
                print(_line(finding), file=sys.stderr)
        return 1
    word = "published" if plan.changed else "is published already"
    print(f"{definition.name} version {version} {word}")
    return 0


def _export(args: argparse.Namespace) -> int:
    from metadata import store

    async def read(connection: Transaction) -> tuple[int, Service] | None:
        return await store.definition_of(connection, args.name)

    found = asyncio.run(_with_owner(settings_from(args), read))
    if found is None:
        raise StartupError(f"There is no published service {args.name}.")
    for path in bundle.dump(found[1], args.folder):
        print(path)
    return 0


def _load(folder: Path) -> Service:
    try:
        return bundle.load(folder)
    except bundle.BundleError as error:
        raise StartupError(str(error)) from error


async def _with_owner(
    settings: Settings, work: Callable[[Transaction], Awaitable[T]]
) -> T:
    """Run `work` on a connection of the owner role, in one transaction."""
    from engine import bootstrap
    from engine.cli.database import running_database
    from engine.database import Database

    with running_database(settings):
        bootstrap.prepare(settings)
        database = Database(
            app_dsn=settings.app_database_url,
            system_dsn=settings.system_database_url,
            owner_dsn=settings.owner_database_url,
        )
        async with database.owner() as connection:
            return await work(connection)


async def _findings(connection: Transaction, definition: Service) -> list[Finding]:
    from metadata import store
    from metadata.checks import check_service

    others = await store.published(connection)
    others.pop(definition.name, None)
    return check_service(definition, others=others)


async def _planned(connection: Transaction, definition: Service) -> dict[str, Any]:
    from registry.publishing import Publisher

    return (await Publisher().plan(connection, definition)).as_json()


def _line(finding: Finding) -> str:
    return f"{finding.severity}: {finding.path}: {finding.message}. {finding.remedy}"
