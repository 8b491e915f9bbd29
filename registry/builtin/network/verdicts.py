"""What a run means for each login: its new state and the reason. Pure.

Called by `reconciling` with the plan and, when it was applied, the results.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.mikrotik.actions import Action, EntryKey, Plan, Reason, Verb
from connectors.mikrotik.fields import Kind
from connectors.mikrotik.results import Outcome, Result
from registry.builtin.network.desired import LoginFacts

WHY = {
    Reason.UNMARKED: "the router has an entry of this name that Rangka did not make",
    Reason.FOREIGN: "the router has an entry of this name that belongs to another",
    Reason.NAME_TAKEN: "another login of ours still has this name on the router",
    Reason.COPIED: "two entries on the router carry the marker of this login",
    Reason.INCOMPLETE_READ: "the router showed far fewer entries than before",
    Reason.MANY_REMOVALS: "many removals at once wait for your approval",
    Reason.MANY_KICKS: "many sessions would be ended at once; approve the run",
    Reason.IN_USE: "other entries on the router still name it",
    Reason.UNSUPPORTED: "this version of RouterOS is too old",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to store of a login.

    Attributes:
        taken: whether the router now has the password of the login's mark.
        renew_before: sessions that began before still have to end.
    """

    state: str
    reason: str | None
    taken: bool
    renew_before: datetime | None


def verdicts(
    logins: Sequence[LoginFacts],
    plan: Plan,
    results: Sequence[Result] | None,
    renew: Mapping[EntryKey, datetime],
) -> dict[str, Verdict]:
    """Return the verdict of each login, by id.

    Args:
        logins: those the plan was made from.
        plan: of the router.
        results: one per action; None when the plan was not applied.
        renew: ends of sessions that are still owed, by secret.
    """
    judge = _Judge(plan, results, renew)
    return {login.id: judge.of(login) for login in logins}


class _Judge:
    def __init__(
        self,
        plan: Plan,
        results: Sequence[Result] | None,
        renew: Mapping[EntryKey, datetime],
    ) -> None:
        self._applied = results is not None
        self._renew = renew
        self._conflicts = {
            conflict.marker.id: conflict.reason
            for conflict in plan.conflicts
            if conflict.kind is Kind.SECRET
        }
        self._blocked: dict[str, Reason] = {}
        for held in plan.blocked:
            if held.action.kind is Kind.SECRET:
                self._blocked.setdefault(held.action.marker.id, held.reason)
        self._planned: dict[str, list[Action]] = {}
        for action in plan.actions:
            if action.kind is Kind.SECRET:
                self._planned.setdefault(action.marker.id, []).append(action)
        self._results: dict[str, list[Result]] = {}
        for result in results or ():
            if result.action.kind is Kind.SECRET:
                self._results.setdefault(result.action.marker.id, []).append(result)

    def of(self, login: LoginFacts) -> Verdict:
        """Return the verdict of one login."""
        owed = self._owed(login)
        taken = login.taken == login.mark or self._took(login.id)
        state, reason = self._state(login)
        return Verdict(state, reason, taken, owed)

    def _state(self, login: LoginFacts) -> tuple[str, str | None]:
        if conflict := self._conflicts.get(login.id):
            return "conflict", WHY[conflict]
        results = self._results.get(login.id, ())
        for result in results:
            if result.outcome is Outcome.FAILED:
                return "failed", result.reason
        for result in results:
            if result.outcome is not Outcome.APPLIED:
                return "pending", result.reason
        if blocked := self._blocked.get(login.id):
            return "pending", WHY[blocked]
        if not self._applied and login.id in self._planned:
            known = login.taken is not None and login.entitled is not None
            text = "waits until the run is applied"
            return ("drift" if known else "pending"), text
        return login.entitled or "ended", None

    def _owed(self, login: LoginFacts) -> datetime | None:
        """Return the end of sessions that is still owed.

        Forgotten once a kick is confirmed, or once nothing is left to end.
        """
        key = (Kind.SECRET, login.id)
        if key in self._renew:
            return self._renew[key]
        if not self._applied:
            return login.renew_before
        if login.id in self._blocked or login.id in self._conflicts:
            return login.renew_before
        results = self._results.get(login.id, ())
        done = all(result.outcome is Outcome.APPLIED for result in results)
        return None if done else login.renew_before

    def _took(self, login_id: str) -> bool:
        return any(
            result.action.password is not None
            and result.action.verb in {Verb.ADD, Verb.SET}
            and result.outcome is Outcome.APPLIED
            for result in self._results.get(login_id, ())
        )
