"""What an import answers and keeps: counts, the rows that failed, the file's digest."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from engine.context import RequestContext
from engine.database import Database, Transaction
from engine.errors import Conflict, Detail, NotFound
from engine.transfer.cells import csv_line
from engine.transfer.import_options import ImportOptions
from metadata.compiled import CompiledEntity

MAX_KEPT_ERRORS = 10_000
SHOWN_ERRORS = 50
_PAGE = 500


@dataclass(slots=True)
class RowErrors:
    """What did not fit: the first 10,000 are kept, all are counted."""

    count: int = 0
    failed_rows: set[int] = field(default_factory=set)
    kept: list[tuple[int, str, str, str, str]] = field(default_factory=list)

    def add(self, row: int, detail: Detail, value: Any) -> None:
        """Note one finding about one row."""
        self.count += 1
        self.failed_rows.add(row)
        if len(self.kept) < MAX_KEPT_ERRORS:
            text = "" if value is None else str(value)[:200]
            place, message = _storable(detail.field), _storable(detail.message)
            self.kept.append((row, place, detail.code, message, _storable(text)))


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The report of one import, and where it is stored."""

    ctx: RequestContext
    entity: CompiledEntity
    import_id: UUID
    digest: str
    options: ImportOptions
    errors: RowErrors

    def body(self, rows: int, imported: int, skipped: int) -> dict[str, Any]:
        """Return what the caller is told."""
        entity, errors = self.entity, self.errors
        place = f"/api/v1/data/{entity.service}/{entity.name}/imports/{self.import_id}"
        return {
            "id": str(self.import_id),
            "dry_run": self.options.dry_run,
            "rows": rows,
            "imported": imported,
            "skipped": skipped,
            "failed": len(errors.failed_rows),
            "errors": [
                {"row": r, "field": f, "code": c, "message": m, "value": v}
                for r, f, c, m, v in errors.kept[:SHOWN_ERRORS]
            ],
            "errors_url": f"{place}/errors" if errors.count else None,
        }

    async def keep(
        self, connection: Transaction, status: str, body: Mapping[str, Any]
    ) -> None:
        """Store it in the connection's transaction."""
        ctx, entity = self.ctx, self.entity
        await connection.execute(
            "INSERT INTO rangka.imports (tenant_id, id, service, entity, digest, "
            "status, dry_run, report, created_by, finished_at) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, now())",
            (
                ctx.tenant_id,
                self.import_id,
                entity.service,
                entity.name,
                self.digest,
                status,
                self.options.dry_run,
                json.dumps(body),
                ctx.user_id,
            ),
        )
        # COPY FROM does not work under row security, so these are inserts.
        await connection.cursor().executemany(
            "INSERT INTO rangka.import_errors (tenant_id, import_id, row_number, "
            "field, code, message, value) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [(ctx.tenant_id, self.import_id, *line) for line in self.errors.kept],
        )

    async def earlier(self, connection: Transaction) -> dict[str, Any] | None:
        """Return the report of this file's first import, None when this is the first.

        Keeps others from importing it until the transaction ends; raises Conflict
        (BUSY) when one does already.
        """
        ctx, entity = self.ctx, self.entity
        name = f"import {ctx.tenant_id} {entity.key} {self.digest}"
        taken = await connection.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0)) AS mine", (name,)
        )
        lock = await taken.fetchone()
        if lock is None or not lock["mine"]:
            raise Conflict(
                "This file is being imported right now; send it again in a moment to "
                "get the report.",
                code="BUSY",
            )
        found = await connection.execute(
            "SELECT report FROM rangka.imports WHERE tenant_id = %s "
            "AND service = %s AND entity = %s AND digest = %s "
            "AND status = 'done' AND NOT dry_run LIMIT 1",
            (ctx.tenant_id, entity.service, entity.name, self.digest),
        )
        row = await found.fetchone()
        return dict(row["report"]) if row else None


async def error_file(
    database: Database, ctx: RequestContext, entity: CompiledEntity, import_id: UUID
) -> AsyncIterator[bytes]:
    """Yield the rows that failed as CSV: row, field, code, message, value."""
    async with database.transaction(ctx.tenant_id) as connection:
        found = await connection.execute(
            "SELECT 1 FROM rangka.imports WHERE tenant_id = %s AND id = %s "
            "AND service = %s AND entity = %s",
            (ctx.tenant_id, import_id, entity.service, entity.name),
        )
        if await found.fetchone() is None:
            raise NotFound("There is no such import.")
        found = await connection.execute(
            "SELECT row_number AS row, field, code, message, value "
            "FROM rangka.import_errors WHERE tenant_id = %s AND import_id = %s "
            "ORDER BY row_number",
            (ctx.tenant_id, import_id),
        )
        rows = await found.fetchall()
    # At most 10,000; a client that reads slowly keeps no transaction open.
    yield csv_line(["row", "field", "code", "message", "value"])
    for first in range(0, len(rows), _PAGE):
        page = rows[first : first + _PAGE]
        cells = ([str(cell) for cell in row.values()] for row in page)
        yield b"".join(map(csv_line, cells))


def _storable(text: str) -> str:
    """Return a text of the file as PostgreSQL can keep it: no NUL, no half characters.

    Names of columns stand in the findings too.
    """
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
