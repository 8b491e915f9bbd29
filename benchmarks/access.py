"""What permissions and deep pages cost: ratios of the product to itself."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter
from urllib.parse import quote
from uuid import UUID

from benchmarks import load, site
from benchmarks.load import Target
from benchmarks.report import Table
from engine.context import RequestContext
from engine.parts import Parts
from metadata.compiled import CompiledEntity

LIST = "/api/v1/data/bench/items"
PAGES, PAGE_ROWS = 10_000, 10
READ = "bench.items:read"
OVERLAPPING = "overlapping@bench.test"
OVERLAPPING_ROLE = {
    "name": "overlapping",
    "label": "Overlapping",
    "rules": [
        {"permission": READ, "scope": "team", "filter": {"quantity": {"_gte": 10}}},
        {
            "permission": READ,
            "filter": {"status": {"_in": ["new", "active"]}},
            "fields": ["code", "name", "status"],
        },
        {
            "permission": READ,
            "filter": {"city": {"_eq": "Bandung"}},
            "fields": ["code", "city", "name", "phone"],
        },
    ],
}
"""A role whose rules meet on some rows, so that most fields are shown on some only."""


@dataclass(frozen=True)
class Case:
    """One kind of request, and who makes it beside an administrator."""

    name: str
    who: str
    paths: Sequence[str]


def restricted(here: site.Site, *, seconds: float, rounds: int) -> Table:
    """Compare an administrator with users of one rule, and of three that overlap."""
    _add_overlapping(here)
    ids = site.record_ids(here, site.CLERK)
    cases = [
        Case("list of 50", site.CLERK, [LIST]),
        Case("list of 50, three rules", OVERLAPPING, [LIST]),
        Case("get by id", site.CLERK, [f"{LIST}/{each}" for each in ids]),
    ]
    table = Table(
        "restricted user and administrator",
        ("request", "admin req/s", "restricted req/s", "time", "statements"),
    )
    statements = asyncio.run(_statements(here, cases))
    for case, counts in zip(cases, statements, strict=True):
        rates: dict[str, list[float]] = {site.ADMIN: [], case.who: []}
        for _ in range(rounds):
            for who, found in rates.items():
                target = Target(here.url, case.paths, here.tokens[who])
                found.append(load.http(target, seconds).per_second)
        admin, other = (median(found) for found in rates.values())
        table.add(
            case.name,
            f"{admin:,.0f}",
            f"{other:,.0f}",
            f"{admin / other:.2f} x",
            " and ".join(str(count) for count in counts),
        )
    return table


def _add_overlapping(here: site.Site) -> None:
    """Make the user of three rules, and log him in."""
    site.call(here, site.ADMIN, "POST", "/api/v1/core/roles", OVERLAPPING_ROLE)
    password = {"email": OVERLAPPING, "password": site.PASSWORD}
    user = {**password, "name": "Overlapping", "role_names": ["overlapping"]}
    site.call(here, site.ADMIN, "POST", "/api/v1/core/users", user)
    answer = site.call(here, None, "POST", "/api/v1/auth/login", password)
    here.tokens[OVERLAPPING] = str(answer["data"]["access_token"])


async def _statements(here: site.Site, cases: Sequence[Case]) -> list[list[int]]:
    """Return how many statements each case costs both users, once caches are warm."""
    counts: list[list[int]] = []
    async with site.parts_of(here) as parts:
        entity = await parts.catalog.entity(here.tenant, "bench", "items")
        assert entity is not None
        for case in cases:
            counts.append([])
            _, _, record = case.paths[0].removeprefix(LIST).rpartition("/")
            for who in (site.ADMIN, case.who):
                ctx = await _context(parts, here, who)
                await _read(parts, ctx, entity, record)
                with site.watching(parts) as seen:
                    await _read(parts, ctx, entity, record)
                counts[-1].append(sum(len(calls) for calls in seen))
    return counts


async def _read(
    parts: Parts, ctx: RequestContext, entity: CompiledEntity, record: str
) -> None:
    """Read one record, or the first page without an id."""
    if record:
        await parts.reader.get_for_client(ctx, entity, UUID(record), "")
    else:
        await parts.reader.page(ctx, entity, "")


def deep_page(here: site.Site, *, seconds: float, rounds: int) -> Table:
    """Compare the first page of a large list with its ten-thousandth."""
    token = here.tokens[site.BIG]
    cursor, reached = "", 0
    while reached < PAGES * PAGE_ROWS:
        query = f"?limit=200&cursor={quote(cursor)}"
        cursor = site.call(here, site.BIG, "GET", LIST + query)["meta"]["page"][
            "next_cursor"
        ]
        reached += 200
    paths = [f"{LIST}?limit={PAGE_ROWS}", f"{LIST}?limit={PAGE_ROWS}&cursor={cursor}"]
    rates: list[list[float]] = [[], []]
    for _ in range(rounds):
        for found, path in zip(rates, paths, strict=True):
            found.append(load.http(Target(here.url, [path], token), seconds).per_second)
    first, deep = (median(found) for found in rates)
    table = Table(
        f"pages of {PAGE_ROWS} by cursor, one tenant with {reached:,} rows and more",
        ("page", "req/s", "time"),
    )
    table.add("1", f"{first:,.0f}", "")
    table.add(f"{reached // PAGE_ROWS:,}", f"{deep:,.0f}", f"{first / deep:.2f} x")
    return table


async def decisions(here: site.Site) -> Table:
    """Time a permission decision, cached and not."""
    async with site.parts_of(here) as parts:
        ctx = await _context(parts, here, site.CLERK)
        await parts.policy.authorize(ctx, "bench.items", "read")
        warm = _timed(lambda: parts.policy.peek(ctx, "bench.items", "read"), 100_000)
        cold = []
        for number in range(500):
            started = perf_counter()
            await parts.policy.authorize(ctx, f"bench.entity{number}", "read")
            cold.append(perf_counter() - started)
    table = Table("permission decision", ("which", "µs"))
    table.add("cached", f"{warm * 1e6:.2f}")
    table.add("decided by Casbin, median", f"{median(cold) * 1e6:.0f}")
    table.add("decided by Casbin, 99th of 100", f"{_percentile(cold, 99) * 1e6:.0f}")
    return table


def _timed(work: Callable[[], object], times: int) -> float:
    started = perf_counter()
    for _ in range(times):
        work()
    return (perf_counter() - started) / times


def _percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


async def _context(parts: Parts, here: site.Site, who: str) -> RequestContext:
    token = here.tokens[who]
    return await parts.identity.authenticate(token, request_id=json.dumps(who))
