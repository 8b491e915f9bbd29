"""Setting up a router: its certificate, its logins, and who may do what."""

import dataclasses
import hashlib
import ssl
from pathlib import Path

import pytest
from job_world import until
from network_world import PASSWORD, Isp, open_isp, secrets_of, simulator
from test_simulator_login import self_signed

from connectors.mikrotik.simulator import certificate_tls
from engine.settings import Settings
from metadata import bundle
from registry import builtin
from registry.service import Refused
from tests.fixtures.scripted_router import Peer, scripted, tag


def fingerprint(certificate: Path) -> str:
    """Return the SHA-256 of a certificate."""
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    return hashlib.sha256(der).hexdigest()


async def test_no_password_is_sent_before_the_certificate_is_confirmed(
    isp: Isp, tmp_path: Path
) -> None:
    certificate, key = self_signed(tmp_path)
    print_of = fingerprint(certificate)
    sim = simulator()
    async with sim.serve(tls=certificate_tls(certificate, key)) as address:
        router = await isp.router(address, tls="pinned")
        shown = await isp.until_router(router, status="unconfirmed")
        assert shown["seen_certificate"] == print_of
        await isp.run("sweep")
        await isp.run("collect")
        await isp.quiet()
        assert not list(sim.trace)

        await isp.act("network.routers", router, "confirm_certificate")
        online = await isp.until_router(router, status="online")
        assert online["pinned_certificate"] == print_of
        assert list(sim.trace)

        async with isp.world.host(isp.tenant, "network") as host:
            changed = {"pinned_certificate": "ab" * 32}
            await host.update("network.routers", router, changed)
        stopped = await isp.until_router(router, status="stopped")
        await isp.act("network.routers", router, "forget_certificate")
        shown = await isp.until_router(router, status="unconfirmed")
        assert shown["seen_certificate"] == print_of
        await isp.act("network.routers", router, "confirm_certificate")
        await isp.until_router(router, status="online")
    assert "pinned" in stopped["last_error"]
    assert PASSWORD not in str(stopped)


async def test_customers_of_before_get_their_logins_when_somebody_asks(
    isp: Isp,
) -> None:
    plan = await isp.plan()
    before = [await isp.active(plan) for _ in range(3)]
    prospect = await isp.customer(plan)
    await isp.quiet()
    async with isp.world.host(isp.tenant, "network") as host:
        for customer in before:
            login = await isp.login(customer)
            await host.delete("network.logins", login["id"])
    sim = simulator()
    async with sim.serve() as address:
        router = await isp.router(address)
        await isp.until_router(router, status="online")
        await isp.quiet()
        assert not secrets_of(sim)
        await isp.act("network.routers", router, "provision_missing")
        for customer in before:
            await isp.until_login(customer, state="active")
        await isp.act("network.routers", router, "provision_missing")
        await isp.quiet()
    assert len(secrets_of(sim)) == 3
    assert (await isp.login(prospect))["state"] is None


async def test_a_login_moves_to_another_router(isp: Isp) -> None:
    old, new = simulator(), simulator(serial="HGA09SIM0002")
    async with old.serve() as first, new.serve() as second:
        router = await isp.router(first)
        other = await isp.router(second, name="Zamrud")
        customer = await isp.active(await isp.plan())
        login = await isp.until_login(customer, state="active", router=router)
        await isp.until_router(other, status="online")
        password = secrets_of(old)[login["name"]]["password"]
        await isp.act("network.logins", login["id"], "move", router=other)
        await isp.until_login(customer, state="active", router=other)
        await isp.quiet()
    assert secrets_of(old) == {}
    assert secrets_of(new)[login["name"]]["password"] == password


async def test_a_password_that_routers_cannot_store_is_refused(isp: Isp) -> None:
    customer = await isp.active(await isp.plan())
    login = await isp.until_login(customer, state="pending")
    with pytest.raises(Refused):
        await isp.act("network.logins", login["id"], "set_password", password="kunçi")


def test_the_roles_that_ship_give_support_no_way_to_change_a_router() -> None:
    service = bundle.load(builtin.folder("network"))
    support = next(role for role in service.roles if role.name == "network_support")
    given = {rule.permission for rule in support.rules}
    assert "network.routers:test_connection" in given
    assert not given & {"network:*", "network:write", "network.routers:write", "*"}


