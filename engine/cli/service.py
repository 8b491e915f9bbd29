"""`rangka service`: validate, plan, publish, export and check definitions."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from engine.cli import Subparsers
from engine.cli.options import add_settings_options, installed_settings_from
from engine.database import Database, Transaction
from engine.settings import Settings, StartupError
from metadata import bundle
from metadata.checks import Finding
from metadata.definitions import Service

T = TypeVar("T")


def register(subparsers: Subparsers) -> None:
    """Add the command and its own commands."""
    parser = subparsers.add_parser(
        "service",
        help="validate, plan, publish or export a service, or look for drift",
        description="Work with a service as a folder of JSON files.",
    )
    commands = parser.add_subparsers(metavar="command", required=True)
    for name, help_text, run in (
        ("validate", "say what is wrong with a folder", _validate),
        ("plan", "show what publishing a folder would do", _plan),
        ("publish", "publish a folder as a new version", _publish),
        ("export", "write a published service as a folder", _export),
        ("drift", "compare tables with what was published", _drift),
    ):
        command = commands.add_parser(name, help=help_text, description=help_text)
        add_settings_options(command)
        command.add_argument(
            "--json", action="store_true", help="print one JSON object for scripts"
        )
        if name in {"validate", "plan", "publish"}:
            command.add_argument("folder", type=Path, help="folder with service.json")
        if name == "export":
            command.add_argument("name", help="name of the service")
            command.add_argument("folder", type=Path, help="folder to write")
        if name == "drift":
            command.add_argument("name", nargs="?", help="service; all when left out")
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
    findings = _with_owner(args, lambda c: _findings(c, definition))
    wrong = any(f.severity == "error" for f in findings)
    if args.json:
        _print_json({"valid": not wrong, "findings": [f.as_json() for f in findings]})
        return int(wrong)
    for finding in findings:
        print(_line(finding))
    if not findings:
        print(f"{definition.name}: nothing is wrong")
    return int(wrong)


def _plan(args: argparse.Namespace) -> int:
    from registry.publishing import Publisher, PublishError

    definition = _load(args.folder)
    try:
        plan = _with_owner(args, lambda c: Publisher().plan(c, definition)).as_json()
    except PublishError as error:
        return _refused(args, error)
    if args.json:
        _print_json(plan)
    else:
        print("\n".join(_plan_lines(plan)))
    return 0 if plan["publishable"] else 1


def _publish(args: argparse.Namespace) -> int:
    from registry.publishing import Publisher, PublishError
    from registry.publishing_follow_ups import FollowUps

    definition = _load(args.folder)

    async def publish(database: Database) -> tuple[int, dict[str, Any], int]:
        async with database.owner() as connection:
            version, plan = await Publisher().publish(
                connection,
                definition,
                accept_loss=args.accept_loss,
                comment=args.comment,
            )
        left = len(plan.follow_ups)
        if left:
            left -= await FollowUps(database.owner).run()
        return version, plan.as_json(), max(left, 0)

    try:
        version, plan, left = _with_database(args, publish)
    except PublishError as error:
        return _refused(args, error)
    if args.json:
        _print_json({"version": version, "unfinished": left, "plan": plan})
        return 0
    word = "published" if plan["changed"] else "is published already"
    print(f"{definition.name} version {version} {word}")
    if left:
        print(f"{left} indexes or rules are still to be finished by the server")
    return 0


def _export(args: argparse.Namespace) -> int:
    from metadata import store

    found = _with_owner(args, lambda c: store.definition_of(c, args.name))
    if found is None:
        raise StartupError(f"There is no published service {args.name}.")
    version, definition = found
    paths = [str(path) for path in bundle.dump(definition, args.folder)]
    if args.json:
        _print_json({"name": args.name, "version": version, "files": paths})
    else:
        print("\n".join(paths))
    return 0


def _drift(args: argparse.Namespace) -> int:
    from metadata import store
    from registry.publishing_drift import Drift, all_drift, drift

    async def look(connection: Transaction) -> list[Drift]:
        if args.name is None:
            return await all_drift(connection)
        if await store.service(connection, args.name) is None:
            raise StartupError(f"There is no service {args.name}.")
        return await drift(connection, args.name)

    found = _with_owner(args, look)
    wrong = any(item.kind != "pending" for item in found)
    if args.json:
        _print_json({"in_step": not wrong, "differences": [i.as_json() for i in found]})
        return int(wrong)
    for item in found:
        print(item)
    if not found:
        print(f"{args.name or 'every service'}: the tables are as published")
    return int(wrong)


def _load(folder: Path) -> Service:
    try:
        return bundle.load(folder)
    except bundle.BundleError as error:
        raise StartupError(str(error)) from error


def _with_owner(
    args: argparse.Namespace, work: Callable[[Transaction], Awaitable[T]]
) -> T:
    """Run `work` on a connection of the owner role, in one transaction."""

    async def on_connection(database: Database) -> T:
        async with database.owner() as connection:
            return await work(connection)

    return _with_database(args, on_connection)


def _with_database(
    args: argparse.Namespace, work: Callable[[Database], Awaitable[T]]
) -> T:
    """Run `work` on a prepared database."""
    from engine.cli.database import installed_database

    settings: Settings = installed_settings_from(args)
    with installed_database(settings):
        database = Database(
            app_dsn=settings.app_database_url,
            system_dsn=settings.system_database_url,
            owner_dsn=settings.owner_database_url,
        )
        return asyncio.run(_finished(work(database)))


async def _finished(work: Awaitable[T]) -> T:
    return await work


async def _findings(connection: Transaction, definition: Service) -> list[Finding]:
    from metadata import store
    from metadata.checks import check_service

    others = await store.published(connection)
    others.pop(definition.name, None)
    return check_service(definition, others=others)


def _plan_lines(plan: dict[str, Any]) -> Sequence[str]:
    """Return a plan in plain words, with its SQL."""
    start = plan["from_version"]
    since = f"version {start}" if start else "nothing"
    lines = [f"{plan['service']}: from {since} to version {plan['to_version']}"]
    if not plan["changed"]:
        return [f"{plan['service']}: version {start} is published already"]
    lines.extend(_line(Finding(**finding)) for finding in plan["findings"])
    steps = plan["steps"]
    for number, step in enumerate(steps, 1):
        lines.append(f"{number}. {step['summary']}")
        marks = [] if step["lock"] == "none" else [f"lock {step['lock']}"]
        marks += ["rewrites every row"] if step["rewrites"] else []
        marks += [f"{step['rows']} rows"] if step["rows"] is not None else []
        marks += ["after the commit"] if step["after_commit"] else []
        if marks:
            lines.append(f"   {', '.join(marks)}")
        if step["loses"]:
            lost = step["loses"]
            lines.append(f"   DESTROYS {lost['what']} of {lost['rows']} records")
        failing = step["failing"]
        if failing["count"]:
            shown = ", ".join(repr(value) for value in failing["sample"])
            lines.append(f"   DOES NOT FIT: {failing['count']} values: {shown}")
        lines.extend(f"     {line}" for line in step["sql"].splitlines())
    if not steps:
        lines.extend(plan["summary"])
    if plan["losses"]:
        consent = " ".join(f"--accept-loss {name}" for name in plan["losses"])
        lines.append(f"To publish it, consent by {consent}")
    lines.append(
        "It can be published." if plan["publishable"] else "It cannot be published."
    )
    return lines


def _refused(args: argparse.Namespace, error: Any) -> int:
    """Say why a publish cannot go ahead; 1."""
    plan = error.plan
    if args.json:
        shown = plan.as_json() if plan is not None else None
        body = {"code": error.code, "message": error.message, "plan": shown}
        _print_json({"error": body})
        return 1
    print(error.message, file=sys.stderr)
    for finding in plan.findings if plan is not None else ():
        print(_line(finding), file=sys.stderr)
    return 1


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _line(finding: Finding) -> str:
    return f"{finding.severity}: {finding.path}: {finding.message}. {finding.remedy}"
