"""A table under row level security with a pool, a database of its own, a provider."""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from network_world import Isp, open_isp
from shop import SCHEMA, TENANT_A, TENANT_B, Shop

from engine.driver_pool import Pool, PoolLimits
from engine.settings import Settings
from tests.fixtures.database import own_database


@pytest.fixture(scope="session")
def shop_schema(settings: Settings) -> Iterator[Shop]:
    made = Shop(settings)
    with psycopg.connect(settings.owner_database_url) as owner:
        owner.execute(SCHEMA)
    yield made
    with psycopg.connect(settings.owner_database_url) as owner:
        owner.execute("drop schema shop cascade")


@pytest.fixture
def shop(shop_schema: Shop) -> Shop:
    """Two tenants with two items each, named after their tenant."""
    with shop_schema.admin() as admin:
        admin.execute("truncate shop.items")
        for tenant, letter in ((TENANT_A, "a"), (TENANT_B, "b")):
            admin.execute(
                "insert into shop.items values (%s, 1, %s), (%s, 2, %s)",
                (tenant, f"{letter}-1", tenant, f"{letter}-2"),
            )
    return shop_schema


@pytest.fixture
async def pool(shop: Shop) -> AsyncIterator[Pool]:
    made = Pool(shop.app_dsn, PoolLimits(min_size=1, max_size=2))
    await made.open()
    yield made
    await made.close()


@pytest.fixture(scope="module")
def own(settings: Settings) -> Iterator[Settings]:
    """A database where no other application runs jobs or passes on events."""
    with own_database(settings) as made:
        yield made


@pytest.fixture
async def isp(own: Settings) -> AsyncIterator[Isp]:
    """A tenant with the built-in services, in a process that runs its jobs."""
    async with open_isp(own) as opened:
        yield opened
