"""Who gets which connection: queue, cancelled tasks, lost connections, retries."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from uuid import UUID

import pytest
import uvloop
from shop import TENANT_A, TENANT_B, Shop

from engine.database_errors import ConnectionLost, PoolTimeout, StatementTimeout
from engine.driver import Row, Statement
from engine.driver_pool import Pool, PoolLimits

NAMES = Statement("select name from shop.items order by name")
SLOW_NAMES = Statement("select name, pg_sleep($1::float8) from shop.items")
SLEEP = Statement("select pg_sleep(60)")
ADD = Statement(
    "insert into shop.items (tenant_id, id, name)"
    " select $1, $2, 'late' from pg_sleep(60)"
)
PID = Statement("select pg_backend_pid()")
ACTIVE = (
    "select count(*) from pg_stat_activity where query like %s and state = 'active'"
)


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
    """Return once the task's statement runs, however long connecting took."""
    async with asyncio.timeout(10):
        while pool.state.size == 0 or pool.state.idle == pool.state.size:  # noqa: ASYNC110 - the pool announces nothing
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert not task.done()


@dataclass
class Storm:
    """What 200 tasks of two tenants met, many of them cancelled at some moment."""

    wrong: list[object] = field(default_factory=list)
    answered: int = 0
    cancelled: int = 0
    calm: list[object] = field(default_factory=list)
    size: int = 0

    async def run(self, dsn: str) -> None:
        chance = random.Random(20261121)  # noqa: S311 - repeatable, no secret
        limits = PoolLimits(min_size=2, max_size=4, wait_seconds=60)
        pool = Pool(dsn, limits)
        await pool.open()
        both = [(TENANT_A, b"a"), (TENANT_B, b"b")]
        await asyncio.gather(
            *(self._task(pool, chance, *both[number % 2]) for number in range(200))
        )
        for tenant, _ in both * 20:
            self.calm.append((await pool.fetch(tenant, NAMES)).rows[0][0])
        self.size = pool.state.size
        await pool.close()

    async def _task(
        self, pool: Pool, chance: random.Random, tenant: UUID, letter: bytes
    ) -> None:
        task = asyncio.create_task(
            self._ask(pool, tenant, letter, chance.random() * 0.02)
        )
        if chance.random() < 0.6:
            await asyncio.sleep(chance.random() * 1.5)
            self.cancelled += task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error

    async def _ask(self, pool: Pool, tenant: UUID, letter: bytes, sleep: float) -> None:
        for _ in range(5):
            result = await pool.fetch(tenant, SLOW_NAMES, [f"{sleep:.4f}".encode()])
            names = sorted(row[0] or b"" for row in result.rows)
            if names != [letter + b"-1", letter + b"-2"]:
                self.wrong.append((tenant, result.rows))
            self.answered += 1


def run_on_asyncio(storm: Storm, dsn: str) -> None:
    asyncio.run(storm.run(dsn))


def run_on_uvloop(storm: Storm, dsn: str) -> None:
    uvloop.run(storm.run(dsn))


@pytest.mark.parametrize("run", [run_on_asyncio, run_on_uvloop])
def test_no_task_ever_sees_rows_of_the_other_tenant(
    shop: Shop, run: Callable[[Storm, str], None]
) -> None:
    storm = Storm()

    run(storm, shop.app_dsn)

    assert storm.wrong == []
    assert storm.answered > 100
    assert storm.cancelled > 50
    assert storm.calm == [b"a-1", b"b-1"] * 20
    assert storm.size <= 4


def test_big_parameters_go_out_on_uvloop(shop: Shop) -> None:
    async def send() -> list[Row]:
        pool = Pool(shop.app_dsn, PoolLimits(min_size=0, max_size=1))
        await pool.open()
        statement = Statement("select length($1)")
        result = await pool.fetch(None, statement, [b"x" * 20_000_000])
        await pool.close()
        return result.rows

    assert uvloop.run(send()) == [(b"20000000",)]


async def test_after_a_cancel_the_next_tenant_gets_its_own_answer(
    narrow: Pool,
) -> None:
    first = asyncio.create_task(narrow.fetch(TENANT_A, SLOW_NAMES, [b"30"]))
    await until_busy(first, narrow)
    first.cancel()

    result = await narrow.fetch(TENANT_B, NAMES)

    assert result.rows == [(b"b-1",), (b"b-2",)]


async def test_a_cancelled_write_is_cancelled_on_the_server(
    narrow: Pool, shop: Shop
) -> None:
    write = asyncio.create_task(
        narrow.fetch(TENANT_A, ADD, [str(TENANT_A).encode(), b"9"])
    )
    await until_busy(write, narrow)
    write.cancel()
    names = await narrow.fetch(TENANT_A, NAMES)

    assert (b"late",) not in names.rows
    with shop.admin() as admin:
        active = admin.execute(ACTIVE, ("insert into shop.items%pg_sleep%",)).fetchone()
    assert active == (0,)


async def test_a_cancelled_request_keeps_its_connection_for_the_next(
    narrow: Pool,
) -> None:
    before = (await narrow.fetch(None, PID)).rows
    slow = asyncio.create_task(narrow.fetch(TENANT_A, SLEEP))
    await until_busy(slow, narrow)
    slow.cancel()
    after = (await narrow.fetch(None, PID)).rows

    assert after == before


