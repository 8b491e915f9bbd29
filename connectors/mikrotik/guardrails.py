"""How much may happen to a router without a human: pure, called by `plan`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.mikrotik.actions import Action, Blocked, EntryKey, Reason, Verb
from connectors.mikrotik.fields import Kind
from connectors.mikrotik.state import Observed

FREE_REMOVALS = 5
FREE_KICKS = 5


@dataclass(frozen=True, slots=True)
class Approval:
    """What a human agreed to.

    Attributes:
        removals: entries that may be removed, whatever their number.
        adopt: wanted entries whose unmarked namesake on the router becomes ours.
        kicks: sessions that may be ended in one run.
    """

    removals: frozenset[EntryKey] = frozenset()
    adopt: frozenset[EntryKey] = frozenset()
    kicks: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What goes without asking.

    Attributes:
        last_good: rows of each kind at the last read that was believed.
        removal_share: of our entries; at least 5 entries go.
        kick_share: of the sessions that are up; at least 5 go.
    """

    last_good: Mapping[Kind, int] = field(default_factory=dict)
    removal_share: float = 0.05
    kick_share: float = 0.20
    approval: Approval = Approval()


@dataclass(frozen=True, slots=True)
class Removal:
    """All that it takes to remove an entry: disable, kick, remove."""

    key: EntryKey
    steps: tuple[Action, ...]


def guard_removals(
    removals: Sequence[Removal], observed: Observed, owned: int, limits: Limits
) -> tuple[list[Removal], list[Blocked]]:
    """Return the removals that may go, and the steps of those that wait.

    Args:
        removals: all that the plan would remove.
        observed: what was read.
        owned: how many entries of ours are on the router.
        limits: with the removals that were approved by name.
    """
    approved = limits.approval.removals
    free = [removal for removal in removals if removal.key in approved]
    asking = [removal for removal in removals if removal.key not in approved]
    if _incomplete(observed, limits):
        return free, _held(asking, Reason.INCOMPLETE_READ)
    if len(asking) > max(FREE_REMOVALS, limits.removal_share * owned):
        return free, _held(asking, Reason.MANY_REMOVALS)
    return list(removals), []


def guard_kicks(
    kicks: Sequence[Action],
    removals: Sequence[Removal],
    observed: Observed,
    limits: Limits,
) -> tuple[list[Action], list[Removal], list[Blocked]]:
    """Return the kicks and removals that may go; all or none that end a session."""
    ended = sum(len(action.sessions) for action in kicks)
    ended += sum(_sessions(removal) for removal in removals)
    share = limits.kick_share * len(observed.sessions)
    if ended <= max(FREE_KICKS, share, limits.approval.kicks):
        return list(kicks), list(removals), []
    quiet = [removal for removal in removals if not _sessions(removal)]
    loud = [removal for removal in removals if _sessions(removal)]
    blocked = [
        Blocked(action, Reason.MANY_KICKS) for action in kicks if action.sessions
    ]
    without = [action for action in kicks if not action.sessions]
    return without, quiet, [*blocked, *_held(loud, Reason.MANY_KICKS)]


def _incomplete(observed: Observed, limits: Limits) -> bool:
    counts = observed.counts()
    return any(counts[kind] * 2 < before for kind, before in limits.last_good.items())


def _held(removals: Iterable[Removal], reason: Reason) -> list[Blocked]:
    return [Blocked(step, reason) for removal in removals for step in removal.steps]


def _sessions(removal: Removal) -> int:
    return sum(len(step.sessions) for step in removal.steps if step.verb is Verb.KICK)
