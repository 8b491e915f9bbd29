"""Values of the condition language's variables for one request.

`$now` and `$today` come from the request's one instant, so that two statements of a
request never disagree; months and years shift by the calendar (31 January plus one
month is the last day of February), as PostgreSQL's interval does.
"""

from calendar import monthrange
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.context import RequestContext
from metadata.conditions import Variable


def value_of(ctx: RequestContext, variable: Variable) -> str | None:
    """Return the JSON value of a variable: ISO 8601 text, an id, or None."""
    if variable.name == "now":
        return shift(ctx.now, variable.offset, variable.unit).isoformat()
    if variable.name == "today":
        local = ctx.now.astimezone(ZoneInfo(ctx.time_zone))
        return shift(local, variable.offset, variable.unit).date().isoformat()
    return ctx.attribute(variable.name)


def shift(instant: datetime, offset: int, unit: str) -> datetime:
    """Return the instant moved by `offset` units, by the calendar where it matters."""
    if unit in {"month", "year"}:
        months = offset * (12 if unit == "year" else 1)
        index = instant.year * 12 + instant.month - 1 + months
        year, month = divmod(index, 12)
        year = min(max(year, 1), 9999)
        day = min(instant.day, monthrange(year, month + 1)[1])
        return instant.replace(year=year, month=month + 1, day=day)
    return instant + timedelta(**{f"{unit}s": offset})
