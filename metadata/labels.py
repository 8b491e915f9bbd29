"""Texts shown to people: one string, or one string per locale.

Owns the `Label` type and how a locale picks its text. Never translates.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import StringConstraints

Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]

Label = Text | dict[Locale, Text]
"""A text for every locale, or a map from locale (`en`, `id`) to text."""

DEFAULT_LOCALE = "en"


def text_of(label: Label | None, locale: str, fallback: str) -> str:
    """Return the text of a label in a locale.

    Tries the exact locale, its language, English, then any text there is, and
    `fallback` when there is no label.
    """
    if label is None:
        return fallback
    if isinstance(label, str):
        return label
    for candidate in (locale, locale.partition("-")[0], DEFAULT_LOCALE):
        if candidate in label:
            return label[candidate]
    return next(iter(label.values()), fallback)


def words_of(name: str) -> str:
    """Return a name as people read it: `first_name` → `First name`."""
    words = name.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def locale_map(label: Label | None, fallback: str) -> Mapping[str, str]:
    """Return a label as a map with at least the English text."""
    if label is None:
        return {DEFAULT_LOCALE: fallback}
    if isinstance(label, str):
        return {DEFAULT_LOCALE: label}
    return label
