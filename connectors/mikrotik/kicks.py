"""Ends sessions and proves it: by session id, since modems dial again in seconds.

Called by `apply`. Every session of a log-in is ended, not the first one alone.
"""

import asyncio
from collections.abc import Iterable, Sequence

from connectors.mikrotik.actions import Action
from connectors.mikrotik.errors import ConnectionLost, Missing, Refused, RouterError
from connectors.mikrotik.read import active
from connectors.mikrotik.results import Outcome, Result, failed, lost
from connectors.mikrotik.state import Active
from connectors.mikrotik.transport import Session

PER_SECOND = 50
READS = 3
PAUSE_SECONDS = 0.2


async def kick(
    session: Session, actions: Sequence[Action], written_at: float
) -> list[Result]:
    """End the sessions of each action and any that began before the changes.

    Args:
        session: the connection.
        actions: kicks only.
        written_at: loop time at which the last change had been read back. A session
            that came up since then is under what was written, and is left alone.
    """
    try:
        return await _kick(session, actions, written_at)
    except RouterError as error:
        return [lost(action, error) for action in actions]


async def _kick(
    session: Session, actions: Sequence[Action], written_at: float
) -> list[Result]:
    loop = asyncio.get_running_loop()
    names = {action.name for action in actions}
    planned = {_key(up) for action in actions for up in action.sessions}
    found = await active(session, names)
    elapsed = loop.time() - written_at
    # Uptimes are whole seconds: better one session too many than one that stays.
    changed = {action.name for action in actions if action.after}
    ending = [
        up
        for up in found
        if _key(up) in planned or (up.name in changed and up.uptime + 1 >= elapsed)
    ]
    error = await _remove(session, ending)
    left = await _left(session, names, ending)
    return [_result(action, left, error) for action in actions]


async def _remove(session: Session, ending: Sequence[Active]) -> RouterError | None:
    """Remove the rows, not more than 50 a second; returns the last refusal."""
    refusal: RouterError | None = None
    for at in range(0, len(ending), PER_SECOND):
        if at:
            await asyncio.sleep(1)
        ids = ",".join(up.id for up in ending[at : at + PER_SECOND])
        try:
            await session.call("/ppp/active/remove", f"=.id={ids}")
        except ConnectionLost:
            raise
        except Missing:
            # One that hung up by itself may have stopped the rest of the list.
            for up in ending[at : at + PER_SECOND]:
                refusal = await _remove_one(session, up) or refusal
        except RouterError as error:
            refusal = error
    return refusal


async def _remove_one(session: Session, up: Active) -> RouterError | None:
    try:
        await session.call("/ppp/active/remove", f"=.id={up.id}")
    except (ConnectionLost, Missing) as error:
        if isinstance(error, ConnectionLost):
            raise
    except RouterError as error:
        return error
    return None


async def _left(
    session: Session, names: Iterable[str], ending: Sequence[Active]
) -> set[str]:
    """Return the names of which an ended session is still there after a moment."""
    gone = {_key(up): up for up in ending}
    left: set[str] = set()
    if not gone:
        return left
    for attempt in range(READS):
        if attempt:
            await asyncio.sleep(PAUSE_SECONDS)
        rows = await active(session, set(names))
        left = {
            row.name
            for row in rows
            if (before := gone.get(_key(row))) and row.uptime >= before.uptime
        }
        if not left:
            break
    return left


def _result(action: Action, left: set[str], error: RouterError | None) -> Result:
    if action.name not in left:
        return Result(action, Outcome.APPLIED)
    stays = Refused(f"{action.name}: the session is still up after it was ended")
    return failed(action, error or stays)


def _key(up: Active) -> tuple[str, str]:
    """What tells a session from the next one of the same log-in."""
    return up.name, up.session_id or up.id
