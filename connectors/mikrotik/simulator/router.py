"""The state of one simulated router: tables, clock, log, users; no sockets.

Called by the commands (through a call) and by server, which adds the network.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from connectors.mikrotik.simulator.faults import Faults
from connectors.mikrotik.simulator.live import Live
from connectors.mikrotik.simulator.profiles import PROFILES
from connectors.mikrotik.simulator.tables import Row, Tables
from connectors.mikrotik.simulator.trace import Trace
from connectors.mikrotik.simulator.values import POLICIES, spell_seconds

LOG_LINES = 1000
MEMORY = 1024 * 1024 * 1024
GROUPS = {
    "read": "local,telnet,ssh,reboot,read,test,winbox,password,web,sniff,sensitive,api",
    "write": "local,telnet,ssh,reboot,read,write,test,winbox,password,web,sniff,"
    "sensitive,api",
    "full": ",".join(POLICIES),
}


@dataclass(frozen=True, slots=True)
class User:
    """A login of the router: password, policies and networks it may come from."""

    password: str
    policies: Iterable[str] = POLICIES
    networks: str = ""


class Clock:
    """The router's time, which tests can move ahead."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def seconds(self) -> float:
        """Seconds of a clock that never goes back."""
        return time.monotonic() + self._ahead

    def now(self) -> datetime:
        """The time of day, UTC."""
        return datetime.now(UTC) + timedelta(seconds=self._ahead)

    def advance(self, seconds: float) -> None:
        """Let that much time have passed."""
        self._ahead += seconds


class Router:
    """One router. Everything a test may look at or change is an attribute.

    Args:
        profile: one of the names in `PROFILES`.
        users: password or `User` by login name; `admin` without password if left out.
        serial: serial number; may be changed at any time (a replaced device).
        identity: name of the router.
        seed: makes addresses of counters, delays and session ids repeatable.

    Raises:
        ValueError: no such profile.
    """

    def __init__(
        self,
        profile: str = "7.18",
        users: Mapping[str, str | User] | None = None,
        serial: str = "HGA09SIM0001",
        *,
        identity: str = "MikroTik",
        seed: int = 1,
    ) -> None:
        if profile not in PROFILES:
            raise ValueError(f"no profile {profile!r}; there are {', '.join(PROFILES)}")
        self.profile = PROFILES[profile]
        self.serial = serial
        self.board = "RB5009UG+S+"
        self.clock = Clock()
        self.random = random.Random(seed)  # noqa: S311 - repeatable, nothing secret
        self.tables = Tables(self.profile.release)
        self.faults = Faults(self.random)
        self.trace = Trace()
        self.live = Live(self)
        self.max_sessions = 20
        self.boots = 0
        self.booted = self.clock.seconds()
        self.restart_wanted = False
        self.networks: Sequence[str] = ()
        self.restart_soon: Callable[[], None] = lambda: None
        self._furnish(identity)
        for name, user in (users if users is not None else {"admin": ""}).items():
            self.add_user(name, User(user) if isinstance(user, str) else user)

    def add_user(self, name: str, user: User) -> None:
        """Add a login with a group of its own, named like it."""
        policy = ",".join(user.policies)
        if self.tables["/user/group"].named(name) is None:
            self.tables["/user/group"].add({"name": name, "policy": policy})
        values = {"name": name, "group": name, "address": user.networks}
        self.tables["/user"].add({**values, "password": user.password})

    def log(self, topics: str, message: str) -> None:
        """Add a line to the router's log, which holds only the latest."""
        lines = self.tables["/log"]
        now = self.clock.now()
        told = {
            "time": self.profile.log_time(now, now),
            "topics": topics,
            "message": message,
        }
        lines.add({}, live=told)
        if len(lines) > LOG_LINES:
            lines.remove(lines.rows[0])

    def on_restart(self, restart: Callable[[], None]) -> None:
        """Have `restart` called when a command or a fault restarts the router."""
        self.restart_soon = restart

    def forget(self) -> None:
        """Do to the tables what a restart does: ids, dynamic rows, log, uptime."""
        self.live.drop_all()
        self.boots += 1
        for line in list(self.tables["/log"]):
            self.tables["/log"].remove(line)
        self.tables.reboot(self.boots)
        self.booted = self.clock.seconds()
        self.log("system,info", "router rebooted")

    def refresh(self, path: str) -> None:
        """Bring the measured properties of a menu up to now, before it is printed."""
        if path in {"/ppp/active", "/interface", "/queue/simple"}:
            self.live.refresh()
        elif path == "/system/resource":
            self.tables.single(path).live = self._resource()
        elif path == "/system/routerboard":
            self.tables.single(path).live = self._routerboard()
        elif path == "/system/license":
            self.tables.single(path).live = self._license()

    @property
    def is_virtual(self) -> bool:
        """Whether it is a Cloud Hosted Router, which has no serial number."""
        return self.board == "CHR"

    def _resource(self) -> dict[str, str]:
        sessions = len(self.tables["/ppp/active"])
        up = int(self.clock.seconds() - self.booted)
        return {
            "uptime": spell_seconds(up),
            "version": self.profile.version,
            "build-time": self.profile.build_time,
            "free-memory": str(MEMORY - 180_000_000 - 40_000 * sessions),
            "total-memory": str(MEMORY),
            "cpu": "QEMU" if self.is_virtual else "ARM64",
            "cpu-count": "4",
            "cpu-frequency": "1400",
            "cpu-load": str(min(99, 2 + sessions // 40 + self.random.randrange(4))),
            "free-hdd-space": "985661440",
            "total-hdd-space": "1073741824",
            "architecture-name": "x86_64" if self.is_virtual else "arm64",
            "board-name": "CHR QEMU" if self.is_virtual else self.board,
            "platform": "MikroTik",
        }

    def _routerboard(self) -> dict[str, str]:
        if self.is_virtual:
            return {"routerboard": "false"}
        number = self.profile.version.split(" ")[0]
        return {
            "routerboard": "true",
            "model": self.board,
            "serial-number": self.serial,
            "firmware-type": "70x0",
            "factory-firmware": "6.42",
            "current-firmware": number,
            "upgrade-firmware": number,
        }

    def _license(self) -> dict[str, str]:
        if self.is_virtual:
            return {"system-id": self.serial, "level": "p1"}
        return {"software-id": "SIM0-ULAT", "nlevel": "5", "features": ""}

    def _furnish(self, identity: str) -> None:
        """Put in what a router has out of the box."""
        tables = self.tables
        tables.single("/system/identity").values["name"] = identity
        own = {"default": "true"}
        profiles = tables["/ppp/profile"]
        profiles.add({"name": "default"}, live=own)
        encrypted = {"name": "default-encryption", "use-encryption": "yes"}
        profiles.add(encrypted, live=own, fixed_id="*FFFFFFFE")
        tables["/ip/hotspot/user/profile"].add({"name": "default"}, live=own)
        for name, policy in GROUPS.items():
            tables["/user/group"].add({"name": name, "policy": policy})
        for name in ("ether1", "ether2"):
            values = {"name": name, "type": "ether", "mtu": "1500"}
            tables["/interface"].add(values, live=_counters())
        for name, port in (("ssh", "22"), ("api", "8728"), ("api-ssl", "8729")):
            tables["/ip/service"].add({"name": name, "port": port})


def _counters() -> dict[str, str]:
    names = ("rx-byte", "tx-byte", "rx-packet", "tx-packet")
    return {**dict.fromkeys(names, "0"), "running": "true"}


def has_policy(group: Row, policy: str) -> bool:
    """Whether the group of a user has a policy."""
    return policy in group.text("policy").split(",")
