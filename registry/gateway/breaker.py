"""Who may call a service now: capacity, breaker and retry budget of this process.

Counts by service and tenant, so that one tenant's bad key or flood closes nothing for
others. State is each process's own: a worker finds out by itself, within 20 calls.
"""

import random
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

MAX_KEPT = 10_000
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers; times in seconds.

    Attributes:
        window: the buckets of a second that are looked at.
        least_calls: calls in the window below which nothing opens.
        failing, slow: shares of calls that open it.
        opened, longest: the first pause, and the longest after doubling.
        probes: calls let through after a pause, all of which must succeed.
        retries: share of calls that may be sent again, and how many always may.
        of_service, of_tenant: calls under way at a time.
    """

    window: int = 10
    least_calls: int = 20
    failing: float = 0.5
    slow: float = 0.8
    opened: float = 5.0
    longest: float = 60.0
    probes: int = 3
    retries: float = 0.2
    least_retries: int = 3
    of_service: int = 512
    of_tenant: int = 256


class Closed(Exception):
    """No call goes out now; `retry_after` in seconds, `reason` a sentence's end."""

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after = retry_after


@dataclass(slots=True)
class _Second:
    at: int = -1
    calls: int = 0
    failed: int = 0
    slow: int = 0
    retried: int = 0


class Breaker:
    """The breaker of one (service, tenant)."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._seconds = [_Second() for _ in range(limits.window)]
        self._open_until = 0.0
        self._pause = 0.0
        self._probing = 0
        self._proved = 0
        self.under_way = 0

    @property
    def state(self) -> str:
        """Return `closed`, `open` or `half_open`."""
        if not self._pause:
            return "closed"
        return "open" if self._clock() < self._open_until else "half_open"

    def enter(self) -> bool:
        """Return whether the call is a probe; raises Closed."""
        if not self._pause:
            return False
        wait = self._open_until - self._clock()
        if wait > 0:
            raise Closed("has failed too often of late", wait)
        if self._probing + self._proved >= self._limits.probes:
            raise Closed("is being tried again", 1.0)
        self._probing += 1
        return True

    def ended(self, *, failed: bool, slow: bool, is_probe: bool) -> None:
        """Take note of a call that got its answer, or failed."""
        if is_probe:
            self._probing -= 1
            self._judge_probe(failed=failed)
            return
        second = self._now()
        second.calls += 1
        second.failed += failed
        second.slow += slow
        if (second.failed or second.slow) and not self._pause:
            self._judge()

    def given_up(self, *, is_probe: bool) -> None:
        """Take note of a call that says nothing of the service."""
        if is_probe:
            self._probing -= 1

    def may_retry(self) -> bool:
        """Return whether the budget has a retry left, and take it."""
        if self._pause:
            return False
        calls = sum(second.calls for second in self._live())
        retried = sum(second.retried for second in self._live())
        if retried >= max(self._limits.least_retries, self._limits.retries * calls):
            return False
        self._now().retried += 1
        return True

    def _judge(self) -> None:
        calls = failed = slow = 0
        for second in self._live():
            calls += second.calls
            failed += second.failed
            slow += second.slow
        limits = self._limits
        if calls < limits.least_calls:
            return
        if failed >= limits.failing * calls or slow >= limits.slow * calls:
            self._open(limits.opened)

    def _judge_probe(self, *, failed: bool) -> None:
        if failed:
            self._open(min(self._pause * 2, self._limits.longest))
            return
        self._proved += 1
        if self._proved >= self._limits.probes:
            self._pause = 0.0
            self._proved = 0
            self._seconds = [_Second() for _ in range(self._limits.window)]

    def _open(self, pause: float) -> None:
        self._pause = pause
        self._proved = 0
        # Spread, so that processes do not all come back at once.
        spread = random.uniform(1.0, 1.1)  # noqa: S311 - nothing to guess
        self._open_until = self._clock() + pause * spread

    def _now(self) -> _Second:
        at = int(self._clock())
        second = self._seconds[at % self._limits.window]
        if second.at != at:
            second.at = at
            second.calls = second.failed = second.slow = second.retried = 0
        return second

    def _live(self) -> list[_Second]:
        oldest = int(self._clock()) - self._limits.window
        return [second for second in self._seconds if second.at > oldest]


class Passage(msgspec.Struct):
    """One call's leave to go out; ends once, by what became of it."""

    gates: "Gates"
    service: str
    breaker: Breaker
    is_probe: bool
    _is_over: bool = False

    def answered(self, *, failed: bool, slow: bool) -> None:
        """End it with what the service did."""
        if not self._is_over:
            self.breaker.ended(failed=failed, slow=slow, is_probe=self.is_probe)
            self._is_over = True

    def leave(self) -> None:
        """Give the place free; a call without an answer was given up."""
        if not self._is_over:
            self.breaker.given_up(is_probe=self.is_probe)
            self._is_over = True
        self.gates.left(self.service, self.breaker)


class Gates:
    """The breakers of all services and tenants, and how many calls are under way."""

    def __init__(
        self, limits: Limits | None = None, clock: Clock = time.monotonic
    ) -> None:
        self._limits = limits or Limits()
        self._clock = clock
        self._breakers: OrderedDict[tuple[str, str], Breaker] = OrderedDict()
        self._under_way: dict[str, int] = {}

    def enter(self, service: str, tenant: str) -> Passage:
        """Let a call through; raises Closed."""
        breaker = self._breaker(service, tenant)
        limits = self._limits
        of_service = self._under_way.get(service, 0)
        if breaker.under_way >= limits.of_tenant or of_service >= limits.of_service:
            raise Closed("has too many calls under way", 1.0)
        is_probe = breaker.enter()
        breaker.under_way += 1
        self._under_way[service] = of_service + 1
        return Passage(self, service, breaker, is_probe)

    def left(self, service: str, breaker: Breaker) -> None:
        """Take note that a call has ended."""
        breaker.under_way -= 1
        left = self._under_way[service] - 1
        if left:
            self._under_way[service] = left
        else:
            del self._under_way[service]

    def state(self, service: str, tenant: str) -> str:
        """Return a breaker's state: `closed`, `open` or `half_open`."""
        found = self._breakers.get((service, tenant))
        return found.state if found else "closed"

    def _breaker(self, service: str, tenant: str) -> Breaker:
        key = (service, tenant)
        found = self._breakers.get(key)
        if found is not None:
            return found
        if len(self._breakers) >= MAX_KEPT:
            self._drop_idle()
        found = self._breakers[key] = Breaker(self._limits, self._clock)
        return found

    def _drop_idle(self) -> None:
        for key, breaker in list(self._breakers.items()):
            if breaker.under_way == 0:
                del self._breakers[key]
                if len(self._breakers) < MAX_KEPT // 2:
                    return
