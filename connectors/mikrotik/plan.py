"""The difference between what is wanted of a router and what is on it. Pure.

Ours is what carries our marker. Everything else is shown and never touched. Called by
`reconcile`; holds no passwords.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from connectors.mikrotik.actions import (
    Action,
    Blocked,
    Change,
    Conflict,
    EntryKey,
    Plan,
    Reason,
    Verb,
    digest,
)
from connectors.mikrotik.capabilities import Capabilities
from connectors.mikrotik.fields import FIELDS, Kind, wanted_value
from connectors.mikrotik.guardrails import (
    Limits,
    Removal,
    guard_kicks,
    guard_removals,
)
from connectors.mikrotik.state import (
    Active,
    Desired,
    Found,
    Marker,
    Observed,
    Password,
    Secret,
    Wanted,
    stated,
)
from connectors.mikrotik.values import Value


def plan(
    desired: Desired,
    observed: Observed,
    capabilities: Capabilities,
    now: datetime,
    limits: Limits,
) -> Plan:
    """Return what to do, what is in the way and what needs a human.

    Args:
        desired: all that this tenant wants on the router; what carries its marker and
            is not wanted is removed.
        observed: one whole read.
        capabilities: of the router's version.
        now: when it was read, to tell since when sessions are up.
        limits: what goes without approval, and what was approved.
    """
    draft = _Draft(desired, observed, now, limits)
    for kind in Kind:
        draft.compare(kind)
    removals, many = guard_removals(draft.removals(), observed, draft.owned, limits)
    kicks, removals, loud = guard_kicks(draft.kicks, removals, observed, limits)
    removals, in_use = draft.unused(removals)
    blocked = [*many, *loud, *in_use]
    actions = [*draft.writes, *kicks, *(a for r in removals for a in r.steps)]
    if not capabilities.supported:
        blocked += [Blocked(action, Reason.UNSUPPORTED) for action in actions]
        actions = []
    return Plan(
        actions=_numbered(actions),
        in_sync=frozenset(draft.in_sync),
        unmanaged=draft.unmanaged(),
        conflicts=tuple(draft.conflicts),
        blocked=tuple(blocked),
        session_key=observed.session_key,
        hash=digest([*actions, *(held.action for held in blocked)]),
    )


class _Draft:
    """A plan in the making."""

    def __init__(
        self, desired: Desired, observed: Observed, now: datetime, limits: Limits
    ) -> None:
        self.writes: list[Action] = []
        self.kicks: list[Action] = []
        self.conflicts: list[Conflict] = []
        self.in_sync: set[EntryKey] = set()
        self._desired = desired
        self._observed = observed
        self._now = now
        self._adopt = limits.approval.adopt
        self._renamed: dict[tuple[Kind, str], str] = {}
        self._after: dict[tuple[Kind, str], dict[str, Value]] = {}
        self._copied: set[tuple[Kind, Marker]] = set()
        self._sessions: dict[str, list[Active]] = defaultdict(list)
        for session in observed.sessions:
            self._sessions[session.name].append(session)

    @property
    def owned(self) -> int:
        """How many entries of this tenant are on the router."""
        return sum(self._ours(found) for found in self._observed.entries)

    def unmanaged(self) -> tuple[tuple[Kind, str], ...]:
        """Return what is not ours, adopted entries left out."""
        changed = {(action.kind, action.id) for action in self.writes}
        return tuple(
            (found.kind, found.name)
            for found in self._observed.entries
            if not self._ours(found) and (found.kind, found.id) not in changed
        )

    def compare(self, kind: Kind) -> None:
        """Sort every wanted entry of a kind into add, change, in sync or conflict."""
        by_name: dict[str, Found] = {}
        by_marker: dict[Marker, list[Found]] = defaultdict(list)
        for found in self._observed.of(kind):
            by_name.setdefault(found.name, found)
            if found.marker is not None and self._ours(found):
                by_marker[found.marker].append(found)
        self._copied.update((kind, m) for m, held in by_marker.items() if len(held) > 1)
        for wanted in self._desired.of(kind):
            marker = Marker(self._desired.tenant, wanted.id)
            mine = by_marker.get(marker, [])
            holder = by_name.get(wanted.name)
            if len(mine) > 1:
                self._conflict(kind, wanted, marker, Reason.COPIED, mine[0])
            elif mine and (holder is None or holder is mine[0]):
                self._change(kind, wanted, marker, mine[0])
            elif holder is None:
                self._add(kind, wanted, marker)
            elif holder.marker is not None:
                ours = Reason.NAME_TAKEN if self._ours(holder) else Reason.FOREIGN
                self._conflict(kind, wanted, marker, ours, holder)
            elif (kind, wanted.id) in self._adopt and not holder.dynamic and not mine:
                self._change(kind, wanted, marker, holder)
            else:
                self._conflict(kind, wanted, marker, Reason.UNMARKED, holder)

    def removals(self) -> list[Removal]:
        """Return what is ours and no longer wanted."""
        wanted = {(kind, entry.id) for kind in Kind for entry in self._desired.of(kind)}
        return [
            self._removal(found, found.marker)
            for found in self._observed.entries
            if found.marker is not None
            and self._ours(found)
            and (found.kind, found.marker) not in self._copied
            and (found.kind, found.marker.id) not in wanted
        ]

    def unused(
        self, removals: Sequence[Removal]
    ) -> tuple[list[Removal], list[Blocked]]:
        """Take out what other entries will still name once all is carried out."""
        free = list(removals)
        held: list[Blocked] = []
        while True:
            rows = {(r.steps[-1].kind, r.steps[-1].id) for r in free}
            used = self._references(rows)
            stuck = [r for r in free if (r.steps[-1].kind, r.steps[-1].name) in used]
            if not stuck:
                return free, held
            held += [Blocked(step, Reason.IN_USE) for r in stuck for step in r.steps]
            free = [removal for removal in free if removal not in stuck]

    def _ours(self, found: Found) -> bool:
        return (
            found.marker is not None
            and found.marker.tenant == self._desired.tenant
            and not found.dynamic
        )

    def _conflict(
        self, kind: Kind, wanted: Wanted, marker: Marker, reason: Reason, by: Found
    ) -> None:
        holder = str(by.marker) if by.marker else ""
        self.conflicts.append(Conflict(kind, wanted.name, marker, reason, holder))

    def _add(self, kind: Kind, wanted: Wanted, marker: Marker) -> None:
        changes = [
            Change(name, None, value)
            for name, said in stated(wanted).items()
            if (value := wanted_value(kind, name, said)) != FIELDS[kind][name].default
        ]
        self.writes.append(
            Action(
                Verb.ADD,
                kind,
                wanted.name,
                marker,
                changes=tuple(changes),
                password=wanted.password if isinstance(wanted, Secret) else None,
            )
        )

    def _change(self, kind: Kind, wanted: Wanted, marker: Marker, found: Found) -> None:
        """Compare a wanted entry with its row."""
        sets, clears = self._differences(kind, wanted, found)
        self._after[kind, found.id] = {c.field: c.new for c in (*sets, *clears)}
        if found.name != wanted.name:
            sets.insert(0, Change("name", found.name, wanted.name))
            self._renamed[kind, found.name] = wanted.name
        if found.marker is None:
            kept = found.comment if found.comment.isascii() else ""
            comment = f"{marker} {kept}".strip()
            sets.append(Change("comment", found.comment or None, comment))
        password = _new_password(wanted, found)
        made: list[Action] = []
        if sets or password:
            made.append(
                Action(
                    Verb.SET,
                    kind,
                    found.name,
                    marker,
                    id=found.id,
                    changes=tuple(sets),
                    password=password,
                )
            )
        made += [
            Action(Verb.UNSET, kind, wanted.name, marker, id=found.id, changes=(clear,))
            for clear in clears
        ]
        self.writes += made
        if isinstance(wanted, Secret):
            self._renew(wanted, marker, found, (*sets, *clears))
        if not made:
            self.in_sync.add((kind, wanted.id))

    def _differences(
        self, kind: Kind, wanted: Wanted, found: Found
    ) -> tuple[list[Change], list[Change]]:
        """Return the fields to set and those to make absent."""
        sets: list[Change] = []
        clears: list[Change] = []
        for name, said in stated(wanted).items():
            field = FIELDS[kind][name]
            old = found.values.get(name, field.default)
            if field.names is not None:
                # Routers keep references by row: a renamed profile is the same one.
                old = self._renamed.get((field.names, str(old)), old)
            new = wanted_value(kind, name, said)
            if old != new:
                (clears if new is None else sets).append(Change(name, old, new))
        return sets, clears

    def _renew(
        self,
        wanted: Secret,
        marker: Marker,
        found: Found,
        changes: Sequence[Change],
    ) -> None:
        """Plan the end of sessions that go on under what was before.

        A changed field calls for it even without a session: one may come up between
        the read and the change. Otherwise what counts is since when a session is up,
        so that an end which an earlier run owed is not forgotten.
        """
        known = FIELDS[Kind.SECRET]
        changed = found.name != wanted.name or any(
            made.field in known and known[made.field].renews and made.new is not False
            for made in changes
        )
        up = self._sessions.get(found.name, [])
        ends = [s for s in up if changed or wanted.disabled or self._older(s, wanted)]
        if changed or ends:
            self.kicks.append(
                Action(
                    Verb.KICK,
                    Kind.SECRET,
                    found.name,
                    marker,
                    id=found.id,
                    sessions=tuple(ends),
                )
            )

    def _older(self, session: Active, wanted: Secret) -> bool:
        if wanted.renew_before is None:
            return False
        # Uptimes are whole seconds, rounded down: better one end too many.
        up_for = timedelta(seconds=session.uptime + 1)
        return self._now - up_for < wanted.renew_before

    def _removal(self, found: Found, marker: Marker) -> Removal:
        """Disable, end the sessions, remove: a run that breaks off can be resumed."""
        whole = Action(Verb.REMOVE, found.kind, found.name, marker, id=found.id)
        steps = [whole]
        if found.kind is Kind.SECRET:
            sessions = tuple(self._sessions.get(found.name, ()))
            steps.insert(0, replace(whole, verb=Verb.KICK, sessions=sessions))
            if not found.values.get("disabled"):
                off = Change("disabled", False, True)
                steps.insert(0, replace(whole, verb=Verb.SET, changes=(off,)))
        return Removal((found.kind, marker.id), tuple(steps))

    def _references(self, leaving: set[tuple[Kind, str]]) -> set[tuple[Kind, str]]:
        """Return what entries will name once the plan is carried out."""
        used: set[tuple[Kind, str]] = set()
        for found in self._observed.entries:
            if (found.kind, found.id) in leaving:
                continue
            after = self._after.get((found.kind, found.id), {})
            for name, field in FIELDS[found.kind].items():
                if field.names is not None:
                    value = after.get(name, found.values.get(name))
                    used.add((field.names, str(value)))
        for action in self.writes:
            for change in action.changes if action.verb is Verb.ADD else ():
                names = FIELDS[action.kind][change.field].names
                if names is not None:
                    used.add((names, str(change.new)))
        return used


def _new_password(wanted: Wanted, found: Found) -> Password | None:
    """Return the password if a router never confirmed this one for this entry."""
    if not isinstance(wanted, Secret):
        return None
    known = found.marker is not None
    same = wanted.password.confirmed == wanted.password.fingerprint
    return None if known and same else wanted.password


def _numbered(actions: Iterable[Action]) -> tuple[Action, ...]:
    """Return the actions in order, with numbers and what they wait for."""
    ordered = sorted(actions, key=lambda action: action.phase)
    numbered = [
        replace(action, number=at) for at, action in enumerate(ordered, start=1)
    ]
    writes: dict[EntryKey, list[int]] = defaultdict(list)
    kicks: dict[EntryKey, list[int]] = defaultdict(list)
    for action in numbered:
        if action.verb is Verb.KICK:
            kicks[action.key].append(action.number)
        elif action.verb is not Verb.REMOVE:
            writes[action.key].append(action.number)
    waits = {Verb.KICK: writes, Verb.REMOVE: kicks}
    return tuple(
        replace(action, after=tuple(waits[action.verb][action.key]))
        if action.verb in waits
        else action
        for action in numbered
    )
