"""The life of a definition: draft → plan → publish → roll back.

A publish is one transaction of the owner role: the DDL, the immutable version row and
the pointer to it become true together, or not at all. Owns that order; what differs
is `metadata/changes.py`, the SQL `metadata/ddl.py`, the rows `metadata/store.py`.
Takes connections of the owner role, never makes them.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import InvalidSchemaName, UndefinedColumn, UndefinedTable
from psycopg.rows import DictRow
from uuid_utils.compat import uuid7

from metadata import identifiers, store
from metadata.changes import Difference, compare
from metadata.checks import Finding, check_service
from metadata.compiled import CompiledService
from metadata.compiler import compile_service
from metadata.ddl import Step, quote
from metadata.definitions import Service

Connection = AsyncConnection[DictRow]
LOCK_TIMEOUT_MS = 250
SAMPLE = 5

_NOT_THERE_YET = (UndefinedTable, UndefinedColumn, InvalidSchemaName)


class PublishError(Exception):
    """A publish cannot go ahead; nothing was changed.

    Attributes:
        code: stable; `findings`, `needs_consent`, `draft_moved`, `unknown_service`,
            `unknown_version`, `values_do_not_fit`.
        plan: the plan as it stands, where there is one.
    """

    def __init__(self, code: str, message: str, plan: "Plan | None" = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.plan = plan


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step with what was counted in the database as it is now."""

    step: Step
    rows: int | None
    lost_rows: int | None
    failing: int
    sample: Sequence[str]


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
        """Return the names that consent is needed for: steps that destroy rows."""
        return [planned.step.loses.name for planned in self.steps if planned.step.loses]

    @property
    def publishable(self) -> bool:
        """Return whether nothing but consent stands in the way."""
        errors = any(finding.severity == "error" for finding in self.findings)
        return not errors and not any(planned.failing for planned in self.steps)

    def as_json(self) -> dict[str, Any]:
        """Return the plan as the API shows it and as the version keeps it."""
        return {
            "service": self.service,
            "from_version": self.from_version,
            "to_version": (self.from_version or 0) + 1,
            "changed": self.changed,
            "summary": [*(p.step.summary for p in self.steps), *self.notes],
            "findings": [finding.as_json() for finding in self.findings],
            "steps": [_step_json(planned) for planned in self.steps],
            "losses": self.losses,
            "publishable": self.publishable,
        }


AfterStep = Callable[[int], Awaitable[None]]


class Publisher:
    """Plans and publishes versions of services."""

    async def plan(self, connection: Connection, definition: Service) -> Plan:
        """Return what publishing would do, counted on the data there is now.

        Reads only. Findings of the definition and of other services that the change
        would break are in it; a plan with errors has no steps.
        """
        others = await store.published(connection)
        old_definition = others.pop(definition.name, None)
        findings = list(check_service(definition, others=others))
        known = await store.definition_of(connection, definition.name)
        version = known[0] if known else None
        if any(finding.severity == "error" for finding in findings):
            return Plan(definition.name, version, definition, (), findings)
        new = compile_service(definition, (version or 0) + 1)
        old = None
        if old_definition is not None and version is not None:
            old = compile_service(old_definition, version)
        difference = await self._compare(connection, old, new, others)
        findings.extend(
            Finding("error", i.path, "impossible_change", i.message, i.remedy)
            for i in difference.impossible
        )
        steps = [await _count(connection, step) for step in difference.steps]
        changed = old_definition is None or store.canonical(
            old_definition
        ) != store.canonical(definition)
        notes = ["Change labels, forms, lists, rules or menus; no table changes."]
        return Plan(
            definition.name,
            version,
            definition,
            steps,
            findings,
            changed=changed,
            notes=notes if changed and not steps else (),
        )

    async def publish(
        self,
        connection: Connection,
        definition: Service,
        *,
        accept_loss: Sequence[str] = (),
        comment: str = "",
        actor: UUID | None = None,
        is_builtin: bool = False,
        rolled_back_to: int | None = None,
        after_step: AfterStep | None = None,
    ) -> tuple[int, Plan]:
        """Publish a definition in the connection's transaction; (version, plan).

        Publishing what is published already changes nothing and returns its version.
        Raises PublishError on findings, failing values and loss without consent.
        `after_step` is awaited after each statement (tests stop the process there).
        """
        await connection.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            (f"rangka.publish.{definition.name}",),
        )
        plan = await self.plan(connection, definition)
        _refuse(plan, accept_loss)
        stored = await store.service(connection, definition.name)
        if stored is None:
            await store.register(
                connection,
                uuid7(),
                definition,
                identifiers.schema_name(definition.name),
                is_builtin=is_builtin,
                actor=actor,
            )
            stored = await store.service(connection, definition.name)
        if stored is None:
            raise PublishError("unknown_service", "The service was removed meanwhile.")
        if not plan.changed:
            return stored.published_version or 0, plan
        for number, planned in enumerate(plan.steps):
            await connection.execute(planned.step.sql.encode())
            if after_step is not None:
                await after_step(number)
        version = await store.add_version(
            connection,
            stored,
            definition,
            plan.as_json(),
            comment=comment,
            rolled_back_to=rolled_back_to,
            actor=actor,
        )
        if after_step is not None:
            await after_step(len(plan.steps))
        return version, plan

    async def roll_back(
        self,
        connection: Connection,
        name: str,
        version: int,
        *,
        accept_loss: Sequence[str] = (),
        actor: UUID | None = None,
    ) -> tuple[int, Plan]:
        """Publish an older version's definition as a new one; raises PublishError."""
        found = await store.definition_of(connection, name, version)
        if found is None:
            raise PublishError(
                "unknown_version", f"{name} has no version {version} to go back to."
            )
        return await self.publish(
            connection,
            found[1],
            accept_loss=accept_loss,
            comment=f"Back to version {version}",
            actor=actor,
            rolled_back_to=version,
        )

    async def _compare(
        self,
        connection: Connection,
        old: CompiledService | None,
        new: CompiledService,
        others: Mapping[str, Service],
    ) -> Difference:
        rows = await connection.execute(
            "SELECT n.nspname FROM pg_opclass c JOIN pg_namespace "
            "n ON n.oid = c.opcnamespace WHERE c.opcname = 'gin_trgm_ops'"
        )
        found = await rows.fetchone()
        trigrams = found is not None and found["nspname"] == "public"
        return compare(old, new, _targets(new, others), trigrams=trigrams)


