"""A router that fails in the middle: nothing is doubled, nothing is claimed falsely."""

import asyncio
import contextlib
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from mikrotik_world import (
    PASSWORD,
    SHORT,
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
from connectors.mikrotik.actions import Action, EntryKey, Verb
from connectors.mikrotik.fields import Kind as Menu
from connectors.mikrotik.reconcile import Report
from connectors.mikrotik.results import Outcome
from connectors.mikrotik.simulator import Kind, Simulator
from connectors.mikrotik.state import Desired
from connectors.mikrotik.transport import Deadlines

BEFORE = wanted(*(customer(n) for n in range(1, 6)))
AFTER = wanted(
    customer(1, profile="ISOLIR"),
    customer(2, remote_address="10.9.9.9"),
    customer(3),
    customer(6),
    customer(7),
)
GONE = {"CUST00004", "CUST00005"}
COMMANDS = (
    "/ppp/secret/add",
    "/ppp/secret/set",
    "/ppp/secret/remove",
    "/ppp/secret/print",
    "/ppp/active/remove",
    "/ppp/active/print",
)
FAULTS = [
    pytest.param(kind, applied, id=f"{kind.value}-{'done' if applied else 'not done'}")
    for kind in Kind
    for applied in (True, False)
]


def simulator() -> Simulator:
    sim = Simulator("7.18", users={USER: PASSWORD})
    sim.live.redial_seconds = (0.0, 0.01)
    return sim


async def attempt(
    sim: Simulator, address: tuple[str, int], desired: Desired
) -> Report | None:
    """Run once as a job does; None when the router could not be read."""
    with contextlib.suppress(errors.RouterError):
        async with session_to(address, deadlines=SHORT) as session:
            return await run(session, desired, sim.serial)
    return None


def really(sim: Simulator, action: Action) -> bool:
    """Return whether the simulator itself shows that an action was carried out."""
    secrets = rows(sim, "/ppp/secret")
    row = secrets.get(action.name)
    match action.verb:
        case Verb.REMOVE:
            return row is None
        case Verb.KICK:
            up = {one.text("session-id") for one in sim.tables["/ppp/active"]}
            return not up & {session.session_id for session in action.sessions}
        case _:
            if row is None:
                # Disabled first, as one that was then removed.
                return action.verb is Verb.SET and action.name in GONE
            return all(
                row.get(change.field, "no") in {change.new, "yes", "true"}
                for change in action.changes
                if change.field in {"profile", "remote-address", "disabled"}
            )


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("kind", "applied"), FAULTS)
async def test_a_fault_at_any_step_is_healed_by_the_next_runs(
    command: str, kind: Kind, applied: bool
) -> None:
    sim = simulator()
    async with sim.serve() as address:
        async with session_to(address) as session:
            await run(session, BEFORE, sim.serial)
        for n in (1, 2, 4):
            sim.live.plug_in(f"CUST{n:05}")
        sim.clock.advance(600)
        sim.faults.once(command, kind, applied=applied)
        broken = await attempt(sim, address, AFTER)
        for result in broken.results if broken else ():
            if result.outcome is Outcome.APPLIED:
                assert really(sim, result.action), result
            if result.outcome is Outcome.UNKNOWN:
                assert isinstance(result.error, errors.RouterError)
        sim.faults.clear()
        for _ in range(20):
            healed = await attempt(sim, address, AFTER)
            if healed is not None and healed.plan.empty:
                break
            await asyncio.sleep(0.05)
        assert healed is not None
        assert healed.plan.empty
    secrets = rows(sim, "/ppp/secret")
    assert sorted(secrets) == [f"CUST{n:05}" for n in (1, 2, 3, 6, 7)]
    assert len(sim.tables["/ppp/secret"]) == 5
    assert secrets["CUST00001"]["profile"] == "ISOLIR"
    assert secrets["CUST00002"]["remote-address"] == "10.9.9.9"
    assert secrets["CUST00006"]["password"] == secret_text("c6")
    assert all(
        row["comment"].startswith(f"rangka:{TENANT}:") for row in secrets.values()
    )


async def test_a_kick_that_was_cut_off_is_owed() -> None:
    sim = simulator()
    async with sim.serve() as address:
        async with session_to(address) as session:
            await run(session, BEFORE, sim.serial)
        sim.live.plug_in("CUST00001")
        sim.clock.advance(600)
        sim.faults.once("/ppp/active/remove", Kind.RESET, applied=False)
        suspended = wanted(
            customer(1, profile="ISOLIR"), *(customer(n) for n in range(2, 6))
        )
        broken = await attempt(sim, address, suspended)
        assert broken is not None
        due = broken.renew[Menu.SECRET, "c1"]
        [old] = sim.tables["/ppp/active"]
        owing = wanted(
            customer(1, profile="ISOLIR", renew_before=due),
            *(customer(n) for n in range(2, 6)),
        )
        healed = await attempt(sim, address, owing)
    assert healed is not None
    assert [action.verb for action in healed.plan.actions] == [Verb.KICK]
    assert healed.complete
    assert not healed.renew
    assert old.text("session-id") not in {
        row.text("session-id") for row in sim.tables["/ppp/active"]
    }


async def test_a_router_that_restarts_renumbers_and_nothing_is_mixed_up() -> None:
    sim = simulator()
    async with sim.serve() as address:
        async with session_to(address) as session:
            await run(session, BEFORE, sim.serial)
            ids = {row.name: row.id for row in await read.rows(session, Menu.SECRET)}
            await sim.reboot(0.05)
            with pytest.raises(errors.ConnectionLost):
                await run(session, AFTER, sim.serial)
        async with session_to(address) as session:
            again = {row.name: row.id for row in await read.rows(session, Menu.SECRET)}
            assert ids.keys() == again.keys()
            assert ids != again
            assert (await run(session, BEFORE, sim.serial)).plan.empty


