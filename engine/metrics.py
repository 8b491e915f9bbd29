"""Numbers for Prometheus: how much is asked of this installation, how long it takes.

Owns the names of the metrics (docs/operations.md lists them) and how the processes of
one `rangka serve` are added up. No label holds a tenant, a user or a path: labels stay
few, and nothing of a tenant leaves through them.
"""

import asyncio
import os
import shutil
from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import Histogram

MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
"""The library asks for it when it is imported, so `share` comes first."""

WRITTEN_SECONDS = 0.1
"""How late another process may show what this one has counted."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


def share(folder: Path) -> Mapping[str, str]:
    """Return the variable by which several processes count in one place.

    The folder is emptied: counts of processes that have ended are not taken over.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    return {MULTIPROCESS: str(folder)}


class _Counts:
    """Answers of one kind that are not written down yet: how many in which bucket."""

    __slots__ = ("_buckets", "_histogram", "_seconds")

    def __init__(self, histogram: "Histogram") -> None:
        self._histogram = histogram
        self._buckets = [0] * (len(_BUCKETS) + 1)
        self._seconds = 0.0

    def add(self, seconds: float) -> None:
        self._buckets[bisect_left(_BUCKETS, seconds)] += 1
        self._seconds += seconds

    def write(self) -> None:
        """Add them to the library's own: by its `observe` each one takes 9 µs."""
        if not any(self._buckets):
            return
        histogram = self._histogram
        histogram._sum.inc(self._seconds)  # noqa: SLF001
        for kept, many in zip(histogram._buckets, self._buckets, strict=True):  # noqa: SLF001
            if many:
                kept.inc(many)
        self._buckets = [0] * len(self._buckets)
        self._seconds = 0.0


class Metrics:
    """The metrics of one process."""

    def __init__(self) -> None:
        # Here and not above: what the import finds in the environment decides.
        from prometheus_client import CollectorRegistry, Gauge, Histogram
        from prometheus_client.multiprocess import MultiProcessCollector

        self._registry = CollectorRegistry()
        own = self._registry
        self._scraped = self._registry
        if MULTIPROCESS in os.environ:
            self._scraped = CollectorRegistry()
            MultiProcessCollector(self._scraped)  # type: ignore[no-untyped-call]
        self._seconds = Histogram(
            "rangka_http_request_seconds",
            "Time from a request to the end of its answer.",
            ("route", "method", "status"),
            buckets=_BUCKETS,
            registry=own,
        )
        self._shown_in_progress = Gauge(
            "rangka_http_requests_in_progress",
            "Requests that are being answered.",
            multiprocess_mode="livesum",
            registry=own,
        )
        self._known: dict[tuple[str, str, int], _Counts] = {}
        self._in_progress = 0
        self._timer: asyncio.TimerHandle | None = None

    def begun(self) -> None:
        """Count a request that is being answered from now on."""
        self._in_progress += 1
        if self._timer is None:
            self._write_soon()

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count its answer; `route` is the name of a handler, never a path.

        Written down soon, many together: by itself each one would cost a call of the
        gateway 4 % of its time.
        """
        self._in_progress -= 1
        found = self._known.get((route, method, status // 100))
        if found is None:
            found = self._counts(route, method, status // 100)
        found.add(seconds)
        if self._timer is None:
            self._write_soon()

    def _counts(self, route: str, method: str, kind: int) -> _Counts:
        # A client may call a method whatever it likes; labels must stay few.
        key = (route, method if method in _METHODS else "OTHER", kind)
        found = self._known.get(key)
        if found is None:
            histogram = self._seconds.labels(*key[:2], f"{kind}xx")
            found = self._known[key] = _Counts(histogram)
        return found

    def _write_soon(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(WRITTEN_SECONDS, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._write()

    def _write(self) -> None:
        """Write down what was counted."""
        for counts in self._known.values():
            counts.write()
        self._shown_in_progress.set(self._in_progress)

    def text(self, gauges: Mapping[str, tuple[str, Mapping[str, float]]]) -> bytes:
        """Return everything in Prometheus' text format 0.0.4.

        `gauges` are the figures of the whole installation as they are now: by name, a
        help text and the values by the label `state` (one without a label under "").
        """
        from prometheus_client import CollectorRegistry, Gauge, generate_latest

        self._write()
        now = CollectorRegistry()
        for name, (help_text, values) in gauges.items():
            labels = () if set(values) == {""} else ("state",)
            gauge = Gauge(name, help_text, labels, registry=now)
            for state, value in values.items():
                (gauge.labels(state) if labels else gauge).set(value)
        if MULTIPROCESS in os.environ:
            _forget_dead(Path(os.environ[MULTIPROCESS]))
        return generate_latest(self._scraped) + generate_latest(now)


def _forget_dead(folder: Path) -> None:
    """Take away what processes that were killed said they were doing."""
    for file in folder.glob("gauge_live*_*.db"):
        try:
            os.kill(int(file.stem.rpartition("_")[2]), 0)
        except ProcessLookupError:
            file.unlink(missing_ok=True)
