"""Events, made from rows of the log: for consumers here, as CloudEvents for others.

The log names fields by stable id; here they get the names of today, so a renamed
field keeps its events, and one that is gone is left out. Secrets are masked once
more, whatever the row says. Pure; `engine/outbox.py` and `engine/jobs` bring the rows.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import msgspec

from engine.record_columns import MASK
from metadata.compiled import CompiledEntity
from registry.catalog import Catalog, ServiceUnavailable
from registry.service import Event

LOG_COLUMNS = (
    "tenant_id, id, at, actor_id, actor_name, service, entity, record_id, action, "
    "record_version, changes"
)
"""What of `rangka.log` an event is made from."""


def event_of(row: Mapping[str, Any], entity: CompiledEntity | None) -> Event:
    """Return the event of a log row (`LOG_COLUMNS`).

    Without the entity, of a service that is gone, it has no changes.
    """
    service, name, action = row["service"], row["entity"], row["action"]
    record_id: UUID | None = row["record_id"]
    return Event(
        id=str(row["id"]),
        source=f"/services/{service}/{name}",
        type=f"rangka.{service}.{name}.{action}",
        subject="" if record_id is None else str(record_id),
        time=row["at"],
        tenant_id=row["tenant_id"],
        entity=f"{service}.{name}",
        action=action,
        record_id=record_id,
        version=row["record_version"],
        changes={} if entity is None else _named(row["changes"], entity),
    )


def cloud_event(row: Mapping[str, Any], entity: CompiledEntity | None) -> bytes:
    """Return a log row as CloudEvents 1.0 in JSON (structured mode)."""
    event = event_of(row, entity)
    actor = row["actor_id"]
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": event.id,
            "source": event.source,
            "type": event.type,
            # The attribute is optional, but where it is there it is not empty.
            **({"subject": event.subject} if event.subject else {}),
            "time": event.time,
            "tenantid": str(event.tenant_id),
            "datacontenttype": "application/json",
            "data": {
                "action": event.action,
                "version": event.version,
                "actor": {
                    "id": None if actor is None else str(actor),
                    "name": row["actor_name"],
                },
                "changes": event.changes,
            },
        }
    )


async def entity_of(catalog: Catalog, row: Mapping[str, Any]) -> CompiledEntity | None:
    """Return the entity of a log row as its tenant has it now, None without one."""
    service, name = row["service"], row["entity"]
    try:
        return await catalog.entity(row["tenant_id"], service, name)
    except ServiceUnavailable:
        return catalog.target(f"{service}.{name}")


def _named(
    changes: Mapping[str, Any], entity: CompiledEntity
) -> dict[str, tuple[Any, Any]]:
    found = {}
    for name, item in entity.fields.items():
        pair = changes.get(item.id)
        if pair is None:
            continue
        old, new = pair
        if item.type.secret:
            old, new = (None if each is None else MASK for each in (old, new))
        found[name] = (old, new)
    return found