async def test_a_router_that_refuses_connections_and_comes_back() -> None:
    sim = simulator()
    async with sim.serve() as address:
        sim.faults.refuse = True
        with pytest.raises(errors.Unreachable) as caught:
            async with session_to(address, deadlines=SHORT):
                pass
        assert caught.value.advice is errors.Advice.RETRY
        sim.faults.refuse = False
        report = await attempt(sim, address, BEFORE)
    assert report is not None
    assert report.complete


@pytest.mark.parametrize("fault", ["half_open", "trickle"])
async def test_a_router_that_hangs_is_given_up_in_time(fault: str) -> None:
    sim = simulator()
    async with sim.serve() as address:
        setattr(sim.faults, fault, True if fault == "half_open" else 0.2)
        began = time.monotonic()
        with pytest.raises(errors.TimedOut):
            async with session_to(address, deadlines=Deadlines(connect=1, command=0.3)):
                pass
        assert time.monotonic() - began < 5
        sim.faults.clear()
        report = await attempt(sim, address, BEFORE)
    assert report is not None
    assert report.complete


async def test_a_far_router_gets_several_commands_at_a_time() -> None:
    sim = simulator()
    async with sim.serve() as address, session_to(address) as session:
        sim.faults.latency = 0.01
        many = wanted(*(customer(n) for n in range(80)))
        report = await run(session, many, sim.serial)
        assert report.complete
        under_way, most = 0, 0
        for entry in sim.trace:
            under_way += entry.received - (entry.words[0] == "!done")
            most = max(most, under_way)
        assert most == session.window


async def test_a_slow_print_of_many_rows_is_read_whole() -> None:
    sim = simulator()
    table = sim.tables["/ppp/secret"]
    for n in range(200):
        table.add({"name": f"S{n}", "password": "x"})
    async with sim.serve() as address, session_to(address) as session:
        sim.faults.row_delay = 0.001
        assert len(await read.rows(session, Menu.SECRET)) == 200


async def test_a_run_that_is_cancelled_leaves_no_connection_behind() -> None:
    sim = simulator()
    promised: set[EntryKey] = set()

    async def promise(keys: frozenset[EntryKey]) -> None:
        assert not set(writes(sim))
        promised.update(keys)

    async def cancelled() -> None:
        async with session_to(address) as session:
            await run(session, AFTER, sim.serial, promise=promise)

    async with sim.serve() as address:
        async with session_to(address) as session:
            await run(session, BEFORE, sim.serial)
        sim.live.plug_in("CUST00001")
        [old] = sim.tables["/ppp/active"]
        sim.clock.advance(600)
        sim.trace.clear()
        sim.faults.once("/ppp/active/remove", Kind.SILENCE, applied=False)
        task = asyncio.create_task(cancelled())
        for _ in range(1000):
            if "/ppp/active/remove" not in set(writes(sim)):
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(100):
            if sim.connections:
                await asyncio.sleep(0.05)
        assert not sim.connections
        assert promised == {(Menu.SECRET, "c1"), (Menu.SECRET, "c2")}
        assert rows(sim, "/ppp/secret")["CUST00001"]["profile"] == "ISOLIR"
        assert old in list(sim.tables["/ppp/active"])

        now = datetime.now(UTC)
        owing = [
            replace(secret, renew_before=now)
            if (Menu.SECRET, secret.id) in promised
            else secret
            for secret in AFTER.secrets
        ]
        healed = await attempt(sim, address, replace(AFTER, secrets=tuple(owing)))
        assert healed is not None
        assert healed.complete
        assert old.text("session-id") not in {
            row.text("session-id") for row in sim.tables["/ppp/active"]
        }
        assert (await attempt(sim, address, AFTER) or healed).plan.empty


async def test_a_run_whose_promise_is_not_kept_changes_nothing() -> None:
    sim = simulator()

    async def promise(_keys: frozenset[EntryKey]) -> None:
        raise LookupError("nothing can be stored")

    async with sim.serve() as address:
        async with session_to(address) as session:
            await run(session, BEFORE, sim.serial)
        sim.trace.clear()
        with pytest.raises(LookupError):
            async with session_to(address) as session:
                await run(session, AFTER, sim.serial, promise=promise)
        assert not set(writes(sim))


async def test_a_password_that_cannot_be_opened_fails_its_own_action_alone() -> None:
    sim = simulator()

    async def closed(reference: str) -> str | None:
        if reference == "c6":
            raise OSError("sandi-rahasia: the database is away")
        return await open_secret(reference)

    async with sim.serve() as address:
        async with session_to(address) as session:
            await run(session, BEFORE, sim.serial)
        sim.live.plug_in("CUST00001")
        [old] = sim.tables["/ppp/active"]
        async with session_to(address) as session:
            report = await run(session, AFTER, sim.serial, open_secret=closed)
    [result] = [each for each in report.results if each.outcome is not Outcome.APPLIED]
    assert result.action.name == "CUST00006"
    assert isinstance(result.error, errors.PasswordUnavailable)
    assert "OSError" in result.reason
    assert "sandi-rahasia" not in result.reason
    assert old not in list(sim.tables["/ppp/active"])
    assert rows(sim, "/ppp/secret")["CUST00007"]["password"] == secret_text("c7")


async def test_a_router_whose_sessions_are_used_up_says_so() -> None:
    sim = simulator()
    sim.max_sessions = 1
    async with sim.serve() as address, session_to(address):
        with pytest.raises(errors.RouterError) as caught:
            async with session_to(address, deadlines=SHORT):
                pass
    assert caught.value.advice is errors.Advice.RETRY
