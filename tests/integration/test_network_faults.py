"""A router that is dead, slow or not ours: nothing fails and nothing doubles."""

import pytest
from job_world import until
from network_world import Isp, profiles_of, secrets_of, simulator

from connectors.mikrotik.simulator import Kind, Simulator


@pytest.fixture
def sim() -> Simulator:
    return simulator()


async def ready(isp: Isp, address: tuple[str, int]) -> tuple[str, str]:
    """Return a router that is online with a pool, and a plan that is on it."""
    router = await isp.router(address)
    await isp.pool(router)
    plan = await isp.plan()
    await isp.until_router(router, status="online")
    await isp.quiet()
    return router, plan


async def failed_jobs(isp: Isp) -> list[str]:
    """Return the names of the tenant's dead letters."""
    return [
        job["name"]
        for job in await isp.world.jobs(isp.tenant)
        if job["state"] == "failed"
    ]


async def test_an_activation_while_the_router_is_down_is_made_good_once(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        router, plan = await ready(isp, address)
        sim.faults.refuse = True
        customer = await isp.active(plan)
        login = await isp.until_login(customer, state="offline")
        assert (await isp.get("customers.customers", customer))["status"] == "active"
        assert login["reason"]
        assert not secrets_of(sim)
        down = await isp.get("network.routers", router)
        assert (down["status"], down["alert"]) == ("offline", False)

        sim.faults.refuse = False
        await isp.run("sweep")
        await isp.until_login(customer, state="active")
        await isp.run("sweep")
        await isp.quiet()
    assert list(secrets_of(sim)) == [login["name"]]
    assert await failed_jobs(isp) == []


async def test_a_reply_that_is_lost_after_an_add_does_not_double(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        _, plan = await ready(isp, address)
        sim.faults.once("/ppp/secret/add", Kind.RESET, applied=True)
        customer = await isp.active(plan)
        await isp.until_login(customer, state="pending")

        async def broke() -> bool:
            return any("/ppp/secret/add" in str(entry) for entry in sim.trace)

        await until(broke)
        await isp.quiet()
        await isp.run("sweep")
        login = await isp.until_login(customer, state="active")
        adds = [entry for entry in sim.trace if "/ppp/secret/add" in str(entry)]
    assert list(secrets_of(sim)) == [login["name"]]
    assert len(adds) == 1
    assert await failed_jobs(isp) == []


async def test_a_wrong_password_is_tried_once_until_the_form_was_changed(
    isp: Isp, sim: Simulator
) -> None:
    def logins() -> int:
        return sum("/login" in str(entry) for entry in sim.trace)

    async with sim.serve() as address:
        router = await isp.router(address, password="salah-sekali")
        await isp.pool(router)
        stopped = await isp.until_router(router, status="stopped", alert=True)
        assert "salah-sekali" not in str(stopped)
        assert logins() == 1
        plan = await isp.plan()
        await isp.active(plan)
        for name in ("sweep", "collect", "sweep"):
            await isp.run(name)
        await isp.quiet()
        assert logins() == 1

        await isp.update("network.routers", router, password="kunci-router-42")
        await isp.until_router(router, status="online", alert=False)
        await isp.quiet()
    assert len(secrets_of(sim)) == 1


async def test_another_device_at_the_address_is_not_written_to(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        router, plan = await ready(isp, address)
        sim.serial = "HGA09SIM9999"
        customer = await isp.active(plan)
        stopped = await isp.until_router(router, status="stopped")
        await isp.quiet()
        assert not secrets_of(sim)
        assert "HGA09SIM9999" in stopped["last_error"]
        assert (await isp.login(customer))["state"] != "active"

        await isp.update("network.routers", router, expected_serial=None)
        await isp.until_login(customer, state="active")
        replaced = await isp.get("network.routers", router)
    assert replaced["expected_serial"] == "HGA09SIM9999"


async def test_an_entry_without_a_marker_is_left_alone_until_it_is_taken_over(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        router, plan = await ready(isp, address)
        customer = await isp.customer(plan)
        code = (await isp.get("customers.customers", customer))["code"]
        sim.tables["/ppp/secret"].add(
            {"name": code, "password": "lama", "comment": "pak budi"}
        )
        await isp.act("customers.customers", customer, "activate")
        login = await isp.until_login(customer, state="conflict")
        assert login["reason"]
        assert secrets_of(sim)[code]["password"] == "lama"

        await isp.act("network.routers", router, "reconcile_plan", adopt=True)
        await isp.quiet()
        (run,) = await isp.find("network.reconcile_runs", state="planned")
        assert run["adopt"] is True
        assert secrets_of(sim)[code]["password"] == "lama"
        await isp.act("network.reconcile_runs", run["id"], "apply")
        await until_run(isp, run["id"], "applied")
        await isp.until_login(customer, state="active")
    secret = secrets_of(sim)[code]
    assert secret["password"] != "lama"
    assert secret["comment"] == f"rangka:{isp.tenant}:{login['id']} pak budi"


async def test_many_removals_wait_for_somebody(isp: Isp, sim: Simulator) -> None:
    async with sim.serve() as address:
        _, plan = await ready(isp, address)
        customers = [await isp.active(plan) for _ in range(7)]
        for customer in customers:
            await isp.until_login(customer, state="active")
        sim.faults.refuse = True
        for customer in customers:
            await isp.act("customers.customers", customer, "terminate")
        await isp.quiet()
        sim.faults.refuse = False
        await isp.run("sweep")
        await isp.quiet()
        assert len(secrets_of(sim)) == 7
        waiting = await isp.until_login(customers[0], state="pending")
        assert "approval" in waiting["reason"]
        (run,) = await isp.find("network.reconcile_runs", state="planned")
        assert run["counts"]["blocked"] >= 7
        await isp.act("network.reconcile_runs", run["id"], "apply")
        for customer in customers:
            await isp.until_login(customer, state="ended")
    assert secrets_of(sim) == {}


async def test_an_approved_plan_is_refused_when_the_router_changed(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        router, plan = await ready(isp, address)
        await isp.update("network.routers", router, applies_itself=False)
        customer = await isp.active(plan)
        await isp.until_login(customer, state="pending", reason=WAITS)
        await isp.quiet()
        assert not secrets_of(sim)
        (run,) = await isp.find("network.reconcile_runs", state="planned")
        row = sim.tables["/ppp/profile"].named("10mbps_profile")
        assert row is not None
        row.values["rate-limit"] = "1M/1M"
        await isp.act("network.reconcile_runs", run["id"], "apply")
        await isp.quiet()
        assert not secrets_of(sim)
        refused = await isp.get("network.reconcile_runs", run["id"])
        assert refused["state"] == "refused"
        (fresh,) = await isp.find("network.reconcile_runs", state="planned")
        await isp.act("network.reconcile_runs", fresh["id"], "apply")
        await isp.until_login(customer, state="active")
    assert profiles_of(sim)["10mbps_profile"]["rate-limit"] == "5000000/10000000"


WAITS = "waits until the run is applied"


async def test_a_form_that_changes_while_a_router_is_asked_is_not_written_over(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        router, plan = await ready(isp, address)
        sim.faults.latency = 0.3
        customer = await isp.active(plan)

        async def asked() -> bool:
            return any("/ppp/secret/print" in str(entry) for entry in sim.trace)

        sim.trace.clear()
        await until(asked)
        await isp.update("network.routers", router, password="salah-sekali")
        sim.faults.latency = 0
        stopped = await isp.until_router(router, status="stopped")
        await isp.quiet()
        assert (await isp.get("network.routers", router))["status"] == "stopped"
    assert stopped["alert"] is True
    assert (await isp.login(customer))["state"] in {"active", "pending"}


async def approved(isp: Isp, router: str, plan: str) -> tuple[str, str]:
    """Return a customer whose login waits for a plan, and the run of that plan."""
    await isp.update("network.routers", router, applies_itself=False)
    customer = await isp.active(plan)
    await isp.until_login(customer, state="pending", reason=WAITS)
    await isp.quiet()
    (run,) = await isp.find("network.reconcile_runs", state="planned")
    return customer, str(run["id"])


async def until_run(isp: Isp, run: str, state: str) -> str:
    """Wait until a run is in a state; return what it says."""

    async def holds() -> bool:
        # As if the pause before the next try were over.
        await isp.world.execute(
            "update rangka.jobs set run_at = now() "
            "where tenant_id = %s and state = 'waiting'",
            isp.tenant,
        )
        found = await isp.get("network.reconcile_runs", run)
        return bool(found["state"] == state)

    await until(holds)
    return str((await isp.get("network.reconcile_runs", run))["summary"])


async def test_an_approved_run_waits_for_a_router_that_is_away(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        router, plan = await ready(isp, address)
        customer, run = await approved(isp, router, plan)
        sim.faults.refuse = True
        await isp.act("network.reconcile_runs", run, "apply")
        await isp.until_router(router, status="offline")
        await isp.quiet()
        assert not secrets_of(sim)
        assert (await isp.get("network.reconcile_runs", run))["state"] == "approved"
        sim.faults.refuse = False
        await until_run(isp, run, "applied")
        await isp.until_login(customer, state="active")
        await isp.quiet()
        assert not await isp.find("network.reconcile_runs", state="planned")
    assert len(secrets_of(sim)) == 1
    assert await failed_jobs(isp) == []


async def test_an_approved_run_whose_job_was_lost_is_made_good_by_the_sweep(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        router, plan = await ready(isp, address)
        customer, run = await approved(isp, router, plan)
        sim.faults.refuse = True
        await isp.act("network.reconcile_runs", run, "apply")
        await isp.until_router(router, status="offline")
        await isp.quiet()
        await isp.world.execute(
            "delete from rangka.jobs where tenant_id = %s and name = 'apply_run'",
            isp.tenant,
        )
        sim.faults.refuse = False
        await isp.run("sweep")
        await until_run(isp, run, "applied")
        await isp.until_login(customer, state="active")


async def test_an_approved_run_fails_in_words_when_trying_again_is_no_use(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        router, plan = await ready(isp, address)
        _, run = await approved(isp, router, plan)
        sim.serial = "HGA09SIM9999"
        await isp.act("network.reconcile_runs", run, "apply")
        said = await until_run(isp, run, "failed")
        assert "HGA09SIM9999" in said
        assert (await isp.get("network.routers", router))["status"] == "stopped"
        assert not secrets_of(sim)


async def test_a_run_that_is_approved_for_a_stopped_router_fails_in_words(
    isp: Isp, sim: Simulator
) -> None:
    async with sim.serve() as address:
        router, plan = await ready(isp, address)
        _, run = await approved(isp, router, plan)
        sim.serial = "HGA09SIM9999"
        await isp.run("collect")
        await isp.until_router(router, status="stopped")
        await isp.quiet()
        await isp.act("network.reconcile_runs", run, "apply")
        assert "stopped" in await until_run(isp, run, "failed")
        assert not secrets_of(sim)
