"""Kinds of network addresses, for whoever decides which ones may be connected to.

Pure but for `is_own`, which asks the system. Decides nothing: that is the gateway's
guard for external services, and the routers' own for routers.
"""

import ipaddress
import socket
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = tuple(
    ipaddress.IPv6Network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48")
)
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_RELAY = ipaddress.IPv4Network("192.88.99.0/24")
METADATA = frozenset(
    ipaddress.ip_address(each)
    for each in (
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fd00:ec2::254",
    )
)
"""Where clouds hand out the machine's own credentials."""


def is_in(address: Address, found: Iterable[Network]) -> bool:
    """Return whether any of the networks holds the address."""
    return any(address in network for network in found)


def unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, or the address itself.

    IPv4-mapped and -compatible (RFC 4291), 6to4 (RFC 3056), Teredo (RFC 4380) and NAT64
    (RFC 6052, RFC 8215).
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    last = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if any(address in network for network in _NAT64):
        return last
    if address in _COMPATIBLE and int(address) > 1:
        return last
    return address


def is_public(address: Address) -> bool:
    """Return whether it is an address of one host in the public Internet."""
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not (isinstance(address, ipaddress.IPv4Address) and address in _RELAY)
        and not (isinstance(address, ipaddress.IPv6Address) and address.is_site_local)
    )


def is_own(address: Address) -> bool:
    """Return whether an interface of this machine has the address."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True
