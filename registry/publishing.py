"""The life of a definition: draft → plan → publish → roll back.

A publish is one transaction of the owner role: the DDL, the immutable version row and
the pointer to it become true together, or not at all; what would keep writers of a
large table waiting is left to `publishing_follow_ups.py`. Owns that order and the
waiting for locks; what differs is `metadata/changes.py`, the SQL `metadata/ddl.py`, the
rows `metadata/store.py`. Takes connections of the owner role, never makes them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg.errors import (
    DataError,
    DeadlockDetected,
    DependentObjectsStillExist,
    IntegrityError,
    InvalidSchemaName,
    LockNotAvailable,
    UndefinedColumn,
    UndefinedTable,
)
from uuid_utils.compat import uuid7

from metadata import identifiers, store, store_follow_ups
from metadata.changes import compare, tables_of
from metadata.checks import Finding, check_service
from metadata.compiled import CompiledService
from metadata.compiler import compile_service
from metadata.ddl_follow_ups import FollowUp, follow_ups
from metadata.definitions import Service, as_json
from metadata.store_related import related
from registry.assignments import tenant_conflicts
from registry.publishing_plan import (
    Connection,
    Plan,
    PlannedStep,
    PublishError,
    count,
    large_tables,
    misfits,
    refuse,
)

__all__ = ["Plan", "PlannedStep", "PublishError", "Publisher"]

LOCK_TIMEOUT_MS = 250
"""How long a statement waits for a table; whoever comes after it waits as long."""

TURN_TIMEOUT_MS = 10_000
"""How long a publish waits for another one of the same service."""

ATTEMPTS = 8
FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0

LARGE_TABLE_ROWS = 100_000
"""From this many rows on, work on all of them is left for after the commit.

Measured on two cores, 100,000 rows take 20 ms (a check) to 140 ms (a trigram index):
below, one such step ends within the time that statements wait for a lock anyway.
"""

_GONE = (UndefinedTable, UndefinedColumn, InvalidSchemaName)
_BUSY = (LockNotAvailable, DeadlockDetected)
_MISFIT = (IntegrityError, DataError, DependentObjectsStillExist)

AfterStep = Callable[[int], Awaitable[None]]

PLANNED = -1
"""What `after_step` is told before the first statement."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a publish was asked to do."""

    definition: Service
    accept_loss: Sequence[str]
    comment: str
    actor: UUID | None
    is_builtin: bool
    rolled_back_to: int | None
    draft_revision: int | None


class Publisher:
    """Plans and publishes versions of services."""

    def __init__(
        self, *, large_table_rows: int = LARGE_TABLE_ROWS, attempts: int = ATTEMPTS
    ) -> None:
        """Take from how many rows a table is large, and how often a lock is tried."""
        self._large_table_rows = large_table_rows
        self._attempts = attempts

    async def plan(self, connection: Connection, definition: Service) -> Plan:
        """Return what publishing would do, counted on the data there is now.

        Reads only. Findings of the definition and of other services that the change
        would break are in it; a plan with errors has no steps.

        Raises:
            PublishError: `tables_differ`, when tables are not as they were published.
        """
        known = await store.definition_of(connection, definition.name)
        version, old_definition = known or (None, None)
        others = await related(connection, definition, old_definition)
        findings = list(check_service(definition, others=others))
        if any(finding.severity == "error" for finding in findings):
            return Plan(definition.name, version, definition, (), findings)
        new = compile_service(definition, (version or 0) + 1)
        old = None
        large: set[str] = set()
        if old_definition is not None and version is not None:
            old = compile_service(old_definition, version)
            large = await large_tables(connection, old, self._large_table_rows)
        difference = compare(
            old,
            new,
            others,
            trigrams=await has_trigrams(connection),
            large=lambda entity: entity.table.name in large,
        )
        findings.extend(
            Finding("error", i.path, i.code, i.message, i.remedy)
            for i in difference.impossible
        )
        if difference.impossible:
            return Plan(definition.name, version, definition, (), findings)
        findings += await tenant_conflicts(
            connection, old_definition, definition, others
        )
        try:
            steps = await count(connection, difference.steps)
        except _GONE as error:
            raise _tables_differ(definition.name, error) from error
        # As values: the store gives the keys of an object back in an order of its own.
        changed = old_definition is None or as_json(old_definition) != as_json(
            definition
        )
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
        draft_revision: int | None = None,
        after_step: AfterStep | None = None,
    ) -> tuple[int, Plan]:
        """Publish a definition in the connection's transaction; (version, plan).

        Publishing what is published already changes nothing and returns its version.
        A table that somebody holds is waited for briefly, then everything is undone
        and tried again after a pause. `after_step` is awaited before the first
        statement, after each one and after the version row (tests stop there).

        Raises:
            PublishError: findings, failing values, loss without consent, a draft that
                is not the one of `draft_revision` any more, or a table that stays busy.
        """
        wish = _Wish(
            definition,
            accept_loss,
            comment,
            actor,
            is_builtin,
            rolled_back_to,
            draft_revision,
        )
        await _take_turn(connection, definition)
        pause = FIRST_PAUSE_SECONDS
        for _ in range(self._attempts):
            try:
                # A savepoint: undoing it gives back the locks, not the turn.
                async with connection.transaction():
                    return await self._attempt(connection, wish, after_step)
            except _BUSY:
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        raise PublishError(
            "tables_busy",
            f"A table of {definition.name} stayed in use by a long transaction or by "
            "the building of an index, so nothing was changed. Publish again when it "
            "has ended; pg_stat_activity shows what is running.",
        )

    async def roll_back(
        self,
        connection: Connection,
        name: str,
        version: int,
        *,
        accept_loss: Sequence[str] = (),
        actor: UUID | None = None,
    ) -> tuple[int, Plan]:
        """Publish an older version's definition as a new one.

        It is planned like any other: what the older version has no place for is lost
        only with consent. Raises PublishError.
        """
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

    async def _attempt(
        self, connection: Connection, wish: _Wish, after_step: AfterStep | None
    ) -> tuple[int, Plan]:
        await connection.execute(f"SET LOCAL lock_timeout = {LOCK_TIMEOUT_MS}")
        plan = await self.plan(connection, wish.definition)
        refuse(plan, wish.accept_loss)
        stored = await _registered(connection, wish)
        if wish.draft_revision not in (None, stored.draft_revision):
            raise PublishError(
                "draft_conflict",
                "The draft was saved again since you read it. Read it and its plan "
                "once more, then publish.",
            )
        await store.settle_draft(
            connection,
            stored,
            wish.definition,
            made_from_draft=wish.draft_revision is not None,
            actor=wish.actor,
        )
        if not plan.changed:
            return stored.published_version or 0, plan
        if after_step is not None:
            await after_step(PLANNED)
        for number, planned in enumerate(plan.steps):
            if planned.step.follow_up is not None:
                continue
            await _run(connection, planned, plan)
            if after_step is not None:
                await after_step(number)
        version = await store.add_version(
            connection,
            stored,
            wish.definition,
            plan.as_json(),
            comment=wish.comment,
            rolled_back_to=wish.rolled_back_to,
            actor=wish.actor,
        )
        possible = await possible_follow_ups(
            connection, compile_service(wish.definition, version)
        )
        await store_follow_ups.leave_follow_ups(
            connection, stored.id, plan.follow_ups, list(possible)
        )
        if after_step is not None:
            await after_step(len(plan.steps))
        return version, plan


