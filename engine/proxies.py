"""Who asks when a reverse proxy stands in front: the client's own address.

Believes `X-Forwarded-For` only from the peers that the setting `trusted_proxies`
names, and reads it from its right end: each trusted proxy appends the address it was
called from, so the first one that is no proxy of ours is the client. Whatever stands
left of it was written by the client and is not looked at.
"""

import ipaddress
from collections.abc import Iterable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

HEADER = b"x-forwarded-for"


def networks(text: str) -> tuple[Network, ...]:
    """Return the networks of a list such as `10.0.0.0/8, ::1`; raises ValueError."""
    return tuple(
        ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip()
    )


class Proxies:
    """Finds the client behind the trusted proxies."""

    def __init__(self, trusted: Iterable[Network]) -> None:
        self._trusted = tuple(trusted)

    @property
    def are_any(self) -> bool:
        """Return whether there may be one; else each client is its own peer."""
        return bool(self._trusted)

    def client(
        self, peer: str | None, headers: Iterable[tuple[bytes, bytes]]
    ) -> str | None:
        """Return the client's address; the peer's own when that is no trusted proxy.

        An entry that is no address ends the search: the last proxy that was believed
        is answered then, never what somebody made up.
        """
        if not self._trusted or peer is None or not self._trusts(peer):
            return peer
        listed = b",".join(value for name, value in headers if name == HEADER)
        found = peer
        for part in reversed(listed.decode("latin-1").split(",")):
            address = part.strip()
            if not _is_address(address):
                break
            found = address
            if not self._trusts(address):
                break
        return found

    def _trusts(self, text: str) -> bool:
        if not _is_address(text):
            return False
        address = ipaddress.ip_address(text)
        return any(address in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
