"""Import: a CSV or JSONL file into an entity, all of it or none, in bounded memory.

The file is spooled to disk while its digest is taken; then, in one transaction, each
row is read, completed and checked as a single write would be, and copied into a
staging table, where unique keys and relations are checked for the whole file at once
before one statement moves the rows over, with their log entries (`import_work.py`).
"""

import tempfile
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import IO, Any
from uuid import UUID

from uuid_utils.compat import uuid7

from engine.context import Grant, RequestContext
from engine.database import Database
from engine.database_errors import DatabaseError
from engine.errors import Forbidden, RangkaError
from engine.freshness import RUNS, Freshness
from engine.record_errors import as_client_error
from engine.record_rules import Rights
from engine.transfer.import_options import ImportOptions, parse_options
from engine.transfer.import_report import ImportReport, RowErrors, error_file
from engine.transfer.import_work import ImportWork, Leftovers, Tools
from metadata.compiled import CompiledEntity

SPOOL_BYTES = 4 * 1024 * 1024


class _NothingKept(Exception):
    """Undoes the transaction of a dry run or of a file with errors."""


class Imports:
    """Reads whole files into entities."""

    def __init__(self, database: Database, tools: Tools, freshness: Freshness) -> None:
        self._database = database
        self._tools = tools
        self._freshness = freshness

    async def run(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        chunks: AsyncIterator[bytes],
        *,
        content_type: str,
        query: str,
    ) -> dict[str, Any]:
        """Return the report of an import; docs/import-export.md has the parameters.

        The same file again answers the first report, marked `repeated`. Raises
        BadRequest, Forbidden, and Conflict (BUSY) while the same file is imported.
        """
        options = parse_options(query, content_type, entity)
        grant = await self._allowed(ctx, entity)
        with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as file:
            digest = sha256(repr(options).encode())
            async for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
            left = RUNS
            while True:
                left -= 1
                mark = self._freshness.mark
                file.seek(0)
                try:
                    return await self._run(
                        ctx, entity, grant, file, options, digest.hexdigest()
                    )
                except (DatabaseError, RangkaError) as error:
                    # Nothing was kept, and the file is still here to be read again.
                    newer = await self._freshness.renewed(ctx, entity, error, mark)
                    if newer is None or not left:
                        raise
                    entity = newer

    async def errors(
        self, ctx: RequestContext, entity: CompiledEntity, import_id: UUID
    ) -> AsyncIterator[bytes]:
        """Yield the rows that failed as CSV; raises Forbidden and NotFound first."""
        await self._allowed(ctx, entity)
        async for piece in error_file(self._database, ctx, entity, import_id):
            yield piece

    async def _allowed(self, ctx: RequestContext, entity: CompiledEntity) -> Grant:
        authorize = self._tools.policy.authorize
        asked = await authorize(ctx, entity.resource, "import")
        grant = await authorize(ctx, entity.resource, "create")
        if entity.is_platform or not asked.allowed or not grant.allowed:
            raise Forbidden(
                f"Your role may not import {entity.name}. An administrator of your "
                f"tenant can allow {entity.resource}:import and "
                f"{entity.resource}:create."
            )
        if grant.denied or not any(a.unrestricted_rows for a in grant.allowances):
            raise Forbidden(
                f"Your role may create only some {entity.name}, so it cannot import."
            )
        return grant

    async def _run(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        grant: Grant,
        file: IO[bytes],
        options: ImportOptions,
        digest: str,
    ) -> dict[str, Any]:
        read = await self._tools.policy.authorize(ctx, entity.resource, "read")
        rights, errors = Rights(read, grant), RowErrors()
        report = ImportReport(ctx, entity, uuid7(), digest, options, errors)
        # Rows that a pass refused or skipped although their hooks had run.
        without: set[int] = set()
        skipped: set[int] = set()
        body: dict[str, Any] = {}
        while True:
            try:
                async with self._database.transaction(ctx.tenant_id) as connection:
                    if not options.force and not options.dry_run:
                        known = await report.earlier(connection)
                        if known is not None:
                            return {**known, "repeated": True}
                    work = ImportWork(
                        self._tools,
                        ctx,
                        entity,
                        rights,
                        options,
                        errors,
                        connection,
                        without,
                    )
                    total = await work.stage(file)
                    skipped |= await work.check()
                    fitting = total - len(errors.failed_rows | skipped)
                    stopped = bool(errors.count) and not options.skip_errors
                    if stopped or options.dry_run:
                        imported = fitting if options.dry_run else 0
                        body = report.body(total, imported, len(skipped))
                        raise _NothingKept  # noqa: TRY301 - rolls the transaction back
                    await work.move()
                    # The rows and the note that they came become true together.
                    body = report.body(total, fitting, len(skipped))
                    await report.keep(connection, "done", body)
                    return body
            except Leftovers as leftovers:
                # What is noted already must not be found, and noted, once more.
                without |= leftovers.rows | errors.failed_rows
                skipped |= leftovers.rows - errors.failed_rows
                file.seek(0)
            except _NothingKept:
                status = "failed" if errors.count else "done"
                async with self._database.transaction(ctx.tenant_id) as connection:
                    await report.keep(connection, status, body)
                return body
            except DatabaseError as error:
                # Another write came between the checks and the move; nothing was kept.
                raise as_client_error(error, entity, "create") from error
