"""Which addresses a router may have."""

import ipaddress
import socket

import pytest

from connectors.mikrotik.guard import USUAL, Guard

ANY = str(ipaddress.IPv4Address(0))
REFUSED = [
    "127.0.0.1", "127.8.9.1", ANY, "0.1.2.3", "169.254.169.254", "169.254.7.7",
    "100.100.100.200", "168.63.129.16", "192.0.0.192", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::ffff:127.0.0.1", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "fe80::1", "fe80::1%eth0",
    "fd00:ec2::254", "ff02::1", "fec0::1", "localhost", "127.1", "",
]  # fmt: skip
ALLOWED = ["10.0.0.1", "172.31.255.254", "192.168.88.1", "100.64.0.9", "fd12::1",
           "1.1.1.1", "93.184.215.14", "2606:4700::1111",
           "::ffff:10.0.0.1"]  # fmt: skip
SERVICES = [0, 1, 22, 25, 53, 80, 443, 1023, 2375, 3306, 5432, 6379, 9200, 11211, 27017]


@pytest.mark.parametrize("address", REFUSED)
def test_where_no_router_is_nothing_is_connected(address: str) -> None:
    assert not USUAL.allows(address, 8728)


@pytest.mark.parametrize("address", ALLOWED)
def test_private_and_public_networks_may_hold_routers(address: str) -> None:
    assert USUAL.allows(address, 8728)
    assert USUAL.allows(address, 8729)
    assert USUAL.allows(address, 18728)


@pytest.mark.parametrize("port", SERVICES)
def test_ports_of_other_services_are_refused_everywhere(port: int) -> None:
    everywhere = Guard([ipaddress.ip_network("0.0.0.0/0")])
    for guard, address in ((USUAL, "10.0.0.1"), (everywhere, "127.0.0.1")):
        assert not guard.allows(address, port)


def test_a_deployment_narrows_the_private_networks_and_may_add_loopback() -> None:
    guard = Guard([ipaddress.ip_network(n) for n in ("10.20.0.0/16", "127.0.0.0/8")])
    assert guard.allows("10.20.3.4", 8728)
    assert guard.allows("127.0.0.1", 8728)
    assert guard.allows("1.1.1.1", 8728)
    for address in ("10.21.0.1", "192.168.88.1", "100.64.0.9", "::1"):
        assert not guard.allows(address, 8728)


def test_no_network_opens_metadata_or_this_machine() -> None:
    guard = Guard([ipaddress.ip_network(n) for n in ("0.0.0.0/0", "::/0")])
    for address in ("169.254.169.254", "::ffff:a9fe:a9fe", "fd00:ec2::254", ANY):
        assert not guard.allows(address, 8728)
    for own in _own_addresses():
        assert not guard.allows(own, 8728)
        assert not USUAL.allows(own, 8728)


def _own_addresses() -> list[str]:
    """Return an address of this machine that is not loopback, if it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing: it only chooses the interface.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return []
        return [str(probe.getsockname()[0])]
