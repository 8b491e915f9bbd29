"""Which addresses may hold a router, asked for the address that is connected.

A tenant writes a router's address, so that without this every router's record would
reach whatever this machine reaches. Called by `dialing`.
"""

import ipaddress
from collections.abc import Sequence

from connectors.addresses import METADATA, Network, is_in, is_own, is_public, unwrapped

PRIVATE: tuple[Network, ...] = tuple(
    ipaddress.ip_network(each)
    for each in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "fc00::/7",
    )
)
"""Where providers have their routers (RFC 1918, RFC 6598, RFC 4193)."""

_PORTS = frozenset(
    {
        *(1433, 1521, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 4222, 5432, 5433),
        *(5672, 5900, 5984, 5985, 6379, 6380, 6432, 6443, 8086, 8200, 8500, 9042),
        *(9092, 9200, 9300, 10250, 10255, 11211, 15672, 26379, 27017, 27018),
    }
)
"""Of databases, brokers and the like, besides all that are privileged."""


class Guard:
    """Decides about addresses.

    `networks` are those besides the public Internet; loopback can be one of them.
    """

    def __init__(self, networks: Sequence[Network] = PRIVATE) -> None:
        self._networks = tuple(networks)

    def allows(self, host: str, port: int) -> bool:
        """Return whether a router may be at this address, which is no name."""
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return False
        inner = unwrapped(address)
        if inner in METADATA or port < 1024 or port in _PORTS:
            return False
        if is_in(inner, self._networks) and inner.is_loopback:
            return True
        if not (is_in(inner, self._networks) or is_public(inner)):
            return False
        return not (is_own(address) or is_own(inner))


USUAL = Guard()
"""Private networks and the Internet."""
