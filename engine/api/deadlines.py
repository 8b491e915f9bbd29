"""What a request waits for has an end: many deadlines, one timer of the event loop.

A timer of the loop for each call of the gateway costs as much as its permission, route
and limit together (docs/performance.md), and nearly none of them ever rings. Here the
loop looks at all deadlines again and again while there are any: a deadline rings up to
one such pause late, and never early. Called by `patience.py`, `gateway.py` and
`gateway_watch.py`.
"""

import asyncio
from math import inf
from types import TracebackType
from typing import Any, Self


class Deadline:
    """Rings once, when its time has come; what happens then is a subclass's.

    Attributes:
        when: by the clock of the event loop, in seconds; may be moved until it rings.
    """

    __slots__ = ("_deadlines", "when")

    def __init__(self, deadlines: "Deadlines", when: float) -> None:
        self.when = when
        self._deadlines = deadlines
        deadlines.add(self)

    def cancel(self) -> None:
        """Never ring."""
        self.when = inf
        self._deadlines.waiting.discard(self)

    def look(self, now: float) -> None:
        """Ring, unless it was cancelled or moved meanwhile."""
        if self.when <= now:
            self._ring()
        elif self.when != inf:
            self._deadlines.add(self)

    def _ring(self) -> None:
        raise NotImplementedError


class Limit(Deadline):
    """Ends what its task does in the block by TimeoutError, as asyncio.timeout() does.

    Whoever else cancels the task is heard.
    """

    __slots__ = ("_cancels", "_is_over", "_task")

    def __init__(
        self, deadlines: "Deadlines", when: float, task: "asyncio.Task[Any]"
    ) -> None:
        self._task = task
        self._cancels = task.cancelling()
        self._is_over = False
        # One is made for each call of the gateway: not by way of the class above.
        self.when = when
        self._deadlines = deadlines
        deadlines.add(self)

    def __enter__(self) -> Self:
        """Begin the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """End it; raises TimeoutError when the time was over."""
        self.cancel()
        self._judge(kind, error)

    def _judge(
        self, kind: type[BaseException] | None, error: BaseException | None
    ) -> None:
        if self._is_over:
            is_own = self._task.uncancel() <= self._cancels
            if is_own and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def _ring(self) -> None:
        self._is_over = True
        self._task.cancel()


class Deadlines:
    """The deadlines of one event loop.

    Attributes:
        waiting: those that have not rung.
        timer: of the next look; None while there is nothing to look at.
    """

    def __init__(self, pause_seconds: float) -> None:
        """Take the pause between two looks."""
        self.waiting: set[Deadline] = set()
        self.timer: asyncio.TimerHandle | None = None
        self._pause = pause_seconds

    def until(self, when: float) -> Limit:
        """Return a context manager whose block ends by a time of the loop's clock."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a limit is of a task")
        return Limit(self, when, task)

    def add(self, deadline: Deadline) -> None:
        """Wait for this one too."""
        self.waiting.add(deadline)
        if self.timer is None:
            self._start()

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        self.timer = loop.call_later(self._pause, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        self.timer = None
        for deadline in [each for each in self.waiting if each.when <= now]:
            self.waiting.discard(deadline)
            # Each by itself: none keeps another one from ringing.
            loop.call_soon(deadline.look, now)
        if self.waiting:
            self._start()
