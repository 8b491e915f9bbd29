"""The way from a router's record to a session, and back to its status.

Opens the sealed password at the last moment. Called by every job that talks to a
router.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.mikrotik.dialing import PLAINTEXT, Plaintext, Tls, fingerprint
from connectors.mikrotik.errors import Advice, RouterError
from connectors.mikrotik.guard import Guard
from connectors.mikrotik.state import Identity
from connectors.mikrotik.transport import Deadlines, Session, connect
from registry.builtin.network.clock import moment
from registry.builtin.network.records import ROUTERS
from registry.service import Host, JobHost, Record

IDLE = frozenset({"stopped", "unconfirmed"})
"""States in which nothing is tried until somebody has looked."""

SEEN_EVERY = timedelta(hours=1)
"""How old `last_seen` gets before it alone is written: the log is not for that."""

CONNECTION_FIELDS = (
    "address",
    "port",
    "tls",
    "pinned_certificate",
    "username",
    "password",
)


@dataclass(frozen=True, slots=True)
class Unconfirmed(Exception):
    """The router shows a certificate that nobody has confirmed yet.

    Attributes:
        certificate: its SHA-256, 64 hexadecimal digits.
    """

    certificate: str


@contextlib.asynccontextmanager
async def opened(
    host: JobHost,
    router: Record,
    *,
    deadlines: Deadlines | None = None,
    door: asyncio.Semaphore | None = None,
) -> AsyncIterator[Session]:
    """Give a session that is logged in.

    Args:
        host: of the job.
        router: its record.
        deadlines: when to give up; the usual ones unless given.
        door: passed when the database is asked for the password.

    Raises:
        Unconfirmed: before the password was opened.
        RouterError: what stood in the way.
    """
    address, port = router["address"], router["port"]
    guard = Guard(host.router_networks)
    if router["tls"] == "pinned" and not router["pinned_certificate"]:
        raise Unconfirmed(await fingerprint(address, port=port, guard=guard))
    async with door or contextlib.nullcontext():
        password = await host.secret("routers", router["id"], "password")
    async with connect(
        address,
        user=router["username"],
        password=password or "",
        tls=_tls(router),
        port=port,
        deadlines=deadlines or Deadlines(),
        guard=guard,
    ) as session:
        yield session


def _tls(router: Record) -> Tls | Plaintext:
    match router["tls"]:
        case "plain":
            return PLAINTEXT
        case "authority":
            return Tls(None)
        case _:
            return Tls(router["pinned_certificate"])


def answered(router: Record, box: Identity, now: datetime) -> dict[str, Any]:
    """Return what to store of a router that answered."""
    return {
        "status": "online",
        "alert": False,
        "last_seen": now.isoformat(),
        "offline_since": None,
        "last_error": None,
        "expected_serial": router["expected_serial"] or box.serial,
        "routeros": str(box.capabilities),
        "board": box.board[:60] or None,
    }


def refused(
    router: Record, error: RouterError | Unconfirmed, now: datetime
) -> dict[str, Any]:
    """Return what to store of a router that did not answer, or not as it should.

    After a refusal that trying again would only repeat (a wrong password, another
    device) it is stopped: nothing is sent until its form was changed or it is tested.
    """
    if isinstance(error, Unconfirmed):
        return {
            "status": "unconfirmed",
            "seen_certificate": error.certificate,
            "last_error": "Compare the certificate with the router's and confirm it.",
        }
    values: dict[str, Any] = {"last_error": str(error)[:500]}
    if error.advice is Advice.ALERT:
        values.update(status="stopped", alert=True)
    elif error.advice is Advice.RETRY:
        values.update(
            status="offline",
            offline_since=router["offline_since"] or now.isoformat(),
        )
    return values


async def tell(
    host: Host, router: Record, values: Mapping[str, Any], *, asked_for: bool = False
) -> Record | None:
    """Write what a look at a router gave; returns the record as it is then.

    When it was seen alone is seldom written, unless somebody asked and waits for it.

    Nothing is written, and None returned, when its form was changed since `router` was
    read: the look was at another box, or with another password.
    """
    fresh = await host.get(ROUTERS, router["id"])
    if fresh is None or _reconfigured(router, fresh):
        return None
    if not asked_for and not _is_news(fresh, values):
        return fresh
    return await host.update(ROUTERS, router["id"], values)


def _reconfigured(before: Record, now: Record) -> bool:
    if any(before[name] != now[name] for name in CONNECTION_FIELDS):
        return True
    serial = before["expected_serial"]
    if serial is not None and now["expected_serial"] != serial:
        return True
    return bool(now["status"] == "untested" and before["status"] != "untested")


def _is_news(router: Record, values: Mapping[str, Any]) -> bool:
    """Return whether anything but the time it was seen differs, or that is old."""
    if any(router[name] != v for name, v in values.items() if name != "last_seen"):
        return True
    before, now = moment(router["last_seen"]), moment(values.get("last_seen"))
    return now is not None and (before is None or now - before >= SEEN_EVERY)
