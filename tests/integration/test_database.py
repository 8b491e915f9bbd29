"""The ways to PostgreSQL by role: tenant, commit, errors, refusal to start."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest
from shop import TENANT_A, TENANT_B, Shop

from engine import database_errors as errors
from engine.database import Database, raw_cursor, translate_errors
from engine.driver import Statement
from engine.driver_pool import PoolLimits
from engine.settings import StartupError

ADD = "insert into shop.items (tenant_id, id, name) values ($1, $2, $3)"
NAMES = "select name from shop.items order by name"
LIMITS = PoolLimits(min_size=1, max_size=2, wait_seconds=0.5)


@pytest.fixture
async def database(shop: Shop) -> AsyncIterator[Database]:
    made = Database(
        app_dsn=shop.app_dsn,
        system_dsn=shop.settings.system_database_url,
        owner_dsn=shop.settings.owner_database_url,
        limits=LIMITS,
    )
    await made.open()
    yield made
    await made.close()


async def test_a_fetch_goes_through_the_hot_pool(database: Database) -> None:
    result = await database.fetch(TENANT_B, Statement(NAMES), idempotent=True)

    assert result.rows == [(b"b-1",), (b"b-2",)]


async def test_several_statements_go_out_together(database: Database) -> None:
    statement = Statement("select $1::text")
    results = await database.fetch_all(
        TENANT_A, [(statement, [b"one"]), (statement, [b"two"])]
    )

    assert [result.rows for result in results] == [[(b"one",)], [(b"two",)]]


async def test_a_transaction_sees_its_tenant_and_gives_dicts(
    database: Database,
) -> None:
    async with database.transaction(TENANT_A) as connection:
        rows = await (await connection.execute(NAMES)).fetchall()

    assert rows == [{"name": "a-1"}, {"name": "a-2"}]


async def test_a_transaction_without_a_tenant_sees_nothing(database: Database) -> None:
    async with database.transaction(TENANT_A) as connection:
        await connection.execute(NAMES)
    async with database.transaction(None) as connection:
        rows = await (await connection.execute(NAMES)).fetchall()

    assert rows == []


async def test_the_same_text_runs_on_both_paths(database: Database) -> None:
    text = "select name from shop.items where id = $1"
    async with database.transaction(TENANT_A) as connection:
        cursor = await raw_cursor(connection).execute(text, [2])
        slow = await cursor.fetchone()
    fast = await database.fetch(TENANT_A, Statement(text), [b"2"])

    assert slow == {"name": "a-2"}
    assert fast.rows == [(b"a-2",)]


async def test_the_end_of_the_block_commits(database: Database) -> None:
    async with database.transaction(TENANT_A) as connection:
        await raw_cursor(connection).execute(ADD, [TENANT_A, 3, "a-3"])

    assert (await database.fetch(TENANT_A, Statement(NAMES))).affected == 3


async def test_an_exception_rolls_back(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction(TENANT_A) as connection:
            await raw_cursor(connection).execute(ADD, [TENANT_A, 3, "a-3"])
            raise LookupError

    with pytest.raises(LookupError):
        await fail()

    assert (await database.fetch(TENANT_A, Statement(NAMES))).affected == 2


@pytest.mark.parametrize(
    ("params", "kind"),
    [
        ([TENANT_A, 1, "x"], errors.UniqueViolation),
        ([TENANT_A, -1, "x"], errors.CheckViolation),
        ([TENANT_A, 4, None], errors.NotNullViolation),
        ([TENANT_B, 4, "x"], errors.InsufficientPrivilege),
        (["no-uuid", 4, "x"], errors.InvalidValue),
        ([TENANT_A, 4, "a-1"], errors.UniqueViolation),
    ],
)
async def test_both_paths_refuse_with_the_same_error(
    database: Database, params: list[object], kind: type[errors.DatabaseError]
) -> None:
    texts = [None if value is None else str(value).encode() for value in params]
    with pytest.raises(kind) as fast:
        await database.fetch(TENANT_A, Statement(ADD), texts)
    with pytest.raises(kind) as slow:
        async with database.transaction(TENANT_A) as connection:
            await raw_cursor(connection).execute(ADD, params)

    assert fast.value.diagnosis == slow.value.diagnosis


async def test_a_full_transaction_pool_says_so(database: Database) -> None:
    async with database.transaction(TENANT_A), database.transaction(TENANT_A):
        with pytest.raises(errors.PoolTimeout):
            async with database.transaction(TENANT_A):
                pass


async def test_each_door_leads_to_its_role(database: Database) -> None:
    who = "select current_user::text as name"
    found = []
    for door in (database.transaction(TENANT_A), database.system(), database.owner()):
        async with door as connection:
            found.append(await (await connection.execute(who)).fetchone())

    assert [row and row["name"] for row in found] == [
        "rangka_app",
        "rangka_system",
        "rangka_owner",
    ]


async def test_what_the_owner_changes_is_one_transaction(database: Database) -> None:
    async def fail() -> None:
        async with database.owner() as connection:
            await connection.execute("create table shop.half (id int)")
            await connection.execute("select * from shop.missing")

    with pytest.raises(errors.UndefinedTable):
        await fail()
    async with database.owner() as connection:
        found = await connection.execute("select to_regclass('shop.half') as half")

        assert await found.fetchone() == {"half": None}


async def test_a_transaction_whose_backend_dies_is_a_lost_connection(
    database: Database, shop: Shop
) -> None:
    async def fail() -> None:
        async with database.transaction(TENANT_A) as connection:
            shop.terminate_app()
            await connection.execute(NAMES)

    with pytest.raises(errors.ConnectionLost):
        await fail()
    async with database.transaction(TENANT_A) as connection:
        assert len(await (await connection.execute(NAMES)).fetchall()) == 2


@pytest.mark.parametrize("door", ["app", "system"])
async def test_it_refuses_to_start_as_a_role_that_owns_tables(
    shop: Shop, door: str
) -> None:
    settings = shop.settings
    owner = settings.owner_database_url
    unsafe = Database(
        app_dsn=owner if door == "app" else shop.app_dsn,
        system_dsn=owner if door == "system" else settings.system_database_url,
        owner_dsn=owner,
    )

    with pytest.raises(StartupError, match="rangka_owner"):
        await unsafe.open()
    assert unsafe.app.state.size == 0


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (psycopg.errors.UniqueViolation("x"), errors.UniqueViolation),
        (psycopg.errors.DeadlockDetected("x"), errors.Deadlock),
        (psycopg.errors.SerializationFailure("x"), errors.SerializationFailure),
        (psycopg.errors.QueryCanceled("x"), errors.StatementTimeout),
        (psycopg.errors.LockNotAvailable("x"), errors.LockTimeout),
        (psycopg.errors.UndefinedColumn("x"), errors.UndefinedColumn),
        (psycopg.errors.AdminShutdown("x"), errors.ConnectionLost),
        (psycopg.errors.TooManyConnections("x"), errors.ConnectionLost),
        (psycopg.errors.NumericValueOutOfRange("x"), errors.InvalidValue),
        (psycopg.errors.SyntaxError("x"), errors.DatabaseError),
        (psycopg.OperationalError("gone"), errors.ConnectionLost),
        (psycopg.DataError("NUL"), errors.InvalidValue),
        (psycopg.ProgrammingError("misuse"), errors.DatabaseError),
    ],
)
def test_every_psycopg_error_has_its_place_in_the_tree(
    raised: psycopg.Error, kind: type[errors.DatabaseError]
) -> None:
    with pytest.raises(errors.DatabaseError) as caught, translate_errors():
        raise raised

    assert type(caught.value) is kind
    assert caught.value.__cause__ is raised


async def test_transactions_find_a_living_connection_after_a_restart(
    database: Database, shop: Shop
) -> None:
    async def names() -> int:
        async with database.transaction(TENANT_A) as connection:
            return len(await (await connection.execute(NAMES)).fetchall())

    # The first one afterwards meets a pool that is full of dead connections.
    await asyncio.gather(*(names() for _ in range(10)))
    for _ in range(3):
        shop.terminate_app()

        assert await names() == 2
        assert await asyncio.gather(*(names() for _ in range(10))) == [2] * 10
