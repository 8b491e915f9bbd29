"""What is counted is written down: at once for who asks, soon for other processes."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry, Histogram

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


async def test_what_is_written_down_is_what_the_library_would_have_counted() -> None:
    made, theirs = Metrics(), CollectorRegistry()
    seconds = Histogram("s", "s", buckets=metrics._BUCKETS, registry=theirs)
    samples = [0.0, 0.004, 0.005, 0.0051, 0.03, 0.1, 2.4, 9.0, 10.0, 11.0, 400.0]
    for each in samples:
        made.begun()
        made.answered("get", "GET", 200, each)
        seconds.observe(each)
        if each == 0.1:
            made.text({})  # written in two portions
    labels = {"route": "get", "method": "GET", "status": "2xx"}
    made.text({})
    for bound in (*(str(each) for each in metrics._BUCKETS), "+Inf"):
        ours = made._registry.get_sample_value(
            "rangka_http_request_seconds_bucket", {**labels, "le": bound}
        )
        assert ours == theirs.get_sample_value("s_bucket", {"le": bound}), bound
    ours = made._registry.get_sample_value("rangka_http_request_seconds_sum", labels)
    assert ours == pytest.approx(theirs.get_sample_value("s_sum"))
