"""The runs that people see: plans that wait, and what was applied; no secrets.

Called by `reconciling`. A run that changed nothing leaves no row.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connectors.mikrotik.actions import Plan
from connectors.mikrotik.fields import Kind
from connectors.mikrotik.reconcile import Report
from connectors.mikrotik.results import Outcome
from registry.builtin.network.records import RUNS
from registry.builtin.network.verdicts import WHY
from registry.service import JobHost, Record

COUNTED = (
    ("add", "to add"),
    ("set", "to change"),
    ("unset", "to empty"),
    ("kick", "to disconnect"),
    ("remove", "to remove"),
    ("blocked", "held back"),
    ("conflicts", "whose name is taken"),
    ("in_sync", "as they should be"),
    ("unmanaged", "not ours"),
)
"""What a plan counts, in words."""

SHOWN = 200
"""Entries of a list that are stored; the counts say how many there are."""


async def store_planned(
    host: JobHost, router: Record, plan: Plan, now: datetime, *, adopt: bool
) -> None:
    """Store a plan that waits for somebody, in the place of one that waited before."""
    waiting = {
        "router": {"_eq": router["id"]},
        "state": {"_in": ["planned", "approved"]},
    }
    async with host.transaction() as inside:
        before = await inside.find(RUNS, waiting, sort=("-at",))
        if any(run["hash"] == plan.hash and run["adopt"] == adopt for run in before):
            return
        for run in before:
            if run["state"] == "planned":
                await inside.update(RUNS, run["id"], {"state": "refused"})
        if not plan.actions and not plan.blocked and not plan.conflicts:
            return
        await inside.create(RUNS, _run(router, plan, "planned", now, adopt=adopt))


async def store_applied(
    host: JobHost,
    router: Record,
    report: Report,
    approved: Record | None,
    now: datetime,
) -> None:
    """Store what a run did, in the run that was approved where there is one."""
    if not report.results and approved is None:
        return
    state = "applied" if report.complete else "failed"
    values = {"state": state, "results": results(report)}
    async with host.transaction() as inside:
        if approved is None:
            made = _run(router, report.plan, state, now, adopt=False)
            await inside.create(RUNS, {**made, **values})
        else:
            await inside.update(RUNS, approved["id"], values)


async def end(host: JobHost, approved: Record, state: str, why: str) -> None:
    """Store why nothing was changed by an approved run that is over."""
    async with host.transaction() as inside:
        values = {"state": state, "summary": why[:500]}
        await inside.update(RUNS, approved["id"], values)


def results(report: Report) -> dict[str, Any]:
    """Return what became of the actions, those that failed first, and how many did."""
    ordered = sorted(
        report.results, key=lambda result: result.outcome is Outcome.APPLIED
    )
    return {
        "counts": report.outcomes(),
        "steps": [
            {
                "number": result.action.number,
                "verb": str(result.action.verb),
                "kind": str(result.action.kind),
                "name": result.action.name,
                "outcome": str(result.outcome),
                "reason": result.reason,
            }
            for result in ordered[:SHOWN]
        ],
    }


def summary(counts: Mapping[str, int]) -> str:
    """Return the counts that are not zero as a line, such as `3 to add, 5 not ours`."""
    said = [f"{counts[name]} {words}" for name, words in COUNTED if counts[name]]
    return ", ".join(said)


def trouble(plan: Plan) -> str | None:
    """Return the first profile or pool that is in the way, for the router's form."""
    for conflict in plan.conflicts:
        if conflict.kind is not Kind.SECRET:
            return f"{conflict.kind} {conflict.name}: {WHY[conflict.reason]}"[:500]
    return None


def _run(
    router: Record, plan: Plan, state: str, now: datetime, *, adopt: bool
) -> dict[str, Any]:
    counts = plan.counts()
    described: dict[str, Any] = plan.describe()
    for name in ("actions", "blocked", "conflicts", "unmanaged"):
        described[name] = described[name][:SHOWN]
    return {
        "router": router["id"],
        "state": state,
        "at": now.isoformat(),
        "summary": summary(counts),
        "adopt": adopt,
        "hash": plan.hash,
        "counts": counts,
        "plan": described,
    }
