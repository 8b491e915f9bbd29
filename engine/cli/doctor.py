"""`rangka doctor`: is everything here that Rangka needs, and what to do if not.

Looks and never changes anything, except that it starts the embedded database for the
time of the look.
"""

import argparse
import json
import platform
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from engine.cli import Subparsers
from engine.cli.chromium import VARIABLE, find_chromium
from engine.cli.options import add_settings_options, installed_settings_from
from engine.settings import NoInstallation, Settings, StartupError

if TYPE_CHECKING:
    import psycopg

Status = Literal["ok", "note", "failed"]
_MARKS = {"ok": "ok    ", "note": "note  ", "failed": "FAILED"}


@dataclass(frozen=True)
class Check:
    """One finding; a note is worth knowing but nothing depends on it."""

    name: str
    status: Status
    detail: str
    remedy: str = ""


def register(subparsers: Subparsers) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "doctor",
        help="check this installation and name remedies",
        description=(
            "Check Python, the PostgreSQL programs, the database with its roles, row "
            "level security, extensions and migrations, Redis and the browser for "
            "tests. Changes nothing. The exit code is 1 when a check failed, 2 when "
            "there is no installation."
        ),
    )
    add_settings_options(parser)
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object for scripts"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print every check; 1 when one failed, 2 without an installation."""
    try:
        checks = list(examine(installed_settings_from(args)))
    except NoInstallation as error:
        checks = list(_examine_machine(str(error)))
        _show(checks, as_json=args.json)
        return 2
    _show(checks, as_json=args.json)
    return int(_has_failed(checks))


def _show(checks: list[Check], *, as_json: bool) -> None:
    if as_json:
        ok = not _has_failed(checks)
        print(json.dumps({"ok": ok, "checks": [asdict(c) for c in checks]}))
        return
    for check in checks:
        print(f"{_MARKS[check.status]} {check.name}: {check.detail}")
        if check.remedy:
            print(f"       → {check.remedy}")


def _has_failed(checks: list[Check]) -> bool:
    return any(check.status == "failed" for check in checks)


def _examine_machine(reason: str) -> Iterator[Check]:
    """Yield what can be checked before there is an installation."""
    yield _python()
    # The key is for nothing: it only keeps one from being made.
    yield _programs(Settings.from_environment(secret_key=bytes(32)))
    yield Check("installation", "failed", reason)
    yield _chromium()


def examine(settings: Settings) -> Iterator[Check]:
    """Yield the checks of an installation, the database's only when it answers."""
    yield _python()
    if settings.is_embedded:
        yield _programs(settings)
    with ExitStack() as stack:
        opened = _open_database(settings, stack)
        if isinstance(opened, Check):
            yield opened
        else:
            yield from _examine_database(settings, opened)
    if settings.redis_url is not None:
        yield _redis(settings.redis_url)
    yield _chromium()


def _python() -> Check:
    found = platform.python_version()
    if sys.version_info < (3, 11):  # noqa: UP036 - the check is the command's purpose
        return Check("Python", "failed", found, "Install Python 3.11 or newer.")
    return Check("Python", "ok", found)


def _programs(settings: Settings) -> Check:
    from engine.postgres_binaries import PostgresBinaries

    try:
        found = PostgresBinaries.find(settings)
    except StartupError as error:
        return Check("PostgreSQL programs", "failed", "none", str(error))
    return Check("PostgreSQL programs", "ok", f"{found.version} in {found.bin_dir}")


def _open_database(
    settings: Settings, stack: ExitStack
) -> "psycopg.Connection | Check":
    """Return a connection of the owner, or what keeps it from being made."""
    from engine import bootstrap
    from engine.cli.database import running_database

    name = "database"
    try:
        stack.enter_context(running_database(settings))
        url = settings.owner_database_url
        return stack.enter_context(bootstrap.connect(url))
    except StartupError as error:
        remedy = "Check its address, or run `rangka migrate` if it is not prepared yet."
        return Check(name, "failed", str(error), remedy)


def _examine_database(
    settings: Settings, owner: "psycopg.Connection"
) -> Iterator[Check]:
    from engine import bootstrap

    version = owner.info.parameter_status("server_version") or "unknown version"
    kind = "embedded" if settings.is_embedded else f"at {owner.info.host}"
    recent = owner.info.server_version >= bootstrap.LEAST_VERSION
    yield Check(
        "database",
        "ok" if recent else "failed",
        f"PostgreSQL {version}, {kind}",
        "" if recent else "Upgrade the server to PostgreSQL 15 or newer.",
    )
    yield _migrations(owner)
    yield _role("role of requests", settings.app_database_url)
    yield _role("role of platform jobs", settings.system_database_url)
    yield _row_security(owner)
    yield _drift(settings)
    yield _extensions(owner)
    yield _leakproof(owner)


