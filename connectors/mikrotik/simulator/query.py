"""The query words of `print`: an ordered stack machine over one row.

Pure. Called by printing. Source: MikroTik manual, "API", section "Queries".
"""

import re
from collections.abc import Mapping, Sequence

STEP = re.compile(r"\d+\.?|[!&|.]")


class QueryError(Exception):
    """A query word that means nothing or takes more values than there are."""


def matches(words: Sequence[str], row: Mapping[str, str]) -> bool:
    """Return whether the row passes; it fails while any value left is false.

    Args:
        words: the query words in the order sent, each with its leading `?`.
        row: what `print` would say of the row, text by property.

    Raises:
        QueryError: a word that cannot be applied.
    """
    stack: list[bool] = []
    for word in words:
        text = word[1:]
        if text.startswith("#"):
            _apply(text[1:], stack, word)
        else:
            stack.append(_test(text, row))
    return all(stack)


def _test(text: str, row: Mapping[str, str]) -> bool:
    if text.startswith("-"):
        return text[1:] not in row
    sign = "="
    if text[:1] in "=<>" and text:
        sign, text = text[0], text[1:]
    name, equals, wanted = text.partition("=")
    if not equals:
        return name in row
    if name not in row:
        return False
    found = row[name]
    if sign == "=":
        return found == wanted
    return _less(found, wanted) if sign == "<" else _less(wanted, found)


def _less(left: str, right: str) -> bool:
    try:
        return int(left) < int(right)
    except ValueError:
        return left < right


def _apply(steps: str, stack: list[bool], word: str) -> None:
    """Run `!`, `&`, `|`, `.` and indices (0 is the top) against the stack."""
    at = 0
    while at < len(steps):
        found = STEP.match(steps, at)
        if found is None:
            raise QueryError(f"{word}: {steps[at]!r} is no operation")
        step, at = found.group(), found.end()
        try:
            if step[0].isdigit():
                value = stack[-1 - int(step.rstrip("."))]
                if at == len(steps) and step.isdigit():
                    stack.clear()
                stack.append(value)
            elif step == "!":
                stack[-1] = not stack[-1]
            elif step == ".":
                stack.append(stack[-1])
            else:
                right, left = stack.pop(), stack.pop()
                stack.append(left and right if step == "&" else left or right)
        except IndexError:
            raise QueryError(f"{word}: too few values for {step!r}") from None
