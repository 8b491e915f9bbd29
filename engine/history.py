"""The history of a record: who changed what, field by field, newest first.

Reads the event log; field ids of the log become the names of today, so a renamed
field keeps its history. Fields the user may not read, of the record as it is now,
are left out.
"""

from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

from engine.context import RequestContext
from engine.database import Database
from engine.errors import BadRequest, Forbidden, NotFound
from engine.policy import Policy
from engine.record_reads import RecordReader
from metadata.compiled import CompiledEntity

PAGE = 50

_ENTRIES = """
SELECT id, at, actor_id, actor_name, action, record_version, changes, request_id
FROM rangka.log
WHERE tenant_id = %(tenant)s AND record_id = %(record)s AND service = %(service)s
  AND entity = %(entity)s AND (%(before)s::uuid IS NULL OR id < %(before)s::uuid)
ORDER BY id DESC LIMIT %(limit)s
"""


class History:
    """Reads the log of single records."""

    def __init__(
        self, database: Database, policy: Policy, reader: RecordReader
    ) -> None:
        self._database = database
        self._policy = policy
        self._reader = reader

    async def of(
        self, ctx: RequestContext, entity: CompiledEntity, record_id: UUID, query: str
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """Return a page of a record's entries and its paging; raises NotFound."""
        grant = await self._policy.authorize(ctx, entity.resource, "read")
        if not grant.allowed:
            raise Forbidden(f"Your role may not read {entity.name}.")
        shown = await self._reader.shown(ctx, entity, record_id, grant)
        if shown is None:
            raise NotFound(f"There is no such record in {entity.name}.")
        before = _before(query)
        values = {
            "tenant": ctx.tenant_id,
            "record": record_id,
            "service": entity.service,
            "entity": entity.name,
            "before": before,
            "limit": PAGE + 1,
        }
        async with self._database.transaction(ctx.tenant_id) as connection:
            rows = await (await connection.execute(_ENTRIES, values)).fetchall()
        names = {
            field.id: name for name, field in entity.fields.items() if name in shown
        }
        entries = [_entry(row, names) for row in rows[:PAGE]]
        more = len(rows) > PAGE
        page = {"limit": PAGE, "has_more": more}
        if more:
            page["next_cursor"] = entries[-1]["id"]
        return entries, page


def _entry(row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    changes = [
        {"field": names[field_id], "old": pair[0], "new": pair[1]}
        for field_id, pair in row["changes"].items()
        if field_id in names
    ]
    return {
        "id": str(row["id"]),
        "at": row["at"].isoformat(),
        "actor": {"id": row["actor_id"], "name": row["actor_name"]},
        "action": row["action"],
        "version": row["record_version"],
        "changes": changes,
        "request_id": row["request_id"],
    }


def _before(query: str) -> UUID | None:
    given = parse_qs(query).get("cursor")
    if not given:
        return None
    try:
        return UUID(given[0])
    except ValueError as error:
        raise BadRequest("The cursor is not one of this history.") from error
