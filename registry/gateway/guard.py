"""Which addresses the gateway connects to, asked for the address that is connected.

A name is resolved and connected in one step, so what it resolves to later does not
matter. Private networks are the deployment's to allow, never a tenant's or an author's.
"""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64 = tuple(
    ipaddress.IPv6Network(each) for each in ("64:ff9b::/96", "64:ff9b:1::/48")
)
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_RELAY = ipaddress.IPv4Network("192.88.99.0/24")
_METADATA = frozenset(
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
"""Where clouds hand out the machine's own credentials; refused even if allowed."""
_PORTS = frozenset(
    {2049, 3306, 3389, 5432, 5900, 6379, 6443, 8728, 9200, 10250, 11211, 27017}
)


class AddressRefused(OSError):
    """The gateway does not connect there; the message names no address."""


class Guard:
    """Decides about one scheme's addresses.

    `networks` are those the deployment allows; with `only_networks` no other one is,
    not even of the public Internet (plain HTTP).
    """

    def __init__(
        self, networks: Sequence[Network] = (), *, only_networks: bool = False
    ) -> None:
        self._networks = tuple(networks)
        self._only_networks = only_networks

    def check(self, host: str, port: int) -> None:
        """Raise AddressRefused unless this address may be connected to."""
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError as error:
            raise AddressRefused("not an IP address") from error
        inner = unwrapped(address)
        if inner in _METADATA:
            raise AddressRefused("an address of the cloud's metadata")
        if port in _PORTS:
            raise AddressRefused("a port that no HTTP service has")
        if any(inner in network for network in self._networks):
            return
        if self._only_networks:
            raise AddressRefused("plain HTTP outside the allowed networks")
        if not _is_public(inner):
            raise AddressRefused("an address that is not public")
        if port < 1024 and port not in {80, 443}:
            raise AddressRefused("a port that no HTTP service has")
        if _is_own(address):
            raise AddressRefused("an address of this machine")

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """Return a socket for a resolved address; aiohttp's `socket_factory`."""
        family, kind, protocol, _, address = info
        self.check(str(address[0]), int(address[1]))
        return socket.socket(family, kind, protocol)


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


def _is_public(address: Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not address.is_unspecified
        and not (isinstance(address, ipaddress.IPv4Address) and address in _RELAY)
        and not (isinstance(address, ipaddress.IPv6Address) and address.is_site_local)
    )


def _is_own(address: Address) -> bool:
    """Return whether an interface of this machine has the address."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True