def _targets(
    new: CompiledService, others: Mapping[str, Service]
) -> Callable[[str], tuple[str, str] | None]:
    def target(key: str) -> tuple[str, str] | None:
        service, _, entity = key.partition(".")
        if key == "platform.users":
            return "rangka.memberships", "user_id"
        if service == new.name and entity in new.entities:
            table = new.entities[entity].table
            return f"{quote(str(table.schema))}.{quote(table.name)}", "id"
        if service in others:
            schema = identifiers.schema_name(service)
            name = identifiers.table_name(entity)
            return f"{quote(schema)}.{quote(name)}", "id"
        return None

    return target


async def _count(connection: Connection, step: Step) -> PlannedStep:
    """Run the counting queries of a step; a new table has nothing to count."""
    rows = await _number(connection, step.rows_sql)
    lost = await _number(connection, step.loses.rows_sql if step.loses else None)
    failing, sample = 0, []
    if step.failing_sql is not None and await _exists(connection, step.failing_sql):
        found = await connection.execute(
            f"SELECT value, count(*) OVER () AS total FROM ({step.failing_sql}) f "
            f"LIMIT {SAMPLE}".encode()
        )
        values = await found.fetchall()
        failing = int(values[0]["total"]) if values else 0
        sample = [str(row["value"]) for row in values]
    return PlannedStep(step, rows, lost, failing, sample)


async def _number(connection: Connection, query: str | None) -> int | None:
    if query is None or not await _exists(connection, query):
        return None
    row = await (await connection.execute(query.encode())).fetchone()
    return None if row is None else int(row["count"])


async def _exists(connection: Connection, query: str) -> bool:
    """Return whether the query can run now: its tables and columns exist already.

    Steps for tables and names that an earlier step of the same plan makes have no rows
    to count yet.
    """
    try:
        async with connection.transaction():
            await connection.execute(f"EXPLAIN {query}".encode())
    except _NOT_THERE_YET:
        return False
    return True


def _refuse(plan: Plan, accept_loss: Sequence[str]) -> None:
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


def _step_json(planned: PlannedStep) -> dict[str, Any]:
    step = planned.step
    loses = None
    if step.loses is not None:
        loses = {
            "name": step.loses.name,
            "what": step.loses.what,
            "rows": planned.lost_rows,
        }
    return {
        "summary": step.summary,
        "sql": step.sql,
        "lock": step.lock,
        "rewrites": step.rewrites,
        "rows": planned.rows,
        "loses": loses,
        "inverse": step.inverse,
        "failing": {"count": planned.failing, "sample": list(planned.sample)},
    }
