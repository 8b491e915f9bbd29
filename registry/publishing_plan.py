"""A plan: the steps of a publish with what was counted in the database as it is.

Owns what a plan says and whether it may be carried out. Counting only reads; which
steps there are is `metadata/changes.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import DictRow

from metadata import identifiers
from metadata.changes import tables_of
from metadata.checks import Finding
from metadata.compiled import CompiledService
from metadata.ddl import Step
from metadata.definitions import Service

Connection = AsyncConnection[DictRow]
SAMPLE = 5


class PublishError(Exception):
    """A publish cannot go ahead; nothing was changed.

    Attributes:
        code: stable; `findings`, `needs_consent`, `values_do_not_fit`,
            `draft_conflict`, `tables_busy`, `tables_differ`, `unknown_version`.
        plan: the plan as it stands, where there is one.
    """

    def __init__(self, code: str, message: str, plan: "Plan | None" = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.plan = plan


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step with what was counted.

    Attributes:
        sample: up to five values that do not fit, as text; None where there is none.
        ids: the record of each, in the same order; of a shared value, one of them.
    """

    step: Step
    rows: int | None = None
    lost_rows: int | None = None
    failing: int = 0
    sample: Sequence[str | None] = ()
    ids: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the step as a plan shows it."""
        step = self.step
        loses = None
        if step.loses is not None:
            loses = {
                "name": step.loses.name,
                "what": step.loses.what,
                "rows": self.lost_rows,
            }
        return {
            "summary": step.summary,
            "sql": step.sql,
            "lock": step.lock,
            "rewrites": step.rewrites,
            "rows": self.rows,
            "loses": loses,
            "inverse": step.inverse,
            "after_commit": step.follow_up is not None,
            "failing": {
                "count": self.failing,
                "sample": list(self.sample),
                "ids": list(self.ids),
            },
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that publishing a definition would do."""

    service: str
    from_version: int | None
    definition: Service
    steps: Sequence[PlannedStep]
    findings: Sequence[Finding]
    changed: bool = True
    notes: Sequence[str] = field(default=())

    @property
    def losses(self) -> list[str]:
        """Return the names that consent is needed for: steps that destroy values."""
        return [planned.step.loses.name for planned in self.steps if planned.step.loses]

    @property
    def publishable(self) -> bool:
        """Return whether nothing but consent stands in the way."""
        errors = any(finding.severity == "error" for finding in self.findings)
        return not errors and not any(planned.failing for planned in self.steps)

    @property
    def follow_ups(self) -> dict[str, str]:
        """Return what is left to do after the commit: name → first summary."""
        found: dict[str, str] = {}
        for planned in self.steps:
            if planned.step.follow_up is not None:
                found.setdefault(planned.step.follow_up, planned.step.summary)
        return found

    def as_json(self) -> dict[str, Any]:
        """Return the plan as the API shows it and as the version keeps it."""
        return {
            "service": self.service,
            "from_version": self.from_version,
            "to_version": (self.from_version or 0) + 1,
            "changed": self.changed,
            "summary": [*(p.step.summary for p in self.steps), *self.notes],
            "findings": [finding.as_json() for finding in self.findings],
            "steps": [planned.as_json() for planned in self.steps],
            "losses": self.losses,
            "publishable": self.publishable,
        }


def refuse(plan: Plan, accept_loss: Sequence[str]) -> None:
    """Raise PublishError for what stands in the way of a plan."""
    if any(finding.severity == "error" for finding in plan.findings):
        raise PublishError(
            "findings", "The definition has errors; see the findings.", plan
        )
    failing = [planned for planned in plan.steps if planned.failing]
    if failing:
        counts = "; ".join(f"{p.step.summary}: {p.failing}" for p in failing)
        raise PublishError(
            "values_do_not_fit",
            f"Existing values do not fit the new definition ({counts}). Correct them "
            "first; the plan lists samples.",
            plan,
        )
    missing = [name for name in plan.losses if name not in accept_loss]
    if missing:
        raise PublishError(
            "needs_consent",
            f"This would destroy data: {', '.join(missing)}. Accept each loss by name "
            "to go on.",
            plan,
        )


async def count(connection: Connection, steps: Iterable[Step]) -> list[PlannedStep]:
    """Return the steps with their counts; each different query runs once."""
    numbers: dict[str, int] = {}

    async def number(query: str | None) -> int | None:
        if query is None:
            return None
        if query not in numbers:
            row = await (await connection.execute(query.encode())).fetchone()
            numbers[query] = 0 if row is None else int(row["count"])
        return numbers[query]

    planned = []
    for step in steps:
        rows = await number(step.rows_sql)
        lost = await number(step.loses.rows_sql if step.loses else None)
        failing, sample = await misfits(connection, step.failing_sql)
        ids = [str(row["id"]) for row in sample]
        values = [row["value"] for row in sample]
        planned.append(PlannedStep(step, rows, lost, failing, values, ids))
    return planned


async def large_tables(
    connection: Connection, service: CompiledService, rows: int
) -> set[str]:
    """Return the tables of a service with that many rows, by PostgreSQL's estimate.

    Before the first ANALYZE there is none: then a row is taken for 100 bytes.
    """
    # By name: a condition on the schema alone asks for every table's size.
    found = await connection.execute(
        "SELECT c.relname FROM pg_class c WHERE c.relname = ANY (%s::name[]) "
        "AND c.relnamespace = to_regnamespace(%s) AND c.relkind = 'r' "
        "AND CASE WHEN c.reltuples >= 0 AND c.relpages > 0 THEN c.reltuples "
        "/ c.relpages * pg_relation_size(c.oid) "
        "/ current_setting('block_size')::integer "
        "ELSE pg_relation_size(c.oid) / 100 END >= %s",
        (
            [entity.table.name for entity in tables_of(service).values()],
            identifiers.schema_name(service.name),
            rows,
        ),
    )
    return {row["relname"] for row in await found.fetchall()}


async def misfits(
    connection: Connection, query: str | None
) -> tuple[int, list[DictRow]]:
    """Return how many rows `(id, value)` a query finds, and the first of them."""
    if query is None:
        return 0, []
    found = await connection.execute(
        f"SELECT id, value, count(*) OVER () AS total FROM ({query}) f "
        f"LIMIT {SAMPLE}".encode()
    )
    rows = await found.fetchall()
    return (int(rows[0]["total"]) if rows else 0), rows
