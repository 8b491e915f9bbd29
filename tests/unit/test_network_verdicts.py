"""What a run means for a login: its state, the reason, what is still owed."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from connectors.mikrotik.actions import (
    Action,
    Blocked,
    Conflict,
    EntryKey,
    Plan,
    Reason,
    Verb,
)
from connectors.mikrotik.errors import Duplicate
from connectors.mikrotik.fields import Kind
from connectors.mikrotik.results import Outcome, Result
from connectors.mikrotik.state import Marker, Password
from registry.builtin.network.desired import LoginFacts
from registry.builtin.network.verdicts import WHY, Verdict, verdicts

MARKER = Marker("t1", "l1")
KEY: EntryKey = (Kind.SECRET, "l1")
OWED = datetime(2026, 3, 1, tzinfo=UTC)
LOGIN = LoginFacts(
    id="l1",
    name="CUST00001",
    entitled="active",
    plan="p1",
    mark="m2",
    taken="m1",
    remote_address=None,
    renew_before=None,
)
SET = Action(
    Verb.SET, Kind.SECRET, LOGIN.name, MARKER, password=Password("l1", "m2", "m1")
)
KICK = Action(Verb.KICK, Kind.SECRET, LOGIN.name, MARKER)
REMOVE = Action(Verb.REMOVE, Kind.SECRET, LOGIN.name, MARKER)


def plan_of(
    *actions: Action,
    blocked: tuple[Blocked, ...] = (),
    conflicts: tuple[Conflict, ...] = (),
) -> Plan:
    return Plan(actions, frozenset(), (), conflicts, blocked, "key", "hash")


def judge(
    login: LoginFacts,
    plan: Plan,
    results: list[Result] | None,
    renew: dict[EntryKey, datetime] | None = None,
) -> Verdict:
    return verdicts([login], plan, results, renew or {})["l1"]


@pytest.mark.parametrize("entitled", ["active", "suspended", None])
def test_a_login_in_sync_is_what_its_customer_is(entitled: str | None) -> None:
    login = replace(LOGIN, entitled=entitled, taken="m2")  # type: ignore[arg-type]  # a word of the table
    verdict = judge(login, plan_of(), [])
    assert verdict == Verdict(entitled or "ended", None, True, None)


@pytest.mark.parametrize(
    ("outcome", "state", "taken"),
    [
        (Outcome.APPLIED, "active", True),
        (Outcome.FAILED, "failed", False),
        (Outcome.UNKNOWN, "pending", False),
        (Outcome.SKIPPED, "pending", False),
    ],
)
def test_a_login_is_what_became_of_its_actions(
    outcome: Outcome, state: str, *, taken: bool
) -> None:
    error = Duplicate("already have") if outcome is Outcome.FAILED else None
    result = Result(SET, outcome, error, "why")
    verdict = judge(LOGIN, plan_of(SET), [result])
    assert (verdict.state, verdict.taken) == (state, taken)
    assert verdict.reason == (None if state == "active" else "why")


def test_a_password_is_not_taken_by_an_action_that_did_not_send_it() -> None:
    quiet = replace(SET, password=None)
    assert not judge(LOGIN, plan_of(quiet), [Result(quiet, Outcome.APPLIED)]).taken


@pytest.mark.parametrize(("taken", "state"), [("m1", "drift"), (None, "pending")])
def test_a_difference_that_is_only_planned_is_drift_once_it_was_right(
    taken: str | None, state: str
) -> None:
    verdict = judge(replace(LOGIN, taken=taken), plan_of(SET), None)
    assert (verdict.state, verdict.taken) == (state, False)


def test_a_name_in_other_hands_is_a_conflict() -> None:
    conflict = Conflict(Kind.SECRET, LOGIN.name, MARKER, Reason.UNMARKED, "")
    verdict = judge(LOGIN, plan_of(conflicts=(conflict,)), [])
    assert (verdict.state, verdict.reason) == ("conflict", WHY[Reason.UNMARKED])


def test_a_removal_that_is_held_back_is_not_the_end() -> None:
    held = Blocked(REMOVE, Reason.MANY_REMOVALS)
    verdict = judge(replace(LOGIN, entitled=None), plan_of(blocked=(held,)), [])
    assert (verdict.state, verdict.reason) == ("pending", WHY[Reason.MANY_REMOVALS])


@pytest.mark.parametrize(
    ("outcome", "owed"), [(Outcome.APPLIED, None), (Outcome.UNKNOWN, OWED)]
)
def test_the_end_of_a_session_is_owed_until_it_is_confirmed(
    outcome: Outcome, owed: datetime | None
) -> None:
    login = replace(LOGIN, renew_before=OWED)
    assert judge(login, plan_of(KICK), [Result(KICK, outcome)]).renew_before == owed


def test_what_the_run_says_is_owed_is_kept() -> None:
    later = datetime(2026, 3, 2, tzinfo=UTC)
    login = replace(LOGIN, renew_before=OWED)
    failed = Result(KICK, Outcome.FAILED)
    assert judge(login, plan_of(KICK), [failed], {KEY: later}).renew_before == later


def test_a_plan_that_was_not_applied_forgets_nothing() -> None:
    login = replace(LOGIN, renew_before=OWED)
    assert judge(login, plan_of(), None).renew_before == OWED


def test_every_reason_is_said_in_words() -> None:
    assert set(WHY) == set(Reason)
