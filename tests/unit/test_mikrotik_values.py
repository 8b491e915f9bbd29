"""Values as routers write them, in one form."""

import pytest

from connectors.mikrotik import values
from connectors.mikrotik.capabilities import capabilities
from connectors.mikrotik.fields import Kind, observed_value, wanted_value
from connectors.mikrotik.state import Marker, marker_of


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1w2d03:04:05", 788_645),
        ("1w2d3h4m5s", 788_645),
        ("00:00:10", 10),
        ("10s", 10),
        ("5m", 300),
        ("1d", 86_400),
        ("100:00:00", 360_000),
        ("3s500ms", 3),
        ("00:00:01.5", 1),
    ],
)
def test_durations_of_both_notations(text: str, seconds: int) -> None:
    assert values.duration(text) == seconds


@pytest.mark.parametrize("text", ["", "never", "1x", "w", "-5s", "1:2"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        values.duration(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("10M/20M", "10000000/20000000"),
        ("10M", "10M/10M"),
        ("512k/1M 1M/2M 256k/512k 8/8 8", "512000/1000000 1M/2M 256000/512k 8s 8"),
        ("1.5M/2M", "1500k/2000k"),
        ("1G/1G", "1000M/1000M"),
    ],
)
def test_equal_rate_limits_are_equal(one: str, other: str) -> None:
    assert values.rate_limit(one) == values.rate_limit(other)


@pytest.mark.parametrize(
    ("one", "other"), [("10M/20M", "20M/10M"), ("10M", "10M/20M"), ("1M 8", "1M")]
)
def test_different_rate_limits_differ(one: str, other: str) -> None:
    assert values.rate_limit(one) != values.rate_limit(other)


def test_a_rate_limit_nobody_understands_stays_as_it_is() -> None:
    assert values.rate_limit(" 10Q/20Q ") == "10Q/20Q"


def test_upload_comes_first_in_a_speed() -> None:
    assert values.speed(upload=1_000_000, download=5_000_000) == "1000000/5000000"


@pytest.mark.parametrize(
    ("kind", "field", "row", "wanted"),
    [
        (Kind.SECRET, "disabled", {}, False),
        (Kind.SECRET, "disabled", {"disabled": "false"}, False),
        (Kind.SECRET, "disabled", {"disabled": "true"}, True),
        (Kind.SECRET, "remote-address", {}, ""),
        (Kind.SECRET, "remote-address", {"remote-address": "10.0.0.9"}, "10.0.0.9"),
        (Kind.SECRET, "limit-bytes-in", {"limit-bytes-in": "0"}, 0),
        (Kind.SECRET, "limit-bytes-in", {"limit-bytes-in": "5000"}, 5000),
        (Kind.SECRET, "service", {}, "any"),
        (Kind.PROFILE, "only-one", {"only-one": "true"}, "yes"),
        (Kind.PROFILE, "rate-limit", {"rate-limit": "1M/2M"}, "1000k/2000k"),
        (
            Kind.PROFILE,
            "dns-server",
            {"dns-server": "1.1.1.1,8.8.8.8"},
            ("1.1.1.1", "8.8.8.8"),
        ),
        (Kind.POOL, "next-pool", {"next-pool": "none"}, ""),
        (Kind.POOL, "ranges", {"ranges": "10.0.0.2-10.0.0.9"}, ("10.0.0.2-10.0.0.9",)),
        (Kind.POOL, "ranges", {"ranges": "10.0.0.0-10.0.0.255"}, ("10.0.0.0/24",)),
        (Kind.POOL, "ranges", {"ranges": "10.0.0.7"}, ("10.0.0.7-10.0.0.7",)),
        (
            Kind.SECRET,
            "caller-id",
            {"caller-id": "AA:BB:CC:00:11:22"},
            "aa:bb:cc:00:11:22",
        ),
    ],
)
def test_what_a_router_shows_equals_what_was_wanted(
    kind: Kind, field: str, row: dict[str, str], wanted: values.Value
) -> None:
    assert observed_value(kind, field, row) == wanted_value(kind, field, wanted)


@pytest.mark.parametrize(
    ("text", "version", "channel"),
    [
        ("7.23.7 (long-term)", (7, 23, 7), "long-term"),
        ("7.18 (stable)", (7, 18, 0), "stable"),
        ("6.49.10 (stable)", (6, 49, 10), "stable"),
        ("7.21beta2", (7, 21, 0), "beta"),
        ("7.1rc3 (testing)", (7, 1, 0), "testing"),
    ],
)
def test_versions(text: str, version: tuple[int, int, int], channel: str) -> None:
    assert (capabilities(text).version, capabilities(text).channel) == (
        version,
        channel,
    )


@pytest.mark.parametrize("text", ["", "seven", "7", "7.18.2.1", "v7.1"])
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no version"):
        capabilities(text)


def test_what_versions_can_do() -> None:
    old, new = capabilities("6.42.12 (long-term)"), capabilities("7.21 (stable)")
    assert (old.plain_login, old.file_read, old.show_sensitive) == (False,) * 3
    assert (new.plain_login, new.file_read, new.show_sensitive) == (True,) * 3
    assert (old.ping, new.ping) == ("/ping", "/tool/ping")
    assert capabilities("6.49 (stable)").version < capabilities("6.100").version
    assert not capabilities("5.26").supported


@pytest.mark.parametrize(
    ("comment", "marker"),
    [
        ("rangka:t1:c1", Marker("t1", "c1")),
        ("rangka:t1:c1 VIP, call first", Marker("t1", "c1")),
        ("", None),
        ("rangka:t1", None),
        ("my rangka:t1:c1", None),
        ("rangka:t1:c1:more", None),
    ],
)
def test_whose_an_entry_is(comment: str, marker: Marker | None) -> None:
    assert marker_of(comment) == marker


@pytest.mark.parametrize("part", ["", "a b", "a:b", "é", "x" * 65])
def test_a_marker_holds_no_other_characters(part: str) -> None:
    with pytest.raises(ValueError, match="marker"):
        Marker("t1", part)
