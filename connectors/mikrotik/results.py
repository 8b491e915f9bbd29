"""What became of an action. Data only; every text is safe to store and show."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from connectors.mikrotik.actions import Action, EntryKey, Plan
from connectors.mikrotik.errors import Advice, RouterError


class Outcome(StrEnum):
    """How an action ended."""

    APPLIED = "applied"
    """Read back as wanted."""
    FAILED = "failed"
    """Read back as not done, or refused."""
    UNKNOWN = "unknown"
    """The connection was lost before it could be read back."""
    SKIPPED = "skipped"
    """Never sent."""


class NotSent(RouterError):
    """The run stopped before the turn of this command."""

    code = "not_sent"
    advice = Advice.RETRY


@dataclass(frozen=True, slots=True)
class Result:
    """Of one action.

    Attributes:
        error: why it failed; its `advice` says what to do.
        reason: for people; empty when applied.
    """

    action: Action
    outcome: Outcome
    error: RouterError | None = None
    reason: str = ""


def failed(action: Action, error: RouterError) -> Result:
    """Return that it was refused, or not done."""
    return Result(action, Outcome.FAILED, error, str(error))


def lost(action: Action, error: RouterError) -> Result:
    """Return that it may or may not have been done, unless it was never sent."""
    if isinstance(error, NotSent):
        return skipped(action, str(error))
    return Result(action, Outcome.UNKNOWN, error, str(error))


def skipped(action: Action, reason: str) -> Result:
    """Return that it was not tried."""
    return Result(action, Outcome.SKIPPED, reason=reason)


class Standing(StrEnum):
    """Where a wanted entry stands after a run, best first."""

    IN_SYNC = "in_sync"
    APPLIED = "applied"
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"
    FAILED = "failed"


_WORST = tuple(Standing)


def standings(
    plan: Plan, results: Iterable[Result]
) -> dict[EntryKey, tuple[Standing, str]]:
    """Return, by wanted or removed entry, the worst that happened to it, and why.

    The reason is empty for what is in sync or applied, a text or a `Reason` else.
    """
    told: dict[EntryKey, tuple[Standing, str]] = {}

    def tell(key: EntryKey, standing: Standing, reason: str = "") -> None:
        now = told.get(key)
        if now is None or _WORST.index(standing) > _WORST.index(now[0]):
            told[key] = (standing, reason)

    for key in plan.in_sync:
        tell(key, Standing.IN_SYNC)
    for result in results:
        tell(result.action.key, Standing(result.outcome), result.reason)
    for held in plan.blocked:
        tell(held.action.key, Standing.BLOCKED, held.reason)
    for conflict in plan.conflicts:
        key = (conflict.kind, conflict.marker.id)
        tell(key, Standing.CONFLICT, conflict.reason)
    return told
