"""How a process came up, and how it and what it depends on are now.

Owns the phases of the start, the states of a process and the questions to its
dependencies. Only the database decides whether requests may come here; everything else
makes the answer "degraded", since no other process could do better. The routes are
`engine/api/health.py`.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

logger = logging.getLogger(__name__)

PHASES = (
    "foundation",
    "core",
    "infrastructure",
    "security",
    "realtime",
    "monitoring",
)
"""The order of the start: database; catalog and tenants; caches and jobs; log-in and
policy; news; health itself."""

ASK_SECONDS = 2.0
"""How long a dependency may take to answer before it counts as down."""


class State(StrEnum):
    """Where a process is in its life."""

    STARTING = "starting"
    INITIALIZING = "initializing"
    READY = "ready"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    SHUTTING_DOWN = "shutting_down"
    FAILED = "failed"


@dataclass(slots=True)
class Phase:
    """One phase of the start; `seconds` is None while it runs or when it failed."""

    name: str
    seconds: float | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a dependency answered.

    Attributes:
        state: `ok`, `degraded`, `down`.
        details: figures without secrets, addresses or names of tenants.
    """

    state: str
    details: Mapping[str, Any] = field(default_factory=dict)
    milliseconds: float = 0.0


Question = Callable[[], Awaitable[Finding]]


class Health:
    """The life of one process."""

    def __init__(self) -> None:
        self.phases: list[Phase] = []
        self._needed: dict[str, Question] = {}
        self._useful: dict[str, Question] = {}
        self._state = State.STARTING

    @property
    def state(self) -> State:
        """Return where the process is."""
        return self._state

    @asynccontextmanager
    async def phase(self, name: str) -> AsyncIterator[None]:
        """Run one phase; what it raises ends the start, and the process."""
        phase = Phase(name)
        self.phases.append(phase)
        self._state = State.INITIALIZING
        started = time.perf_counter()
        try:
            yield
        except BaseException as error:
            phase.failure = f"{type(error).__name__}: {error}"
            self._state = State.FAILED
            raise
        phase.seconds = time.perf_counter() - started
        logger.info("phase %s of the start took %.3f s", name, phase.seconds)

    def started(self) -> None:
        """All phases are through."""
        self._state = State.READY

    def stopping(self) -> None:
        """No new requests should come from now on."""
        self._state = State.SHUTTING_DOWN

    def needs(self, name: str, question: Question) -> None:
        """Let a dependency decide whether requests may come."""
        self._needed[name] = question

    def uses(self, name: str, question: Question) -> None:
        """Let a dependency make the answer "degraded" when it is not well."""
        self._useful[name] = question

    async def is_ready(self) -> tuple[bool, dict[str, Finding]]:
        """Return whether requests may come here, and what the needed ones said."""
        found = await _ask(self._needed)
        well = all(finding.state != "down" for finding in found.values())
        if self._state in {State.READY, State.HEALTHY, State.UNHEALTHY}:
            self._state = State.HEALTHY if well else State.UNHEALTHY
        return well and self._state is State.HEALTHY, found

    async def report(self) -> tuple[str, dict[str, Finding]]:
        """Return `healthy`, `degraded` or `unhealthy`, and what everything said."""
        ready, found = await self.is_ready()
        useful = await _ask(self._useful)
        if not ready:
            return "unhealthy", {**found, **useful}
        well = all(f.state == "ok" for f in (*found.values(), *useful.values()))
        return "healthy" if well else "degraded", {**found, **useful}


async def _ask(questions: Mapping[str, Question]) -> dict[str, Finding]:
    answers = await asyncio.gather(*(_answer(q) for q in questions.values()))
    return dict(zip(questions, answers, strict=True))


async def _answer(question: Question) -> Finding:
    started = time.perf_counter()
    try:
        async with asyncio.timeout(ASK_SECONDS):
            found = await question()
    except TimeoutError:
        found = Finding("down", {"reason": f"no answer within {ASK_SECONDS:g} s"})
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is down
        logger.warning("a dependency does not answer: %s", error)
        found = Finding("down", {"reason": type(error).__name__})
    milliseconds = round((time.perf_counter() - started) * 1000, 1)
    return Finding(found.state, found.details, milliseconds)
