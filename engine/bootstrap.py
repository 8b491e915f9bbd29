"""From an empty PostgreSQL server to a database that Rangka may start on.

Owns the three roles, the database, the schema `rangka`, extensions and the rights on
them, and the check that no process serves requests with a role that could pass row
level security. All of it may run again at any time, from several processes at once.
Called by the commands that start something, and by the tests.
"""

from dataclasses import dataclass

import psycopg
from psycopg import sql

from engine import migrations
from engine.settings import (
    APP_ROLE,
    OWNER_ROLE,
    SYSTEM_ROLE,
    Settings,
    StartupError,
)

ROLES = (OWNER_ROLE, APP_ROLE, SYSTEM_ROLE)
EXTENSIONS = ("pg_trgm", "btree_gin")
LEAST_VERSION = 150000

_LOCK = 0x72616E676B61
"""Advisory lock of everything here: "rangka" in ASCII."""

# Under row level security PostgreSQL uses an index only for conditions whose function
# is leakproof (PG manual, "Rules and Privileges"). These compare, search or look up
# without an error message that shows a value, but are not marked so; tenants supply
# neither SQL nor functions.
LEAKPROOF_FUNCTIONS = (
    "numeric_eq(numeric,numeric)",
    "numeric_ne(numeric,numeric)",
    "numeric_lt(numeric,numeric)",
    "numeric_le(numeric,numeric)",
    "numeric_gt(numeric,numeric)",
    "numeric_ge(numeric,numeric)",
    "textlike(text,text)",
    "textnlike(text,text)",
    "texticlike(text,text)",
    "texticnlike(text,text)",
    "lower(text)",
    "upper(text)",
    "jsonb_object_field(jsonb,text)",
    "jsonb_object_field_text(jsonb,text)",
    "jsonb_exists(jsonb,text)",
    "jsonb_exists_any(jsonb,text[])",
    "jsonb_exists_all(jsonb,text[])",
    "jsonb_contains(jsonb,jsonb)",
    "jsonb_contained(jsonb,jsonb)",
    "jsonb_eq(jsonb,jsonb)",
    "arraycontains(anyarray,anyarray)",
    "arraycontained(anyarray,anyarray)",
    "arrayoverlap(anyarray,anyarray)",
    "ts_match_vq(tsvector,tsquery)",
    "ts_match_qv(tsquery,tsvector)",
    "enum_eq(anyenum,anyenum)",
    "enum_lt(anyenum,anyenum)",
    "enum_le(anyenum,anyenum)",
    "enum_gt(anyenum,anyenum)",
    "enum_ge(anyenum,anyenum)",
)


class DatabaseUnreachable(StartupError):
    """No connection; the message names the server and shows no password."""


@dataclass(frozen=True)
class RoleProblem:
    """One reason why a connection must not serve requests."""

    role: str
    what: str
    remedy: str


def prepare(settings: Settings) -> tuple[str, ...]:
    """Make roles, database, schema and tables as needed; return applied revisions.

    With an administrator's address everything is made. Without one (only the
    addresses of the roles are set) the server was prepared by its administrator, and
    only migrations run.

    Raises:
        StartupError: saying what could not be done, and how to do it.
    """
    admin_url = settings.admin_database_url
    if admin_url is None:
        return migrations.upgrade(settings.owner_database_url)
    with connect(admin_url) as admin:
        admin.autocommit = True
        _check_version(admin)
        # Held until the connection closes: two processes starting at once take turns.
        admin.execute("select pg_advisory_lock(%s)", (_LOCK,))
        try:
            _make_roles(admin, settings)
            _make_database(admin, settings.database_name)
        except psycopg.errors.InsufficientPrivilege as error:
            raise StartupError(
                f"RANGKA_DATABASE_URL: {_one_line(error)}. Its role needs CREATEROLE "
                f"and CREATEDB, or an administrator makes the roles {', '.join(ROLES)} "
                f"and the database {settings.database_name} owned by {OWNER_ROLE}, and "
                "you set RANGKA_OWNER_, RANGKA_APP_ and RANGKA_SYSTEM_DATABASE_URL."
            ) from error
        _mark_leakproof(psycopg.conninfo.make_conninfo(
            admin_url, dbname=settings.database_name
        ))  # fmt: skip
        _make_schema(settings)
        return migrations.upgrade(settings.owner_database_url)


