"""The extension API: everything that the code of a service may use.

A service is JSON; code is needed only for behaviour that JSON cannot say. That code
makes one `Service`, declares hooks and actions on it, and talks to the engine through
the `Host` it is handed. Built-in services use nothing else, and so prove that a third
party could have written them.

    service = Service("customers")

    @service.before("update", "customers")
    async def activation_needs_plan(host: Host, change: Change) -> None:
        if change.becomes("status", "active") and change.value("plan") is None:
            host.refuse("plan", "required", "Choose a plan before activating.")

Hooks and actions run inside the transaction of the write, as the tenant of the
request: they see and write that tenant's records only. They act with the rights of
the service, not of the user, so a hook can keep a balance the user may not touch; what
the user may do, `host.may` tells.
They never call routers, mail or gateways: that belongs to a job after the commit.

    @service.after("update", "customers")
    async def connect(host: Host, change: Change) -> None:
        if change.becomes("status", "active"):
            await host.enqueue("connect", {"customer": str(change.id)})

    @service.job("connect")
    async def run_connect(host: JobHost, payload: Payload) -> None:
        ...

Jobs, schedules and consumers run after the commit, in a worker, as the tenant they
belong to (docs/jobs.md). They may run more than once; what they do must bear that.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NoReturn, Protocol
from uuid import UUID

from registry.service_jobs import (
    MINUTES_A_DAY,
    Consumer,
    ConsumerCode,
    Event,
    Failed,
    Job,
    JobCode,
    JobHost,
    Payload,
    Schedule,
    ScheduleCode,
    check_cron,
    check_limits,
)

__all__ = [
    "ActionCode",
    "Change",
    "Consumer",
    "ConsumerCode",
    "Event",
    "Failed",
    "Hook",
    "Host",
    "Job",
    "JobCode",
    "JobHost",
    "Operation",
    "Payload",
    "Record",
    "Refused",
    "Schedule",
    "ScheduleCode",
    "Service",
]

Operation = Literal["create", "update", "delete", "restore"]
Record = Mapping[str, Any]
"""A record as the API answers it: JSON values by field name, `id` and `version`."""


class Refused(Exception):
    """Service code refuses a write; the client gets it as a field error (422).

    Attributes:
        field: name of the field, empty for the record as a whole.
        code: stable, snake_case.
    """

    def __init__(self, field_name: str, code: str, message: str) -> None:
        super().__init__(message)
        self.field = field_name
        self.code = code
        self.message = message


@dataclass(slots=True)
class Change:
    """One write on its way to the database.

    Attributes:
        id: of the record, also while it is being created.
        old: the record before; None while it is being created.
        values: what will be written; a `before` hook may change it.
        action: name of the action that writes, None for plain create, update, delete.
    """

    entity: str
    operation: Operation
    id: UUID
    old: Record | None
    values: dict[str, Any]
    action: str | None = None

    def value(self, name: str) -> Any:
        """Return the value that the field will have."""
        if name in self.values:
            return self.values[name]
        return self.old.get(name) if self.old is not None else None

    def changed(self, name: str) -> bool:
        """Return whether the field gets another value than it had."""
        if name not in self.values:
            return False
        before = self.old.get(name) if self.old is not None else None
        return bool(self.values[name] != before)

    def becomes(self, name: str, value: Any) -> bool:
        """Return whether the field gets this value now and had another before."""
        return self.changed(name) and bool(self.values[name] == value)


class Host(Protocol):
    """What service code may ask of the engine during one write."""

    @property
    def tenant_id(self) -> UUID:
        """Return the tenant of the request."""

    @property
    def user_id(self) -> UUID:
        """Return the user who asked."""

    @property
    def now(self) -> datetime:
        """Return the UTC instant of the request."""

    async def settings(self) -> Mapping[str, Any]:
        """Return this tenant's settings of the service."""

    async def may(
        self, entity: str, action: str, record_id: UUID | str | None = None
    ) -> bool:
        """Return whether who asked for this write may do that, too.

        `action` is one that the entity declares, or `update` and the like; without a
        `record_id`, whether on any record at all. Always true where code writes: in a
        job, and in what a hook or an action writes itself.
        """

    async def get(self, entity: str, record_id: UUID | str) -> Record | None:
        """Return a record of the tenant; `entity` is `service.entity`."""

    async def find(
        self,
        entity: str,
        condition: Mapping[str, Any],
        *,
        sort: Sequence[str] = (),
        limit: int = 50,
    ) -> Sequence[Record]:
        """Return the records that meet a condition, at most 200."""

    async def create(self, entity: str, values: Mapping[str, Any]) -> Record:
        """Create a record; its defaults, checks and hooks run.

        Read-only fields may be written; UUIDs, dates and decimals may stand as they
        are. What does not fit ends the write as a field error of the client (422).
        """

    async def create_many(
        self, entity: str, rows: Sequence[Mapping[str, Any]]
    ) -> list[UUID]:
        """Create records in one round trip, checked as `create`; returns their ids.

        The `before` hooks of all of them run before the first one is written.
        """

    async def update(
        self, entity: str, record_id: UUID | str, values: Mapping[str, Any]
    ) -> Record:
        """Change a record; checked as `create`. A record may be given back whole."""

    async def delete(self, entity: str, record_id: UUID | str) -> None:
        """Delete a record; its own hooks run."""

    async def enqueue(
        self,
        job: str,
        payload: Payload,
        *,
        key: str | None = None,
        delay_seconds: float = 0,
    ) -> None:
        """Let a job of this service run after the commit; without one, never.

        With a `key`, the job is not added again while one with that key waits; one
        that waits longer than `delay_seconds` is moved forward instead. The payload
        holds ids rather than values and never a secret. Raises LookupError for a job
        that the service does not declare.
        """

    def refuse(self, field_name: str, code: str, message: str) -> NoReturn:
        """Refuse the write; nothing of it is kept. Raises Refused."""


