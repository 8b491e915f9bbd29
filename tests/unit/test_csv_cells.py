"""Cells of a CSV file: nothing is run by a spreadsheet, nothing is changed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.transfer import cells

RUN = ["=1+1", "@SUM(A1)", "+1+cmd|' /C calc'!A0", "-2+3+cmd", "\t=1", "\r=1", "＝1"]
TEXTS = st.text(st.sampled_from("'=@+-\t\r\na1. "), max_size=5)


@pytest.mark.parametrize("text", RUN)
def test_a_cell_that_a_spreadsheet_would_run_is_guarded(text: str) -> None:
    assert cells.guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-5.00", "+62 812-3456", "-1:30", "a=b", "", "'"])
def test_numbers_and_other_texts_are_not(text: str) -> None:
    assert cells.guarded(text) == text


@given(TEXTS)
def test_a_guarded_cell_is_read_as_the_text_it_was(text: str) -> None:
    assert cells.unguarded(cells.guarded(text)) == text
    assert cells.guarded(text)[:1] not in {"=", "@", "\t", "\r"}
