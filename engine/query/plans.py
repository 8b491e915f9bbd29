"""SQL statements, compiled once for each shape of a query and kept with the entity.

A plan depends on the entity's version, the shape of the query (its values apart) and
the shapes of every grant it used. On a hit only values are bound. Pure: statements
are run by `engine/record_reads.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from engine.context import Grant, RequestContext
from engine.driver import Call, Statement
from engine.query.binding import Source
from engine.query.scope import Build, Directory, Scope
from metadata.compiled import CompiledEntity

MAX_PLANS = 200
MAX_VARIANTS = 16

_DIALECT = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class CompiledPlan:
    """One SQL text and where each of its parameters comes from.

    Attributes:
        used: entities behind relations, each with the action and the shape of the
            grant that limits it there; no action where a rule looks at it whole.
    """

    statement: Statement
    sources: tuple[Source, ...]
    used: tuple[tuple[CompiledEntity, str, str], ...]

    def call(self, ctx: RequestContext, values: Sequence[Any]) -> Call:
        """Return the statement with the values of one request."""
        return self.statement, [source(ctx, values) for source in self.sources]


def plan_of(
    directory: Directory,
    entity: CompiledEntity,
    grant: Grant,
    shape: Any,
    build: Callable[[Scope], sa.Executable],
) -> CompiledPlan:
    """Return the plan of a shape, compiled now or known and still valid."""
    variants: list[CompiledPlan] = entity.plans.get(shape, [])
    for known in variants:
        if is_valid(directory, known):
            return known
    work = Build(directory)
    plan = _compile(work, build(Scope(work, entity, grant)))
    if len(entity.plans) >= MAX_PLANS:
        entity.plans.pop(next(iter(entity.plans)))
    entity.plans[shape] = [plan, *variants[: MAX_VARIANTS - 1]]
    return plan


def is_valid(directory: Directory, plan: CompiledPlan) -> bool:
    """Return whether what a plan used beside its entity is still what is there."""
    return all(
        directory.entity(used.key) is used
        and (not action or directory.grant(used, action).shape == used_shape)
        for used, action, used_shape in plan.used
    )


def _compile(work: Build, query: sa.Executable) -> CompiledPlan:
    compiled: Any = query.compile(  # type: ignore[attr-defined]
        dialect=_DIALECT, compile_kwargs={"literal_binds": False}
    )
    sources = []
    for name in compiled.positiontup or ():
        source = work.binder.sources.get(name)
        if source is None:
            # A literal that SQLAlchemy itself bound, such as a boolean.
            source = _literal(compiled.params[name])
        sources.append(source)
    used = {(id(e), a): (e, a, g.shape) for e, a, g in work.used}
    return CompiledPlan(Statement(str(compiled)), tuple(sources), tuple(used.values()))


def _literal(value: Any) -> Source:
    raw = None if value is None else str(value).encode()
    return lambda _ctx, _values: raw
