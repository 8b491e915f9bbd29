"""The installation that is measured: a data folder of its own, filled once a run.

Starts the embedded server, publishes the measured service, fills it, and starts
`rangka serve` as a user would. Everything ends with the block.
"""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import UUID

import psycopg

from benchmarks import definition
from engine import bootstrap
from engine.driver import Call, Result
from engine.identity.accounts import Origin
from engine.identity.passwords import Passwords
from engine.parts import Parts, open_parts
from engine.platform import ensure_core, ensure_tenant, ensure_user
from engine.postgres import PostgresServer
from engine.settings import Settings
from registry import assignments

PASSWORD = "only-for-measuring-4711"
ADMIN, CLERK = "admin@bench.test", "clerk@bench.test"
ROOT, BIG = "root@bench.test", "big@bench.test"
BIG_ROWS = 110_000
CLERK_ROLE = {
    "name": "clerk",
    "label": "Clerk",
    "rules": [
        {
            "permission": "bench.items:read",
            "scope": "own",
            "filter": {"quantity": {"_gte": 0}},
            "fields": [f["name"] for f in definition.FIELDS],
        }
    ],
}
"""A restricted role that sees every row and field, through scope, filter and list."""


@dataclass
class Site:
    """A filled installation; `tokens` by e-mail once a server answers."""

    settings: Settings
    tenant: UUID = field(default_factory=lambda: UUID(int=0))
    user: UUID = field(default_factory=lambda: UUID(int=0))
    tokens: dict[str, str] = field(default_factory=dict)
    tokens_until: float = 0.0

    @property
    def url(self) -> str:
        """Return the address of the server."""
        return f"http://127.0.0.1:{self.settings.port}"

    def environment(self) -> dict[str, str]:
        """Return the environment of a process of this installation."""
        return {**os.environ, **self.settings.to_environment()}


@contextmanager
def installation() -> Iterator[Site]:
    """Yield an empty installation with its database server running."""
    folder = Path(tempfile.mkdtemp(prefix="rangka-bench-"))
    folder.chmod(0o755)
    settings = Settings.from_environment(
        {},
        data_dir=folder,
        port=free_port(),
        log_level="warning",
        router_networks="127.0.0.0/8",
    )
    try:
        with PostgresServer(settings):
            bootstrap.prepare(settings)
            yield Site(settings)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def parts_of(site: Site) -> AsyncIterator[Parts]:
    """Yield the parts of a process that works in this one."""
    async with open_parts(site.settings) as parts:
        yield parts


async def fill(site: Site, *, tenants: int, rows: int) -> None:
    """Publish the measured service and give each tenant its share of the rows."""
    hashing = Passwords()
    async with parts_of(site) as parts:
        async with parts.database.owner() as connection:
            await parts.publisher.publish(connection, definition.service())
        await parts.catalog.reload("bench")
        await ensure_core(parts.database, hashing, email=ROOT, password=PASSWORD)
        for number in range(tenants):
            async with parts.database.system() as connection:
                slug = f"tenant-{number}"
                tenant = await ensure_tenant(connection, {"name": slug, "slug": slug})
                await assignments.assign(connection, tenant, "bench")
            if number == 0:
                site.tenant = tenant
                site.user = await _administrator(parts, hashing, tenant, ADMIN)
            elif number == 1:
                await _administrator(parts, hashing, tenant, BIG)
            many = BIG_ROWS if number == 1 else rows // tenants
            _insert(site, tenant, many)
    with psycopg.connect(site.settings.owner_database_url, autocommit=True) as owner:
        owner.execute(f"vacuum analyze {definition.TABLE}".encode())


async def _administrator(
    parts: Parts, hashing: Passwords, tenant: UUID, email: str
) -> UUID:
    made = await ensure_user(
        parts.database,
        hashing,
        tenant,
        email=email,
        password=PASSWORD,
        name="Admin",
        roles=("TENANT_ADMIN",),
    )
    return made.user_id


def _insert(site: Site, tenant: UUID, rows: int) -> None:
    values = {"tenant": tenant, "user": site.user, "rows": rows}
    with psycopg.connect(site.settings.owner_database_url) as owner:
        owner.execute("select set_config('rangka.tenant', %s, true)", (str(tenant),))
        owner.execute(definition.FILL.encode(), values)