def connect(url: str) -> psycopg.Connection:
    """Return a connection, or say which server did not answer and what to do.

    Raises:
        DatabaseUnreachable: after 10 s at most.
    """
    try:
        return psycopg.connect(url, connect_timeout=10, application_name="rangka")
    except psycopg.OperationalError as error:
        known = psycopg.conninfo.conninfo_to_dict(url)
        where = f"{known.get('host', 'localhost')}:{known.get('port', 5432)}"
        raise DatabaseUnreachable(
            f"No connection to PostgreSQL at {where} as {known.get('user')}, database "
            f"{known.get('dbname')}: {_one_line(error)}. Check that the server runs "
            "and that the address and password in RANGKA_…DATABASE_URL are right."
        ) from error


def check_roles(connection: psycopg.Connection) -> None:
    """Refuse a connection whose role could read another tenant's rows.

    Row level security holds neither superusers nor roles with BYPASSRLS, and owners
    may switch it off; a member of such a role can become it.

    Raises:
        StartupError: naming role, reason and remedy.
    """
    problems = role_problems(connection)
    if problems:
        lines = "\n".join(f"- {p.role} {p.what}. {p.remedy}" for p in problems)
        raise StartupError(
            "This database connection must not serve requests: row level security "
            f"would not keep tenants apart.\n{lines}"
        )


def role_problems(connection: psycopg.Connection) -> tuple[RoleProblem, ...]:
    """Return every reason why the role of a connection must not serve requests."""
    cursor = connection.execute(
        """
        select current_user::text, r.rolname::text, r.rolsuper, r.rolbypassrls, null
        from pg_roles r
        where (r.rolsuper or r.rolbypassrls)
          and pg_has_role(current_user, r.oid, 'MEMBER')
        union all
        select current_user::text, o.rolname::text, false, false,
               min(format('%I.%I', n.nspname, c.relname))
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        join pg_roles o on o.oid = c.relowner
        where (n.nspname = 'rangka' or starts_with(n.nspname, 'svc_'))
          and c.relkind in ('r', 'p', 'v', 'm')
          and pg_has_role(current_user, c.relowner, 'MEMBER')
        group by o.rolname
        """
    )
    problems = []
    for role, through, is_super, bypasses, owned in cursor.fetchall():
        if is_super:
            what, cure = "is a superuser", f"ALTER ROLE {through} NOSUPERUSER"
        elif bypasses:
            what, cure = "has BYPASSRLS", f"ALTER ROLE {through} NOBYPASSRLS"
        else:
            what, cure = f"owns {owned}", f"ALTER TABLE {owned} OWNER TO {OWNER_ROLE}"
        if through != role:
            what += f" through its membership in {through}"
            cure = f"REVOKE {through} FROM {role}"
        remedy = (
            f"As an administrator run: {cure};"
            if role in (APP_ROLE, SYSTEM_ROLE)
            else f"Let the address name the role {APP_ROLE} or {SYSTEM_ROLE}."
        )
        problems.append(RoleProblem(role, what, remedy))
    return tuple(problems)


def missing_leakproof(connection: psycopg.Connection) -> tuple[str, ...]:
    """Return the functions that keep indexes from being used, empty when all is well.

    pg_dump and pg_upgrade do not carry the mark over, so it is looked at every start.
    """
    rows = connection.execute(
        """
        select f from unnest(%s::text[]) f
        where not (select proleakproof from pg_proc
                   where oid = ('pg_catalog.' || f)::regprocedure)
        """,
        (list(LEAKPROOF_FUNCTIONS),),
    )
    return tuple(row[0] for row in rows)


