"""Who gets which connection: queue, cancelled tasks, lost connections, retries."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
from shop import TENANT_A, TENANT_B, Shop

from engine.database_errors import ConnectionLost, PoolTimeout, StatementTimeout
from engine.driver import Statement
from engine.driver_pool import Pool, PoolLimits

NAMES = Statement("select name from shop.items order by name")
SLOW_NAMES = Statement("select name, pg_sleep($1::float8) from shop.items")
SLEEP = Statement("select pg_sleep(60)")
ADD = Statement(
    "insert into shop.items (tenant_id, id, name)"
    " select $1, $2, 'late' from pg_sleep(60)"
)
PID = Statement("select pg_backend_pid()")
BUSY = "select count(*) from pg_stat_activity where query like %s and state = 'active'"


@pytest.fixture
async def narrow(shop: Shop) -> AsyncIterator[Pool]:
    """A pool of a single connection and a short wait."""
    limits = PoolLimits(
        min_size=0, max_size=1, wait_seconds=0.5, statement_timeout_seconds=20
    )
    made = Pool(shop.app_dsn, limits)
    await made.open()
    yield made
    await made.close()


async def until_busy(task: "asyncio.Task[object]", pool: Pool) -> None:
    """Return once the task's statement is on its way."""
    while not (pool.state.size and not pool.state.idle):
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert not task.done()


def kill_all(server: Shop) -> None:
    with server.admin() as admin:
        admin.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where usename = 'rangka_app'"
        )


async def test_no_task_ever_sees_rows_of_the_other_tenant(shop: Shop) -> None:
    chance = random.Random(20261121)
    wrong: list[object] = []
    outcomes = {"answered": 0, "cancelled": 0}
    pool = Pool(shop.app_dsn, PoolLimits(min_size=2, max_size=4, wait_seconds=60))
    await pool.open()

    async def ask(tenant: object, letter: bytes, sleep: float) -> None:
        for _ in range(5):
            pause = f"{sleep:.4f}".encode()
            result = await pool.fetch(tenant, SLOW_NAMES, [pause])
            names = sorted(row[0] or b"" for row in result.rows)
            if names != [letter + b"-1", letter + b"-2"]:
                wrong.append((tenant, result.rows))
            outcomes["answered"] += 1

    async def storm(tenant: object, letter: bytes) -> None:
        task = asyncio.create_task(ask(tenant, letter, chance.random() * 0.02))
        if chance.random() < 0.6:
            await asyncio.sleep(chance.random() * 1.5)
            if task.cancel():
                outcomes["cancelled"] += 1
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    both = [(TENANT_A, b"a"), (TENANT_B, b"b")]
    await asyncio.gather(*(storm(*both[number % 2]) for number in range(200)))
    calm = await asyncio.gather(*(pool.fetch(t, NAMES) for t, _ in both * 20))
    state = pool.state
    await pool.close()

    assert wrong == []
    assert outcomes["answered"] > 100
    assert outcomes["cancelled"] > 50
    assert [result.rows[0][0] for result in calm] == [b"a-1", b"b-1"] * 20
    assert state.size <= 4


async def test_after_a_cancel_the_next_tenant_gets_its_own_answer(
    narrow: Pool,
) -> None:
    first = asyncio.create_task(narrow.fetch(TENANT_A, SLOW_NAMES, [b"30"]))
    await until_busy(first, narrow)
    first.cancel()

    result = await narrow.fetch(TENANT_B, NAMES)

    assert result.rows == [(b"b-1",), (b"b-2",)]
