"""Fixtures of the driver, the pool and the database."""

from collections.abc import AsyncIterator, Iterator

import pytest
from driver_server import TENANT_A, TENANT_B, Server, start_server

from engine.driver_pool import Pool, PoolLimits


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with start_server() as running:
        yield running


@pytest.fixture
def shop(server: Server) -> Server:
    """Two tenants with two items each, named after their tenant."""
    with server.admin() as connection:
        connection.execute("truncate shop.items")
        for tenant, letter in ((TENANT_A, "a"), (TENANT_B, "b")):
            connection.execute(
                "insert into shop.items values (%s, 1, %s), (%s, 2, %s)",
                (tenant, f"{letter}-1", tenant, f"{letter}-2"),
            )
    return server


@pytest.fixture
async def pool(shop: Server) -> AsyncIterator[Pool]:
    made = Pool(shop.dsn("rangka_app"), PoolLimits(min_size=1, max_size=2))
    await made.open()
    yield made
    await made.close()
