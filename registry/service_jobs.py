"""The extension API's part for work after the commit; used through `registry.service`.

What a job, a schedule and a consumer are, what they may ask for, and what an event
tells them. Declares only; runs nothing.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn, Protocol
from uuid import UUID

from cronsim import CronSim, CronSimError

from connectors.addresses import Network

if TYPE_CHECKING:
    from registry.service import Host

Payload = Mapping[str, Any]
"""What a job is told: JSON values, ids above all, never a secret."""

MAX_ATTEMPTS = 100
MAX_TIMEOUT_SECONDS = 24 * 3600
MINUTES_A_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to one record (CloudEvents 1.0), made from its log entry.

    Attributes:
        id: of the log entry; the same event always has the same id.
        source: `/services/{service}/{entity}`.
        type: `rangka.{service}.{entity}.{action}`.
        subject: id of the record as text, empty where there is none.
        entity: `service.entity`.
        version: of the record after the write.
        changes: `{field name: (old, new)}`; secrets are masked.
    """

    id: str
    source: str
    type: str
    subject: str
    time: datetime
    tenant_id: UUID
    entity: str
    action: str
    record_id: UUID | None
    version: int | None
    changes: Mapping[str, tuple[Any, Any]]


class JobHost(Protocol):
    """What a job, a schedule or a consumer may ask of the engine."""

    @property
    def tenant_id(self) -> UUID:
        """Return the tenant that the job belongs to."""

    @property
    def now(self) -> datetime:
        """Return the UTC instant at which this attempt began."""

    @property
    def attempt(self) -> int:
        """Return the number of this attempt, 1 for the first."""

    async def settings(self) -> Mapping[str, Any]:
        """Return this tenant's settings of the service."""

    @property
    def router_networks(self) -> Sequence[Network]:
        """Return the private networks that devices may be reached in, by deployment.

        Who connects to an address that a tenant has written checks it against these.
        """

    def transaction(self) -> AbstractAsyncContextManager["Host"]:
        """Open a transaction of the tenant; commits at the end of the block.

        Keep it short and do not call routers, mail or gateways inside it. A consumer
        has one transaction: it also notes that the event was handled.
        """

    async def progress(self, done: int, total: int, text: str = "") -> None:
        """Show how far the job is: `done` of `total`, and what it does now."""

    async def secret(
        self, entity: str, record_id: UUID | str, field_name: str
    ) -> str | None:
        """Return the plain text of a secret field; None when it is empty.

        Keep it out of payloads, results, progress and messages of exceptions. Raises
        LookupError when there is no such record or secret field.
        """

    def fail(self, message: str, code: str = "failed") -> NoReturn:
        """End the job for good, without another attempt. Raises Failed."""

    async def enqueue(
        self,
        job: str,
        payload: Payload,
        *,
        key: str | None = None,
        delay_seconds: float = 0,
    ) -> None:
        """Let a job of this service run, in a transaction of its own; see `Host`."""


class Failed(Exception):
    """A job ends for good; another attempt would not help.

    Attributes:
        code: stable, snake_case; shown beside the message.
    """

    def __init__(self, message: str, code: str = "failed") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


JobCode = Callable[[JobHost, Payload], Awaitable[Mapping[str, Any] | None]]
ScheduleCode = Callable[[JobHost], Awaitable[Mapping[str, Any] | None]]
ConsumerCode = Callable[[JobHost, Event], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Job:
    """A job as declared.

    Attributes:
        max_attempts: after so many it is a dead letter.
        timeout_seconds: of one attempt; then it is cancelled and counts as failed.
    """

    name: str
    code: JobCode
    max_attempts: int
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as declared: either `cron` or `every_minutes` is set."""

    name: str
    code: ScheduleCode
    cron: str | None
    every_minutes: int | None
    max_attempts: int
    timeout_seconds: float


@dataclass(frozen=True, slots=True)
class Consumer:
    """A consumer as declared.

    Attributes:
        name: unique in its service; the name of its function.
        entity: `service.entity`.
        actions: those it hears of, empty for all.
    """

    name: str
    code: ConsumerCode
    entity: str
    actions: frozenset[str]
    max_attempts: int
    timeout_seconds: float

    def hears(self, entity: str, action: str) -> bool:
        """Return whether it wants this event."""
        return entity == self.entity and (not self.actions or action in self.actions)


def check_limits(service: str, name: str, attempts: int, timeout: float) -> None:
    """Refuse limits that cannot be meant; raises ValueError."""
    if not 1 <= attempts <= MAX_ATTEMPTS:
        raise ValueError(f"{service}.{name}: max_attempts is from 1 to {MAX_ATTEMPTS}.")
    if not 0 < timeout <= MAX_TIMEOUT_SECONDS:
        raise ValueError(
            f"{service}.{name}: timeout_seconds is from 1 to {MAX_TIMEOUT_SECONDS}."
        )


def check_cron(service: str, name: str, cron: str) -> None:
    """Refuse five fields that cron would not read; raises ValueError."""
    try:
        CronSim(cron, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        raise ValueError(
            f"{service}.{name}: the cron fields {cron!r}: {error}"
        ) from error
