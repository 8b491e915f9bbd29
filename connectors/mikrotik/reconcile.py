"""Reads a router, plans, applies once: the whole of a run, over one connection.

Writes nothing to a box with another serial number than the pinned one. Never tries
again by itself: the caller's job does, by the advice of the error. One writer per
router is the caller's duty too.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.mikrotik.actions import Action, EntryKey, Plan, Reason, Verb
from connectors.mikrotik.apply import OpenSecret, apply
from connectors.mikrotik.errors import RouterError, StalePlan, WrongRouter
from connectors.mikrotik.fields import Kind
from connectors.mikrotik.guardrails import Limits
from connectors.mikrotik.plan import plan
from connectors.mikrotik.read import identity, observe
from connectors.mikrotik.results import Outcome, Result, Standing, standings
from connectors.mikrotik.state import Desired, Identity, Observed
from connectors.mikrotik.transport import Session

Promise = Callable[[frozenset[EntryKey]], Awaitable[None]]
"""Takes the secrets whose sessions a run is about to owe an end; stores that they do.

A run may break off at any moment after its first change, and what it changed then reads
as wanted: only what was stored before tells that old sessions are still up.
"""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was read and what would be done."""

    observed: Observed
    plan: Plan


@dataclass(frozen=True, slots=True)
class Report:
    """What a run did.

    Attributes:
        results: one per action of the plan, in order.
        renew: by wanted secret, the time before which its sessions began that still
            have to be ended; to be stored and given back as `renew_before`. One that is
            not named here and has a confirmed kick owes nothing any more.
    """

    identity: Identity
    plan: Plan
    results: tuple[Result, ...]
    counts: Mapping[Kind, int]
    renew: Mapping[EntryKey, datetime]

    @property
    def complete(self) -> bool:
        """Whether the router is now as wanted, as far as nothing waits for people."""
        return all(result.outcome is Outcome.APPLIED for result in self.results)

    @property
    def trusted_read(self) -> bool:
        """Whether `counts` may be kept as those of the last good read."""
        held = {blocked.reason for blocked in self.plan.blocked}
        return Reason.INCOMPLETE_READ not in held

    @property
    def error(self) -> RouterError | None:
        """The first error, for the job that ran this."""
        return next((r.error for r in self.results if r.error is not None), None)

    @property
    def confirmed(self) -> dict[EntryKey, str]:
        """The fingerprints of the passwords that the router took, to be stored."""
        return {
            result.action.key: result.action.password.fingerprint
            for result in self.results
            if result.action.password and result.outcome is Outcome.APPLIED
        }

    def standings(self) -> dict[EntryKey, tuple[Standing, str]]:
        """Return where each wanted entry stands, and why."""
        return standings(self.plan, self.results)

    def outcomes(self) -> dict[str, int]:
        """Return how many actions ended in which way."""
        return dict(Counter(str(result.outcome) for result in self.results))


async def survey(
    session: Session,
    desired: Desired,
    *,
    serial: str,
    now: datetime,
    limits: Limits,
) -> Survey:
    """Read and plan; changes nothing.

    Args:
        session: logged in.
        desired: all that the tenant wants on this router.
        serial: the pinned one; see `read.identity` for the first time.
        now: with a time zone.
        limits: what goes without approval.

    Raises:
        WrongRouter: another serial number.
        RouterError: of reading.
    """
    await check_serial(session, serial)
    observed = await observe(session)
    made = plan(desired, observed, observed.identity.capabilities, now, limits)
    return Survey(observed, made)


async def reconcile(
    session: Session,
    desired: Desired,
    *,
    serial: str,
    now: datetime,
    limits: Limits,
    open_secret: OpenSecret,
    promise: Promise | None = None,
    expected_hash: str | None = None,
) -> Report:
    """Make the router as wanted, once.

    Args:
        session: logged in; not used by anything else meanwhile.
        desired: all that the tenant wants on this router.
        serial: the pinned one.
        now: with a time zone.
        limits: what goes without approval, and what was approved.
        open_secret: opens the reference of a password.
        promise: called before the first change when sessions are to be ended; what it
            raises ends the run with nothing written. None where a run that breaks off
            is not followed by another.
        expected_hash: of the plan somebody looked at; None to apply whatever is due.

    Raises:
        WrongRouter: another serial number; nothing was written.
        StalePlan: the plan is no longer the expected one; nothing was written.
        RouterError: of reading. Errors of writing are in the report instead.
    """
    started = asyncio.get_running_loop().time()
    found = await survey(session, desired, serial=serial, now=now, limits=limits)
    if expected_hash is not None and expected_hash != found.plan.hash:
        raise StalePlan(
            "the router, or what is wanted of it, changed since the plan was made; "
            "look at the new plan"
        )
    if promise is not None and (ends := _ends(found.plan)):
        await promise(ends)
    results = await apply(session, found.plan, open_secret)
    took = timedelta(seconds=asyncio.get_running_loop().time() - started)
    return Report(
        identity=found.observed.identity,
        plan=found.plan,
        results=results,
        counts=found.observed.counts(),
        renew=_owed(found.plan, results, now + took),
    )


async def check_serial(session: Session, serial: str) -> None:
    """Refuse a box that is not the pinned one, before anything else is read.

    Raises:
        WrongRouter: it is another one.
    """
    box = await identity(session)
    if box.serial != serial:
        raise WrongRouter(
            f"the router has serial number {box.serial}, but {serial} is pinned; if it "
            "was replaced, confirm the new one"
        )


def _ends(made: Plan) -> frozenset[EntryKey]:
    """Return the secrets that stay and whose sessions are to be ended, now or later."""
    held = [each.action for each in made.blocked if each.reason is Reason.MANY_KICKS]
    keys = {action.key for action in (*made.actions, *held) if action.verb is Verb.KICK}
    return frozenset(key for key in keys if not _removed(made, key))


def _owed(
    made: Plan, results: tuple[Result, ...], at: datetime
) -> dict[EntryKey, datetime]:
    """Return the kicks that are still due, though the change may have been made."""
    by_number = {result.action.number: result for result in results}
    owed = {
        held.action.key: at
        for held in made.blocked
        if held.action.verb is Verb.KICK and held.reason is Reason.MANY_KICKS
    }
    for result in results:
        kick = result.action
        if kick.verb is not Verb.KICK or result.outcome is Outcome.APPLIED:
            continue
        if all(_may_be_done(by_number[number]) for number in kick.after):
            owed[kick.key] = at
    return {key: time for key, time in owed.items() if not _removed(made, key)}


def _may_be_done(result: Result) -> bool:
    return result.outcome in {Outcome.APPLIED, Outcome.UNKNOWN}


def _removed(made: Plan, key: EntryKey) -> bool:
    """Whether the entry is on its way out: its sessions are ended by name then."""
    steps: list[Action] = [*made.actions, *(held.action for held in made.blocked)]
    return any(step.key == key and step.verb is Verb.REMOVE for step in steps)
