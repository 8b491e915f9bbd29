"""Routers: a reconcile without and with changes, and a poll of many; simulated.

The simulator runs in a process of its own, so that CPU figures are the connector's.
"""

import asyncio
import contextlib
import multiprocessing
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from multiprocessing.connection import Connection
from statistics import median
from typing import Any
from uuid import UUID, uuid4

from benchmarks import provider, site
from benchmarks.report import Table
from connectors.mikrotik.guard import Guard
from connectors.mikrotik.guardrails import Limits
from connectors.mikrotik.reconcile import Report, reconcile
from connectors.mikrotik.simulator import Simulator
from connectors.mikrotik.state import Desired, Password, Pool, Profile, Secret
from connectors.mikrotik.transport import PLAINTEXT, connect
from engine.parts import Parts

USER, PASSWORD, SERIAL = "rangka", "bench", "BENCH1"
SECRETS = 1000
CHANGES = 100
ROUTERS, SESSIONS, DEAD = 100, 200, 10


def run(rounds: int) -> Iterator[Table]:
    """Yield the tables of this group."""
    with simulated(1) as (ports, child):
        yield asyncio.run(_reconcile(ports[0], child, rounds))
    with simulated(ROUTERS) as (ports, _), site.installation() as here:
        yield asyncio.run(_looks(here, ports))


async def _reconcile(port: int, child: Connection, rounds: int) -> Table:
    table = Table(
        f"reconcile of {SECRETS:,} log-ins, median of {rounds}",
        ("what", "round trip", "s", "CPU s", "wanted s"),
    )
    child.send(0.0)
    async with connect(
        "127.0.0.1",
        port=port,
        user=USER,
        password=PASSWORD,
        tls=PLAINTEXT,
        guard=Guard([ip_network("127.0.0.0/8")]),
    ) as session:

        async def timed(desired: Desired, applied: int) -> tuple[float, float]:
            wall, cpu = time.perf_counter(), time.process_time()
            report: Report = await reconcile(
                session,
                desired,
                serial=SERIAL,
                now=datetime.now(UTC),
                limits=Limits(),
                open_secret=_open,
            )
            if report.outcomes().get("applied", 0) != applied or not report.complete:
                raise RuntimeError(f"{report.outcomes()} instead of {applied} applied")
            return time.perf_counter() - wall, time.process_time() - cpu

        await timed(_wanted(0), SECRETS + 3)
        child.send(0.005)
        still = [await timed(_wanted(0), 0) for _ in range(rounds)]
        child.send(0.02)
        equal, own = [], []
        for _ in range(rounds):
            equal.append(await timed(_wanted(1), CHANGES * 2))
            await timed(_wanted(0), CHANGES * 2)
            own.append(await timed(_wanted(2), CHANGES))
            await timed(_wanted(0), CHANGES)
    for what, trip, times, limit in (
        ("nothing to change", "5 ms", still, "2"),
        (f"{CHANGES} suspended alike, kicks checked", "20 ms", equal, "5"),
        (f"{CHANGES} changed each in its own way", "20 ms", own, "5"),
    ):
        wall, cpu = (median(each) for each in zip(*times, strict=True))
        table.add(what, trip, f"{wall:.2f}", f"{cpu:.2f}", limit)
    return table


async def _looks(here: site.Site, ports: list[int]) -> Table:
    """Look at all as the service does every 5 minutes: a job, stored in the database.

    The first look stores every session, as after a power cut; a later one only what
    has changed.
    """
    table = Table(
        f"look at {ROUTERS} routers with {SESSIONS} sessions, {DEAD} dead, stored",
        ("what", "s", "CPU s", "wanted s"),
    )
    async with site.parts_of(here) as parts:
        ctx = await provider.open_tenant(parts)
        for port in ports:
            values = {"username": USER, "password": PASSWORD, "expected_serial": SERIAL}
            await provider.add_router(parts, ctx, port, **values)
        async with parts.database.system() as connection:
            # The tests of new routers are another measurement.
            await connection.execute("delete from rangka.jobs")
        await parts.jobs.start(work=True)
        try:
            for what, limit in (("every session is new", "-"), ("none is new", "20")):
                wall, cpu = time.perf_counter(), time.process_time()
                result = await _look(parts, ctx.tenant_id)
                took, spent = time.perf_counter() - wall, time.process_time() - cpu
                if result["answered"] != ROUTERS - DEAD or result["failed_count"]:
                    raise RuntimeError(f"looked: {result}")
                table.add(what, f"{took:.1f}", f"{spent:.1f}", limit)
        finally:
            await parts.jobs.stop()
    return table


