"""How soon a second process answers by a new version, with few and many services."""

import asyncio
import time
from typing import Any
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
    """Return how long each publish took, and then its news, in milliseconds."""
    published, delays = [], []
    start = _current(here)
    for number in range(ROUNDS):
        name = f"added_{mark}_{number}"
        document = _with_field(_current(here), name)
        started = time.perf_counter()
        _publish(here, document)
        answered = time.perf_counter()
        while not _knows(
            f"{second}/api/v1/data/bench/items?limit=1&fields={name}", here
        ):
            if time.perf_counter() - answered > 10:
                raise RuntimeError("the second process never heard of the new version")
        published.append((answered - started) * 1e3)
        delays.append((time.perf_counter() - answered) * 1e3)
    # The next measurement begins with as many fields as this one did.
    added = [f"items.added_{mark}_{number}" for number in range(ROUNDS)]
    _publish(here, start, accept_loss=added)
    return published, delays


def _current(here: site.Site) -> dict[str, Any]:
    found = site.call(here, site.ROOT, "GET", "/api/v1/core/services/bench")
    definition: dict[str, Any] = found["data"]["definition"]
    return definition


def _with_field(current: dict[str, Any], name: str) -> dict[str, Any]:
    current["entities"][0]["fields"].append({"id": name, "name": name, "type": "text"})
    return current


def _publish(here: site.Site, definition: dict[str, Any], **options: Any) -> None:
    path = "/api/v1/core/services/bench/publish"
    site.call(here, site.ROOT, "POST", path, {"definition": definition, **options})


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
