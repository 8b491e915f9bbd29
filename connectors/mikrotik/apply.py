"""Carries a plan out, and believes nothing that it has not read back.

Phases go in order; inside one, commands overlap as far as the router answers tags.
After a phase its entries are read again: what reads as wanted is applied, whatever the
reply was, and what does not is not. When the connection is lost, what was under way is
unknown and the rest is skipped; the next run reads and plans anew. Called by
`reconcile`; opens passwords one at a time, when they are sent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import groupby

from connectors.mikrotik.actions import Action, Plan, Verb
from connectors.mikrotik.commands import (
    Command,
    command,
    commands,
    differing,
    in_effect,
    referrers,
)
from connectors.mikrotik.errors import (
    Advice,
    BadReference,
    BadValue,
    ConnectionLost,
    Misuse,
    PasswordUnavailable,
    RouterError,
    StalePlan,
)
from connectors.mikrotik.fields import FIELDS, Kind
from connectors.mikrotik.kicks import kick
from connectors.mikrotik.read import rows
from connectors.mikrotik.results import NotSent, Outcome, Result, failed, lost, skipped
from connectors.mikrotik.state import Found
from connectors.mikrotik.transport import Session

OpenSecret = Callable[[str], Awaitable[str | None]]
"""Takes the reference of a password, returns the password; None without one."""


async def apply(
    session: Session, plan: Plan, open_secret: OpenSecret
) -> tuple[Result, ...]:
    """Return one result per action, in the order of the plan.

    Args:
        session: the connection that the plan was made over.
        plan: applied once; a second time it is stale.
        open_secret: called at the last moment; what it returns is kept nowhere.

    Raises:
        StalePlan: the plan was made over another connection, where ids differ.
    """
    if plan.session_key != session.key:
        raise StalePlan(
            "the plan was made over another connection; ids of entries change when a "
            "router restarts, so read and plan again"
        )
    run = _Run(session, open_secret)
    for _, phase in groupby(plan.actions, key=lambda action: action.phase):
        await run.phase(list(phase))
    return tuple(run.results[action.number] for action in plan.actions)


class _Run:
    """One plan being applied."""

    def __init__(self, session: Session, open_secret: OpenSecret) -> None:
        self.results: dict[int, Result] = {}
        self._session = session
        self._open_secret = open_secret
        self._stopped: RouterError | None = None
        self._written_at = asyncio.get_running_loop().time()

    async def phase(self, actions: list[Action]) -> None:
        """Carry out actions that do not depend on each other."""
        ready = [action for action in actions if self._ready(action)]
        if not ready:
            return
        verb, kind = ready[0].verb, ready[0].kind
        if verb is Verb.KICK:
            self._note(await kick(self._session, ready, self._written_at))
            return
        if verb is Verb.REMOVE and kind is not Kind.SECRET:
            ready = await self._unused(kind, ready)
        await self._write(kind, ready)
        self._written_at = asyncio.get_running_loop().time()

    def _ready(self, action: Action) -> bool:
        """Skip it when all has stopped, or when what it waits for did not happen."""
        if self._stopped is not None:
            self._note([skipped(action, f"stopped: {self._stopped}")])
            return False
        for number in action.after:
            if self.results[number].outcome is not Outcome.APPLIED:
                text = f"action {number}, which has to come first, was not applied"
                self._note([skipped(action, text)])
                return False
        return True

    async def _write(self, kind: Kind, actions: Sequence[Action]) -> None:
        """Send, read back, and give what may succeed alone one more try."""
        made = commands(actions)
        errors = await self._send(made)
        if not await self._confirm(kind, actions, errors):
            return
        again = [
            action
            for sent in made
            for action in sent.actions
            if self.results[action.number].outcome is Outcome.FAILED
            and action.number in errors
            and (
                len(sent.actions) > 1 or isinstance(errors[action.number], BadReference)
            )
        ]
        if again and self._stopped is None:
            errors = await self._send([command(action) for action in again])
            await self._confirm(kind, again, errors)

    async def _send(self, made: Sequence[Command]) -> dict[int, RouterError]:
        """Send all; returns the errors by number of the action.

        Never more commands are open than the session's window, so that no more
        passwords are in memory than are on their way.
        """
        errors: dict[int, RouterError] = {}
        waiting = iter(made)

        async def one_after_another() -> None:
            for sent in waiting:
                if error := await self._one(sent):
                    errors.update({action.number: error for action in sent.actions})

        async with asyncio.TaskGroup() as group:
            for _ in range(min(self._session.window, len(made))):
                group.create_task(one_after_another())
        return errors

    async def _one(self, sent: Command) -> RouterError | None:
        if self._stopped is not None:
            return NotSent(f"not sent: {self._stopped}")
        try:
            password = sent.actions[0].password
            words = sent.words
            if password is not None:
                opened = await self._opened(password.reference, sent.path)
                if not opened:
                    return BadValue(f"{sent.path}: there is no password to set")
                words = (*words, f"=password={opened}")
            await self._session.call(sent.path, *words)
        except RouterError as error:
            if isinstance(error, ConnectionLost) or error.advice is Advice.ALERT:
                self._stopped = error
            return error
        return None

    async def _opened(self, reference: str, path: str) -> str | None:
        """Open a password; whatever the caller's code raises is one action's failure.

        It must not end the others: what they changed is still to be read back, and
        the sessions that it concerns to be ended.
        """
        (opened,) = await asyncio.gather(
            self._open_secret(reference), return_exceptions=True
        )
        if isinstance(opened, Exception):
            text = f"{path}: the password could not be opened: {type(opened).__name__}"
            raise PasswordUnavailable(text)
        if isinstance(opened, BaseException):
            raise opened
        return opened

    async def _confirm(
        self, kind: Kind, actions: Sequence[Action], errors: dict[int, RouterError]
    ) -> bool:
        """Read back and note the results; False when the connection is lost."""
        names = {name for a in actions for name in (a.name, a.new_name)}
        try:
            found = await rows(self._session, kind, names)
        except RouterError as error:
            self._stopped = error
            self._note(lost(a, errors.get(a.number, error)) for a in actions)
            return False
        by_id = {entry.id: entry for entry in found}
        by_name = {entry.name: entry for entry in found}
        for action in actions:
            self._note([_judge(action, errors.get(action.number), by_id, by_name)])
        return True

    async def _unused(self, kind: Kind, actions: Sequence[Action]) -> list[Action]:
        """Look once more before removing: a pool in use goes without a word."""
        try:
            named = {
                str(value)
                for other in referrers(kind)
                for entry in await rows(self._session, other)
                for field, value in entry.values.items()
                if FIELDS[other][field].names is kind
            }
        except RouterError as error:
            self._stopped = error
            self._note(skipped(action, f"stopped: {error}") for action in actions)
            return []
        used = [action for action in actions if action.name in named]
        self._note(skipped(action, "other entries still name it") for action in used)
        return [action for action in actions if action not in used]

    def _note(self, results: Iterable[Result]) -> None:
        for result in results:
            self.results[result.action.number] = result
            if isinstance(result.error, ConnectionLost):
                self._stopped = result.error


def _judge(
    action: Action,
    error: RouterError | None,
    by_id: dict[str, Found],
    by_name: dict[str, Found],
) -> Result:
    """Say what became of an action, by what the router now shows."""
    done = in_effect(action, by_id, by_name)
    if done and (error is None or action.password is None):
        return Result(action, Outcome.APPLIED)
    if error is not None:
        unsent = isinstance(error, NotSent)
        return lost(action, error) if unsent else failed(action, error)
    found = by_name.get(action.new_name) or by_id.get(action.id)
    fields = differing(action, found) if found else ["the entry itself"]
    text = f"{action.name}: accepted, but reads otherwise: {', '.join(fields)}"
    return failed(action, Misuse(text))
