"""Which addresses the gateway connects to, asked for the address that is connected.

A name is resolved and connected in one step, so what it resolves to later does not
matter. Private networks are the deployment's to allow, never a tenant's or an author's.
"""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

from connectors.addresses import METADATA, Network, is_in, is_own, is_public, unwrapped

__all__ = ["AddressRefused", "Guard", "Network"]

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
        # Refused even where the deployment allows the network.
        if inner in METADATA:
            raise AddressRefused("an address of the cloud's metadata")
        if port in _PORTS:
            raise AddressRefused("a port that no HTTP service has")
        if is_in(inner, self._networks):
            return
        if self._only_networks:
            raise AddressRefused("plain HTTP outside the allowed networks")
        if not is_public(inner):
            raise AddressRefused("an address that is not public")
        if port < 1024 and port not in {80, 443}:
            raise AddressRefused("a port that no HTTP service has")
        if is_own(address):
            raise AddressRefused("an address of this machine")

    def socket(self, info: tuple[Any, ...]) -> socket.socket:
        """Return a socket for a resolved address; aiohttp's `socket_factory`."""
        family, kind, protocol, _, address = info
        self.check(str(address[0]), int(address[1]))
        return socket.socket(family, kind, protocol)
