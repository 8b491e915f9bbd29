"""What permissions and deep pages cost: ratios of the product to itself."""

import asyncio
import json
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from urllib.parse import quote
from uuid import UUID

from benchmarks import load, site
from benchmarks.load import Target
from benchmarks.report import Table
from engine.context import RequestContext
from engine.parts import Parts

LIST = "/api/v1/data/bench/items"
PAGES, PAGE_ROWS = 10_000, 10


def restricted(here: site.Site, *, seconds: float, rounds: int) -> Table:
    """Compare an administrator with a user of one row scope, filter and field list."""
    ids = site.record_ids(here, site.CLERK)
    kinds = {"list of 50": [LIST], "get by id": [f"{LIST}/{each}" for each in ids]}
    table = Table(
        "restricted user and administrator",
        ("request", "admin req/s", "restricted req/s", "time", "statements"),
    )
    statements = asyncio.run(_statements(here, UUID(ids[0])))
    for kind, paths in kinds.items():
        rates = {who: [] for who in (site.ADMIN, site.CLERK)}  # type: dict[str, list[float]]
        for _ in range(rounds):
            for who, found in rates.items():
                target = Target(here.url, paths, here.tokens[who])
                found.append(load.http(target, seconds).per_second)
        admin, clerk = (median(found) for found in rates.values())
        counts = " and ".join(str(count) for count in statements[kind])
        table.add(
            kind, f"{admin:,.0f}", f"{clerk:,.0f}", f"{admin / clerk:.2f} x", counts
        )
    return table


async def _statements(here: site.Site, record: UUID) -> dict[str, list[int]]:
    """Return how many statements each of both users costs, once caches are warm."""
    counts: dict[str, list[int]] = {"list of 50": [], "get by id": []}
    async with site.parts_of(here) as parts:
        entity = await parts.catalog.entity(here.tenant, "bench", "items")
        assert entity is not None
        for who in (site.ADMIN, site.CLERK):
            ctx = await _context(parts, here, who)
            requests = (
                lambda ctx=ctx: parts.reader.page(ctx, entity, ""),
                lambda ctx=ctx: parts.reader.get_for_client(ctx, entity, record, ""),
            )
            for kind, request in zip(counts, requests, strict=True):
                await request()
                with site.watching(parts) as seen:
                    await request()
                counts[kind].append(sum(len(calls) for calls in seen))
    return counts


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
