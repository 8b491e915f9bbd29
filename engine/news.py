"""What a notification of changed records says: from the dispatcher to every hub.

PostgreSQL passes it on (`rangka_events`) when the dispatcher commits. It names records
and holds no values, so whoever may listen learns nothing that permissions hide.
"""

from collections.abc import Iterable, Iterator
from uuid import UUID

import msgspec

CHANNEL = "rangka_events"
MAX_BYTES = 7000
"""A notification holds 8000 bytes (PostgreSQL manual, NOTIFY)."""


class News(msgspec.Struct, frozen=True, array_like=True):
    """One event as the dispatcher announces it."""

    log_id: UUID
    service: str
    entity: str
    record_id: str | None
    action: str
    version: int | None

    @property
    def topic(self) -> str:
        """Return `service.entity`."""
        return f"{self.service}.{self.entity}"


class Batch(msgspec.Struct, frozen=True, rename={"tenant": "t", "news": "e"}):
    """The payload of one notification: events of one tenant."""

    tenant: UUID
    news: list[News]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Batch).decode


def read(payload: str) -> Batch:
    """Return what a notification says; raises `msgspec.DecodeError`."""
    return _decode(payload)


def notifications(events: Iterable[tuple[UUID, News]]) -> Iterator[str]:
    """Yield notifications that together tell every event, each of one tenant."""
    tenants: dict[UUID, list[News]] = {}
    for tenant_id, news in events:
        tenants.setdefault(tenant_id, []).append(news)
    for tenant_id, told in tenants.items():
        empty = len(_encode(Batch(tenant_id, [])))
        batch, size = Batch(tenant_id, []), empty
        for news in told:
            added = len(_encode(news)) + 1
            if batch.news and size + added > MAX_BYTES:
                yield _encode(batch).decode()
                batch, size = Batch(tenant_id, []), empty
            batch.news.append(news)
            size += added
        yield _encode(batch).decode()
