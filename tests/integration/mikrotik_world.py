"""A simulated router, what is wanted of it, and runs against it."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from ipaddress import ip_network

from connectors.mikrotik.apply import OpenSecret
from connectors.mikrotik.guard import Guard
from connectors.mikrotik.guardrails import Limits
from connectors.mikrotik.reconcile import Promise, Report, reconcile
from connectors.mikrotik.simulator import Simulator
from connectors.mikrotik.state import Desired, Password, Pool, Profile, Secret
from connectors.mikrotik.transport import PLAINTEXT, Deadlines, Session, connect

USER, PASSWORD = "rangka", "router-Pa55"
TENANT = "t1"
SHORT = Deadlines(connect=2, command=0.5, print=1)
LONG = Deadlines()
LOOPBACK = Guard([ip_network("127.0.0.0/8")])


def customer(n: int, **more: object) -> Secret:
    values: dict[str, object] = {
        "profile": "home",
        "password": Password(f"c{n}", f"f{n}", confirmed=f"f{n}"),
        **more,
    }
    return Secret(id=f"c{n}", name=f"CUST{n:05}", **values)  # type: ignore[arg-type]  # keywords by name


def wanted(*secrets: Secret) -> Desired:
    return Desired(
        TENANT,
        (Pool(id="o1", name="home", ranges=("10.1.0.2-10.1.7.254",)),),
        (
            Profile(
                id="p1",
                name="home",
                local_address="10.1.0.1",
                remote_address="home",
                rate_limit="5M/10M",
            ),
            Profile(id="p2", name="ISOLIR", rate_limit="64k", address_list="ISOLIR"),
        ),
        secrets,
    )


def secret_text(reference: str) -> str:
    return f"open-{reference}-sesame"


async def open_secret(reference: str) -> str | None:
    return secret_text(reference)


@contextlib.asynccontextmanager
async def session_to(
    address: tuple[str, int],
    *,
    user: str = USER,
    password: str = PASSWORD,
    deadlines: Deadlines = LONG,
) -> AsyncIterator[Session]:
    host, port = address
    async with connect(
        host,
        port=port,
        user=user,
        password=password,
        tls=PLAINTEXT,
        deadlines=deadlines,
        guard=LOOPBACK,
    ) as session:
        yield session


async def run(
    session: Session,
    desired: Desired,
    serial: str,
    *,
    limits: Limits | None = None,
    expected_hash: str | None = None,
    open_secret: OpenSecret = open_secret,
    promise: Promise | None = None,
) -> Report:
    return await reconcile(
        session,
        desired,
        serial=serial,
        now=datetime.now(UTC),
        limits=limits or Limits(),
        open_secret=open_secret,
        promise=promise,
        expected_hash=expected_hash,
    )


def rows(sim: Simulator, path: str) -> dict[str, dict[str, str]]:
    """Return the rows of a table by name, as the simulator itself has them."""
    return {
        row.text("name"): {name: row.text(name) for name in row.values}
        for row in sim.tables[path]
        if not row.dynamic
    }


def writes(sim: Simulator) -> Iterator[str]:
    """Yield every command that was sent to change something."""
    for words in sim.trace.commands():
        if not words[0].endswith("/print") and words[0] != "/login":
            yield words[0]
