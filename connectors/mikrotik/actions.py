"""What a plan is made of: actions, conflicts, what is held back, and its hash.

Data only, and safe to store and show: a password is a reference, shown as dots.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from connectors.mikrotik.fields import Kind
from connectors.mikrotik.state import Active, Marker, Password
from connectors.mikrotik.values import Value

Json = dict[str, "Json"] | list["Json"] | str | int | bool | None
EntryKey = tuple[Kind, str]
"""A wanted entry: its kind and the id of its marker."""
DOTS = "•••"


class Verb(StrEnum):
    """What is done to an entry."""

    ADD = "add"
    SET = "set"
    UNSET = "unset"
    KICK = "kick"
    REMOVE = "remove"


_ORDER = {Kind.POOL: 0, Kind.PROFILE: 1, Kind.SECRET: 2}


@dataclass(frozen=True, slots=True)
class Change:
    """One field's difference; `name` and `comment` are fields here too."""

    field: str
    old: Value
    new: Value


@dataclass(frozen=True, slots=True)
class Action:
    """One step.

    Attributes:
        number: place in the plan, from 1; 0 before it has one.
        name: of the entry as it is on the router now, or will be when added.
        id: of the row, on the connection that it was read over; empty for an add.
        password: sent with the rest when not None.
        sessions: that a kick ends, as they were when the plan was made.
        after: numbers of the actions that must have been applied.
    """

    verb: Verb
    kind: Kind
    name: str
    marker: Marker
    id: str = ""
    changes: tuple[Change, ...] = ()
    password: Password | None = None
    sessions: tuple[Active, ...] = ()
    number: int = 0
    after: tuple[int, ...] = ()

    @property
    def key(self) -> EntryKey:
        """Which wanted entry it is about."""
        return self.kind, self.marker.id

    @property
    def new_name(self) -> str:
        """The name of the entry once this is done."""
        for change in self.changes:
            if change.field == "name":
                return str(change.new)
        return self.name

    @property
    def phase(self) -> int:
        """Actions of a phase do not depend on each other; phases go in order."""
        match self.verb:
            case Verb.ADD | Verb.SET:
                return _ORDER[self.kind] * 2
            case Verb.UNSET:
                return _ORDER[self.kind] * 2 + 1
            case Verb.KICK:
                return 10
            case Verb.REMOVE:
                return 20 - _ORDER[self.kind]

    def describe(self) -> dict[str, Json]:
        """Return it as JSON, without ids and secrets."""
        shown: list[Json] = [
            {"field": made.field, "old": _json(made.old), "new": _json(made.new)}
            for made in self.changes
        ]
        if self.password is not None:
            old = None if self.verb is Verb.ADD else DOTS
            shown.append({"field": "password", "old": old, "new": DOTS})
        return {
            "number": self.number,
            "verb": self.verb,
            "kind": self.kind,
            "name": self.name,
            "marker": str(self.marker),
            "changes": shown,
            "sessions": len(self.sessions),
        }


class Reason(StrEnum):
    """Why an entry is in conflict, or an action held back."""

    UNMARKED = "unmarked"
    """The name is held by an entry without a marker; it may be adopted."""
    FOREIGN = "foreign_marker"
    """The name is held by an entry of somebody else."""
    NAME_TAKEN = "name_taken"
    """The name is held by another entry of our own, for now."""
    COPIED = "marker_copied"
    """Two entries carry the same marker: which one is ours cannot be told."""
    INCOMPLETE_READ = "incomplete_read"
    """Fewer than half of the rows of the last good read: no removal."""
    MANY_REMOVALS = "many_removals"
    """More removals than go without approval."""
    MANY_KICKS = "many_kicks"
    """More sessions to end than go without approval."""
    IN_USE = "in_use"
    """Other entries still name it."""
    UNSUPPORTED = "unsupported_version"
    """The router's version is older than what this connector knows."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A wanted entry that cannot be had without touching what is not ours."""

    kind: Kind
    name: str
    marker: Marker
    reason: Reason
    holder: str
    """The marker of the entry in the way, empty without one."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """An action that is held back."""

    action: Action
    reason: Reason


@dataclass(frozen=True, slots=True)
class Plan:
    """The difference between what is wanted and what is there.

    Attributes:
        actions: to be applied, in order.
        in_sync: wanted entries that are as they should be.
        unmanaged: (kind, name) of entries of nobody or of somebody else; never touched.
        conflicts: wanted entries whose place is taken.
        blocked: actions that wait for approval, or for a better read.
        session_key: of the connection it was made over; applies over no other.
        hash: of all that is to be changed, ids and sessions left out.
    """

    actions: tuple[Action, ...]
    in_sync: frozenset[EntryKey]
    unmanaged: tuple[tuple[Kind, str], ...]
    conflicts: tuple[Conflict, ...]
    blocked: tuple[Blocked, ...]
    session_key: str
    hash: str

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.actions

    def counts(self) -> dict[str, int]:
        """Return how many there are of each verb and class."""
        verbs = Counter(str(action.verb) for action in self.actions)
        return {
            **{str(verb): verbs[verb] for verb in Verb},
            "in_sync": len(self.in_sync),
            "unmanaged": len(self.unmanaged),
            "conflicts": len(self.conflicts),
            "blocked": len(self.blocked),
        }

    def describe(self) -> dict[str, Json]:
        """Return it as JSON to store and show; holds no secret and no id."""
        return {
            "hash": self.hash,
            "actions": [action.describe() for action in self.actions],
            "blocked": [
                {**held.action.describe(), "reason": held.reason}
                for held in self.blocked
            ],
            "conflicts": [
                {
                    "kind": conflict.kind,
                    "name": conflict.name,
                    "marker": str(conflict.marker),
                    "reason": conflict.reason,
                    "holder": conflict.holder,
                }
                for conflict in self.conflicts
            ],
            "unmanaged": [
                {"kind": kind, "name": name} for kind, name in self.unmanaged
            ],
            "counts": {**self.counts()},
        }


def digest(actions: Iterable[Action]) -> str:
    """Return a hash of what actions change: not of ids, numbers, sessions or kicks.

    Sessions come and go by the minute; with them no stored plan would stay valid.
    """
    lines: list[Json] = [
        [
            action.verb,
            action.kind,
            action.name,
            str(action.marker),
            [[made.field, _json(made.old), _json(made.new)] for made in action.changes],
            action.password.fingerprint if action.password else None,
        ]
        for action in actions
        if action.verb is not Verb.KICK
    ]
    lines.sort(key=json.dumps)
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()


def _json(value: Value) -> Json:
    return list(value) if isinstance(value, tuple) else value
