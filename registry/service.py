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
the service, not of the user, so a hook can keep a balance the user may not touch.
They never call routers, mail or gateways: that belongs to a job after the commit.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NoReturn, Protocol
from uuid import UUID

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

    async def update(
        self, entity: str, record_id: UUID | str, values: Mapping[str, Any]
    ) -> Record:
        """Change a record; checked as `create`. A record may be given back whole."""

    async def delete(self, entity: str, record_id: UUID | str) -> None:
        """Delete a record; its own hooks run."""

    def refuse(self, field_name: str, code: str, message: str) -> NoReturn:
        """Refuse the write; nothing of it is kept. Raises Refused."""


Hook = Callable[[Host, Change], Awaitable[None]]
ActionCode = Callable[
    [Host, Record | None, Mapping[str, Any]], Awaitable[Mapping[str, Any] | None]
]


@dataclass(slots=True)
class Service:
    """The code of one service: hooks and actions by entity.

    Attributes:
        name: the service whose definition this code belongs to.
    """

    name: str
    hooks: dict[tuple[str, str, str], list[Hook]] = field(default_factory=dict)
    actions: dict[tuple[str, str], ActionCode] = field(default_factory=dict)

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

    def hooks_for(self, stage: str, operation: str, entity: str) -> Sequence[Hook]:
        """Return the hooks of a stage (`before`, `after`) in order of registration."""
        return self.hooks.get((stage, operation, entity), ())

    def touches(self, entity: str, operation: str) -> bool:
        """Return whether any hook runs on this operation of the entity."""
        return bool(
            self.hooks_for("before", operation, entity)
            or self.hooks_for("after", operation, entity)
        )

    def _hook(
        self, stage: str, operation: Operation, entity: str
    ) -> Callable[[Hook], Hook]:
        def register(hook: Hook) -> Hook:
            self.hooks.setdefault((stage, operation, entity), []).append(hook)
            return hook

        return register
