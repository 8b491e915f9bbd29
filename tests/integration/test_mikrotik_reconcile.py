"""A router is read, planned and made as wanted, against the simulator."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from mikrotik_world import (
    PASSWORD,
    TENANT,
    USER,
    customer,
    open_secret,
    rows,
    run,
    secret_text,
    session_to,
    wanted,
    writes,
)

from connectors.mikrotik import errors, read
from connectors.mikrotik.actions import Reason, Verb
from connectors.mikrotik.apply import apply
from connectors.mikrotik.fields import Kind
from connectors.mikrotik.guardrails import Approval, Limits
from connectors.mikrotik.reconcile import survey
from connectors.mikrotik.results import Outcome, Standing
from connectors.mikrotik.simulator import PROFILES, Simulator, User
from connectors.mikrotik.simulator import Kind as Fault
from connectors.mikrotik.state import Desired, Password, Pool

EVERYBODY = tuple(customer(n) for n in range(1, 8))


def simulator(profile: str = "7.18") -> Simulator:
    sim = Simulator(profile, users={USER: PASSWORD})
    sim.live.redial_seconds = (0.0, 0.01)
    return sim


@pytest.mark.parametrize("profile", list(PROFILES))
async def test_every_version_is_made_as_wanted_and_then_left_alone(
    profile: str,
) -> None:
    sim = simulator(profile)
    desired = wanted(*EVERYBODY, customer(9, remote_address="10.9.9.9", disabled=True))
    async with sim.serve() as address, session_to(address) as session:
        first = await run(session, desired, sim.serial)
        assert first.outcomes() == {"applied": 11}
        sim.trace.clear()
        second = await run(session, desired, sim.serial)
        assert second.plan.empty
        assert not list(writes(sim))
    secrets = rows(sim, "/ppp/secret")
    assert len(secrets) == 8
    assert secrets["CUST00001"]["password"] == secret_text("c1")
    assert secrets["CUST00001"]["comment"] == "rangka:t1:c1"
    assert rows(sim, "/ppp/profile")["home"]["remote-address"] == "home"


async def test_a_virtual_router_is_known_by_its_system_id() -> None:
    sim = simulator()
    sim.board = "CHR"
    async with sim.serve() as address, session_to(address) as session:
        assert (await read.identity(session)).serial == sim.serial


async def test_a_run_reads_each_menu_once_and_no_password() -> None:
    sim = simulator()
    async with sim.serve() as address, session_to(address) as session:
        await run(session, wanted(*EVERYBODY), sim.serial)
        sim.trace.clear()
        await run(session, wanted(*EVERYBODY), sim.serial)
    prints = [words for words in sim.trace.commands() if words[0].endswith("/print")]
    for menu in ("/ip/pool", "/ppp/profile", "/ppp/secret", "/ppp/active"):
        assert [words[0] for words in prints].count(f"{menu}/print") == 1
    proplists = {w for words in prints for w in words if w.startswith("=.proplist=")}
    assert proplists
    assert "password" not in ",".join(proplists)


async def test_fields_that_were_cleared_are_absent_on_the_router() -> None:
    sim = simulator()
    full = customer(
        1, remote_address="10.9.9.9", caller_id="AA:BB:CC:00:11:22", limit_bytes_in=500
    )
    bare = customer(1, remote_address="", caller_id="", limit_bytes_in=0)
    async with sim.serve() as address, session_to(address) as session:
        await run(session, wanted(full), sim.serial)
        report = await run(session, wanted(bare), sim.serial)
        assert report.complete
        assert (await run(session, wanted(bare), sim.serial)).plan.empty
    [row] = rows(sim, "/ppp/secret").values()
    assert not row.get("remote-address")
    assert not row.get("caller-id")


async def test_what_is_not_ours_stays_as_it_is() -> None:
    sim = simulator()
    table = sim.tables["/ppp/secret"]
    for name, comment in (
        ("hotel", ""),
        ("CUST00001", "moved in by hand"),
        ("CUST00002", "rangka:t2:c2"),
        ("other", "rangka:t2:c9"),
    ):
        table.add({"name": name, "password": "theirs", "comment": comment})
    before = rows(sim, "/ppp/secret")
    async with sim.serve() as address, session_to(address) as session:
        report = await run(session, wanted(*EVERYBODY[:3]), sim.serial)
        assert {(c.name, c.reason) for c in report.plan.conflicts} == {
            ("CUST00001", Reason.UNMARKED),
            ("CUST00002", Reason.FOREIGN),
        }
        gone = await run(session, Desired(TENANT), sim.serial)
        assert gone.complete
    after = rows(sim, "/ppp/secret")
    assert {name: after[name] for name in before} == before
    assert set(after) == set(before)
    assert len(rows(sim, "/ppp/profile")) == 2


async def test_adoption_marks_the_entry_and_keeps_what_it_said() -> None:
    sim = simulator()
    sim.tables["/ppp/secret"].add({"name": "CUST00001", "comment": "blue house"})
    limits = Limits(approval=Approval(adopt=frozenset({(Kind.SECRET, "c1")})))
    async with sim.serve() as address, session_to(address) as session:
        await run(session, wanted(customer(1)), sim.serial, limits=limits)
        assert (await run(session, wanted(customer(1)), sim.serial)).plan.empty
    [row] = rows(sim, "/ppp/secret").values()
    assert row["comment"] == "rangka:t1:c1 blue house"
    assert row["password"] == secret_text("c1")


async def test_suspension_ends_every_session_though_the_modem_dials_again() -> None:
    sim = simulator()
    async with sim.serve() as address, session_to(address) as session:
        await run(session, wanted(*EVERYBODY), sim.serial)
        sim.live.plug_in("CUST00001")
        sim.live.plug_in("CUST00002")
        twin = sim.live.duplicate("CUST00001")
        sim.clock.advance(3600)
        before = {up.session_id for up in await read.active(session, ["CUST00001"])}
        assert len(before) == 2
        kept = await read.active(session, ["CUST00002"])
        suspended = (customer(1, profile="ISOLIR"), *EVERYBODY[1:])
        report = await run(session, wanted(*suspended), sim.serial)
        assert report.outcomes() == {"applied": 2}
        assert not report.renew
        after = {up.session_id for up in await read.active(session, ["CUST00001"])}
        assert not before & after
        assert twin.active.id
        assert await read.active(session, ["CUST00002"]) == kept


async def test_an_owed_kick_is_made_good_by_the_next_run() -> None:
    sim = simulator()
    desired = wanted(*EVERYBODY)
    async with sim.serve() as address, session_to(address) as session:
        await run(session, desired, sim.serial)
        sim.live.plug_in("CUST00001")
        sim.clock.advance(600)
        old = await read.active(session)
        due = datetime.now(UTC) - timedelta(seconds=60)
        owing = (customer(1, renew_before=due), *EVERYBODY[1:])
        report = await run(session, wanted(*owing), sim.serial)
        assert [action.verb for action in report.plan.actions] == [Verb.KICK]
        assert report.complete
        assert not {up.session_id for up in old} & {
            up.session_id for up in await read.active(session)
        }
        assert (await run(session, wanted(*owing), sim.serial)).plan.empty


async def test_equal_changes_travel_in_lists_and_one_that_is_gone_fails_alone() -> None:
    sim = simulator()
    everybody = tuple(customer(n) for n in range(60))
    suspended = tuple(customer(n, profile="ISOLIR") for n in range(60))
    async with sim.serve() as address, session_to(address) as session:
        await run(session, wanted(*everybody), sim.serial)
        made = await survey(
            session,
            wanted(*suspended),
            serial=sim.serial,
            now=datetime.now(UTC),
            limits=Limits(),
        )
        table = sim.tables["/ppp/secret"]
        gone = table.named("CUST00007")
        assert gone is not None
        table.remove(gone)
        results = await apply(session, made.plan, open_secret)
    by_name = {r.action.name: r for r in results if r.action.verb is Verb.SET}
    lost = by_name.pop("CUST00007")
    assert (lost.outcome, type(lost.error)) == (Outcome.FAILED, errors.Missing)
    assert {result.outcome for result in by_name.values()} == {Outcome.APPLIED}
    profiles = {row["profile"] for row in rows(sim, "/ppp/secret").values()}
    assert profiles == {"ISOLIR"}


async def test_a_name_that_was_taken_meanwhile_is_a_duplicate() -> None:
    sim = simulator()
    async with sim.serve() as address, session_to(address) as session:
        made = await survey(
            session,
            wanted(customer(1)),
            serial=sim.serial,
            now=datetime.now(UTC),
            limits=Limits(),
        )
        sim.tables["/ppp/secret"].add({"name": "CUST00001", "comment": "by hand"})
        results = await apply(session, made.plan, open_secret)
    last = results[-1]
    assert (last.outcome, type(last.error)) == (Outcome.FAILED, errors.Duplicate)
    assert rows(sim, "/ppp/secret")["CUST00001"]["comment"] == "by hand"


async def test_a_pool_that_somebody_uses_meanwhile_is_not_removed() -> None:
    sim = simulator()
    pool = Pool(id="o1", name="old", ranges=("10.5.0.2-10.5.0.9",))
    async with sim.serve() as address, session_to(address) as session:
        await run(session, Desired(TENANT, (pool,)), sim.serial)
        made = await survey(
            session,
            Desired(TENANT),
            serial=sim.serial,
            now=datetime.now(UTC),
            limits=Limits(),
        )
        sim.tables["/ppp/profile"].add({"name": "mine", "remote-address": "old"})
        [result] = await apply(session, made.plan, open_secret)
    assert result.outcome is Outcome.SKIPPED
    assert "old" in rows(sim, "/ip/pool")


async def test_another_serial_number_gets_nothing_written() -> None:
    sim = simulator()
    async with sim.serve() as address, session_to(address) as session:
        sim.serial = "REPLACED"
        with pytest.raises(errors.WrongRouter, match="REPLACED"):
            await run(session, wanted(*EVERYBODY), "HGA09SIM0001")
    assert not list(writes(sim))


async def test_a_plan_somebody_looked_at_is_refused_once_the_router_differs() -> None:
    sim = simulator()
    desired = wanted(*EVERYBODY)
    async with sim.serve() as address, session_to(address) as session:
        seen = await survey(
            session,
            desired,
            serial=sim.serial,
            now=datetime.now(UTC),
            limits=Limits(),
        )
        sim.tables["/ppp/secret"].add({"name": "CUST00001", "comment": "by hand"})
        sim.trace.clear()
        with pytest.raises(errors.StalePlan):
            await run(session, desired, sim.serial, expected_hash=seen.plan.hash)
        assert not list(writes(sim))


async def test_a_plan_applies_over_its_own_connection_only() -> None:
    sim = simulator()
    async with sim.serve() as address:
        async with session_to(address) as session:
            made = await survey(
                session,
                wanted(*EVERYBODY),
                serial=sim.serial,
                now=datetime.now(UTC),
                limits=Limits(),
            )
        async with session_to(address) as session:
            with pytest.raises(errors.StalePlan):
                await apply(session, made.plan, open_secret)
    assert not list(writes(sim))


async def test_a_user_who_may_not_write_stops_the_run_at_once() -> None:
    sim = simulator()
    sim.add_user("looker", User("pw", policies=("read", "api", "test")))
    many = tuple(customer(n, profile="default") for n in range(100))
    async with (
        sim.serve() as address,
        session_to(address, user="looker", password="pw") as session,
    ):
        desired = Desired(TENANT, secrets=many)
        report = await run(session, desired, sim.serial)
    assert isinstance(report.error, errors.NotPermitted)
    assert report.error.advice is errors.Advice.ALERT
    assert len(list(writes(sim))) <= session.window
    outcomes = report.outcomes()
    assert outcomes["skipped"] >= 100 - session.window
    assert "applied" not in outcomes


async def test_the_documented_rights_are_enough() -> None:
    sim = simulator()
    sim.add_user("least", User("pw", policies=("api", "read", "write", "test")))
    async with (
        sim.serve() as address,
        session_to(address, user="least", password="pw") as session,
    ):
        assert (await run(session, wanted(*EVERYBODY), sim.serial)).complete
        sim.live.plug_in("CUST00001")
        suspended = (customer(1, profile="ISOLIR"), *EVERYBODY[1:])
        assert (await run(session, wanted(*suspended), sim.serial)).complete
        assert (await run(session, wanted(*suspended), sim.serial)).plan.empty


async def test_a_wrong_password_is_tried_once() -> None:
    sim = simulator()
    async with sim.serve() as address:
        with pytest.raises(errors.LoginRefused) as caught:
            async with session_to(address, password="wrong-Pa55"):
                pass
    assert caught.value.advice is errors.Advice.ALERT
    assert len(sim.trace.commands("/login")) == 1
    assert "wrong-Pa55" not in str(caught.value)


async def test_no_secret_in_logs_plans_results_or_reports(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sim = simulator()
    sim.faults.once(
        "/ppp/secret/add",
        kind=Fault.TRAP,
        message=f"failure: bad {secret_text('c1')} here",
        applied=False,
        times=20,
    )
    with caplog.at_level(logging.DEBUG):
        async with sim.serve() as address, session_to(address) as session:
            report = await run(session, wanted(customer(1)), sim.serial)
    told = repr(report) + repr(report.plan.describe()) + caplog.text
    told += "".join(result.reason for result in report.results)
    assert report.outcomes()["failed"] == 1
    assert "•••" in told
    assert secret_text("c1") not in told
    assert PASSWORD not in told


async def test_a_missing_password_is_a_failure_of_that_log_in_alone() -> None:
    sim = simulator()

    async def none_for_two(reference: str) -> str | None:
        return None if reference == "c2" else secret_text(reference)

    async with sim.serve() as address, session_to(address) as session:
        made = await survey(
            session,
            wanted(*EVERYBODY),
            serial=sim.serial,
            now=datetime.now(UTC),
            limits=Limits(),
        )
        results = await apply(session, made.plan, none_for_two)
    failed = [r.action.name for r in results if r.outcome is not Outcome.APPLIED]
    assert failed == ["CUST00002"]
    assert "CUST00002" not in rows(sim, "/ppp/secret")


async def test_a_name_beyond_ascii_is_its_own_failure_and_nobody_elses() -> None:
    sim = simulator()
    odd = replace(customer(2), name="Müller")
    async with sim.serve() as address, session_to(address) as session:
        report = await run(session, wanted(customer(1), odd), sim.serial)
        standings = report.standings()
        table = sim.tables["/ppp/secret"]
        table.set(table.rows[0], {"name": "Straße"})
        renamed = await run(session, wanted(customer(1)), sim.serial)
    assert standings[Kind.SECRET, "c1"] == (Standing.APPLIED, "")
    assert standings[Kind.SECRET, "c2"][0] is Standing.FAILED
    assert "ASCII" in standings[Kind.SECRET, "c2"][1]
    assert renamed.complete
    assert list(rows(sim, "/ppp/secret")) == ["CUST00001"]


async def test_a_report_tells_where_each_entry_stands() -> None:
    sim = simulator()
    sim.tables["/ppp/secret"].add({"name": "CUST00002", "comment": "by hand"})
    fresh = replace(customer(1), password=Password("c1", "f1", confirmed=None))
    async with sim.serve() as address, session_to(address) as session:
        first = await run(session, wanted(fresh, customer(2)), sim.serial)
        second = await run(session, wanted(customer(1), customer(2)), sim.serial)
    assert first.confirmed == {(Kind.SECRET, "c1"): "f1"}
    assert first.standings()[Kind.SECRET, "c1"] == (Standing.APPLIED, "")
    assert second.confirmed == {}
    assert second.standings()[Kind.SECRET, "c1"] == (Standing.IN_SYNC, "")
    assert second.standings()[Kind.SECRET, "c2"] == (Standing.CONFLICT, "unmarked")


async def test_sessions_load_and_traffic_are_read() -> None:
    sim = simulator()
    async with sim.serve() as address, session_to(address) as session:
        await run(session, wanted(*EVERYBODY), sim.serial)
        sim.live.plug_in("CUST00003")
        sim.clock.advance(90)
        [up] = await read.active(session)
        [counted] = await read.traffic(session)
        load = await read.load(session)
    assert (up.name, up.service, up.address[:5]) == ("CUST00003", "pppoe", "10.1.")
    assert 89 <= up.uptime <= 95
    assert up.session_id
    assert counted.name == "CUST00003"
    assert counted.download > counted.upload > 0
    assert 0 <= load.cpu_percent <= 100
    assert 0 < load.memory_free < load.memory_total
