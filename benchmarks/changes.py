"""How soon a second process answers by a new version, with few and many services."""

import asyncio
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from benchmarks import definition, site
from benchmarks.report import Table

ROUNDS = 30


def run(here: site.Site, *, most: int = 1000) -> Table:
    """Publish to one process and ask another until it knows; in milliseconds."""
    table = Table(
        "publish, then the first answer of a second process",
        ("services", "publish median ms", "delay median ms", "delay p95 ms"),
    )
    have = 1
    port = site.free_port()
    with site.serving(here, port=port) as second:
        for wanted in (10, most):
            asyncio.run(_publish_others(here, have, wanted))
            have = wanted
            published, delays = _measure(here, second, wanted)
            table.add(
                f"{wanted:,}",
                f"{_at(published, 50):.0f}",
                f"{_at(delays, 50):.0f}",
                f"{_at(delays, 95):.0f}",
            )
    return table


def _measure(
    here: site.Site, second: str, mark: int
) -> tuple[list[float], list[float]]:
    published, delays = [], []
    for number in range(ROUNDS):
        name = f"added_{mark}_{number}"
        document = _with_field(here, name)
        started = time.perf_counter()
        site.call(
            here, site.ROOT, "POST", "/api/v1/core/services/bench/publish", document
        )
        answered = time.perf_counter()
        while not _knows(
            f"{second}/api/v1/data/bench/items?limit=1&fields={name}", here
        ):
            if time.perf_counter() - answered > 10:
                raise RuntimeError("the second process never heard of the new version")
        published.append((answered - started) * 1e3)
        delays.append((time.perf_counter() - answered) * 1e3)
    return published, delays


def _with_field(here: site.Site, name: str) -> dict[str, object]:
    found = site.call(here, site.ROOT, "GET", "/api/v1/core/services/bench")
    current = found["data"]["definition"]
    field = {"id": name, "name": name, "type": "text"}
    current["entities"][0]["fields"].append(field)
    return {"definition": current}


def _knows(url: str, here: site.Site) -> bool:
    headers = {"authorization": f"Bearer {here.tokens[site.ADMIN]}"}
    try:
        with urlopen(Request(url, headers=headers), timeout=10) as reply:
            return bool(reply.status == 200)
    except HTTPError as error:
        if error.code != 400:
            raise
        return False


async def _publish_others(here: site.Site, have: int, wanted: int) -> None:
    async with site.parts_of(here) as parts:
        for number in range(have, wanted):
            async with parts.database.owner() as connection:
                other = definition.service(f"other_{number}")
                await parts.publisher.publish(connection, other)


def _at(values: list[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
