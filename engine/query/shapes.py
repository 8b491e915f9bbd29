"""A query's shape: the query without its values, so that one plan serves all values.

Pure; called by the modules that plan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from engine.context import Grant
from engine.query.binding import lift
from engine.query.parameters import Expand, ListQuery
from engine.query.search import words_of
from metadata.conditions import Condition

ActionGrants = Mapping[str, Grant] | None


@dataclass(frozen=True, slots=True)
class Shaped:
    """A list query without its values, and the values.

    Attributes:
        marks: what a cursor of this query belongs to, the entity apart.
    """

    query: ListQuery
    values: tuple[Any, ...]
    marks: str


@lru_cache(maxsize=4096)
def _shape_cached(query: ListQuery) -> Shaped:
    return make_shape(query)


def shape_of(query: ListQuery) -> Shaped:
    """Return the query without its values, and the values."""
    try:
        return _shape_cached(query)
    except TypeError:
        # A literal of the filter is a list or an object, which has no hash.
        return make_shape(query)


def make_shape(query: ListQuery) -> Shaped:
    """Return what `shape_of` does, made anew."""
    words = words_of(query.search)
    values: list[Any] = list(words)
    condition: Condition = lift(query.filter, values)
    shape = replace(
        query,
        filter=condition,
        expand=lift_expand(query.expand, values),
        search="?" * len(words),
        cursor="",
        text="",
    )
    marks = repr((query.sort, query.filter, query.search, query.deleted))
    return Shaped(shape, tuple(values), marks)


def lift_expand(
    tree: Sequence[tuple[str, Expand]], values: list[Any]
) -> tuple[tuple[str, Expand], ...]:
    """Return what is expanded, with slots for literals; appends the literals."""
    return tuple(
        (
            name,
            replace(
                below,
                filter=lift(below.filter, values),
                expand=lift_expand(below.expand, values),
            ),
        )
        for name, below in tree
    )


def action_shapes(grants: ActionGrants) -> tuple[tuple[str, str, bool], ...]:
    """Return what of the grants behind `_actions` a plan depends on."""
    return tuple((n, g.shape, g.allowed) for n, g in (grants or {}).items())
