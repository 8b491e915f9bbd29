"""`rangka service`: validate, plan, publish, export and check definitions."""

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from engine.cli import Subparsers
from engine.cli.options import add_settings_options, installed_settings_from
from engine.database import Database, Transaction
from engine.settings import Settings, StartupError
from metadata import bundle
from metadata.checks import Finding
from metadata.definitions import Service

if TYPE_CHECKING:
    from registry.publishing import PublishError

T = TypeVar("T")


def register(subparsers: Subparsers) -> None:
    """Add the command and its own commands."""
    parser = subparsers.add_parser(
        "service",
        help="validate, plan, publish or export a service, or look for drift",
        description="Work with a service as a folder of JSON files.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, run, help_text, description in (
        (
            "validate",
            _validate,
            "check the definition in a folder before it is published",
            (
                "Check the definition in a folder, by itself and against the other "
                "published services. Looks at no tables and changes nothing. The exit "
                "code is 1 when there is an error."
            ),
        ),
        (
            "plan",
            _plan,
            "show what publishing a folder would do: SQL, locks, losses",
            (
                "Show what publishing the definition in a folder would do to the "
                "tables. Changes nothing. The exit code is 1 when it cannot be "
                "published."
            ),
        ),
        (
            "publish",
            _publish,
            "publish a folder as a new version",
            (
                "Publish the definition in a folder as the service's new version and "
                "change its tables, as the plan says."
            ),
        ),
        (
            "export",
            _export,
            "write a published service as a folder",
            "Write the published version of a service as a folder of JSON files.",
        ),
        (
            "drift",
            _drift,
            "check that the tables in the database are as published",
            (
                "Compare the tables in the database with the published versions, such "
                "as after a restore or a change by hand. Reads no folder and changes "
                "nothing. The exit code is 1 when they differ."
            ),
        ),
    ):
        command = commands.add_parser(name, help=help_text, description=description)
        add_settings_options(command)
        command.add_argument(
            "--json", action="store_true", help="print one JSON object for scripts"
        )
        command.set_defaults(run=run)
        _add_arguments(name, command)


def _add_arguments(name: str, command: argparse.ArgumentParser) -> None:
    if name in {"validate", "plan", "publish"}:
        command.add_argument(
            "folder",
            type=Path,
            help="folder with service.json, or one JSON file with the whole service",
        )
    if name == "publish":
        command.add_argument(
            "--accept-loss",
            action="append",
            default=[],
            metavar="NAME",
            help="consent to destroying this, as the plan names it; repeatable",
        )
        command.add_argument("--comment", default="", help="why, for the history")
    if name == "export":
        command.add_argument("name", help="name of the service")
        command.add_argument("folder", type=Path, help="folder to write")
        command.add_argument(
            "--force",
            action="store_true",
            help="overwrite what the folder holds, and remove entities that are gone",
        )
    if name == "drift":
        command.add_argument("name", nargs="?", help="service; all when left out")


def _validate(args: argparse.Namespace) -> int:
    source = _load(args.folder)
    findings = _with_owner(args, lambda c: _findings(c, source.service))
    wrong = any(f.severity == "error" for f in findings)
    if args.json:
        _print_json({"valid": not wrong, "findings": [f.as_json() for f in findings]})
        return int(wrong)
    for finding in findings:
        print(_line(finding, source))
    if not findings:
        print(f"{source.service.name}: nothing is wrong")
    return int(wrong)


def _plan(args: argparse.Namespace) -> int:
    from registry.publishing import Publisher, PublishError

    source = _load(args.folder)
    try:
        plan = _with_owner(
            args, lambda c: Publisher().plan(c, source.service)
        ).as_json()
    except PublishError as error:
        return _refused(args, error, source)
    if args.json:
        _print_json(plan)
    else:
        print("\n".join(_plan_lines(plan, source)))
    return 0 if plan["publishable"] else 1


