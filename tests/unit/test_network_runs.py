"""What is stored of a run: not every step of a long one, but how many there were."""

from typing import cast

from connectors.mikrotik.actions import Action, Plan, Verb
from connectors.mikrotik.errors import Refused
from connectors.mikrotik.fields import Kind
from connectors.mikrotik.reconcile import Report
from connectors.mikrotik.results import Outcome, Result, failed
from connectors.mikrotik.state import Identity, Marker
from registry.builtin.network.runs import SHOWN, results


def report_of(done: int, undone: int) -> Report:
    made = [
        Action(Verb.ADD, Kind.SECRET, f"CUST{n:05}", Marker("t1", f"l{n}"))
        for n in range(done + undone)
    ]
    ended = [
        *(Result(action, Outcome.APPLIED) for action in made[:done]),
        *(failed(action, Refused("no")) for action in made[done:]),
    ]
    plan = Plan(tuple(made), frozenset(), (), (), (), "key", "hash")
    return Report(cast(Identity, None), plan, tuple(ended), {}, {})


def test_a_long_run_stores_some_steps_and_counts_all() -> None:
    stored = results(report_of(done=SHOWN + 50, undone=2))
    assert stored["counts"] == {"applied": SHOWN + 50, "failed": 2}
    outcomes = [step["outcome"] for step in stored["steps"]]
    assert outcomes == ["failed"] * 2 + ["applied"] * (SHOWN - 2)


def test_a_run_that_did_nothing_counts_nothing() -> None:
    assert results(report_of(done=0, undone=0)) == {"counts": {}, "steps": []}
