"""The values of a query apart from its shape, so that one SQL text serves all values.

`lift` takes the literals out of a condition and leaves numbered slots; a `Binder`
collects, while SQL is being built, where each bound parameter will come from: a
slot, the request's context, or a constant of the grant.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from engine.context import RequestContext
from engine.variables import value_of
from metadata.conditions import (
    And,
    Comparison,
    Condition,
    Not,
    Or,
    Quantified,
    Variable,
)

Convert = Callable[[Any], str | None]
Source = Callable[[RequestContext, Sequence[Any]], bytes | None]

_PLAIN = re.compile(r"[A-Za-z0-9_ .,:+@{}\"-]{0,200}")
"""Texts that mean themselves between quotes, to PostgreSQL and to SQLAlchemy alike."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Stands in a shape for the n-th value of the request.

    `null` tells `= null` apart, since that is other SQL.
    """

    index: int
    null: bool = False


def lift(condition: Condition, values: list[Any]) -> Condition:
    """Return the condition with slots for literals; appends the literals."""
    match condition:
        case Comparison(path, operator, value):
            if operator == "_null" or isinstance(value, Variable):
                return condition
            if operator == "_between":
                low, high = (_lift_value(item, values) for item in value)
                return Comparison(path, operator, (low, high))
            return Comparison(path, operator, _lift_value(value, values))
        case And(parts):
            return And(tuple(lift(part, values) for part in parts))
        case Or(parts):
            return Or(tuple(lift(part, values) for part in parts))
        case Not(part):
            return Not(lift(part, values))
        case Quantified(path, some, inner):
            return Quantified(path, some, lift(inner, values))
    raise TypeError(f"not a condition: {condition!r}")


def _lift_value(value: Any, values: list[Any]) -> Any:
    if isinstance(value, Variable):
        return value
    values.append(value)
    return Slot(len(values) - 1, null=value is None)


@dataclass(slots=True)
class Binder:
    """Collects the parameters of one statement by name."""

    sources: dict[str, Source] = field(default_factory=dict)

    def bind(
        self, source: Source, kind: sa.types.TypeEngine[Any]
    ) -> sa.ColumnElement[Any]:
        """Return a cast parameter whose value `source` gives at run time."""
        name = f"p{len(self.sources)}"
        self.sources[name] = source
        return sa.cast(sa.bindparam(name, type_=sa.Text()), kind)

    def constant(
        self, text: str | None, kind: sa.types.TypeEngine[Any]
    ) -> sa.ColumnElement[Any]:
        """Return a value that is the same in every request: in the SQL where it can be.

        There PostgreSQL knows it when it plans once for all requests. Of a parameter
        it assumes, for one, that a third of the rows lie beyond it, finds the one plan
        too dear and plans each request anew (manual, PREPARE, "Notes"). Any text that
        would have to be escaped stays a parameter.
        """
        if text is not None and _PLAIN.fullmatch(text):
            return sa.cast(sa.cast(sa.literal_column(f"'{text}'"), sa.Text()), kind)
        raw = None if text is None else text.encode()
        return self.bind(lambda _ctx, _values: raw, kind)

    def of(
        self, value: Any, convert: Convert, kind: sa.types.TypeEngine[Any]
    ) -> sa.ColumnElement[Any]:
        """Return the parameter of an operand: a slot, a variable or a constant."""
        if isinstance(value, Slot):
            index = value.index
            return self.bind(
                lambda ctx, values: _encode(convert(_filled(ctx, values[index]))), kind
            )
        if isinstance(value, Variable):
            variable = value
            return self.bind(lambda ctx, _v: _variable(ctx, variable, convert), kind)
        if isinstance(value, tuple) and any(isinstance(v, Variable) for v in value):
            listed = value
            return self.bind(
                lambda ctx, _v: _encode(convert(_filled(ctx, listed))), kind
            )
        return self.constant(convert(value), kind)

    def tenant(self) -> sa.ColumnElement[Any]:
        """Return the tenant's id."""
        return self._once("tenant", lambda ctx, _v: str(ctx.tenant_id).encode())

    def user(self) -> sa.ColumnElement[Any]:
        """Return the user's id."""
        return self._once("user", lambda ctx, _v: str(ctx.user_id).encode())

    def team(self) -> sa.ColumnElement[Any]:
        """Return the id of the user's team, null without one."""
        return self._once(
            "team", lambda ctx, _v: _encode(ctx.attribute("user.team_id"))
        )

    def _once(self, name: str, source: Source) -> sa.ColumnElement[Any]:
        self.sources[name] = source
        return sa.cast(sa.bindparam(name, type_=sa.Text()), sa.Uuid())


def _variable(
    ctx: RequestContext, variable: Variable, convert: Convert
) -> bytes | None:
    value = value_of(ctx, variable)
    return None if value is None else _encode(convert(value))


def _filled(ctx: RequestContext, value: Any) -> Any:
    """Return a list of operands with its variables filled in."""
    if not isinstance(value, tuple):
        return value
    return tuple(
        value_of(ctx, item) if isinstance(item, Variable) else item for item in value
    )


def _encode(text: str | None) -> bytes | None:
    return None if text is None else text.encode()
