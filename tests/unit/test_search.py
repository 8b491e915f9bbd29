"""Searched words, and telephone numbers among them."""

import pytest

from engine.query.search import phone_digits, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("budi  santoso", ["budi", "santoso"]),
        ("Budi 0812 3456 7890", ["Budi", "081234567890"]),
        ("+62 812-3456 7890", ["+62812-34567890"]),
        ("RT 05 RW 11", ["RT", "05", "RW", "11"]),
        ("2026 000123 77", ["2026", "000123", "77"]),
        ("", []),
    ],
)
def test_a_number_with_blanks_is_one_word(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("word", "digits"),
    [
        ("0812-3456", "08123456"),
        ("(021)555.123", "021555123"),
        ("+62812-34567890", "34567890"),
        ("+62", "+62"),
        ("budi", "budi"),
        ("-", "-"),
    ],
)
def test_separators_and_countries_are_left_out(word: str, digits: str) -> None:
    assert phone_digits(word) == digits