async def _look(parts: Parts, tenant: UUID) -> dict[str, Any]:
    """Run the schedule `collect` once; return what it answered."""
    job = uuid4()
    async with parts.database.system() as connection:
        await connection.execute(
            "insert into rangka.jobs (tenant_id, id, kind, service, name, key, slot, "
            "max_attempts) values (%s, %s, 'schedule', 'network', 'collect', "
            "'schedule', %s, 1)",
            (tenant, job, str(job)),
        )
    while True:
        await asyncio.sleep(0.1)
        async with parts.database.system() as connection:
            cursor = await connection.execute(
                "select state, result, error from rangka.jobs where id = %s", (job,)
            )
            row = await cursor.fetchone()
        if row is None or row["state"] == "failed":
            raise RuntimeError(f"the look failed: {row}")
        if row["state"] == "done":
            found: dict[str, Any] = row["result"]
            return found


def _wanted(change: int) -> Desired:
    """Return 1,000 log-ins; 1: the first hundred suspended; 2: with own limits."""
    secrets = [
        Secret(
            id=f"c{n}",
            name=f"CUST{n:05}",
            password=Password(f"c{n}", "f", confirmed="f"),
            profile="ISOLIR" if change == 1 and n < CHANGES else "home",
            limit_bytes_in=n + 1 if change == 2 and n < CHANGES else 0,
        )
        for n in range(SECRETS)
    ]
    home = Profile(id="p1", name="home", remote_address="home", rate_limit="5M/10M")
    isolir = replace(home, id="p2", name="ISOLIR", rate_limit="64k/64k")
    pool = Pool(id="o1", name="home", ranges=("10.1.0.2-10.1.7.254",))
    return Desired("bench", (pool,), (home, isolir), tuple(secrets))


async def _open(reference: str) -> str:
    return f"password-of-{reference}"


@contextlib.contextmanager
def simulated(routers: int) -> Iterator[tuple[list[int], Connection]]:
    """Serve simulators in another process; gives ports, and a pipe for latency."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    child = spawn.Process(target=_child, args=(there, routers), daemon=True)
    child.start()
    try:
        yield here.recv(), here
    finally:
        here.send(None)
        child.join(10)


def _child(pipe: Connection, routers: int) -> None:
    asyncio.run(_serve(pipe, routers))


async def _serve(pipe: Connection, routers: int) -> None:
    """Serve until told to stop; a number sets the latency of every router."""
    sims = [Simulator(users={USER: PASSWORD}, serial=SERIAL) for _ in range(routers)]
    over = asyncio.Event()

    def told() -> None:
        latency = pipe.recv()
        if latency is None:
            over.set()
            return
        for sim in sims:
            sim.faults.latency = latency

    for at, sim in enumerate(sims if routers > 1 else ()):
        sim.faults.half_open = at < DEAD
        _dial_in(sim)
    async with contextlib.AsyncExitStack() as stack:
        addresses = [await stack.enter_async_context(sim.serve()) for sim in sims]
        asyncio.get_running_loop().add_reader(pipe.fileno(), told)
        pipe.send([port for _, port in addresses])
        await over.wait()
        asyncio.get_running_loop().remove_reader(pipe.fileno())


def _dial_in(sim: Simulator) -> None:
    sim.tables["/ip/pool"].add({"name": "home", "ranges": "10.1.0.2-10.1.7.254"})
    profile = {"name": "home", "local-address": "10.1.0.1", "remote-address": "home"}
    sim.tables["/ppp/profile"].add(profile)
    for n in range(SESSIONS):
        name = f"CUST{n:05}"
        sim.tables["/ppp/secret"].add(
            {"name": name, "password": "x", "profile": "home"}
        )
        sim.live.plug_in(name)
