"""Every sentence that the network service stores has its Indonesian words in the page.

The page finds them by the English sentence (ui-shell/src/sentence/sentences.ts), so
that one that is changed or added here without its words there would be in English.
"""

import ast
import json
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from registry.builtin.network.runs import COUNTED, summary

ROOT = Path(__file__).parents[2]
WORDS: dict[str, str] = json.loads(
    (ROOT / "ui-shell/src/sentence/sentences.id.json").read_text()
)
PLACE = re.compile(r"\{\{(\w+)\}\}")
PATTERNS = {
    sentence: re.compile(
        PLACE.sub("(.+?)", re.sub(r"[][().*+?^$|\\]", r"\\\g<0>", sentence))
    )
    for sentence in WORDS
}

VALUE = "‹›"
"""Stands for a value that is put into a sentence."""
VALUES = {
    "conflict.kind": ("pool", "profile"),
    "counts[name]": ("3",),
    "router['status']": ("stopped", "unconfirmed"),
    "words": tuple(words for _, words in COUNTED),
}
"""What is put in where the sentence depends on it."""

OTHER = {
    # Parts of sentences, which are tried with what they are part of.
    *(words for _, words in COUNTED),
    # What a router says, by which its errors are told apart.
    "invalid user ?name or password|cannot log ?in",
    "not enough permissions|not permitted",
    r"already have|\bexists$|same name already",
    "no such item",
    "input does not match any value of",
    "unknown parameter|no such command",
    "invalid value|out of range|contents too long|ambiguous value",
    "^missing |can ?not (change|move|remove)|has some users",
    # Errors of this code that end a job, for those who look into it.
    "a pin is 64 hexadecimal digits (SHA-256)",
    "tenant and id of a marker are 1 to 64 of the characters A-Z a-z 0-9 _ . -",
    f"two wanted entries of a kind share their {VALUE}",
    f"{VALUE} is no duration",
    f"{VALUE} is no rate",
    "an absent value is unset, not written",
    f"the lease of router {VALUE} could not be extended",
    "the database did not say what time it is",
    # Caught where it is raised.
    "no address",
    f"{VALUE} port {VALUE}",
    # The router's own words, or another sentence, after the command.
    f"/system/resource/print: {VALUE}",
    # Parts of the JSON that a job returns.
    "the run was not approved, or is over",
    "another job works on the router",
    "the router was changed meanwhile",
    # Answers to a form, which are stored nowhere.
    "Use letters, digits and signs of ASCII only.",
    "Choose an end after the beginning.",
    "Choose an end that is still to come.",
    (
        f"Enter the router's password again, since {VALUE} changed: a stored password "
        "is not sent elsewhere."
    ),
    (
        "Your role may not set up routers; ask somebody whose role may. It takes the "
        f"permission {VALUE}:{VALUE}."
    ),
}
"""Texts with spaces that are no stored sentences."""


def sentences(code: str) -> Iterator[str]:
    """Yield the texts of a module that are written as sentences, values put in."""
    tree = ast.parse(code)
    within = {
        id(part)
        for node in ast.walk(tree)
        for part in (
            node.values
            if isinstance(node, ast.JoinedStr)
            else [node.value]
            if isinstance(node, ast.Expr)
            else []
        )
    }
    for node in ast.walk(tree):
        if id(node) not in within:
            for text in _texts(node):
                if re.search(r"[a-z]{2}", text) and " " in text.strip():
                    yield text


def _texts(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if not isinstance(node, ast.JoinedStr):
        return []
    parts = [
        VALUES.get(ast.unparse(part.value), (VALUE,))
        if isinstance(part, ast.FormattedValue)
        else (str(part.value),)
        for part in node.values
        if isinstance(part, ast.FormattedValue | ast.Constant)
    ]
    return ["".join(chosen) for chosen in product(*parts)]


def said_by(sentence: str) -> str | None:
    """Return the entry of the page's table that says a sentence, as the page does."""
    for known, pattern in PATTERNS.items():
        if pattern.fullmatch(sentence):
            return known
    _, colon, rest = sentence.partition(": ")
    return said_by(rest) if colon else None


STORED = sorted(
    {
        sentence
        for folder in ("connectors/mikrotik", "registry/builtin/network")
        for path in (ROOT / folder).glob("*.py")
        for sentence in sentences(path.read_text())
    }
)


@pytest.mark.parametrize("sentence", [s for s in STORED if s not in OTHER])
def test_the_page_has_words_for(sentence: str) -> None:
    assert said_by(sentence), (
        f"add it to sentences.id.json, or here to OTHER: {sentence}"
    )


def test_the_page_has_no_words_for_what_nobody_says() -> None:
    assert WORDS.keys() - {said_by(sentence) for sentence in STORED} == set()
    assert set(STORED) >= OTHER


def test_the_words_put_in_the_same_values() -> None:
    for sentence, said in WORDS.items():
        assert sorted(PLACE.findall(said)) == sorted(PLACE.findall(sentence))


def test_a_sentence_of_tomorrow_is_found() -> None:
    code = 'raise Refused(f"{name}: the {moon} is in the way")'
    assert list(sentences(code)) == [f"{VALUE}: the {VALUE} is in the way"]
    assert said_by(f"{VALUE}: the {VALUE} is in the way") is None


def test_every_count_of_a_summary_has_words() -> None:
    line = summary({name: 2 for name, _ in COUNTED})
    assert [part for part in line.split(", ") if said_by(part) is None] == []
