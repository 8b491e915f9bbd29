"""Customers' devices that dial in by PPPoE, and the sessions they hold.

Makes and removes the dynamic rows of a session. Called by router and commands.
"""

import asyncio
import functools
import ipaddress
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from connectors.mikrotik.simulator.replies import Trap
from connectors.mikrotik.simulator.tables import Change, Reference, Row
from connectors.mikrotik.simulator.values import bits_of, spell_seconds

if TYPE_CHECKING:
    from connectors.mikrotik.simulator.router import Router

PACKET = 900
"""Bytes of an average packet."""
MOST_ADDRESSES = 2**17


@dataclass(slots=True, eq=False)
class Dialer:
    """A customer's device: what it logs in with and the traffic it makes.

    `password` None stands for a device that always knows the secret's password.
    Rates are bits per second, `up` as the customer sends.
    """

    name: str
    password: str | None
    mac: str
    up: int
    down: int
    sessions: list["Session"] = field(default_factory=list)
    redial: asyncio.TimerHandle | None = None


@dataclass(slots=True, eq=False)
class Session:
    """One connection of a dialer and the rows it lives in."""

    dialer: Dialer
    began: float
    up: int
    down: int
    limits: tuple[int, int]
    active: Row
    rows: list[tuple[str, Row]]


class Live:
    """The dialers of one router."""

    def __init__(self, router: "Router") -> None:
        self.redial_seconds = (1.0, 30.0)
        """How long a device waits before it dials again: least, most."""
        self.dialers: dict[str, Dialer] = {}
        self._router = router
        self._loop: asyncio.AbstractEventLoop | None = None
        self._numbered = 0x81700000
        self._taken: set[str] = set()

    def plug_in(self, name: str, password: str | None = None) -> Dialer:
        """Add a customer's device; it dials at once and, while served, again later."""
        draw = self._router.random
        octets = [0x48, 0x8F, 0x5A, *(draw.randrange(256) for _ in range(3))]
        dialer = Dialer(
            name,
            password,
            ":".join(f"{octet:02X}" for octet in octets),
            up=draw.randrange(50_000, 900_000),
            down=draw.randrange(200_000, 9_000_000),
        )
        self.dialers[name] = dialer
        self.dial(dialer)
        return dialer

    def unplug(self, name: str) -> None:
        """Take a device away; its sessions end and nobody dials again."""
        dialer = self.dialers.pop(name)
        _cancel(dialer)
        for session in tuple(dialer.sessions):
            self._hang_up(session)

    async def follow_secrets(self) -> None:
        """Plug in a device for each secret that has none, now and later; never ends.

        As if an installer connected every new customer at once.
        """
        table = self._router.tables["/ppp/secret"]
        changes: asyncio.Queue[Change] = asyncio.Queue()
        table.listeners.add(changes)
        try:
            for row in table:
                self._plug_in_once(row)
            while True:
                change = await changes.get()
                if not change.removed:
                    self._plug_in_once(change.row)
        finally:
            table.listeners.discard(changes)

    def _plug_in_once(self, secret: Row) -> None:
        name = secret.text("name")
        if name not in self.dialers:
            self.plug_in(name)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to redial, those without a session at once."""
        self._loop = loop
        for dialer in self.dialers.values():
            if not dialer.sessions:
                self.dial(dialer)

    def stop(self) -> None:
        """Cease to redial; sessions stay."""
        self._loop = None
        for dialer in self.dialers.values():
            _cancel(dialer)

    def dial(self, dialer: Dialer) -> Session | None:
        """Try to log in; without success try again later.

        Returns:
            The new session, or None when the router refused.
        """
        _cancel(dialer)
        try:
            return self._log_in(dialer)
        except Trap as refused:
            self._router.log("pppoe,ppp,error", f"{dialer.name}: {refused.message}")
            self._dial_later(dialer)
            return None

    def duplicate(self, name: str) -> Session:
        """Let a device hold one more session, as after a line that broke unnoticed.

        Raises:
            Trap: the router refuses the login.
        """
        return self._log_in(self.dialers[name])

    def kick(self, active: Row) -> None:
        """End the session of this row; the device dials again after a while."""
        for session in self._sessions():
            if session.active is active:
                self._hang_up(session)
                if not session.dialer.sessions:
                    self._dial_later(session.dialer)
                return

    def drop_all(self) -> None:
        """End every session at once, as a restart does; all dial again."""
        for session in tuple(self._sessions()):
            self._hang_up(session)
        for dialer in self.dialers.values():
            self._dial_later(dialer)

    def refresh(self) -> None:
        """Bring uptimes and counters up to now and end sessions over their limit."""
        now = self._router.clock.seconds()
        total_up = total_down = 0
        for session in tuple(self._sessions()):
            seconds = now - session.began
            up, down = (int(rate * seconds / 8) for rate in (session.up, session.down))
            session.active.live["uptime"] = spell_seconds(int(seconds))
            for path, row in session.rows:
                if path == "/interface":
                    row.live.update(_counted(up, down))
                elif path == "/queue/simple":
                    row.live["bytes"] = f"{up}/{down}"
                    row.live["packets"] = f"{up // PACKET}/{down // PACKET}"
                    row.live["rate"] = f"{session.up}/{session.down}"
            total_up, total_down = total_up + up, total_down + down
            limit_up, limit_down = session.limits
            if (limit_up and up >= limit_up) or (limit_down and down >= limit_down):
                self.kick(session.active)
        uplink = self._router.tables["/interface"].named("ether1")
        if uplink:
            uplink.live.update(_counted(total_down, total_up))

    def _sessions(self) -> Iterator[Session]:
        for dialer in tuple(self.dialers.values()):
            yield from dialer.sessions

    def _log_in(self, dialer: Dialer) -> Session:
        tables = self._router.tables
        secret = tables["/ppp/secret"].named(dialer.name)
        known = secret is not None and secret.text("disabled") != "true"
        if secret is None or not known or secret.text("service") not in {
            "", "any", "pppoe",
        }:  # fmt: skip
            raise Trap("user authentication failed: unknown or disabled user")
        if dialer.password is not None and dialer.password != secret.text("password"):
            raise Trap("user authentication failed: wrong password")
        caller = secret.text("caller-id")
        if caller and caller != dialer.mac:
            raise Trap("user authentication failed: wrong caller-id")
        profile = self._profile(secret)
        if profile.text("only-one") == "yes":
            for session in tuple(dialer.sessions):
                self._hang_up(session)
        address = self._address(secret, profile)
        return self._connect(dialer, secret, profile, address)

    def _profile(self, secret: Row) -> Row:
        table = self._router.tables["/ppp/profile"]
        chosen = secret.values.get("profile")
        if isinstance(chosen, Reference) and table.has(chosen.row):
            return chosen.row
        default = table.named("default")
        if default is None or isinstance(chosen, Reference):
            raise Trap("profile is gone")
        return default

    def _address(self, secret: Row, profile: Row) -> str:
        wanted = secret.values.get("remote-address") or profile.values.get(
            "remote-address"
        )
        if not wanted:
            raise Trap("could not determine remote address, please configure it")
        if not isinstance(wanted, Reference):
            return wanted
        pool: Row | None = wanted.row
        tried: set[str] = set()
        while pool is not None and pool.id not in tried:
            tried.add(pool.id)
            for address in _addresses(pool.text("ranges")):
                if address not in self._taken:
                    return address
            following = pool.values.get("next-pool")
            pool = following.row if isinstance(following, Reference) else None
        raise Trap("no more free addresses in the pool")

    def _connect(
        self, dialer: Dialer, secret: Row, profile: Row, address: str
    ) -> Session:
        tables = self._router.tables
        self._numbered += 1
        active = tables["/ppp/active"].add(
            {},
            dynamic=True,
            live={
                "name": dialer.name,
                "service": "pppoe",
                "caller-id": dialer.mac,
                "address": address,
                "uptime": "0s",
                "encoding": "",
                "session-id": f"0x{self._numbered:x}",
                "limit-bytes-in": secret.text("limit-bytes-in") or "0",
                "limit-bytes-out": secret.text("limit-bytes-out") or "0",
            },
        )
        link = f"<pppoe-{dialer.name}>"
        twins = len(dialer.sessions)
        if twins:
            link = f"<pppoe-{dialer.name}-{twins}>"
        rows: list[tuple[str, Row]] = []

        def add(path: str, values: dict[str, str], live: dict[str, str]) -> None:
            rows.append((path, tables[path].add(values, dynamic=True, live=live)))

        interface = {"name": link, "type": "pppoe-in", "mtu": "1480"}
        add("/interface", interface, {**_counted(0, 0), "running": "true"})
        up, down = dialer.up, dialer.down
        rates = profile.text("rate-limit").split(" ")[0]
        if rates:
            queue = {"name": link, "target": link, "max-limit": rates}
            add("/queue/simple", queue, {"bytes": "0/0", "packets": "0/0"})
            parts = (rates.split("/") * 2)[:2]
            limits = [bits_of(part) or 0 for part in parts]
            up, down = min(up, limits[0] or up), min(down, limits[1] or down)
        if profile.text("address-list"):
            entry = {"list": profile.text("address-list"), "address": address}
            add("/ip/firewall/address-list", entry, {})
        limits_of = tuple(
            int(active.live[name]) for name in ("limit-bytes-in", "limit-bytes-out")
        )
        began = self._router.clock.seconds()
        session = Session(
            dialer, began, up, down, (limits_of[0], limits_of[1]), active, rows
        )
        dialer.sessions.append(session)
        self._taken.add(address)
        self._router.log(
            "pppoe,ppp,info,account", f"{dialer.name} logged in, {address}"
        )
        return session

    def _hang_up(self, session: Session) -> None:
        tables = self._router.tables
        session.dialer.sessions.remove(session)
        tables["/ppp/active"].remove(session.active)
        self._taken.discard(session.active.live["address"])
        for path, row in session.rows:
            if tables[path].has(row):
                tables[path].remove(row)
        name = session.dialer.name
        self._router.log("pppoe,ppp,info,account", f"{name} logged out")

    def _dial_later(self, dialer: Dialer) -> None:
        _cancel(dialer)
        if self._loop is not None:
            delay = self._router.random.uniform(*self.redial_seconds)
            dialer.redial = self._loop.call_later(delay, self.dial, dialer)


def _cancel(dialer: Dialer) -> None:
    if dialer.redial is not None:
        dialer.redial.cancel()
        dialer.redial = None


def _counted(up: int, down: int) -> dict[str, str]:
    """The router receives what the customer sends."""
    return {
        "rx-byte": str(up),
        "tx-byte": str(down),
        "rx-packet": str(up // PACKET),
        "tx-packet": str(down // PACKET),
    }


@functools.lru_cache(maxsize=64)
def _addresses(ranges: str) -> tuple[str, ...]:
    """Return the addresses of a pool in their order, as far as anyone gets."""
    return tuple(itertools.islice(_every_address(ranges), MOST_ADDRESSES))


def _every_address(ranges: str) -> Iterator[str]:
    for part in ranges.split(","):
        if "/" in part:
            yield from map(str, ipaddress.IPv4Network(part, strict=False).hosts())
            continue
        first, _, last = part.partition("-")
        low = int(ipaddress.IPv4Address(first))
        high = int(ipaddress.IPv4Address(last or first))
        for number in range(low, high + 1):
            yield str(ipaddress.IPv4Address(number))
