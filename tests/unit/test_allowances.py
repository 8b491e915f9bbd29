"""Allowances beside each other: the rows and fields that need no second question."""

import pytest

from engine.context import Allowance, Grant
from engine.query.allowances import showing, widest
from metadata.conditions import Comparison

BIG = Comparison(("amount",), "_gte", 20)
SMALL = Comparison(("amount",), "_lt", 20)
ALL, OWN, TEAM = Allowance(), Allowance("own"), Allowance("team")


def given(scope: str, condition: Comparison | None, *fields: str) -> Allowance:
    """Return an allowance of some fields."""
    rows = Allowance(scope)  # type: ignore[arg-type] # a word of the table below
    return Allowance(
        rows.scope, condition or rows.filter, frozenset(fields) if fields else None
    )


@pytest.mark.parametrize(
    ("allowances", "kept"),
    [
        ([], []),
        ([OWN], [OWN]),
        ([OWN, TEAM], [TEAM]),
        ([TEAM, OWN], [TEAM]),
        ([OWN, TEAM, ALL], [ALL]),
        ([given("own", BIG), OWN], [OWN]),
        ([given("tenant", BIG, "a"), given("tenant", BIG, "b")], 1),
        ([given("tenant", BIG), given("tenant", SMALL)], 2),
        ([given("tenant", BIG), OWN], 2),
        ([given("team", BIG), given("own", SMALL)], 2),
        ([given("team", BIG), given("own", BIG)], [given("team", BIG)]),
    ],
)
def test_rows_that_another_reaches_are_not_asked_for_twice(
    allowances: list[Allowance], kept: list[Allowance] | int
) -> None:
    found = widest(allowances)
    if isinstance(kept, int):
        assert len(found) == kept
    else:
        assert list(found) == kept


@pytest.mark.parametrize(
    ("allowances", "places"),
    [
        ([given("own", BIG, "a", "b")], None),
        ([ALL, given("own", BIG, "b")], None),
        ([given("own", BIG, "b"), given("own", BIG, "a")], None),
        ([given("own", BIG, "b"), given("team", BIG, "a")], None),
        ([given("team", BIG, "b"), given("own", BIG, "a")], (1,)),
        ([given("own", None, "a"), given("tenant", BIG, "b")], (0,)),
        ([OWN, given("tenant", BIG, "b"), given("tenant", SMALL, "a")], (0, 2)),
    ],
)
def test_a_row_is_asked_only_where_it_may_hide_the_field(
    allowances: list[Allowance], places: tuple[int, ...] | None
) -> None:
    grant = Grant("things", "read", allowed=True, allowances=tuple(allowances))
    assert showing(grant, "a") == places


def test_true_is_not_1() -> None:
    one, true = (
        Allowance(filter=Comparison(("n",), "_eq", value)) for value in (1, True)
    )
    assert len(widest([one, true])) == 2
