"""Who may work on a router when the database is silent, fails, or has another clock."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from registry.builtin.network.lease import Lost, Taken, held
from registry.service import JobHost

ROUTER = "r1"
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
"""What the database's clock shows: far from that of this machine."""


class Rows:
    """One row of `leases`, as the host of a job reaches it."""

    def __init__(self) -> None:
        self.row: dict[str, Any] | None = None
        self.silent = False
        self.failures = 0
        self.taken = 0
        self.changed = asyncio.Event()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Rows"]:
        """Give the row; what a block that raises wrote is forgotten."""
        if self.silent:
            await asyncio.sleep(3600)
        if self.failures:
            self.failures -= 1
            raise OSError("the database is away")
        before = dict(self.row) if self.row else None
        try:
            yield self
        except BaseException:
            self.row = before
            raise
        self.taken += 1
        self.changed.set()

    async def find(self, *_asked: Any, **_more: Any) -> list[dict[str, Any]]:
        return [dict(self.row)] if self.row else []

    async def create(self, _entity: str, values: Mapping[str, Any]) -> dict[str, Any]:
        self.row = {"id": "l1", "holder": None, "until": None, **values}
        return await self.update(_entity, "l1", {})

    async def update(
        self, _entity: str, _id: str, values: Mapping[str, Any]
    ) -> dict[str, Any]:
        assert self.row is not None
        self.row.update(values, updated_at=LONG_AGO.isoformat())
        return dict(self.row)

    def hold(self, left: float) -> None:
        """Let another one hold the lease for so many seconds of the database."""
        until = (LONG_AGO + timedelta(seconds=left)).isoformat()
        self.row = {"id": "l1", "router": ROUTER, "holder": "other", "until": until}


def host(rows: Rows) -> JobHost:
    return cast(JobHost, rows)


async def test_a_router_is_held_inside_the_block_and_free_behind_it() -> None:
    rows = Rows()
    async with held(host(rows), ROUTER):
        assert rows.row is not None
        assert rows.row["holder"]
        with pytest.raises(Taken):
            async with held(host(rows), ROUTER):
                pass
    assert (rows.row["holder"], rows.row["until"]) == (None, None)


@pytest.mark.parametrize(("left", "gets_it"), [(1, False), (-1, True)])
async def test_the_clock_that_counts_is_that_of_the_database(
    left: float, *, gets_it: bool
) -> None:
    rows = Rows()
    rows.hold(left)
    before = dict(rows.row or {})
    if gets_it:
        async with held(host(rows), ROUTER):
            assert (rows.row or {})["holder"] != "other"
    else:
        with pytest.raises(Taken):
            async with held(host(rows), ROUTER):
                pass
        assert rows.row == before


async def test_a_block_ends_before_its_lease_when_the_database_is_silent() -> None:
    rows = Rows()
    loop = asyncio.get_running_loop()
    stopped = 0.0
    began = loop.time()

    async def work() -> None:
        nonlocal stopped
        async with asyncio.timeout(30), held(host(rows), ROUTER, seconds=3):
            rows.silent = True
            try:
                await asyncio.sleep(3600)
            finally:
                stopped = loop.time()
                rows.silent = False

    with pytest.raises(Lost):
        await work()
    assert 0 < stopped - began < 3


async def test_a_database_that_fails_once_costs_nothing() -> None:
    rows = Rows()
    async with asyncio.timeout(30), held(host(rows), ROUTER, seconds=1.5):
        rows.failures = 1
        for _ in range(2):
            rows.changed.clear()
            await rows.changed.wait()
        assert rows.failures == 0


async def test_a_block_ends_when_another_one_has_the_lease() -> None:
    rows = Rows()

    async def work() -> None:
        async with asyncio.timeout(30), held(host(rows), ROUTER, seconds=0.6):
            rows.hold(60)
            await asyncio.sleep(3600)

    with pytest.raises(Lost):
        await work()
    assert (rows.row or {})["holder"] == "other"


async def test_what_times_out_inside_the_block_stays_what_it_is() -> None:
    async def work() -> None:
        async with held(host(Rows()), ROUTER), asyncio.timeout(0):
            await asyncio.sleep(3600)

    with pytest.raises(TimeoutError):
        await work()