async def possible_follow_ups(
    connection: Connection, service: CompiledService
) -> dict[str, FollowUp]:
    """Return everything a version can leave for after the commit, by name."""
    tables = tables_of(service).values()
    return follow_ups(tables, trigrams=await has_trigrams(connection))


async def has_trigrams(connection: Connection) -> bool:
    """Return whether the extension behind the search box is installed."""
    rows = await connection.execute(
        "SELECT 1 FROM pg_opclass c JOIN pg_namespace n ON n.oid = c.opcnamespace "
        "WHERE c.opcname = 'gin_trgm_ops' AND n.nspname = 'public'"
    )
    return await rows.fetchone() is not None


async def _take_turn(connection: Connection, definition: Service) -> None:
    """Wait until no publish of the service, or of one it requires, is running.

    Held to the transaction's end. Raises PublishError: `tables_busy`, when another
    one takes too long.
    """
    # Outside the block below, which would otherwise be the whole transaction.
    await connection.execute(f"SET LOCAL lock_timeout = {TURN_TIMEOUT_MS}")
    try:
        async with connection.transaction():
            # In order of name, so that two publishes never wait for each other.
            for name in sorted({definition.name, *definition.requires}):
                await take_turn(connection, name, shared=name != definition.name)
    except _BUSY as error:
        raise PublishError(
            "tables_busy",
            f"Another publish of {definition.name}, or of a service it requires, is "
            "still running, so nothing was changed. Publish again when it has ended.",
        ) from error


async def take_turn(
    connection: Connection, service: str, *, shared: bool = False
) -> None:
    """Take the lock under which a service is published, or `shared`, stays as it is."""
    kind = "_shared" if shared else ""
    await connection.execute(
        f"SELECT pg_advisory_xact_lock{kind}(hashtextextended(%s, 0))",
        (f"rangka.publish.{service}",),
    )


async def _registered(connection: Connection, wish: _Wish) -> store.StoredService:
    definition = wish.definition
    stored = await store.service(connection, definition.name)
    if stored is not None:
        return stored
    await store.register(
        connection,
        uuid7(),
        definition,
        identifiers.schema_name(definition.name),
        is_builtin=wish.is_builtin,
        actor=wish.actor,
    )
    stored = await store.service(connection, definition.name)
    if stored is None:
        raise RuntimeError(f"the service {definition.name} was not registered")
    return stored


async def _run(connection: Connection, planned: PlannedStep, plan: Plan) -> None:
    """Run one step; what was written since it was counted may make it fail."""
    step = planned.step
    if step.guard is not None:
        table, query = step.guard
        await connection.execute(
            f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode()
        )
        failing, _ = await misfits(connection, query)
        if failing:
            raise _written_meanwhile(planned, plan)
    try:
        await connection.execute(step.sql.encode())
    except _MISFIT as error:
        raise _written_meanwhile(planned, plan) from error
    except _GONE as error:
        raise _tables_differ(plan.service, error) from error


def _written_meanwhile(planned: PlannedStep, plan: Plan) -> PublishError:
    return PublishError(
        "values_do_not_fit",
        f"A value stands in the way of this step: {planned.step.summary}. It was "
        "written after the plan was made, or other records still need what would "
        "go. Nothing was changed; make the plan again.",
        plan,
    )


def _tables_differ(service: str, error: Exception) -> PublishError:
    return PublishError(
        "tables_differ",
        f"The tables of {service} are not as they were published "
        f"({str(error).splitlines()[0]}). `rangka service drift {service}` says what "
        "differs and what to do.",
    )