def _publish(args: argparse.Namespace) -> int:
    from registry.publishing import Publisher, PublishError
    from registry.publishing_follow_ups import FollowUps

    source = _load(args.folder)

    async def publish(database: Database) -> tuple[int, dict[str, Any], int]:
        async with database.owner() as connection:
            version, plan = await Publisher().publish(
                connection,
                source.service,
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
        return _refused(args, error, source)
    if args.json:
        _print_json({"version": version, "unfinished": left, "plan": plan})
        return 0
    word = "published" if plan["changed"] else "is published already"
    print(f"{source.service.name} version {version} {word}")
    if left:
        print(f"{left} indexes or rules are still to be finished by the server")
    return 0


def _export(args: argparse.Namespace) -> int:
    from metadata import store

    found = _with_owner(args, lambda c: store.definition_of(c, args.name))
    if found is None:
        raise StartupError(f"There is no published service {args.name}.")
    version, definition = found
    other = [] if args.force else list(_other_content(args.folder, definition))
    if other:
        shown = ", ".join(other[:3]) + (", …" if len(other) > 3 else "")
        raise StartupError(
            f"{args.folder} holds something else: {shown}. Overwrite it by --force, or "
            "name another folder."
        )
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


def _other_content(folder: Path, definition: Service) -> Iterator[str]:
    """Yield the names in the folder that an export would overwrite or mix with."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise StartupError(f"{folder} is a file. Name a folder to write to.")
    wanted = bundle.files_of(definition)
    if not (folder / "service.json").exists():
        yield from sorted(child.name for child in folder.iterdir())
        return
    for path in sorted([*folder.glob("*.json"), *folder.glob("entities/*.json")]):
        name = path.relative_to(folder).as_posix()
        if wanted.get(name) != path.read_bytes():
            yield name


def _load(folder: Path) -> bundle.Source:
    try:
        return bundle.read(folder)
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


def _plan_lines(plan: dict[str, Any], source: bundle.Source) -> Sequence[str]:
    """Return a plan in plain words, with its SQL, and what to do next at its end."""
    start = plan["from_version"]
    since = f"version {start}" if start else "nothing"
    lines = [f"{plan['service']}: from {since} to version {plan['to_version']}"]
    if not plan["changed"]:
        return [f"{plan['service']}: version {start} is published already"]
    lines.extend(_line(Finding(**finding), source) for finding in plan["findings"])
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
            shown = ", ".join(
                "nothing" if value is None else repr(value)
                for value in failing["sample"]
            )
            lines.append(f"   DOES NOT FIT: {failing['count']} values: {shown}")
        lines.extend(f"     {line}" for line in step["sql"].splitlines())
    if not steps:
        lines.extend(plan["summary"])
    if not plan["publishable"]:
        lines.append("It cannot be published.")
    elif plan["losses"]:
        lines.append(
            "It cannot be published without your consent to what it destroys. To give "
            f"it, add to publish: {_consent(plan['losses'])}"
        )
    else:
        lines.append("It can be published.")
    return lines


def _consent(losses: Sequence[str]) -> str:
    return " ".join(f"--accept-loss {name}" for name in losses)


def _refused(
    args: argparse.Namespace, error: "PublishError", source: bundle.Source
) -> int:
    """Say why a publish cannot go ahead; 1."""
    plan = error.plan
    if args.json:
        shown = plan.as_json() if plan is not None else None
        body = {"code": error.code, "message": error.message, "plan": shown}
        _print_json({"error": body})
        return 1
    print(error.message, file=sys.stderr)
    for finding in plan.findings if plan is not None else ():
        print(_line(finding, source), file=sys.stderr)
    if plan is not None and error.code == "needs_consent":
        print(f"To consent, add: {_consent(plan.losses)}", file=sys.stderr)
    return 1


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _line(finding: Finding, source: bundle.Source) -> str:
    place = source.shown(finding.path)
    return f"{finding.severity}: {place}: {finding.message}. {finding.remedy}"
