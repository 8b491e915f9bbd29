"""What is wanted of a router, and what was read from it. Data only.

In a wanted entry None means "not ours to say, leave as it is" and an empty value means
"must be absent": a missing value is never written as a guess.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime

from connectors.mikrotik.capabilities import Capabilities
from connectors.mikrotik.fields import FIELDS, Kind
from connectors.mikrotik.values import Value

_PART = r"[A-Za-z0-9_.-]{1,64}"
_MARKER = re.compile(rf"rangka:({_PART}):({_PART})(?=\s|$)")


@dataclass(frozen=True, slots=True, order=True)
class Marker:
    """Whose an entry is; stands at the start of its comment, ASCII."""

    tenant: str
    id: str

    def __post_init__(self) -> None:
        if not re.fullmatch(_PART, self.tenant) or not re.fullmatch(_PART, self.id):
            raise ValueError(
                "tenant and id of a marker are 1 to 64 of the characters "
                "A-Z a-z 0-9 _ . -"
            )

    def __str__(self) -> str:
        return f"rangka:{self.tenant}:{self.id}"


def marker_of(comment: str) -> Marker | None:
    """Return the marker a comment starts with; text behind it is the operator's."""
    found = _MARKER.match(comment)
    return Marker(found[1], found[2]) if found else None


@dataclass(frozen=True, slots=True)
class Password:
    """A password that is not here.

    Attributes:
        reference: what `open_secret` opens, at the moment it is sent.
        fingerprint: keyed digest of it, to see a change without knowing it.
        confirmed: the fingerprint that a router last took; None if none ever did.
    """

    reference: str
    fingerprint: str
    confirmed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Wanted addresses to give out.

    Attributes:
        id: of the marker.
        ranges: `10.0.0.2-10.0.0.254` or a network.
    """

    id: str
    name: str
    ranges: tuple[str, ...]
    next_pool: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A wanted PPP profile.

    Attributes:
        remote_address: name of a pool, or an address.
        rate_limit: as routers write it, rx (upload) first; see `values.speed`.
        only_one: `yes`, `no` or `default`.
    """

    id: str
    name: str
    local_address: str | None = None
    remote_address: str | None = None
    rate_limit: str | None = None
    address_list: str | None = None
    only_one: str | None = None
    dns_server: tuple[str, ...] | None = None
    parent_queue: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A wanted PPP log-in.

    Attributes:
        name: of the log-in, the customer's code.
        profile: by name; for suspension the profile that redirects.
        renew_before: sessions that began before must be ended, so that what changed
            takes effect; None once that is confirmed.
    """

    id: str
    name: str
    password: Password
    profile: str
    service: str | None = "pppoe"
    remote_address: str | None = None
    caller_id: str | None = None
    limit_bytes_in: int | None = None
    limit_bytes_out: int | None = None
    disabled: bool | None = False
    renew_before: datetime | None = None


Wanted = Pool | Profile | Secret
KIND_OF: Mapping[type, Kind] = {
    Pool: Kind.POOL,
    Profile: Kind.PROFILE,
    Secret: Kind.SECRET,
}


def stated(entry: Wanted) -> dict[str, Value]:
    """Return the fields that a wanted entry says anything about, by argument name."""
    known = FIELDS[KIND_OF[type(entry)]]
    said: dict[str, Value] = {}
    for attribute in fields(entry):
        name = attribute.name.replace("_", "-")
        value = getattr(entry, attribute.name)
        if name in known and value is not None:
            said[name] = value
    return said


@dataclass(frozen=True, slots=True)
class Desired:
    """All that one tenant wants on one router.

    Raises:
        ValueError: two entries of a kind share a name or an id.
    """

    tenant: str
    pools: tuple[Pool, ...] = ()
    profiles: tuple[Profile, ...] = ()
    secrets: tuple[Secret, ...] = ()

    def __post_init__(self) -> None:
        for entries in (self.pools, self.profiles, self.secrets):
            for what in ("name", "id"):
                seen = [getattr(entry, what) for entry in entries]
                if len(seen) != len(set(seen)):
                    raise ValueError(f"two wanted entries of a kind share their {what}")

    def of(self, kind: Kind) -> tuple[Wanted, ...]:
        """Return the entries of a kind."""
        match kind:
            case Kind.POOL:
                return self.pools
            case Kind.PROFILE:
                return self.profiles
            case Kind.SECRET:
                return self.secrets


@dataclass(frozen=True, slots=True)
class Found:
    """An entry as read.

    Attributes:
        id: `*HEX`; means nothing on another connection.
        values: every managed field, by argument name.
        dynamic: made by the router itself; cannot be changed.
    """

    kind: Kind
    id: str
    name: str
    marker: Marker | None
    values: Mapping[str, Value]
    comment: str = ""
    dynamic: bool = False


@dataclass(frozen=True, slots=True)
class Active:
    """A session that is up.

    Attributes:
        uptime: seconds, whole.
        session_id: of the PPP session; empty where the router does not say.
    """

    id: str
    name: str
    uptime: int
    session_id: str = ""
    address: str = ""
    caller_id: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Which box it is.

    Attributes:
        serial: of the board, or the system id of a virtual router.
    """

    serial: str
    name: str
    board: str
    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class Observed:
    """All that was read over one connection.

    Attributes:
        session_key: of that connection; ids hold on no other.
    """

    session_key: str
    identity: Identity
    entries: tuple[Found, ...] = ()
    sessions: tuple[Active, ...] = field(default=())

    def of(self, kind: Kind) -> tuple[Found, ...]:
        """Return the entries of a kind."""
        return tuple(entry for entry in self.entries if entry.kind is kind)

    def counts(self) -> dict[Kind, int]:
        """Return the rows of each kind; to be kept as those of the last good read."""
        return {kind: len(self.of(kind)) for kind in Kind}
