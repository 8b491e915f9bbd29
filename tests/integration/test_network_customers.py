"""From an active customer to a login on the router, and what follows."""

import pytest
from network_world import (
    PASSWORD,
    Isp,
    profiles_of,
    secrets_of,
    sessions_of,
    simulator,
)

from connectors.mikrotik.simulator import Kind, Simulator


@pytest.fixture
def sim() -> Simulator:
    return simulator()


async def test_an_active_customer_gets_a_login_on_the_router(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        router = await isp.router(address)
        await isp.pool(router)
        plan = await isp.plan()
        await isp.until_router(router, status="online")
        customer = await isp.active(plan)
        login = await isp.until_login(customer, state="active")
    code = (await isp.get("customers.customers", customer))["code"]
    (name, secret), *others = secrets_of(sim).items()
    assert not others
    assert name == login["name"] == code
    assert secret["profile"] == login["profile"] == "10mbps_profile"
    assert secret["service"] == "pppoe"
    assert secret["comment"] == f"rangka:{isp.tenant}:{login['id']}"
    assert len(secret["password"]) >= 12
    profile = profiles_of(sim)["10mbps_profile"]
    assert profile["rate-limit"] == "5000000/10000000"
    assert profile["remote-address"] == "pelanggan"
    assert login["reason"] is None
    seen = await isp.get("network.routers", router)
    assert (seen["expected_serial"], seen["last_error"]) == (sim.serial, None)


async def ready(isp: Isp, address: tuple[str, int], sim: Simulator) -> tuple[str, str]:
    """Return a router that is online with a pool, and a plan that is on it."""
    sim.live.redial_seconds = (0.05, 0.1)
    router = await isp.router(address)
    await isp.pool(router)
    plan = await isp.plan()
    await isp.until_router(router, status="online")
    return router, plan


async def test_suspension_slows_a_customer_and_ends_his_session(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        _, plan = await ready(isp, address, sim)
        customer = await isp.active(plan)
        login = await isp.until_login(customer, state="active")
        sim.live.plug_in(login["name"])
        before = sessions_of(sim, login["name"])
        password = secrets_of(sim)[login["name"]]["password"]

        await isp.act("customers.customers", customer, "suspend")
        await isp.until_login(customer, state="suspended", profile="ISOLIR")
        suspended = secrets_of(sim)[login["name"]]
        assert suspended["profile"] == "ISOLIR"
        assert suspended["password"] == password
        assert not set(before) & set(sessions_of(sim, login["name"]))
        profile = profiles_of(sim)["ISOLIR"]
        assert profile["address-list"] == "ISOLIR"
        assert profile["rate-limit"] == "128000/128000"

        await isp.act("customers.customers", customer, "activate")
        await isp.until_login(customer, state="active", profile="10mbps_profile")
        assert secrets_of(sim)[login["name"]]["profile"] == "10mbps_profile"


async def test_an_end_of_sessions_that_is_owed_is_made_good(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        router, plan = await ready(isp, address, sim)
        customer = await isp.active(plan)
        login = await isp.until_login(customer, state="active")
        sim.live.plug_in(login["name"])
        before = sessions_of(sim, login["name"])
        sim.faults.once("/ppp/active/remove", Kind.TRAP, applied=False, times=999)

        await isp.act("customers.customers", customer, "suspend")
        await isp.until_login(customer, state="failed")
        assert sessions_of(sim, login["name"]) == before
        owing = await isp.login(customer)
        assert owing["renew_before"] is not None
        sim.faults.clear()
        await isp.run("sweep")
        await isp.until_login(customer, state="suspended", renew_before=None)
        assert not set(before) & set(sessions_of(sim, login["name"]))
        assert (await isp.get("network.routers", router))["status"] == "online"


async def test_termination_takes_the_login_off_the_router(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        _, plan = await ready(isp, address, sim)
        sim.tables["/ppp/secret"].add({"name": "warisan", "profile": "default"})
        stays, goes = await isp.active(plan), await isp.active(plan)
        kept = await isp.until_login(stays, state="active")
        await isp.until_login(goes, state="active")
        await isp.act("customers.customers", goes, "terminate")
        await isp.until_login(goes, state="ended", profile=None)
    assert set(secrets_of(sim)) == {"warisan", kept["name"]}


async def test_another_plan_is_another_profile_and_a_new_session(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        _, plan = await ready(isp, address, sim)
        fast = await isp.plan(
            "Rumah 50",
            download_rate=50_000_000,
            upload_rate=20_000_000,
            router_profile="",
        )
        customer = await isp.active(plan)
        login = await isp.until_login(customer, state="active")
        sim.live.plug_in(login["name"])
        before = sessions_of(sim, login["name"])
        await isp.update("customers.customers", customer, plan=fast)
        name = f"plan-{fast.replace('-', '')[-12:]}"
        await isp.until_login(customer, state="active", profile=name)
        assert secrets_of(sim)[login["name"]]["profile"] == name
        assert profiles_of(sim)[name]["rate-limit"] == "20000000/50000000"
        assert not set(before) & set(sessions_of(sim, login["name"]))

        await isp.update("plans.plans", fast, upload_rate=30_000_000)
        await isp.quiet()
        assert profiles_of(sim)[name]["rate-limit"] == "30000000/50000000"


async def test_a_change_that_means_nothing_to_the_router_asks_for_no_run(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        _, plan = await ready(isp, address, sim)
        customer = await isp.active(plan)
        login = await isp.until_login(customer, state="active")
        await isp.quiet()
        sim.trace.clear()
        await isp.update("customers.customers", customer, notes="rumah biru")
        await isp.quiet()
        assert not list(sim.trace)
        assert (await isp.login(customer))["version"] == login["version"]


async def test_without_a_router_a_login_waits_and_says_so(
    isp: Isp, sim: Simulator
) -> None:
    plan = await isp.plan()
    customer = await isp.active(plan)
    login = await isp.until_login(customer, state="pending", router=None)
    assert "No router" in login["reason"]
    async with sim.serve() as address:
        router = await isp.router(address)
        await isp.pool(router)
        await isp.until_login(customer, state="active", router=router)
    assert list(secrets_of(sim)) == [login["name"]]


async def test_a_password_that_was_set_reaches_the_router_and_nothing_else(
    isp: Isp, sim: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    async with sim.serve() as address:
        router, plan = await ready(isp, address, sim)
        customer = await isp.active(plan)
        login = await isp.until_login(customer, state="active")
        generated = secrets_of(sim)[login["name"]]["password"]
        await isp.act(
            "network.logins", login["id"], "set_password", password="rahasia-baru-7"
        )
        await isp.until_login(customer, state="pending")
        await isp.until_login(customer, state="active")
        assert secrets_of(sim)[login["name"]]["password"] == "rahasia-baru-7"
        await isp.run("sweep")
        await isp.quiet()
        sent = [str(entry) for entry in sim.trace if "=password=" in str(entry)]
    secrets = (generated, "rahasia-baru-7", PASSWORD)
    assert "svc_network.logins" in await places_of(isp, login["name"])
    for secret in secrets:
        assert await places_of(isp, secret) == []
        assert secret not in caplog.text
    assert sum("/ppp/secret/" in entry for entry in sent) == 2
    assert router


async def places_of(isp: Isp, secret: str) -> list[str]:
    """Return the tables of which a row holds the text."""
    tables = await isp.world.execute(
        "select format('%%I.%%I', schemaname, tablename) as name from pg_tables "
        "where schemaname = 'rangka' or schemaname like 'svc%%'"
    )
    found = []
    async with isp.world.parts.database.owner() as connection:
        for table in tables:
            rows = await connection.execute(
                f"select 1 from {table['name']} t where t::text like %s limit 1",
                (f"%{secret}%",),
            )
            if await rows.fetchone():
                found.append(table["name"])
    return found
