"""What is counted is written down: at once for who asks, soon for other processes."""

import asyncio

import pytest

from engine import metrics
from engine.metrics import Metrics

COUNT = 'rangka_http_request_seconds_count{method="GET",route="get",status="2xx"}'


def value(made: Metrics, name: str) -> float:
    """Return a figure as it is told to who asks."""
    for line in made.text({}).decode().splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    return 0.0


async def test_who_asks_is_told_of_what_was_counted_just_now() -> None:
    made = Metrics()
    for _ in range(3):
        made.begun()
        made.answered("get", "GET", 200, 0.01)
    made.begun()
    assert value(made, COUNT) == 3
    assert value(made, "rangka_http_requests_in_progress") == 1
    made.answered("get", "GET", 200, 0.01)
    assert value(made, COUNT) == 4
    assert value(made, "rangka_http_requests_in_progress") == 0


async def test_what_was_counted_is_written_down_though_nobody_asks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics, "WRITTEN_SECONDS", 0.01)
    made = Metrics()
    labels = {"route": "get", "method": "GET", "status": "2xx"}
    for rounds in (1, 2):
        made.begun()
        made.answered("get", "GET", 200, 0.01)
        await asyncio.sleep(0.1)
        kept = made._registry.get_sample_value  # what other processes would read
        assert kept("rangka_http_request_seconds_count", labels) == rounds
        assert kept("rangka_http_requests_in_progress") == 0


async def test_requests_that_do_not_end_are_told_of_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics, "WRITTEN_SECONDS", 0.01)
    made = Metrics()
    for _ in range(5):
        made.begun()
    await asyncio.sleep(0.1)
    kept = made._registry.get_sample_value
    assert kept("rangka_http_requests_in_progress") == 5


async def test_in_a_rush_no_request_waits_for_many_to_be_written() -> None:
    made = Metrics()
    labels = {"route": "get", "method": "GET", "status": "2xx"}
    for _ in range(metrics.MOST_UNWRITTEN):
        made.begun()
        made.answered("get", "GET", 200, 0.01)
    kept = made._registry.get_sample_value
    count = kept("rangka_http_request_seconds_count", labels)
    assert count == metrics.MOST_UNWRITTEN
