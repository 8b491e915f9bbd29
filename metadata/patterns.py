"""Regular expressions an author may write: those that cost linear time everywhere.

The server matches them with an engine that cannot backtrack; the browser's can, so a
repetition inside a repetition is refused as well (docs/field-types.md, "Patterns").
"""

import re

import jsonschema_rs

MAX_LENGTH = 500
OPTIONS = jsonschema_rs.RegexOptions(size_limit=1 << 20)
"""The engine of every validator: linear time, at most 1 MiB a compiled pattern."""


def pattern_problem(pattern: str) -> str | None:
    """Return what is wrong with a regular expression (ECMA-262, flag u), or None."""
    if len(pattern) > MAX_LENGTH:
        return f"is over {MAX_LENGTH} characters; shorten it"
    try:
        jsonschema_rs.Draft202012Validator(
            {"type": "string", "pattern": pattern}, pattern_options=OPTIONS
        )
    except jsonschema_rs.ValidationError:
        return (
            "is no regular expression that can be used here (ECMA-262 without "
            "lookaround and back references)"
        )
    if _repeats_a_repetition(pattern):
        return (
            "repeats a group that repeats itself, which can take for ever in a "
            "browser; write (a+)+ as a+"
        )
    return None


def _repeats_a_repetition(pattern: str) -> bool:
    """Return whether a repeated group can be read in more ways than one.

    That is a group of which some branch begins and ends with a repetition, such as
    `(a+)*`; `(a+,)*` has a sign that tells one turn from the next.
    """
    return _Scan(pattern).group()[1]


class _Scan:
    """Walks a pattern that an engine has accepted already."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def group(self) -> tuple[bool, bool]:
        """Return (a branch begins and ends with a repetition, found a bad one)."""
        loose = bad = False
        repeats: list[bool] = []
        while self._at < len(self._pattern) and self._pattern[self._at] != ")":
            if self._pattern[self._at] == "|":
                self._at += 1
                loose, repeats = loose or _is_loose(repeats), []
                continue
            inner, inner_bad = self._atom()
            repeated = self._repetition()
            bad = bad or inner_bad or (repeated and inner)
            repeats.append(repeated or inner)
        self._at += 1
        return loose or _is_loose(repeats), bad

    def _atom(self) -> tuple[bool, bool]:
        sign = self._pattern[self._at]
        self._at += 1
        if sign == "(":
            if self._pattern.startswith("?:", self._at):
                self._at += 2
            elif self._pattern.startswith("?<", self._at):
                self._at = self._pattern.index(">", self._at) + 1
            return self.group()
        if sign == "\\":
            braced = self._pattern[self._at : self._at + 2] in {"p{", "P{", "u{"}
            end = self._pattern.index("}", self._at) if braced else self._at
            self._at = end + 1
        elif sign == "[":
            while self._pattern[self._at] != "]":
                self._at += 2 if self._pattern[self._at] == "\\" else 1
            self._at += 1
        return False, False

    def _repetition(self) -> bool:
        """Read a quantifier; return whether its number of turns varies above one."""
        found = _QUANTIFIER.match(self._pattern, self._at)
        if found is None:
            return False
        self._at = found.end()
        most = found["most"] if found["comma"] else found["least"]
        return found["sign"] in {"*", "+"} or (
            found["comma"] is not None and (not most or int(most) > 1)
        )


def _is_loose(repeats: list[bool]) -> bool:
    return bool(repeats) and repeats[0] and repeats[-1]


_QUANTIFIER = re.compile(
    r"(?:(?P<sign>[*+?])|\{(?P<least>\d+)(?P<comma>,)?(?P<most>\d*)\})\??"
)
