"""One request on one connection: tenant, errors, plans, big parameters, loss."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from shop import TENANT_A, TENANT_B, Shop

from engine import database_errors as errors
from engine.driver import Connection, Statement
from engine.driver_session import session_dsn

NAMES = Statement("select name from shop.items order by name")
INSERT = Statement("insert into shop.items (tenant_id, id, name) values ($1, $2, $3)")
ADD_CHILD = Statement(
    "insert into shop.items (tenant_id, id, name, parent) values ($1, $2, $3, $4)"
)
TENANT = Statement("select current_setting('rangka.tenant', true)")
PID = Statement("select pg_backend_pid()")


@pytest.fixture
async def connection(shop: Shop) -> AsyncIterator[Connection]:
    made = await Connection.connect(session_dsn(shop.app_dsn))
    yield made
    made.close()


def insert(tenant: object, number: int, name: str | None) -> tuple[bytes | None, ...]:
    text = None if name is None else name.encode()
    return (str(tenant).encode(), str(number).encode(), text)


async def test_a_fetch_sees_the_rows_of_its_own_tenant_only(
    connection: Connection,
) -> None:
    result = await connection.fetch(TENANT_A, NAMES)

    assert result.rows == [(b"a-1",), (b"a-2",)]
    assert result.command_tag == "SELECT 2"
    assert result.affected == 2


async def test_without_a_tenant_no_row_is_seen(connection: Connection) -> None:
    await connection.fetch(TENANT_A, NAMES)

    assert (await connection.fetch(None, NAMES)).rows == []


async def test_the_tenant_is_gone_after_the_sync(connection: Connection) -> None:
    during = await connection.fetch(TENANT_A, TENANT)
    connection._pg.exit_pipeline_mode()
    after = connection._pg.exec_(b"select current_setting('rangka.tenant', true)")

    assert during.rows == [(str(TENANT_A).encode(),)]
    assert after.get_value(0, 0) == b""


async def test_several_statements_are_one_transaction(connection: Connection) -> None:
    with pytest.raises(errors.UniqueViolation):
        await connection.fetch_all(
            TENANT_A,
            [
                (INSERT, insert(TENANT_A, 7, "first")),
                (INSERT, insert(TENANT_A, 1, "taken")),
                (INSERT, insert(TENANT_A, 8, "never reached")),
            ],
        )

    assert (await connection.fetch(TENANT_A, NAMES)).rows == [(b"a-1",), (b"a-2",)]


async def test_several_statements_give_their_results_in_order(
    connection: Connection,
) -> None:
    results = await connection.fetch_all(
        TENANT_A, [(INSERT, insert(TENANT_A, 3, "a-3")), (NAMES, ()), (TENANT, ())]
    )

    assert [result.command_tag for result in results] == [
        "INSERT 0 1",
        "SELECT 3",
        "SELECT 1",
    ]
    assert results[0].affected == 1
    assert results[1].rows[2] == (b"a-3",)


async def test_null_comes_back_as_none(connection: Connection) -> None:
    result = await connection.fetch(None, Statement("select $1::text, ''"), [None])

    assert result.rows == [(None, b"")]


@pytest.mark.parametrize(
    ("statement", "params", "kind", "fields"),
    [
        (INSERT, insert(TENANT_A, 1, "x"), errors.UniqueViolation,
         {"constraint": "items_pkey", "table": "items", "schema": "shop"}),
        (INSERT, insert(TENANT_A, 9, None), errors.NotNullViolation,
         {"column": "name", "table": "items"}),
        (INSERT, insert(TENANT_A, -1, "x"), errors.CheckViolation,
         {"constraint": "items_id_check"}),
        (ADD_CHILD, (*insert(TENANT_A, 9, "x"), b"77"), errors.ForeignKeyViolation,
         {"constraint": "items_tenant_id_parent_fkey"}),
        (INSERT, insert(TENANT_B, 9, "x"), errors.InsufficientPrivilege, {}),
        (INSERT, insert("no-uuid", 9, "x"), errors.InvalidValue, {"sqlstate": "22P02"}),
        (Statement("select nothing from shop.items"), (), errors.UndefinedColumn, {}),
        (Statement("select 1 from shop.nothing"), (), errors.UndefinedTable, {}),
        (Statement("truncate shop.items"), (), errors.InsufficientPrivilege, {}),
        (Statement("selec 1"), (), errors.DatabaseError, {"sqlstate": "42601"}),
    ],
)  # fmt: skip
async def test_a_refusal_is_named_and_leaves_the_connection_usable(
    connection: Connection,
    statement: Statement,
    params: tuple[bytes | None, ...],
    kind: type[errors.DatabaseError],
    fields: dict[str, str],
) -> None:
    with pytest.raises(kind) as caught:
        await connection.fetch(TENANT_A, statement, params)

    assert type(caught.value) is kind
    assert {name: getattr(caught.value, name) for name in fields} == fields
    assert (await connection.fetch(TENANT_A, NAMES)).affected == 2


async def test_a_statement_is_prepared_once(connection: Connection) -> None:
    for _ in range(3):
        await connection.fetch(TENANT_A, NAMES)
    prepared = Statement(
        "select generic_plans + custom_plans from pg_prepared_statements"
        " where name = $1 and statement = $2"
    )
    found = await connection.fetch(None, prepared, [NAMES.name, NAMES.text.encode()])

    assert found.rows == [(b"3",)]


async def test_the_oldest_statements_are_closed_over_capacity(shop: Shop) -> None:
    made = await Connection.connect(session_dsn(shop.app_dsn), statement_capacity=3)
    count = Statement("select count(*) from pg_prepared_statements")
    for number in range(20):
        result = await made.fetch(TENANT_A, Statement(f"select {number}"))
        assert result.rows == [(str(number).encode(),)]
    found = (await made.fetch(None, count)).rows
    made.close()

    assert int(found[0][0] or b"0") <= 4


async def test_a_changed_table_is_read_again_without_an_error(
    connection: Connection, shop: Shop
) -> None:
    everything = Statement("select * from shop.items where id = 1")
    before = await connection.fetch(TENANT_A, everything)
    with shop.admin() as admin:
        admin.execute("alter table shop.items add column colour text default 'red'")
    try:
        after = await connection.fetch(TENANT_A, everything)
        again = await connection.fetch(TENANT_A, everything)
    finally:
        with shop.admin() as admin:
            admin.execute("alter table shop.items drop column colour")

    assert len(before.rows[0]) == 4
    assert after.rows[0][-1] == b"red"
    assert again.rows == after.rows


async def test_a_write_before_a_stale_plan_is_done_once(
    connection: Connection, shop: Shop
) -> None:
    everything = Statement("select * from shop.items")
    await connection.fetch(TENANT_A, everything)
    with shop.admin() as admin:
        admin.execute("alter table shop.items add column colour text")
    try:
        results = await connection.fetch_all(
            TENANT_A, [(INSERT, insert(TENANT_A, 5, "a-5")), (everything, ())]
        )
    finally:
        with shop.admin() as admin:
            admin.execute("alter table shop.items drop column colour")

    assert results[1].affected == 3


async def test_a_dropped_column_is_named(connection: Connection, shop: Shop) -> None:
    with shop.admin() as admin:
        admin.execute("alter table shop.items add column colour text")
    colours = Statement("select colour from shop.items")
    await connection.fetch(TENANT_A, colours)
    with shop.admin() as admin:
        admin.execute("alter table shop.items drop column colour")

    with pytest.raises(errors.UndefinedColumn):
        await connection.fetch(TENANT_A, colours)


async def test_statements_deallocated_behind_our_back_are_prepared_again(
    connection: Connection,
) -> None:
    await connection.fetch(TENANT_A, NAMES)
    await connection.fetch(None, Statement("deallocate all"))

    assert (await connection.fetch(TENANT_A, NAMES)).affected == 2


async def test_twenty_megabytes_go_out_while_the_loop_stays_free(
    connection: Connection,
) -> None:
    big = b"x" * 20_000_000
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counter = asyncio.create_task(count_turns())
    result = await connection.fetch(
        None,
        Statement("select length($1), md5($1) = md5(repeat('x', 20000000))"),
        [big],
    )
    counter.cancel()

    assert result.rows == [(b"20000000", b"t")]
    assert turns > 10


async def test_twenty_megabytes_come_back(connection: Connection) -> None:
    result = await connection.fetch(None, Statement("select repeat('y', 20000000)"))

    assert result.rows == [(b"y" * 20_000_000,)]


async def test_a_nul_character_is_refused_before_it_is_cut_off(
    connection: Connection,
) -> None:
    with pytest.raises(errors.InvalidValue, match="NUL"):
        await connection.fetch(None, Statement("select $1::text"), [b"ab\0cd"])

    assert connection.is_idle


async def test_a_backend_killed_mid_query_is_a_lost_connection(
    connection: Connection, shop: Shop
) -> None:
    pid = (await connection.fetch(None, PID)).rows[0][0]
    task = asyncio.create_task(connection.fetch(None, Statement("select pg_sleep(60)")))
    await asyncio.sleep(0.05)
    with shop.admin() as admin:
        admin.execute(f"select pg_terminate_backend({int(pid or 0)})")

    with pytest.raises(errors.ConnectionLost):
        await task
    assert connection.is_closed


async def test_a_backend_killed_while_idle_is_noticed(
    connection: Connection, shop: Shop
) -> None:
    pid = (await connection.fetch(None, PID)).rows[0][0]
    with shop.admin() as admin:
        admin.execute(f"select pg_terminate_backend({int(pid or 0)}, 5000)")
    for _ in range(100):
        await asyncio.sleep(0.01)

    assert connection.is_closed


async def test_a_second_request_on_a_busy_connection_is_refused(
    connection: Connection,
) -> None:
    first = asyncio.create_task(connection.fetch(TENANT_A, NAMES))
    await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="busy"):
        await connection.fetch(TENANT_B, NAMES)
    assert (await first).rows == [(b"a-1",), (b"a-2",)]


async def test_copy_ends_the_connection_instead_of_hanging(
    connection: Connection,
) -> None:
    with pytest.raises(errors.DatabaseError):
        await asyncio.wait_for(
            connection.fetch(TENANT_A, Statement("copy shop.items to stdout")), 10
        )


async def test_an_unreachable_server_is_a_lost_connection() -> None:
    with pytest.raises(errors.ConnectionLost):
        await Connection.connect("host=/nowhere dbname=x")


async def test_the_session_is_set_up(connection: Connection) -> None:
    names = ("TimeZone", "DateStyle", "client_encoding", "search_path",
             "standard_conforming_strings", "application_name")  # fmt: skip
    text = ", ".join(f"current_setting('{name}')" for name in names)

    assert (await connection.fetch(None, Statement(f"select {text}"))).rows == [
        (b"UTC", b"ISO, MDY", b"UTF8", b"pg_catalog", b"on", b"rangka")
    ]


async def test_a_constraint_that_fails_at_commit_is_reported(
    connection: Connection,
) -> None:
    with pytest.raises(errors.UniqueViolation) as caught:
        await connection.fetch(TENANT_A, INSERT, insert(TENANT_A, 9, "a-1"))

    assert caught.value.constraint == "items_name_key"
    assert (await connection.fetch(TENANT_A, NAMES)).affected == 2
