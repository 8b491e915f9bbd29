"""The query words of `print`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mikrotik.simulator.query import QueryError, matches

ROW = {"name": "a", "mtu": "1500", "comment": "x=y", "empty": ""}


@pytest.mark.parametrize(
    ("words", "passes"),
    [
        ([], True),
        (["?name"], True),
        (["?missing"], False),
        (["?-missing"], True),
        (["?-name"], False),
        (["?name=a"], True),
        (["?=name=a"], True),
        (["?name=b"], False),
        (["?missing=a"], False),
        (["?comment=x=y"], True),
        (["?empty="], True),
        (["?>mtu=900"], True),
        (["?<mtu=900"], False),
        (["?<mtu=10000"], True),
        (["?>name=Z"], True),
        (["?name=a", "?name=b"], False),
        (["?name=b", "?name=a", "?#|"], True),
        (["?name=b", "?name=a", "?#&"], False),
        (["?name=b", "?#!"], True),
        (["?name=b", "?name=a", "?#!&!"], True),
        (["?name=b", "?name=a", "?#0"], True),
        (["?name=b", "?name=a", "?#1"], False),
        (["?name=a", "?name=b", "?#1.|&"], True),
        (["?name=b", "?#!.&"], True),
        (["?name=a", "?name=b", "?name=c", "?#||"], True),
    ],
)
def test_the_stack_decides(words: list[str], passes: bool) -> None:
    assert matches(words, ROW) is passes


@pytest.mark.parametrize("word", ["?#&", "?#!", "?#.", "?#5", "?#x", "?#|"])
def test_an_operation_without_its_values_is_refused(word: str) -> None:
    with pytest.raises(QueryError, match="\\" + word[:2]):
        matches([word], ROW)


@given(st.lists(st.booleans(), min_size=1, max_size=6))
def test_any_false_left_fails_the_row(values: list[bool]) -> None:
    words = ["?name=a" if value else "?name=b" for value in values]
    assert matches(words, ROW) is all(values)
    assert matches([*words, "?#" + "|" * (len(words) - 1)], ROW) is any(values)