def test_users_write_no_state_of_a_login_or_a_run() -> None:
    service = bundle.load(builtin.folder("network"))
    closed = {"logins", "reconcile_runs", "sessions", "samples", "leases"}
    for entity in service.entities:
        writable = [field.name for field in entity.fields if not field.readonly]
        assert bool(writable) is (entity.name not in closed), entity.name


async def test_a_router_that_was_away_at_its_first_test_is_tried_again(
    isp: Isp,
) -> None:
    """Those who wait for it are told why; nobody has to press anything."""
    sim = simulator()
    async with sim.serve() as address:
        pass
    plan = await isp.plan()
    router = await isp.router(address)
    offline = await isp.until_router(router, status="offline")
    assert offline["expected_serial"] is None
    customer = await isp.active(plan)
    waits = await isp.until_login(customer, state="offline")
    assert waits["reason"] == offline["last_error"]
    assert "cannot be reached" in waits["reason"]

    async def served() -> bool:
        # As if the pause before the next try were over; no job is made by that.
        await isp.world.execute(
            "update rangka.jobs set run_at = now() "
            "where tenant_id = %s and state = 'waiting'",
            isp.tenant,
        )
        return bool((await isp.login(customer))["state"] == "active")

    async with sim.serve(*address):
        await until(served)


async def test_logins_of_a_router_that_needs_somebody_say_so(
    isp: Isp, tmp_path: Path
) -> None:
    certificate, key = self_signed(tmp_path)
    sim = simulator()
    plan = await isp.plan()
    async with sim.serve(tls=certificate_tls(certificate, key)) as address:
        router = await isp.router(address, tls="pinned", password="wrong")
        await isp.until_router(router, status="unconfirmed")
        customer = await isp.active(plan)
        waits = await isp.until_login(
            customer, reason="Compare the certificate with the router's and confirm it."
        )
        assert waits["state"] == "pending"
        await isp.act("network.routers", router, "confirm_certificate")
        stopped = await isp.until_router(router, status="stopped")
        refused = await isp.until_login(customer, state="failed")
        assert refused["reason"] == stopped["last_error"]
        await isp.update("network.routers", router, password=PASSWORD)
        await isp.until_login(customer, state="active", reason=None)


async def test_who_asks_for_a_test_sees_that_it_was_made(isp: Isp) -> None:
    sim = simulator()
    async with sim.serve() as address:
        router = await isp.router(address)
        before = await isp.until_router(router, status="online")
        await isp.quiet()
        await isp.act("network.routers", router, "test_connection")

        async def seen() -> bool:
            now = await isp.get("network.routers", router)
            return bool(now["last_seen"] > before["last_seen"])

        await until(seen)


async def test_a_router_on_this_machine_is_not_connected_to_unless_allowed(
    own: Settings,
) -> None:
    usual = Settings.from_environment({}, data_dir=own.data_dir).router_networks
    closed = dataclasses.replace(own, router_networks=usual)
    sim = simulator()
    async with open_isp(closed) as isp, sim.serve() as address:
        for tls in ("plain", "pinned", "authority"):
            router = await isp.router(address, name=tls, tls=tls)
            stopped = await isp.until_router(router, status="stopped")
            assert "RANGKA_ROUTER_NETWORKS" in stopped["last_error"]
        await isp.run("collect")
        await isp.quiet()
    assert not list(sim.trace)


async def test_a_refusal_that_cannot_be_stored_as_it_is_stops_all_tries(
    isp: Isp,
) -> None:
    async def script(peer: Peer) -> None:
        mark = tag(await peer.hear())
        said = b"=message=invalid user name or password\x00 \x1b[2J\r\n{} (6)"
        await peer.say("!trap", said, mark)
        await peer.say("!done", mark)
        await peer.ended()

    async with scripted(script) as (port, peers):
        router = await isp.router(("127.0.0.1", port), password="p")
        stopped = await isp.until_router(router, status="stopped")
        await isp.run("sweep")
        await isp.run("collect")
        await isp.quiet()
    assert len(peers) == 1
    assert "user name or password" in stopped["last_error"]