def _check_version(admin: psycopg.Connection) -> None:
    if admin.info.server_version < LEAST_VERSION:
        raise StartupError(
            f"RANGKA_DATABASE_URL: the server is PostgreSQL "
            f"{admin.info.server_version // 10000}, at least 15 is needed."
        )


def _make_roles(admin: psycopg.Connection, settings: Settings) -> None:
    urls = {
        OWNER_ROLE: settings.owner_database_url,
        APP_ROLE: settings.app_database_url,
        SYSTEM_ROLE: settings.system_database_url,
    }
    existing: dict[str, bool] = dict(
        admin.execute(
            "select rolname::text, rolsuper or rolbypassrls or rolcreaterole or "
            "rolcreatedb or rolreplication or not rolcanlogin from pg_roles "
            "where rolname = any(%s)",
            (list(ROLES),),
        ).fetchall()
    )
    for role, url in urls.items():
        known = psycopg.conninfo.conninfo_to_dict(url)
        if known.get("user") != role:
            continue  # the operator named another role and looks after it
        password = str(known.get("password", ""))
        if role not in existing:
            statement = "create role {} login password {}"
        elif existing[role]:
            statement = (
                "alter role {} login nosuperuser nobypassrls nocreaterole nocreatedb "
                "noreplication password {}"
            )
        elif _logs_in(url):
            continue
        else:
            statement = "alter role {} login password {}"
        admin.execute(
            sql.SQL(statement).format(sql.Identifier(role), sql.Literal(password))
        )
    if not _is_superuser(admin):
        # To make a database owned by a role one must be a member of it.
        admin.execute(
            sql.SQL("grant {} to current_user").format(sql.Identifier(OWNER_ROLE))
        )


def _logs_in(url: str) -> bool:
    """Return whether the server takes the password, in whichever database."""
    try:
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.errors.InvalidPassword:
        return False
    except psycopg.OperationalError as error:
        # A missing database is reported after the password was accepted.
        return "does not exist" in str(error)
    return True


def _make_database(admin: psycopg.Connection, name: str) -> None:
    database = sql.Identifier(name)
    owner, app, system = (sql.Identifier(role) for role in ROLES)
    exists = admin.execute("select 1 from pg_database where datname = %s", (name,))
    if exists.fetchone() is None:
        admin.execute(
            sql.SQL(
                "create database {} owner {} encoding 'UTF8' template template0"
            ).format(database, owner)
        )
    admin.execute(
        sql.SQL("revoke all on database {} from public").format(database)
        + sql.SQL("; grant connect, temporary on database {} to {}, {}").format(
            database, app, system
        )
    )


def _mark_leakproof(admin_url: str) -> None:
    """Mark the functions of this database; only a superuser can, others skip it."""
    with connect(admin_url) as admin:
        if not _is_superuser(admin):
            return
        for function in missing_leakproof(admin):
            admin.execute(f"alter function pg_catalog.{function} leakproof")


def _make_schema(settings: Settings) -> None:
    """Make the schema, extensions and rights, as the owner of the database."""
    owner, app, system = (sql.Identifier(role) for role in ROLES)
    with connect(settings.owner_database_url) as connection:
        connection.execute("set client_min_messages = warning")
        connection.execute("create schema if not exists rangka")
        connection.execute(
            sql.SQL("grant usage on schema rangka to {}, {}").format(app, system)
        )
        connection.execute(
            sql.SQL(
                "alter default privileges for role {} "
                "revoke execute on functions from public"
            ).format(owner)
        )
        available = connection.execute(
            "select name from pg_available_extensions where name = any(%s)",
            (list(EXTENSIONS),),
        ).fetchall()
        for (name,) in available:
            # Both are trusted extensions: the owner of the database may create them.
            connection.execute(
                sql.SQL("create extension if not exists {} with schema public").format(
                    sql.Identifier(name)
                )
            )


def _is_superuser(connection: psycopg.Connection) -> bool:
    row = connection.execute(
        "select rolsuper from pg_roles where rolname = current_user"
    ).fetchone()
    return bool(row and row[0])


def _one_line(error: psycopg.Error) -> str:
    return " ".join(str(error).split())
