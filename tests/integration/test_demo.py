"""The demo's data: loaded once, and said so only when it is."""

from uuid import uuid4

from engine.demo.load import DemoTenant, load
from engine.parts import open_parts
from engine.settings import Settings


async def test_a_second_start_imports_nothing_and_does_not_say_so(
    settings: Settings,
) -> None:
    mark = uuid4().hex[:8]
    tenant = DemoTenant(f"Demo {mark}", f"demo-{mark}", 3, 12, 10)
    first: list[str] = []
    second: list[str] = []
    async with open_parts(settings) as parts:
        logins = await load(parts, first.append, [tenant])
        again = await load(parts, second.append, [tenant])
        async with parts.database.system() as connection:
            found = await connection.execute(
                "SELECT id FROM rangka.tenants WHERE slug = %s", (tenant.slug,)
            )
            row = await found.fetchone()
        assert row is not None
        async with parts.database.transaction(row["id"]) as connection:
            found = await connection.execute(
                "SELECT count(*) AS n FROM svc_customers.customers"
            )
            customers = await found.fetchone()

    said = f"Importing 12 customers of {tenant.name}"
    assert said in first
    assert not [line for line in second if "customers" in line]
    assert again == logins
    assert customers == {"n": 12}
