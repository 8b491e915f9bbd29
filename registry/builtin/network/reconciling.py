"""One run on one router: records in, router changed, records told.

Holds the router's lease, so that it is the only writer. A router that cannot be
reached fails nothing: the run asks for another one. Called by the jobs in `service`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.mikrotik.actions import EntryKey, Plan, Reason, Verb
from connectors.mikrotik.errors import Advice, RouterError, StalePlan
from connectors.mikrotik.fields import Kind
from connectors.mikrotik.guardrails import Approval, Limits
from connectors.mikrotik.plan import plan as make_plan
from connectors.mikrotik.reconcile import Report, Survey, reconcile, survey
from connectors.mikrotik.state import Desired
from connectors.mikrotik.transport import Session
from registry.builtin.network import clock, following, runs
from registry.builtin.network.connection import (
    IDLE,
    Unconfirmed,
    answered,
    opened,
    refused,
    tell,
)
from registry.builtin.network.desired import Facts, desired, profile_of
from registry.builtin.network.lease import held
from registry.builtin.network.records import LOGINS, ROUTERS, facts
from registry.builtin.network.verdicts import Verdict, verdicts
from registry.service import JobHost, Record

RUN_SECONDS = 600.0
"""As long as a run may take; then its job ends it."""
AGAIN_SECONDS = 2.0
WRITES = 100
"""Logins that are written in one transaction: short, since others wait for the rows."""

_WAITING = {"stopped": "failed", "offline": "offline"}
"""What a login is that waits for a router in this state; "pending" in the others."""

Answer = Mapping[str, Any]


async def run(
    host: JobHost,
    router_id: str,
    *,
    plan_only: bool = False,
    adopt: bool = False,
    approved: Record | None = None,
) -> Answer:
    """Bring a router to what the records want; returns what to show of it.

    Args:
        host: of the job.
        router_id: the router.
        plan_only: store the plan as a run and change nothing.
        adopt: take over unmarked entries of the names wanted.
        approved: the run that somebody approved; nothing else is applied.

    Raises:
        Taken: another job works on the router.
        RouterError: the router is not as it was read; the job is to be tried again.
    """
    async with held(host, router_id):
        async with host.transaction() as inside:
            router = await inside.get(ROUTERS, router_id)
        if router is None:
            return {"skipped": "the router was deleted"}
        work = _Run(host, router, adopt=adopt, approved=approved)
        if router["status"] in IDLE:
            await work.wait()
            return await work.skipped(f"the router is {router['status']}")
        if not router["expected_serial"]:
            await work.wait()
            await host.enqueue("test_connection", {"router": router_id}, key=router_id)
            return await work.skipped("the router was never tested")
        try:
            return await work.do(plan_only=plan_only or not router["applies_itself"])
        except (RouterError, Unconfirmed) as error:
            return await work.failed(error)


class _Run:
    """One run that has the lease."""

    def __init__(
        self, host: JobHost, router: Record, *, adopt: bool, approved: Record | None
    ) -> None:
        self._host = host
        self._router = router
        self._adopt = adopt or bool(approved and approved["adopt"])
        self._approved = approved
        self._logins: Mapping[str, Record] = {}

    async def do(self, *, plan_only: bool) -> Answer:
        """Read the records, then read, plan and apply on the router."""
        now = datetime.now(UTC)
        known, self._logins = await facts(self._host, self._router, now)
        wanted = desired(known, now)
        approved = self._approved
        async with opened(self._host, self._router) as session:
            if approved is None and not plan_only:
                return await self._apply(session, known, wanted, self._limits())
            found, limits = await self._survey(session, wanted)
            if approved is None:
                return await self._planned(known, found, now)
            return await self._apply(session, known, wanted, limits)

    async def wait(self) -> None:
        """Tell the logins why nothing is done on their router yet."""
        now = datetime.now(UTC)
        _, self._logins = await facts(self._host, self._router, now)
        state = _WAITING.get(self._router["status"], "pending")
        reason = self._router["last_error"] or "the router was not tested yet"
        await self._tell_waiting(state, reason, now)

    async def skipped(self, why: str) -> Answer:
        """Return that nothing was done; an approved run ends by that."""
        if self._approved is not None:
            await runs.end(self._host, self._approved, "failed", f"Not applied: {why}.")
        return {"skipped": why}

    def _limits(self) -> Limits:
        counts = self._router["last_counts"] or {}
        return Limits(last_good={Kind(kind): n for kind, n in counts.items()})

    async def _survey(self, session: Session, wanted: Desired) -> tuple[Survey, Limits]:
        """Read and plan; returns the limits that apply, approvals included.

        Raises:
            StalePlan: not the plan that was approved.
        """
        serial = self._router["expected_serial"]
        now = datetime.now(UTC)
        limits = self._limits()
        found = await survey(session, wanted, serial=serial, now=now, limits=limits)
        if self._adopt:
            limits = replace(limits, approval=Approval(adopt=_adoptable(found.plan)))
            able = found.observed.identity.capabilities
            again = make_plan(wanted, found.observed, able, now, limits)
            found = replace(found, plan=again)
        if self._approved is not None:
            if self._approved["hash"] != found.plan.hash:
                raise StalePlan(
                    "the router, or what is wanted of it, changed since the plan was "
                    "made; look at the new plan"
                )
            limits = replace(limits, approval=_approval(found.plan, limits.approval))
        return found, limits

    async def _apply(
        self,
        session: Session,
        known: Facts,
        wanted: Desired,
        limits: Limits,
    ) -> Answer:
        report = await reconcile(
            session,
            wanted,
            serial=self._router["expected_serial"],
            now=datetime.now(UTC),
            limits=limits,
            open_secret=self._open,
            promise=self._promise,
            expected_hash=self._approved["hash"] if self._approved else None,
        )
        now = datetime.now(UTC)
        judged = verdicts(known.logins, report.plan, report.results, report.renew)
        await self._tell_logins(known, judged, now)
        await self._tell_router(report, now)
        await runs.store_applied(self._host, self._router, report, self._approved, now)
        if report.plan.blocked and not report.results:
            await runs.store_planned(
                self._host, self._router, report.plan, now, adopt=self._adopt
            )
        await self._follow_up(report)
        return {"counts": report.plan.counts(), "outcomes": report.outcomes()}

    async def _planned(self, known: Facts, found: Survey, now: datetime) -> Answer:
        # First, since the logins then point to it.
        await runs.store_planned(
            self._host, self._router, found.plan, now, adopt=self._adopt
        )
        judged = verdicts(known.logins, found.plan, None, {})
        await self._tell_logins(known, judged, now)
        status = answered(self._router, found.observed.identity, now)
        await self._update_router(status)
        return {"counts": found.plan.counts()}

    async def _follow_up(self, report: Report) -> None:
        """Ask for another run where this one left something that a run can do."""
        router_id = str(self._router["id"])
        error = report.error
        if report.plan.blocked and report.results:
            await following.request(self._host, router_id, delay_seconds=AGAIN_SECONDS)
        if error is None:
            return
        if error.advice is Advice.REPLAN:
            if self._approved is None:
                raise error
            # What was approved is over; what it left is a plan like any other.
            await following.request(self._host, router_id, delay_seconds=AGAIN_SECONDS)
        if error.advice in {Advice.RETRY, Advice.ALERT}:
            self._approved = None
            await self.failed(error)

    async def failed(self, error: RouterError | Unconfirmed) -> Answer:
        """Tell why nothing more was done; raises what another attempt would cure."""
        now = datetime.now(UTC)
        if isinstance(error, StalePlan) and self._approved is not None:
            await runs.end(self._host, self._approved, "refused", str(error))
            await following.request(self._host, str(self._router["id"]))
            return {"refused": str(error)}
        await self._update_router(refused(self._router, error, now))
        if isinstance(error, Unconfirmed):
            return await self.skipped("its certificate is not confirmed")
        if error.advice is Advice.REPLAN:
            if self._approved is None:
                raise error
            await following.request(self._host, str(self._router["id"]))
            return await self.skipped(str(error))
        state = "offline" if error.advice is Advice.RETRY else "failed"
        await self._tell_waiting(state, str(error)[:500], now)
        if error.advice is Advice.RETRY:
            await self._try_again(now)
        elif self._approved is not None:
            await self.skipped(str(error))
        return {"error": error.code}

    async def _try_again(self, now: datetime) -> None:
        """Ask for another run when the router may be back; the approved one, if any."""
        since = clock.moment(self._router["offline_since"])
        wait = clock.pause(since, now)
        if self._approved is None:
            router_id = str(self._router["id"])
            await following.request(self._host, router_id, delay_seconds=wait)
        else:
            await following.apply(self._host, self._approved, delay_seconds=wait)

    async def _promise(self, keys: frozenset[EntryKey]) -> None:
        """Store, before anything is changed, that the sessions of logins must end.

        When this run breaks off, nothing else tells the next one. It cannot know when
        the change was made, so that every session counts that began before this run
        can have ended: one may come up under what was before until then.
        """
        before = datetime.now(UTC) + timedelta(seconds=RUN_SECONDS)
        owed = {"renew_before": before.isoformat()}
        ids = sorted(login_id for _, login_id in keys if login_id in self._logins)
        logins = dict(self._logins)
        for at in range(0, len(ids), WRITES):
            async with self._host.transaction() as inside:
                for login_id in ids[at : at + WRITES]:
                    fresh = await inside.get(LOGINS, login_id)
                    if fresh is None:
                        continue
                    written = await inside.update(LOGINS, login_id, owed)
                    read = logins[login_id]
                    if fresh["version"] == read["version"]:
                        logins[login_id] = written
                    else:
                        kept = {"renew_before": written["renew_before"]}
                        logins[login_id] = {**read, **kept}
        self._logins = logins

    async def _open(self, login_id: str) -> str | None:
        try:
            return await self._host.secret("logins", login_id, "password")
        except LookupError:
            return None

    async def _tell_logins(
        self, known: Facts, judged: Mapping[str, Verdict], now: datetime
    ) -> None:
        """Write the verdicts that say something new."""
        told: dict[str, dict[str, Any]] = {}
        for login in known.logins:
            values = _values(
                self._logins[login.id],
                judged[login.id],
                profile_of(login, known, now),
                now,
            )
            if values:
                told[login.id] = values
        await self._write_logins(told)

    async def _tell_waiting(self, state: str, reason: str, now: datetime) -> None:
        """Write to the logins that wait for the router why they go on waiting."""
        since = now.isoformat()
        await self._write_logins(
            {
                login_id: {"state": state, "reason": reason, "state_since": since}
                for login_id, login in self._logins.items()
                if login["state"] in {"pending", "failed", "offline", "drift"}
                and (login["state"], login["reason"]) != (state, reason)
            }
        )

    async def _write_logins(self, told: Mapping[str, dict[str, Any]]) -> None:
        ids = sorted(told)
        for at in range(0, len(ids), WRITES):
            async with self._host.transaction() as inside:
                for login_id in ids[at : at + WRITES]:
                    fresh = await inside.get(LOGINS, login_id)
                    if fresh is None:
                        continue
                    values = told[login_id]
                    if fresh["version"] != self._logins[login_id]["version"]:
                        # Something else is wanted by now: a run for that waits.
                        values = _of_the_router(values)
                    if values:
                        await inside.update(LOGINS, login_id, values)
            await self._host.progress(min(at + WRITES, len(ids)), len(ids))

    async def _tell_router(self, report: Report, now: datetime) -> None:
        values = answered(self._router, report.identity, now)
        if report.trusted_read:
            values["last_counts"] = {
                str(kind): count for kind, count in report.counts.items()
            }
        values["last_error"] = runs.trouble(report.plan)
        await self._update_router(values)

    async def _update_router(self, values: dict[str, Any]) -> None:
        async with self._host.transaction() as inside:
            told = await tell(inside, self._router, values)
        self._router = told or self._router


def _values(
    login: Record, verdict: Verdict, profile: str | None, now: datetime
) -> dict[str, Any]:
    """Return the fields of a login that a verdict changes."""
    reason = verdict.reason[:500] if verdict.reason else None
    wanted: dict[str, Any] = {"state": verdict.state, "reason": reason}
    if verdict.state in {"active", "suspended", "ended"}:
        wanted["profile"] = profile
    if verdict.taken:
        wanted["password_taken"] = login["password_mark"]
    values = {name: v for name, v in wanted.items() if login[name] != v}
    if clock.moment(login["renew_before"]) != verdict.renew_before:
        owed = verdict.renew_before
        values["renew_before"] = owed.isoformat() if owed else None
    if "state" in values:
        values["state_since"] = now.isoformat()
    return values


def _of_the_router(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stays true of the router though other things are wanted now."""
    kept = ("password_taken", "renew_before")
    return {name: values[name] for name in kept if name in values}


def _adoptable(plan: Plan) -> frozenset[tuple[Kind, str]]:
    return frozenset(
        (conflict.kind, conflict.marker.id)
        for conflict in plan.conflicts
        if conflict.reason is Reason.UNMARKED
    )


def _approval(plan: Plan, given: Approval) -> Approval:
    """Return the approval of everything that a plan holds back for people."""
    actions = [*plan.actions, *(held_back.action for held_back in plan.blocked)]
    return replace(
        given,
        removals=frozenset(
            action.key for action in actions if action.verb is Verb.REMOVE
        ),
        kicks=sum(len(action.sessions) for action in actions),
    )
