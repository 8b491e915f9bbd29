"""Allowances beside each other: which rows and fields one gives that no other does.

Pure; called by `engine/query/scope.py` and `selection.py`, so that a statement asks a
row for no more than it must.
"""

from collections.abc import Sequence

from engine.context import Allowance, Grant
from metadata.conditions import EVERYTHING

_SCOPES = ("own", "team", "tenant")
"""Each reaches the rows of the one before it, and more."""


def widest(allowances: Sequence[Allowance]) -> tuple[Allowance, ...]:
    """Return the allowances that together reach every row that all of them reach.

    Fields play no part. Empty only when nothing is given.
    """
    kept: list[Allowance] = []
    for one in allowances:
        if not any(_reaches_rows_of(other, one) for other in kept):
            kept = [other for other in kept if not _reaches_rows_of(one, other)]
            kept.append(one)
    return tuple(kept)


def showing(grant: Grant, name: str) -> tuple[int, ...] | None:
    """Return the places of the allowances that show a field on the rows they reach.

    None when every row that the grant reaches shows it, so that no row need be asked.
    """
    places = tuple(
        place
        for place, each in enumerate(grant.allowances)
        if each.fields is None or name in each.fields
    )
    shown = [grant.allowances[place] for place in places]
    for each in grant.allowances:
        if not any(_reaches_rows_of(one, each) for one in shown):
            return places
    return None


def _reaches_rows_of(wide: Allowance, narrow: Allowance) -> bool:
    """Return whether the first surely reaches each row that the second reaches.

    Filters are compared as written, so it may say no where a proof would say yes. Not
    by `==`, to which 1 and True are one.
    """
    return _SCOPES.index(wide.scope) >= _SCOPES.index(narrow.scope) and (
        wide.filter == EVERYTHING or repr(wide.filter) == repr(narrow.filter)
    )