@contextmanager
def serving(site: Site, *, port: int | None = None) -> Iterator[str]:
    """Run `rangka serve` with one worker; yields its address once it answers."""
    url = f"http://127.0.0.1:{port or site.settings.port}"
    command = [str(Path(sys.executable).with_name("rangka")), "serve", "--workers", "1"]
    command += ["--port", str(port or site.settings.port)]
    with process(command, site.environment(), port or site.settings.port):
        yield url


@contextmanager
def process(
    command: list[str], environment: Mapping[str, str], port: int
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends; raises when it never answers."""
    with tempfile.TemporaryFile() as log:
        server = subprocess.Popen(
            command, env=dict(environment), stdout=log, stderr=log
        )
        try:
            for _ in range(600):
                if listens(port):
                    break
                if server.poll() is not None:
                    log.seek(0)
                    raise RuntimeError(f"{command} ended:\n{log.read().decode()}")
                time.sleep(0.05)
            else:
                raise RuntimeError(f"{command} does not listen on {port}")
            yield server
        finally:
            server.terminate()
            server.wait(40)


def is_ready(url: str) -> bool:
    """Return whether the server says that it can serve."""
    try:
        with urlopen(f"{url}/health/ready", timeout=2) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def listens(port: int) -> bool:
    """Return whether a connection is accepted."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def log_in(site: Site) -> None:
    """Fill `site.tokens`; call it again now and then, since they last 15 minutes."""
    if time.monotonic() < site.tokens_until:
        return
    asyncio.run(take_tokens(site, ADMIN, ROOT, BIG))
    if CLERK not in site.tokens:
        _add_clerk(site)
    asyncio.run(take_tokens(site, CLERK))
    site.tokens_until = time.monotonic() + 600


async def take_tokens(site: Site, *emails: str) -> None:
    """Fill `site.tokens` for these users."""
    # In this process, since the server's limit of attempts an address is for people.
    origin = Origin(ip=None, device="bench", request_id="bench")
    async with parts_of(site) as parts:
        for email in emails:
            answer = await parts.identity.login(email, PASSWORD, origin=origin)
            site.tokens[email] = str(answer["access_token"])


def _add_clerk(site: Site) -> None:
    """Make the restricted user and give him every row of the measured tenant."""
    call(site, ADMIN, "POST", "/api/v1/core/roles", CLERK_ROLE)
    user = {
        "name": "Clerk",
        "email": CLERK,
        "password": PASSWORD,
        "role_names": ["clerk"],
    }
    made = call(site, ADMIN, "POST", "/api/v1/core/users", user)
    dsn = site.settings.owner_database_url
    with psycopg.connect(dsn) as owner:
        owner.execute(
            "select set_config('rangka.tenant', %s, true)", (str(site.tenant),)
        )
        owner.execute(
            f"update {definition.TABLE} set created_by = %s".encode(),
            (made["data"]["id"],),
        )
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute(f"vacuum analyze {definition.TABLE}".encode())


def record_ids(site: Site, who: str = ADMIN) -> list[str]:
    """Return the ids of twenty records of the measured tenant that a user reads."""
    found = call(site, who, "GET", "/api/v1/data/bench/items?limit=20")
    return [record["id"] for record in found["data"]]


@contextmanager
def watching(parts: Parts) -> Iterator[list[list[Call]]]:
    """Yield a list that fills with the statements of every round trip."""
    pool, seen = parts.database.app, []  # type: ignore[var-annotated]
    send = pool.fetch_all

    async def watch(
        tenant_id: UUID | None, calls: Sequence[Call], *, idempotent: bool = False
    ) -> list[Result]:
        seen.append(list(calls))
        return await send(tenant_id, calls, idempotent=idempotent)

    pool.fetch_all = watch  # type: ignore[method-assign] # only watches
    try:
        yield seen
    finally:
        pool.fetch_all = send  # type: ignore[method-assign]


def call(
    site: Site, who: str | None, method: str, path: str, body: Any = None
) -> dict[str, Any]:
    """Return the JSON answer to one request; raises on an error status."""
    headers = {"content-type": "application/json"}
    if who is not None:
        headers["authorization"] = f"Bearer {site.tokens[who]}"
    raw = None if body is None else json.dumps(body).encode()
    request = Request(site.url + path, raw, headers, method=method)
    try:
        with urlopen(request, timeout=60) as reply:
            found: dict[str, Any] = json.loads(reply.read())
            return found
    except HTTPError as error:
        raise RuntimeError(f"{method} {path}: {error.read().decode()}") from error


def free_port() -> int:
    """Return a port nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