async def test_who_waits_too_long_is_told_so(narrow: Pool) -> None:
    slow = asyncio.create_task(narrow.fetch(TENANT_A, SLEEP))
    await until_busy(slow, narrow)

    with pytest.raises(PoolTimeout, match="1 of 1 are open"):
        await narrow.fetch(TENANT_A, NAMES)
    slow.cancel()


async def test_who_comes_first_is_served_first(narrow: Pool) -> None:
    order: list[int] = []

    async def ask(number: int) -> None:
        await narrow.fetch(TENANT_A, NAMES)
        order.append(number)

    await asyncio.gather(*(ask(number) for number in range(20)))

    assert order == list(range(20))


async def test_a_cancelled_waiter_does_not_take_a_connection_along(
    narrow: Pool,
) -> None:
    await narrow.fetch(TENANT_A, NAMES)
    holder = asyncio.create_task(narrow.fetch(TENANT_A, SLOW_NAMES, [b"0.05"]))
    await asyncio.sleep(0)
    waiters = [asyncio.create_task(narrow.fetch(TENANT_B, NAMES)) for _ in range(5)]
    await asyncio.sleep(0)
    for waiter in waiters[:4]:
        waiter.cancel()
    await holder

    assert (await waiters[4]).rows == [(b"b-1",), (b"b-2",)]
    assert narrow.state.size == 1
    assert narrow.state.waiting == 0


async def test_a_waiter_cancelled_in_the_moment_of_its_turn_passes_it_on(
    narrow: Pool,
) -> None:
    await narrow.fetch(TENANT_A, NAMES)
    connection = await narrow._acquire()
    unlucky = asyncio.create_task(narrow.fetch(TENANT_A, NAMES))
    next_one = asyncio.create_task(narrow.fetch(TENANT_B, NAMES))
    await asyncio.sleep(0)
    narrow._release(connection)
    unlucky.cancel()

    assert (await next_one).rows == [(b"b-1",), (b"b-2",)]
    assert unlucky.cancelled()


async def test_a_statement_over_its_time_is_ended_by_the_server(shop: Shop) -> None:
    limits = PoolLimits(min_size=0, max_size=1, statement_timeout_seconds=0.05)
    strict = Pool(shop.app_dsn, limits)
    await strict.open()

    with pytest.raises(StatementTimeout):
        await strict.fetch(TENANT_A, SLEEP)
    assert (await strict.fetch(TENANT_A, NAMES)).affected == 2
    await strict.close()


async def test_a_read_on_a_connection_that_died_idle_is_sent_again(
    pool: Pool, shop: Shop
) -> None:
    before = (await pool.fetch(None, PID)).rows
    shop.terminate_app()

    assert (await pool.fetch(None, PID, idempotent=True)).rows != before


async def test_a_write_on_a_connection_that_died_idle_is_not_sent_again(
    pool: Pool, shop: Shop
) -> None:
    await pool.fetch(TENANT_A, NAMES)
    shop.terminate_app()

    with pytest.raises(ConnectionLost):
        await pool.fetch(TENANT_A, NAMES)


async def test_the_pool_heals_after_all_connections_are_lost(shop: Shop) -> None:
    made = Pool(shop.app_dsn, PoolLimits(min_size=3, max_size=3))
    await made.open()
    slow = [asyncio.create_task(made.fetch(TENANT_A, SLEEP)) for _ in range(2)]
    await asyncio.sleep(0.05)
    shop.terminate_app()
    lost = await asyncio.gather(*slow, return_exceptions=True)
    healed = await asyncio.gather(*(made.fetch(TENANT_A, NAMES) for _ in range(6)))
    state = made.state
    await made.close()

    assert [type(error) for error in lost] == [ConnectionLost] * 2
    assert {result.affected for result in healed} == {2}
    assert state.size <= 3


async def test_everyone_who_waits_is_told_when_the_server_is_gone() -> None:
    gone = Pool("host=/nowhere dbname=x", PoolLimits(min_size=0, max_size=2))
    await gone.open()

    errors = await asyncio.gather(
        *(gone.fetch(TENANT_A, NAMES) for _ in range(6)), return_exceptions=True
    )

    assert [type(error) for error in errors] == [ConnectionLost] * 6
    assert gone.state.size == gone.state.waiting == 0
    await gone.close()


async def test_a_pool_without_a_server_does_not_open() -> None:
    with pytest.raises(ConnectionLost):
        await Pool("host=/nowhere dbname=x").open()


async def test_an_aged_connection_is_replaced(shop: Shop) -> None:
    limits = PoolLimits(min_size=1, max_size=1, lifetime_seconds=0)
    made = Pool(shop.app_dsn, limits)
    await made.open()
    first = (await made.fetch(None, PID)).rows
    second = (await made.fetch(None, PID)).rows
    await made.close()

    assert first != second


async def test_closing_ends_every_connection(shop: Shop) -> None:
    made = Pool(shop.app_dsn, PoolLimits(min_size=2, max_size=2))
    await made.open()
    slow = asyncio.create_task(made.fetch(TENANT_A, SLEEP))
    await until_busy(slow, made)
    slow.cancel()
    await asyncio.gather(slow, return_exceptions=True)
    await made.close()

    assert made.state.size == 0
    with pytest.raises(RuntimeError, match="not open"):
        await made.fetch(TENANT_A, NAMES)


@pytest.mark.parametrize(("least", "most"), [(3, 2), (-1, 2), (0, 0)])
def test_impossible_sizes_are_refused(least: int, most: int) -> None:
    with pytest.raises(ValueError, match="min_size"):
        PoolLimits(min_size=least, max_size=most)
