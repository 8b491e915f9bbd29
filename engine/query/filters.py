"""What a request asks of the rows: its filter and the words it looks for; pure."""

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa

from engine.context import RequestContext
from engine.query.binding import Binder
from engine.query.parameters import ListQuery
from engine.query.scope import Scope
from engine.query.search import as_written, phone_digits
from metadata.conditions import EVERYTHING


def filters(scope: Scope, query: ListQuery) -> list[sa.ColumnElement[bool]]:
    """Return what the user asked for: filter and search."""
    found = []
    if query.filter != EVERYTHING:
        found.append(scope.where(query.filter))
    names = [name for name in scope.entity.search if scope.field(name)]
    phones = [n for n in names if scope.entity.fields[n].type.name == "phone"]
    for index in range(query.search.count("?")):
        word = _word(scope.build.binder, index, as_written)
        tried = [scope.stored(name)[2].op("~~*")(word) for name in names]
        if phones:
            digits = _word(scope.build.binder, index, phone_digits)
            tried += [scope.stored(name)[2].op("~~*")(digits) for name in phones]
        found.append(sa.or_(sa.false(), *tried))
    return found


def _word(
    binder: Binder, index: int, spelt: Callable[[str], str]
) -> sa.ColumnElement[Any]:
    """Return the pattern of the n-th searched word; words follow the other values."""

    def source(_ctx: RequestContext, values: Sequence[Any]) -> bytes:
        return f"%{_escape(spelt(values[index]))}%".encode()

    return binder.bind(source, sa.Text())


def _escape(word: str) -> str:
    for sign in ("\\", "%", "_"):
        word = word.replace(sign, "\\" + sign)
    return word
