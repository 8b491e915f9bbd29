"""Rows of the event log for what happens to accounts, roles and tenants.

Written in the transaction of the change itself, with the outbox id beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb
from uuid_utils.compat import uuid7

from engine.database import Transaction

SERVICE = "platform"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `changes`: stable field id → (old, new), no secrets."""

    tenant_id: UUID
    entity: str
    action: str
    record_id: UUID | None
    actor_id: UUID | None
    actor_name: str | None
    changes: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    version: int | None = None
    request_id: str = ""
    ip: str | None = None


async def write(connection: Transaction, event: Event) -> None:
    """Append the event to the log and to the outbox."""
    log_id = uuid7()
    await connection.execute(
        "INSERT INTO rangka.log (tenant_id, id, actor_id, actor_name, service, entity, "
        "record_id, action, record_version, changes, request_id, ip) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            event.tenant_id,
            log_id,
            event.actor_id,
            event.actor_name,
            SERVICE,
            event.entity,
            event.record_id,
            event.action,
            event.version,
            Jsonb({name: list(pair) for name, pair in event.changes.items()}),
            event.request_id,
            event.ip,
        ),
    )
    await connection.execute(
        "INSERT INTO rangka.outbox (tenant_id, log_id) VALUES (%s, %s)",
        (event.tenant_id, log_id),
    )


async def write_session(
    connection: Transaction,
    action: str,
    *,
    user_id: UUID,
    email: str,
    tenant_id: UUID,
    session_id: UUID | None,
    request_id: str = "",
    ip: str | None = None,
) -> None:
    """Append what a user did with a session of his own."""
    event = Event(
        tenant_id=tenant_id,
        entity="sessions",
        action=action,
        record_id=session_id,
        actor_id=user_id,
        actor_name=email,
        request_id=request_id,
        ip=ip,
    )
    await write(connection, event)
