"""Reads a router: one print per menu, only the fields that are managed, no passwords.

Passwords are never asked for, so that none crosses the network. Called by `reconcile`
and `apply` (to see what a command did), and by jobs that collect sessions and load.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from connectors.mikrotik import values
from connectors.mikrotik.capabilities import capabilities
from connectors.mikrotik.errors import (
    Missing,
    ProtocolBroken,
    UnknownCommand,
)
from connectors.mikrotik.fields import FIELDS, MENU, Kind, observed_value
from connectors.mikrotik.state import Active, Found, Identity, Observed, marker_of
from connectors.mikrotik.transport import Session

NAMES_PER_QUERY = 50
LONGEST_SECONDS = 100 * 366 * 86_400
"""A hundred years; what claims to be up for longer is taken for that long."""
_COUNT = re.compile(r"[0-9]{1,20}")
"""As long as 64 bits get; `int` itself takes other digits, and refuses long ones."""
_ACTIVE = ".id,name,address,caller-id,uptime,session-id,service"


@dataclass(frozen=True, slots=True)
class Load:
    """What a router says of itself.

    Attributes:
        cpu_percent: 0 to 100.
        memory_free: bytes.
        memory_total: bytes.
        uptime: seconds.
    """

    cpu_percent: int
    memory_free: int
    memory_total: int
    uptime: int
    version: str


@dataclass(frozen=True, slots=True)
class Traffic:
    """Counters of one session's interface since it came up.

    Attributes:
        upload: bytes received from the customer.
        download: bytes sent to the customer.
    """

    name: str
    upload: int
    download: int


async def identity(session: Session) -> Identity:
    """Return which box this is.

    Raises:
        ProtocolBroken: it names no version of RouterOS.
        Missing: it tells neither a serial number nor a system id.
    """
    resource = await _first(session, "/system/resource/print")
    try:
        able = capabilities(resource.get("version", ""))
    except ValueError as error:
        raise ProtocolBroken(f"/system/resource/print: {error}") from None
    name = await _first(session, "/system/identity/print")
    return Identity(
        serial=await _serial(session),
        name=name.get("name", ""),
        board=resource.get("board-name", ""),
        capabilities=able,
    )


async def observe(session: Session) -> Observed:
    """Read everything that a plan needs."""
    box = await identity(session)
    entries: list[Found] = []
    for kind in Kind:
        entries.extend(await rows(session, kind))
    return Observed(session.key, box, tuple(entries), await active(session))


async def rows(
    session: Session, kind: Kind, names: Collection[str] | None = None
) -> tuple[Found, ...]:
    """Return the entries of a menu, or those with one of the names."""
    wanted = [".id", "name", "comment", "dynamic", *FIELDS[kind]]
    proplist = f"=.proplist={','.join(wanted)}"
    found: list[Found] = []
    for query in _queries(names):
        answer = await session.call(f"{MENU[kind]}/print", proplist, *query)
        found.extend(_found(kind, row) for row in answer if ".id" in row)
    return tuple(found)


async def active(
    session: Session, names: Collection[str] | None = None
) -> tuple[Active, ...]:
    """Return the PPP sessions that are up, or those of the names."""
    found: list[Active] = []
    for query in _queries(names):
        answer = await session.call(
            "/ppp/active/print", f"=.proplist={_ACTIVE}", *query
        )
        found.extend(_active(row) for row in answer if ".id" in row)
    return tuple(found)


async def load(session: Session) -> Load:
    """Return how busy the router is."""
    row = await _first(session, "/system/resource/print")
    return Load(
        cpu_percent=_count(row, "cpu-load"),
        memory_free=_count(row, "free-memory"),
        memory_total=_count(row, "total-memory"),
        uptime=_seconds(row.get("uptime", "")),
        version=row.get("version", ""),
    )


async def traffic(session: Session) -> tuple[Traffic, ...]:
    """Return the counters of every PPPoE session, by the name of its log-in."""
    answer = await session.call(
        "/interface/print",
        "=.proplist=name,type,rx-byte,tx-byte",
        "?type=pppoe-in",
    )
    return tuple(
        Traffic(
            name=row["name"].removeprefix("<pppoe-").removesuffix(">"),
            upload=_count(row, "rx-byte"),
            download=_count(row, "tx-byte"),
        )
        for row in answer
        if "name" in row
    )


async def _serial(session: Session) -> str:
    """Return the serial number of a board, the system id of a virtual router."""
    for command, name in (
        ("/system/routerboard/print", "serial-number"),
        ("/system/license/print", "system-id"),
    ):
        try:
            row = await _first(session, command)
        except UnknownCommand:
            continue
        if serial := row.get(name):
            return serial
    raise Missing(
        "the router tells neither a serial number nor a system id, so that it "
        "cannot be told from another one"
    )


async def _first(session: Session, command: str) -> Mapping[str, str]:
    answer = await session.call(command)
    return answer[0] if answer else {}


def _queries(names: Collection[str] | None) -> Iterable[tuple[str, ...]]:
    """Yield the query words of each print: all rows, or a few dozen names at a time.

    A name that is not ASCII cannot be asked for: then all rows are read too.

    `?name=a ?name=b ?#|` leaves one value on the router's stack: a or b.
    """
    few = names is not None and len(names) <= NAMES_PER_QUERY * 4
    if names is None or not few or not all(name.isascii() for name in names):
        yield ()
        return
    listed = sorted(names)
    for at in range(0, len(listed), NAMES_PER_QUERY):
        some = listed[at : at + NAMES_PER_QUERY]
        either = ("?#" + "|" * (len(some) - 1),) if len(some) > 1 else ()
        yield (*(f"?name={name}" for name in some), *either)


def _found(kind: Kind, row: Mapping[str, str]) -> Found:
    return Found(
        kind=kind,
        id=row[".id"],
        name=row.get("name", ""),
        marker=marker_of(row.get("comment", "")),
        values={name: observed_value(kind, name, row) for name in FIELDS[kind]},
        comment=row.get("comment", ""),
        dynamic=values.boolean(row.get("dynamic", "")),
    )


def _active(row: Mapping[str, str]) -> Active:
    return Active(
        id=row[".id"],
        name=row.get("name", ""),
        uptime=_seconds(row.get("uptime", "")),
        session_id=row.get("session-id", ""),
        address=row.get("address", ""),
        caller_id=row.get("caller-id", ""),
        service=row.get("service", ""),
    )


def _seconds(text: str) -> int:
    try:
        return min(values.duration(text), LONGEST_SECONDS)
    except ValueError:
        return 0


def _count(row: Mapping[str, str], name: str) -> int:
    text = row.get(name, "").replace(" ", "")
    return int(text) if _COUNT.fullmatch(text) else 0
