"""Reads and writes what publishes left to do after their commit.

Beside `store.py`, under the same terms: takes a connection, never makes one. Called by
`registry/publishing*.py`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import DictRow

Connection = AsyncConnection[DictRow]


@dataclass(frozen=True, slots=True)
class StoredFollowUp:
    """What a publish left to do after its commit."""

    service: str
    name: str
    summary: str
    attempts: int
    error: str | None


async def follow_ups(
    connection: Connection, *, service: str | None = None, due: bool = False
) -> list[StoredFollowUp]:
    """Return what is still to do, oldest first; only what may be tried now if `due`."""
    rows = await connection.execute(
        "SELECT s.name AS service, f.name, f.summary, f.attempts, f.error "
        "FROM rangka.follow_ups f JOIN rangka.services s ON s.id = f.service_id "
        "WHERE (%s::text IS NULL OR s.name = %s) AND (NOT %s OR f.retry_at <= now()) "
        "ORDER BY f.created_at, f.name",
        (service, service, due),
    )
    return [StoredFollowUp(**row) for row in await rows.fetchall()]


async def leave_follow_ups(
    connection: Connection,
    service_id: UUID,
    names: Mapping[str, str],
    possible: Collection[str],
) -> None:
    """Remember what is to do, name → summary; forget what is not `possible` now."""
    await connection.execute(
        "DELETE FROM rangka.follow_ups WHERE service_id = %s AND name <> ALL (%s)",
        (service_id, list(possible)),
    )
    for name, summary in names.items():
        await connection.execute(
            "INSERT INTO rangka.follow_ups (service_id, name, summary) "
            "VALUES (%s, %s, %s) ON CONFLICT (service_id, name) DO UPDATE SET "
            "summary = excluded.summary, attempts = 0, retry_at = now(), error = NULL",
            (service_id, name, summary),
        )


async def finish_follow_up(connection: Connection, service: str, name: str) -> None:
    """Forget what is done."""
    await connection.execute(
        "DELETE FROM rangka.follow_ups f USING rangka.services s "
        "WHERE s.id = f.service_id AND s.name = %s AND f.name = %s",
        (service, name),
    )


async def fail_follow_up(
    connection: Connection, service: str, name: str, error: str
) -> None:
    """Note why it could not be done; the wait doubles from 5 s to an hour."""
    await connection.execute(
        "UPDATE rangka.follow_ups f SET attempts = attempts + 1, error = %s, "
        "retry_at = now() + least(5 * 2 ^ attempts, 3600) * interval '1 second' "
        "FROM rangka.services s WHERE s.id = f.service_id AND s.name = %s "
        "AND f.name = %s",
        (error, service, name),
    )
