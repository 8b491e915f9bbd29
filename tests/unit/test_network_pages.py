"""Work on many records goes a page at a time, each in a transaction of its own."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from registry.builtin.network.records import PAGE, for_each
from registry.service import Host, JobHost, Record


class Table:
    """So many records with ids in order, as the host of a job reaches them."""

    def __init__(self, many: int) -> None:
        self.ids = [f"{n:05}" for n in range(many)]
        self.transactions: list[list[str]] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["Table"]:
        self.transactions.append([])
        yield self

    async def find(
        self, _entity: str, condition: Mapping[str, Any], *, sort: Any, limit: int
    ) -> list[dict[str, str]]:
        assert condition["state"] == {"_eq": "due"}
        assert sort == ("id",)
        after = condition.get("id", {"_gt": ""})["_gt"]
        return [{"id": each} for each in self.ids if each > after][:limit]


@pytest.mark.parametrize("many", [0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE])
async def test_every_record_is_worked_on_once_a_page_in_a_transaction(
    many: int,
) -> None:
    table = Table(many)

    async def work(_inside: Host, record: Record) -> bool:
        table.transactions[-1].append(record["id"])
        return bool(int(record["id"]) % 2)

    due = {"state": {"_eq": "due"}}
    said = await for_each(cast(JobHost, table), "network.boosts", due, work)
    assert said == many // 2
    assert [each for page in table.transactions for each in page] == table.ids
    assert all(len(page) <= PAGE for page in table.transactions)
    assert len(table.transactions) == many // PAGE + 1