Hook = Callable[[Host, Change], Awaitable[None]]
ActionCode = Callable[
    [Host, Record | None, Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]
]


@dataclass(slots=True)
class Service:
    """The code of one service: hooks and actions by entity, jobs by name.

    Attributes:
        name: the service whose definition this code belongs to.
    """

    name: str
    hooks: dict[tuple[str, str, str], list[Hook]] = field(default_factory=dict)
    actions: dict[tuple[str, str], ActionCode] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    consumers: dict[str, Consumer] = field(default_factory=dict)

    def before(self, operation: Operation, entity: str) -> Callable[[Hook], Hook]:
        """Register a hook that runs before the row is written; it may change values."""
        return self._hook("before", operation, entity)

    def after(self, operation: Operation, entity: str) -> Callable[[Hook], Hook]:
        """Register a hook that runs after the row is written, before the commit."""
        return self._hook("after", operation, entity)

    def action(self, entity: str, name: str) -> Callable[[ActionCode], ActionCode]:
        """Register the code of an action that the entity declares.

        The code gets the record (None for an action on the entity) and the checked
        input; what it returns is the answer's `result`.
        """

        def register(code: ActionCode) -> ActionCode:
            if (entity, name) in self.actions:
                raise ValueError(f"{self.name}: action {entity}.{name} has code twice")
            self.actions[(entity, name)] = code
            return code

        return register

    def job(
        self, name: str, *, max_attempts: int = 8, timeout_seconds: float = 300
    ) -> Callable[[JobCode], JobCode]:
        """Register a job. Any exception but Failed is tried again, with back-off."""
        check_limits(self.name, name, max_attempts, timeout_seconds)

        def register(code: JobCode) -> JobCode:
            self._check_new(name)
            self.jobs[name] = Job(name, code, max_attempts, timeout_seconds)
            return code

        return register

    def schedule(
        self,
        name: str,
        *,
        cron: str | None = None,
        every_minutes: int | None = None,
        max_attempts: int = 3,
        timeout_seconds: float = 300,
    ) -> Callable[[ScheduleCode], ScheduleCode]:
        """Register what runs again and again, for each tenant that has the service.

        `cron` has five fields (crontab(5): minute, hour, day, month, weekday) and is
        read in the tenant's time zone; `every_minutes` counts from midnight UTC and
        divides a day. One run a slot; of slots that were missed, only the latest runs.
        """
        check_limits(self.name, name, max_attempts, timeout_seconds)
        if (cron is None) == (every_minutes is None):
            raise ValueError(
                f"{self.name}.{name}: a schedule has either cron or every_minutes."
            )
        if cron is not None:
            check_cron(self.name, name, cron)
        if every_minutes is not None:
            _check_minutes(self.name, name, every_minutes)

        def register(code: ScheduleCode) -> ScheduleCode:
            self._check_new(name)
            self.schedules[name] = Schedule(
                name, code, cron, every_minutes, max_attempts, timeout_seconds
            )
            return code

        return register

    def on(
        self,
        entity: str,
        *actions: str,
        max_attempts: int = 8,
        timeout_seconds: float = 300,
    ) -> Callable[[ConsumerCode], ConsumerCode]:
        """Register a consumer of what happens to an entity's records.

        `entity` is one of this service, or `service.entity`; `actions` are `create`,
        `update`, `delete`, `restore` and the names of actions; all without any. Its
        name, under which it is listed, is that of the function.
        """
        key = entity if "." in entity else f"{self.name}.{entity}"

        def register(code: ConsumerCode) -> ConsumerCode:
            name: str = code.__name__
            check_limits(self.name, name, max_attempts, timeout_seconds)
            self._check_new(name)
            self.consumers[name] = Consumer(
                name, code, key, frozenset(actions), max_attempts, timeout_seconds
            )
            return code

        return register

    def hooks_for(self, stage: str, operation: str, entity: str) -> Sequence[Hook]:
        """Return the hooks of a stage (`before`, `after`) in order of registration."""
        return self.hooks.get((stage, operation, entity), ())

    def touches(self, entity: str, operation: str) -> bool:
        """Return whether any hook runs on this operation of the entity."""
        return bool(
            self.hooks_for("before", operation, entity)
            or self.hooks_for("after", operation, entity)
        )

    def _check_new(self, name: str) -> None:
        if name in self.jobs or name in self.schedules or name in self.consumers:
            raise ValueError(
                f"{self.name}: {name} names two jobs, schedules or consumers; "
                "rename one."
            )

    def _hook(
        self, stage: str, operation: Operation, entity: str
    ) -> Callable[[Hook], Hook]:
        def register(hook: Hook) -> Hook:
            self.hooks.setdefault((stage, operation, entity), []).append(hook)
            return hook

        return register


def _check_minutes(service: str, name: str, minutes: int) -> None:
    """Refuse intervals that do not divide a day; raises ValueError."""
    if not 1 <= minutes <= MINUTES_A_DAY:
        raise ValueError(
            f"{service}.{name}: every_minutes is from 1 to {MINUTES_A_DAY}."
        )
    if MINUTES_A_DAY % minutes:
        near = min(
            (n for n in range(1, MINUTES_A_DAY + 1) if MINUTES_A_DAY % n == 0),
            key=lambda n: abs(n - minutes),
        )
        raise ValueError(
            f"{service}.{name}: every_minutes is {minutes}, which does not divide a "
            f"day; its times would differ from day to day. Take {near}, or cron."
        )
