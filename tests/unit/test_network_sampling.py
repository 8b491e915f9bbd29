"""What routers say that makes no sense costs one row or one figure, no more."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from connectors.mikrotik.capabilities import capabilities
from connectors.mikrotik.read import LONGEST_SECONDS, Load, Traffic
from connectors.mikrotik.state import Active, Identity
from registry.builtin.network import sampling
from registry.builtin.network.sampling import Poll

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOX = Identity("S1", "pusat", "hEX", capabilities("7.18"))


def poll(
    load: Load | None = None,
    sessions: tuple[Active, ...] = (),
    traffic: tuple[Traffic, ...] = (),
) -> Poll:
    return Poll(NOW, BOX, load or Load(3, 100, 200, 60, "7.18"), sessions, traffic)


def test_a_session_is_stored_as_it_is() -> None:
    up = Active("*1", "CUST00001", 90, "0x81", "10.0.0.2", "AA:BB", "pppoe")
    rows = sampling.sessions("r1", [up], NOW)
    assert rows == {
        ("CUST00001", "0x81"): {
            "router": "r1",
            "name": "CUST00001",
            "session_id": "0x81",
            "address": "10.0.0.2",
            "caller_id": "AA:BB",
            "began_at": (NOW - timedelta(seconds=90)).isoformat(),
        }
    }


@pytest.mark.parametrize("name", ["", "  ", "\x00", "\t\n", "\u2028"])
def test_a_session_without_a_name_is_skipped_and_counted(name: str) -> None:
    found = [Active("*1", name, 1, "0x1"), Active("*2", "CUST2", 1, "0x2")]
    assert [key for key, _ in sampling.sessions("r1", found, NOW)] == ["CUST2"]
    assert sampling.nameless(found) == 1


def test_an_absurd_uptime_is_left_out_and_the_session_stays() -> None:
    found = [Active("*1", "CUST1", LONGEST_SECONDS, "0x1")]
    [row] = sampling.sessions("r1", found, NOW).values()
    assert row["began_at"] is None


def test_a_stored_session_is_known_again_however_its_name_was_written() -> None:
    names = [" CUST\x00 1 ", "a\r\nb", "x" * 500, f"{'x' * 119}  y", "b\u2029c"]
    found = [Active("*1", name, 1, address="10.0.0.2") for name in names]
    rows = sampling.sessions("r1", found, NOW)
    assert len(rows) == len(names)
    for key, row in rows.items():
        assert sampling.session_key(row) == key
        assert row["name"] == row["name"].strip()
        assert len(row["name"]) <= 120
        assert row["name"].isprintable()


@pytest.mark.parametrize(
    ("load", "field"),
    [
        (Load(101, 1, 2, 3, ""), "cpu_percent"),
        (Load(1, 2**60, 2, 3, ""), "memory_free"),
        (Load(1, 2, 2**60, 3, ""), "memory_total"),
        (Load(1, 2, 3, LONGEST_SECONDS, ""), "uptime_seconds"),
    ],
)
def test_a_figure_that_cannot_be_is_left_out(load: Load, field: str) -> None:
    made = sampling.sample("r1", poll(load))
    empty = {name for name, value in made.items() if value is None}
    assert empty == {field}


def test_counters_that_cannot_be_are_left_out() -> None:
    found = (Traffic("", 1, 2), Traffic("A", 2**60, 2), Traffic("B\x00", 3, 4))
    made = sampling.sample("r1", poll(traffic=found))
    assert made["traffic"] == {"B": [3, 4]}


def test_the_counters_of_a_sample_stay_below_what_a_field_holds() -> None:
    found = tuple(Traffic(f"{'é' * 110}{n:05}", 10**15, 10**15) for n in range(3000))
    made = sampling.sample("r1", poll(traffic=found))["traffic"]
    assert 0 < len(made) < len(found)
    assert len(json.dumps(made, ensure_ascii=False).encode()) <= 256 * 1024