def _migrations(owner: "psycopg.Connection") -> Check:
    from engine import migrations

    name = "migrations"
    try:
        missing = migrations.pending(owner)
    except StartupError as error:
        return Check(name, "failed", str(error))
    if missing:
        return Check(
            name,
            "failed",
            f"not applied: {', '.join(missing)}",
            "Run `rangka migrate`.",
        )
    return Check(name, "ok", f"at {migrations.stored_revision(owner)}, the newest")


def _role(name: str, url: str) -> Check:
    from engine import bootstrap

    try:
        with bootstrap.connect(url) as connection:
            problems = bootstrap.role_problems(connection)
            role = connection.info.user
    except StartupError as error:
        return Check(name, "failed", str(error), "Run `rangka migrate`.")
    if problems:
        return Check(
            name,
            "failed",
            "; ".join(f"{problem.role} {problem.what}" for problem in problems),
            " ".join(problem.remedy for problem in problems),
        )
    return Check(name, "ok", f"{role} is bound by row level security")


def _row_security(owner: "psycopg.Connection") -> Check:
    """Every table with tenant_id must have forced row security and a policy."""
    rows = owner.execute(
        """
        select format('%I.%I', n.nspname, c.relname),
               c.relrowsecurity and c.relforcerowsecurity
               and exists (select from pg_policy p where p.polrelid = c.oid)
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id'
        where c.relkind in ('r', 'p') and not a.attisdropped
          and (n.nspname = 'rangka' or starts_with(n.nspname, 'svc_'))
        order by 1
        """
    ).fetchall()
    open_tables = [table for table, is_forced in rows if not is_forced]
    if open_tables:
        return Check(
            "row level security",
            "failed",
            f"not forced on {', '.join(open_tables)}",
            "As rangka_owner: ALTER TABLE … ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL "
            "SECURITY; `rangka service drift` says which policies are missing.",
        )
    return Check("row level security", "ok", f"forced on all {len(rows)} tables")


def _drift(settings: Settings) -> Check:
    """The tables of services must be as they were published."""
    import asyncio

    from psycopg import AsyncConnection, Error
    from psycopg.rows import DictRow, dict_row

    from registry.publishing_drift import Drift, all_drift

    async def look() -> list[Drift]:
        url = settings.owner_database_url
        async with await AsyncConnection[DictRow].connect(
            url, row_factory=dict_row
        ) as connection:
            return await all_drift(connection)

    name, remedy = "tables of services", "`rangka service drift` lists each remedy."
    try:
        found = asyncio.run(look())
    except Error as error:
        return Check(
            name, "failed", str(error).splitlines()[0], "Run `rangka migrate`."
        )
    differing = sorted({item.service for item in found if item.kind != "pending"})
    if differing:
        said = f"not as published: {', '.join(differing)}"
        return Check(name, "failed", said, remedy)
    if found:
        return Check(name, "note", f"{len(found)} things are still being built", remedy)
    return Check(name, "ok", "as they were published")


def _extensions(owner: "psycopg.Connection") -> Check:
    from engine import bootstrap

    rows = owner.execute("select extname from pg_extension").fetchall()
    missing = [name for name in bootstrap.EXTENSIONS if (name,) not in rows]
    if missing:
        return Check(
            "extensions",
            "note",
            f"without {', '.join(missing)} searches in large lists are slow",
            "Install the server's contrib package, then run `rangka migrate`.",
        )
    return Check("extensions", "ok", ", ".join(bootstrap.EXTENSIONS))


def _leakproof(owner: "psycopg.Connection") -> Check:
    from engine import bootstrap

    missing = bootstrap.missing_leakproof(owner)
    if missing:
        return Check(
            "leakproof operators",
            "note",
            f"{len(missing)} functions are not marked, so row level security keeps "
            "filters on numbers, searches and JSON from using indexes",
            "Run `rangka migrate` once with a superuser's RANGKA_DATABASE_URL.",
        )
    return Check("leakproof operators", "ok", "indexes are used under row security")


def _redis(url: str) -> Check:
    import redis

    try:
        with redis.Redis.from_url(
            url, socket_timeout=5, socket_connect_timeout=5
        ) as client:
            version = client.info("server")["redis_version"]
    except redis.RedisError as error:
        return Check(
            "Redis", "failed", str(error), "Check RANGKA_REDIS_URL, or unset it."
        )
    return Check("Redis", "ok", f"{version}")


def _chromium() -> Check:
    found = find_chromium()
    if found is None:
        return Check(
            "Chromium",
            "note",
            "none; only the browser tests need it",
            f"Run `make chromium`, or set {VARIABLE}.",
        )
    return Check("Chromium", "ok", str(found))
