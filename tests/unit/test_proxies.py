"""Which address counts as the client's behind reverse proxies."""

import pytest

from engine.proxies import Proxies, networks
from engine.settings import Settings, SettingsError

TRUSTED = Proxies(networks("10.0.0.0/8, ::1"))
CASES = {
    "no proxy in front": ("192.0.2.1", [], "192.0.2.1"),
    "a peer that is no proxy of ours": ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
    "one proxy": ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
    "two proxies": ("10.0.0.1", ["198.51.100.7, 10.0.0.2"], "198.51.100.7"),
    "two lines": ("::1", ["198.51.100.7", "10.0.0.2"], "198.51.100.7"),
    "a made-up entry at the left": (
        "10.0.0.1",
        ["203.0.113.9, 198.51.100.7"],
        "198.51.100.7",
    ),
    "nonsense": ("10.0.0.1", ["nonsense"], "10.0.0.1"),
    "nonsense at the left": ("10.0.0.1", ["\xff, 10.0.0.2"], "10.0.0.2"),
    "nothing": ("10.0.0.1", [], "10.0.0.1"),
    "no peer": (None, ["198.51.100.7"], None),
}


@pytest.mark.parametrize("name", CASES)
def test_the_client_is_the_first_that_is_no_proxy(name: str) -> None:
    peer, lines, expected = CASES[name]
    headers = [(b"x-forwarded-for", line.encode("latin-1")) for line in lines]
    assert TRUSTED.client(peer, headers) == expected


def test_without_trusted_proxies_the_header_counts_for_nothing() -> None:
    headers = [(b"x-forwarded-for", b"198.51.100.7")]
    assert Proxies(()).client("127.0.0.1", headers) == "127.0.0.1"


def test_a_network_that_is_none_stops_the_start() -> None:
    with pytest.raises(SettingsError, match="RANGKA_TRUSTED_PROXIES"):
        Settings.from_environment({"RANGKA_TRUSTED_PROXIES": "10.0.0.0/33"})
