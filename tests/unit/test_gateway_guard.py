"""Which addresses the gateway connects to."""

import ipaddress

import pytest

from registry.gateway.guard import AddressRefused, Guard

FORBIDDEN = [
    "127.0.0.1", "127.255.255.254", "0.0.0.1", "0.1.2.3", "10.0.0.1", "172.16.0.1",
    "172.31.255.255", "192.168.0.1", "169.254.169.254", "169.254.0.1", "100.64.0.1",
    "100.100.100.200", "168.63.129.16", "192.0.0.1", "192.0.0.192", "192.0.2.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::a00:1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::",
    "2002:a00:1::1", "2001:0:7f00:1::80ff:fffe", "2001::1", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "ff0e::1", "100::1",
    "2001:db8::1", "not an address", "127.1", "0x7f000001", "",
]  # fmt: skip
PUBLIC = ["93.184.215.14", "1.1.1.1", "2606:4700::1111", "2002:0101:0101::1",
          "64:ff9b::101:101"]  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_what_is_not_public_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused) as refused:
        Guard().check(address, 443)
    assert not address or address not in str(refused.value)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_connected_to(address: str) -> None:
    Guard().check(address, 443)
    with pytest.raises(AddressRefused):
        Guard(only_networks=True).check(address, 443)


@pytest.mark.parametrize("port", [22, 25, 53, 1, 0, 5432, 6379, 8728, 11211, 27017])
def test_other_ports_than_those_of_http_are_refused(port: int) -> None:
    with pytest.raises(AddressRefused):
        Guard().check("1.1.1.1", port)


def test_a_port_of_another_protocol_is_refused_in_an_allowed_network_too() -> None:
    guard = Guard([ipaddress.ip_network("10.0.0.0/8")], only_networks=True)
    guard.check("10.0.0.1", 8080)
    for port in (5432, 6379, 8728):
        with pytest.raises(AddressRefused):
            guard.check("10.0.0.1", port)


def test_a_network_that_is_allowed_is_connected_to_except_for_metadata() -> None:
    networks = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("0.0.0.0/0")]
    guard = Guard(networks[:1], only_networks=True)
    guard.check("10.1.2.3", 80)
    guard.check("::ffff:10.1.2.3", 9000)
    for address in ("11.0.0.1", "192.168.0.1", "127.0.0.1"):
        with pytest.raises(AddressRefused):
            guard.check(address, 80)
    everything = Guard(networks)
    everything.check("127.0.0.1", 1)
    for address in ("169.254.169.254", "::ffff:a9fe:a9fe", "100.100.100.200"):
        with pytest.raises(AddressRefused):
            everything.check(address, 80)
