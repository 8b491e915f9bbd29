"""List of 50, get by id and create over HTTP: beside PostgreSQL alone and peers."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median
from uuid import UUID

import jwt

from benchmarks import load, site
from benchmarks.load import Rate, Target
from benchmarks.report import Table
from engine.context import RequestContext
from engine.driver import Call
from engine.parts import Parts

SECRET = "0" * 32
BODY = json.dumps(
    {
        "code": "CUST99999", "name": "Made by the bench", "email": "new@example.com",
        "phone": "+62812000000", "city": "Bandung", "status": "new", "quantity": 3,
        "joined_on": "2026-01-31", "is_active": True, "address": "10.1.2.3",
        "extra": {"odp": "ODP-1", "port": 3},
    }
)  # fmt: skip
KINDS = ("list", "get", "create")
Contender = Callable[[str, float], Rate]


def run(here: site.Site, *, seconds: float, rounds: int, peers: bool) -> list[Table]:
    """Measure all contenders in turn and return rates, times and ratios."""
    ids = site.record_ids(here)
    with ExitStack() as stack:
        contenders = {"Rangka": _rangka(here, ids)}
        contenders["pgbench, same SQL"] = _pgbench(here, ids)
        contenders["ASGI + psycopg"] = stack.enter_context(_handwritten(here, ids))
        if peers:
            contenders["FastAPI + SQLAlchemy"] = stack.enter_context(
                _fastapi(here, ids)
            )
            contenders["Django REST Framework"] = stack.enter_context(_drf(here, ids))
        found: dict[tuple[str, str], list[Rate]] = {}
        for contender in contenders.values():
            for kind in KINDS:
                contender(kind, 1)
        for _ in range(rounds):
            for name, contender in contenders.items():
                for kind in KINDS:
                    found.setdefault((name, kind), []).append(contender(kind, seconds))
    return [_table(kind, found, list(contenders)) for kind in KINDS]


def _table(
    kind: str, found: Mapping[tuple[str, str], Sequence[Rate]], names: Sequence[str]
) -> Table:
    ours = median(rate.per_second for rate in found["Rangka", kind])
    table = Table(
        f"{kind}, 1 worker", ("contender", "req/s", "p50 ms", "p99 ms", "Rangka is")
    )
    for name in names:
        rates = found[name, kind]
        speed = median(rate.per_second for rate in rates)
        table.add(
            name,
            f"{speed:,.0f}",
            f"{median(rate.p50 for rate in rates):.2f}",
            f"{median(rate.p99 for rate in rates):.2f}" if rates[0].p99 else "",
            f"{ours / speed:.2f} x" if name != "Rangka" else "",
        )
    return table


def _rangka(here: site.Site, ids: Sequence[str]) -> Contender:
    base = "/api/v1/data/bench/items"
    return _http(here.url, base, ids, here.tokens[site.ADMIN])


def _http(url: str, base: str, ids: Sequence[str], token: str) -> Contender:
    targets = {
        "list": Target(url, [base], token),
        "get": Target(url, [f"{base}/{each}" for each in ids], token),
        "create": Target(url, [base], token, BODY),
    }
    return lambda kind, seconds: load.http(targets[kind], seconds)


def _pgbench(here: site.Site, ids: Sequence[str]) -> Contender:
    calls, fresh = asyncio.run(product_calls(here, ids))
    tenant = str(here.tenant)

    def measure(kind: str, seconds: float) -> Rate:
        made = fresh if kind == "create" else None
        return load.sql(here.settings, calls[kind], tenant, seconds, made)

    return measure


async def product_calls(
    here: site.Site, ids: Sequence[str]
) -> tuple[dict[str, list[list[Call]]], dict[str, str]]:
    """Return the requests that the product itself sends, caught on their way."""
    async with site.parts_of(here) as parts:
        ctx = await _context(parts, here)
        entity = await parts.catalog.entity(here.tenant, "bench", "items")
        assert entity is not None
        with site.watching(parts) as listed:
            await parts.reader.page(ctx, entity, "")
        with site.watching(parts) as got:
            for each in ids:
                await parts.reader.get_for_client(ctx, entity, UUID(each), "")
        with site.watching(parts) as creates:
            await parts.records.create(ctx, entity, json.loads(BODY))
    created = [[call for calls in creates for call in calls]]
    return {"list": listed, "get": got, "create": created}, _fresh_ids(here, created[0])


def _fresh_ids(here: site.Site, calls: Sequence[Call]) -> dict[str, str]:
    """Return the ids in a create that must differ, and SQL that makes others."""
    known = {str(here.tenant), str(here.user)}
    found: dict[str, str] = {}
    for _, params in calls:
        for value in params:
            text = (value or b"").decode()
            if _is_uuid7(text) and text not in known and text not in found:
                head = f"00000000-0000-7000-8{len(found):03}-"
                made = f"('{head}' || lpad(to_hex(:n::bigint), 12, '0'))"
                found[text] = made
    return found


def _is_uuid7(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]{21}", text))


async def _context(parts: Parts, here: site.Site) -> RequestContext:
    return await parts.identity.authenticate(
        here.tokens[site.ADMIN], request_id="bench"
    )


def _dsn(here: site.Site) -> str:
    """Return the address of a role that row security does not bind."""
    address = here.settings.admin_database_url
    assert address is not None
    return address.replace("/postgres?", f"/{here.settings.database_name}?")


@contextmanager
def _handwritten(here: site.Site, ids: Sequence[str]) -> Iterator[Contender]:
    with _peer(here, "handwritten", "asgi") as url:
        yield _http(url, "/items", ids, "")


@contextmanager
def _fastapi(here: site.Site, ids: Sequence[str]) -> Iterator[Contender]:
    with _peer(here, "fastapi_app", "asgi") as url:
        yield _http(url, "/items", ids, _token(here))


@contextmanager
def _drf(here: site.Site, ids: Sequence[str]) -> Iterator[Contender]:
    with _peer(here, "drf_app", "wsgi", "--blocking-threads", "4") as url:
        yield _http(url, "/items", ids, _token(here))


@contextmanager
def _peer(here: site.Site, module: str, interface: str, *options: str) -> Iterator[str]:
    port = site.free_port()
    command = [
        sys.executable, "-m", "granian", "--interface", interface, "--workers", "1",
        "--port", str(port), "--no-ws", *options, f"benchmarks.peers.{module}:app",
    ]  # fmt: skip
    if interface == "asgi":
        command[-1:-1] = ["--loop", "uvloop"]
    environment = {
        **os.environ,
        "BENCH_DSN": _dsn(here),
        "BENCH_TENANT": str(here.tenant),
        "BENCH_SECRET": SECRET,
    }
    with site.process(command, environment, port):
        yield f"http://127.0.0.1:{port}"


def _token(here: site.Site) -> str:
    return jwt.encode({"tenant": str(here.tenant)}, SECRET, algorithm="HS256")
