"""How much happens to a router without a human."""

import pytest

from connectors.mikrotik.actions import Reason, Verb
from connectors.mikrotik.fields import Kind
from connectors.mikrotik.guardrails import Approval, Limits
from connectors.mikrotik.state import Active, Desired, Observed
from tests.fixtures.routers import TENANT, found, observed, ours, planned, secret


def router(secrets: int, sessions: int = 0, profile: str = "default") -> Observed:
    rows = [
        found(Kind.SECRET, f"*{n}", f"C{n}", ours(f"c{n}"), profile=profile)
        for n in range(secrets)
    ]
    up = [Active(f"*A{n}", f"C{n}", 100, f"0x{n}") for n in range(sessions)]
    return observed(*rows, sessions=up)


def wanting(numbers: range) -> Desired:
    wanted = tuple(secret(f"c{n}", f"C{n}", "default") for n in numbers)
    return Desired(TENANT, secrets=wanted)


@pytest.mark.parametrize(
    ("there", "gone", "goes"),
    [(10, 5, True), (10, 6, False), (200, 10, True), (200, 11, False), (1, 1, True)],
)
def test_many_removals_wait_for_approval(there: int, gone: int, goes: bool) -> None:
    made = planned(wanting(range(gone, there)), router(there))
    removed = sum(action.verb is Verb.REMOVE for action in made.actions)
    assert removed == (gone if goes else 0)
    held = {blocked.reason for blocked in made.blocked}
    assert held == (set() if goes else {Reason.MANY_REMOVALS})


def test_held_removals_disable_nobody() -> None:
    made = planned(wanting(range(20, 30)), router(30, sessions=30))
    assert made.empty


def test_removals_that_were_approved_by_name_go_and_others_do_not() -> None:
    approved = frozenset((Kind.SECRET, f"c{n}") for n in range(15))
    limits = Limits(approval=Approval(removals=approved))
    made = planned(wanting(range(25, 30)), router(30), limits)
    removed = {a.name for a in made.actions if a.verb is Verb.REMOVE}
    assert removed == {f"C{n}" for n in range(15)}
    assert {blocked.action.name for blocked in made.blocked} == {
        f"C{n}" for n in range(15, 25)
    }


@pytest.mark.parametrize(("before", "goes"), [(8, True), (9, False)])
def test_nothing_is_removed_after_half_a_read(before: int, goes: bool) -> None:
    limits = Limits(last_good={Kind.SECRET: before})
    made = planned(wanting(range(3)), router(4), limits)
    assert bool(made.actions) is goes
    assert {held.reason for held in made.blocked} == (
        set() if goes else {Reason.INCOMPLETE_READ}
    )


def test_an_empty_read_removes_nothing() -> None:
    limits = Limits(last_good={Kind.SECRET: 100, Kind.PROFILE: 4})
    left = observed(found(Kind.PROFILE, "*1", "old", ours("p9")))
    made = planned(Desired(TENANT), left, limits)
    assert made.empty


@pytest.mark.parametrize(
    ("sessions", "changed", "approved", "goes"),
    [
        (10, 5, 0, True),
        (10, 6, 0, False),
        (100, 20, 0, True),
        (100, 21, 0, False),
        (100, 21, 21, True),
        (100, 21, 20, False),
    ],
)
def test_many_kicks_wait_while_the_changes_go(
    sessions: int, changed: int, approved: int, goes: bool
) -> None:
    wanted = tuple(
        secret(f"c{n}", f"C{n}", "ISOLIR" if n < changed else "default")
        for n in range(sessions)
    )
    limits = Limits(approval=Approval(kicks=approved))
    seen = router(sessions, sessions)
    made = planned(Desired(TENANT, secrets=wanted), seen, limits)
    verbs = [action.verb for action in made.actions]
    assert verbs.count(Verb.SET) == changed
    assert verbs.count(Verb.KICK) == (changed if goes else 0)
    assert len(made.blocked) == (0 if goes else changed)


def test_an_approval_does_not_change_the_hash() -> None:
    approved = Approval(frozenset((Kind.SECRET, f"c{n}") for n in range(20)), kicks=99)
    seen, desired = router(30, 30), wanting(range(20, 30))
    assert (
        planned(desired, seen).hash
        == planned(desired, seen, Limits(approval=approved)).hash
    )
