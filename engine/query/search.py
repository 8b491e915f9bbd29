"""The words of a search, and telephone numbers among them as people write them."""

import re

SUBSCRIBER_DIGITS = 8
"""So many last digits are the same however the country is written before them."""

# A number that begins with 0 or + may have blanks in it: it is one word all the same.
_PHONE = re.compile(r"(?<!\S)(?:[+]|0(?=[1-9]))[0-9 .()\-]{6,}[0-9](?!\S)")
_SEPARATORS = re.compile(r"[ .()\-]")


def words_of(text: str) -> list[str]:
    """Return the words; each of them must be found."""
    joined = _PHONE.sub(lambda match: match[0].replace(" ", ""), text)
    return joined.split()


def as_written(word: str) -> str:
    """Return the word itself, for everything that is not a telephone number."""
    return word


def phone_digits(word: str) -> str:
    """Return what to look for among stored numbers, which have no separators.

    `0812-3456` is looked for as `08123456`. Of `+62 812 3456 7890` the last eight
    digits are, since the same number may be stored as `081234567890`.
    """
    digits = _SEPARATORS.sub("", word)
    if digits.startswith("+") and len(digits) > SUBSCRIBER_DIGITS:
        return digits[-SUBSCRIBER_DIGITS:]
    return digits or word
