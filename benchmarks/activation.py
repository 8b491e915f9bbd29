"""From the click that activates a customer to his login read back from the router.

Over HTTP to `rangka serve` with its embedded worker; the router is simulated, in a
process of its own.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from statistics import median, quantiles
from urllib.parse import quote

from benchmarks import provider, routers, site
from benchmarks.report import Table

ACTIVATIONS = 30
LOOK_SECONDS = 0.02
GIVE_UP_SECONDS = 60.0
LOGINS = "/api/v1/data/network/logins"


def run() -> Table:
    """Activate one customer after another, each once the one before is online."""
    with routers.simulated(1) as (ports, _), site.installation() as here:
        customers = asyncio.run(_prepare(here, ports[0]))
        with site.serving(here):
            asyncio.run(site.take_tokens(here, site.ADMIN))
            first, *others = [_activated(here, each) for each in customers]
    table = Table(
        "activation: click to login read back from the router",
        ("activations", "median s", "p95 s", "wanted p95 s", "the first s"),
    )
    table.add(
        f"{len(others)}",
        f"{median(others):.2f}",
        f"{quantiles(others, n=100)[94]:.2f}",
        "3",
        f"{first:.2f}",
    )
    return table


async def _prepare(here: site.Site, port: int) -> Sequence[str]:
    """Make the router, a plan and prospects; return the ids of the customers."""
    async with site.parts_of(here) as parts:
        ctx = await provider.open_tenant(parts)
        router = await provider.add_router(
            parts, ctx, port, username=routers.USER, password=routers.PASSWORD
        )
        pool = {"name": "home", "ranges": "10.1.0.2-10.1.7.254", "router": str(router)}
        await provider.create(parts, ctx, "network.pools", pool)
        speed = {"download_rate": 10_000_000, "upload_rate": 5_000_000}
        plan = {"name": "Home 10", "monthly_price": 150_000, **speed}
        plan_id = str(await provider.create(parts, ctx, "plans.plans", plan))
        made = []
        for number in range(ACTIVATIONS + 1):
            phone = f"+62813{number:08}"
            customer = {"name": f"Customer {number}", "phone": phone, "plan": plan_id}
            made.append(
                await provider.create(parts, ctx, "customers.customers", customer)
            )
        return [str(each) for each in made]


def _activated(here: site.Site, customer: str) -> float:
    """Activate a customer; return the seconds until his login is active.

    The first one also waits for the router's first test.
    """
    path = f"/api/v1/data/customers/customers/{customer}/actions/activate"
    wanted = quote(json.dumps({"customer": {"_eq": customer}}))
    began = time.perf_counter()
    site.call(here, site.ADMIN, "POST", path, {})
    while time.perf_counter() - began < GIVE_UP_SECONDS:
        found = site.call(here, site.ADMIN, "GET", f"{LOGINS}?filter={wanted}")["data"]
        if found and found[0]["state"] == "active":
            return time.perf_counter() - began
        time.sleep(LOOK_SECONDS)
    raise RuntimeError(f"no active login within {GIVE_UP_SECONDS:g} s: {found}")
