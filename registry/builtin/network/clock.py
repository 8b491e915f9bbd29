"""Decisions that depend on the time: boosts, pauses, alerts. Pure."""

from datetime import datetime, timedelta

SHORTEST_PAUSE = timedelta(seconds=15)
LONGEST_PAUSE = timedelta(minutes=5)
POLLS = 3
MISSES = 2


def moment(text: str | None) -> datetime | None:
    """Return the instant of a record's field, None when it is empty."""
    return None if text is None else datetime.fromisoformat(text)


def boost_state(
    state: str, valid_from: datetime, valid_until: datetime, now: datetime
) -> str:
    """Return the state that a boost has at this instant; a cancelled one stays so."""
    if state == "cancelled":
        return state
    if now >= valid_until:
        return "ended"
    return "running" if now >= valid_from else "scheduled"


def pause(offline_since: datetime | None, now: datetime) -> float:
    """Return the seconds until an offline router is tried again.

    A quarter of the time that it has been away, so that a short break ends soon after
    it is over and a long one costs little; at least 15 s, at most 5 min.
    """
    away = now - offline_since if offline_since else timedelta()
    return min(max(away / 4, SHORTEST_PAUSE), LONGEST_PAUSE).total_seconds()


def polled(before: str | None, *, answered: bool) -> str:
    """Return the last three polls with this one, newest last."""
    return f"{before or ''}{'y' if answered else 'n'}"[-POLLS:]


def is_alert(polls: str) -> bool:
    """Return whether two of the last three polls were missed."""
    return polls.count("n") >= MISSES
