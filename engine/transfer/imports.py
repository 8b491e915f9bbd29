"""Import: a CSV or JSONL file into an entity, all of it or none, in bounded memory.

The file is spooled to disk while its digest is taken; then, in one transaction, each
row is read, completed and checked as a single write would be, and copied into a
staging table, where unique keys and relations are checked for the whole file at once
before one statement moves the rows over, with their log entries.
"""

import json
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import IO, Any
from urllib.parse import parse_qsl
from uuid import UUID

from uuid_utils.compat import uuid7

from engine import record_values
from engine.context import Grant, RequestContext
from engine.database import Database, Transaction
from engine.database_errors import DatabaseError
from engine.errors import (
    BadRequest,
    Conflict,
    Detail,
    Forbidden,
    NotFound,
    RangkaError,
    ValidationFailed,
)
from engine.freshness import RUNS, Freshness
from engine.host import RecordHost
from engine.policy import Policy
from engine.record_columns import ColumnWriter, sequences_of
from engine.record_errors import as_client_error, unique_sets
from engine.record_reads import RecordReader
from engine.record_rules import Rights
from engine.record_session import InTransaction
from engine.records import Records
from engine.transfer import rows as files
from engine.transfer.cells import csv_line
from engine.transfer.staging import Staging
from metadata.compiled import CompiledEntity
from metadata.fields.base import InvalidValue
from registry.service import Change, Refused

SPOOL_BYTES = 4 * 1024 * 1024
MAX_KEPT_ERRORS = 10_000
MAX_REMEMBERED = 50_000
_NO_LINES: tuple[Any, ...] = (None, "", "[]", [])
PARAMETERS = ("format", "dry_run", "on_error", "existing", "key", "force")


@dataclass(slots=True)
class _Errors:
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
class _Options:
    format: str
    dry_run: bool
    skip_errors: bool
    skip_existing: bool
    key: tuple[str, ...]
    force: bool


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A column such as `plan.name`: the relation is found by a field of its target."""

    field: str
    target: CompiledEntity
    key: str
    grant: Grant


class _NothingKept(Exception):
    """Undoes the transaction of a dry run or of a file with errors."""


class Imports:
    """Reads whole files into entities."""

    def __init__(
        self,
        database: Database,
        policy: Policy,
        reader: RecordReader,
        records: Records,
        columns: ColumnWriter,
        freshness: Freshness,
    ) -> None:
        self._database = database
        self._policy = policy
        self._reader = reader
        self._records = records
        self._columns = columns
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
        """Return the report of an import.

        Parameters (`query`): `format=csv|jsonl`, `dry_run=true`, `on_error=skip` (keep
        the rows that fit), `existing=skip` with `key=code` (leave out rows whose key a
        record has), `force=true` (repeat a file that was imported before). The same
        file again answers the first report, marked `repeated`.
        """
        options = _options(query, content_type)
        grant = await self._allowed(ctx, entity)
        with tempfile.SpooledTemporaryFile(SPOOL_BYTES) as file:
            digest = sha256(repr(options).encode())
            async for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
            file.seek(0)
            left = RUNS
            while True:
                left -= 1
                mark = self._freshness.mark
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
                    file.seek(0)

    async def errors(
        self, ctx: RequestContext, entity: CompiledEntity, import_id: UUID
    ) -> AsyncIterator[bytes]:
        """Yield the rows that failed as CSV: row, field, code, message, value."""
        await self._allowed(ctx, entity)
        async with self._database.transaction(ctx.tenant_id) as connection:
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
        for first in range(0, len(rows), 500):
            cells = (
                [str(cell) for cell in row.values()]
                for row in rows[first : first + 500]
            )
            yield b"".join(map(csv_line, cells))

    async def _allowed(self, ctx: RequestContext, entity: CompiledEntity) -> Grant:
        asked = await self._policy.authorize(ctx, entity.resource, "import")
        grant = await self._policy.authorize(ctx, entity.resource, "create")
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

    async def _known(
        self,
        connection: Transaction,
        ctx: RequestContext,
        entity: CompiledEntity,
        digest: str,
    ) -> dict[str, Any] | None:
        """Return the report of this file's first import, None when this is the first.

        Keeps others from importing it until the transaction ends; raises Conflict
        (BUSY) when one does already.
        """
        name = f"import {ctx.tenant_id} {entity.key} {digest}"
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
            (ctx.tenant_id, entity.service, entity.name, digest),
        )
        row = await found.fetchone()
        return dict(row["report"]) if row else None

    async def _run(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        grant: Grant,
        file: IO[bytes],
        options: _Options,
        digest: str,
    ) -> dict[str, Any]:
        import_id, errors = uuid7(), _Errors()
        place = f"/api/v1/data/{entity.service}/{entity.name}/imports/{import_id}"

        def report_of(total: int, imported: int, skipped: int) -> dict[str, Any]:
            return {
                "id": str(import_id),
                "dry_run": options.dry_run,
                "rows": total,
                "imported": imported,
                "skipped": skipped,
                "failed": len(errors.failed_rows),
                "errors": [
                    {"row": r, "field": f, "code": c, "message": m, "value": v}
                    for r, f, c, m, v in errors.kept[:50]
                ],
                "errors_url": f"{place}/errors" if errors.count else None,
            }

        total = skipped = 0
        report: dict[str, Any] = {}
        read = await self._policy.authorize(ctx, entity.resource, "read")
        kept = _Kept(ctx, entity, import_id, digest, options, errors)
        try:
            async with self._database.transaction(ctx.tenant_id) as connection:
                if not options.force and not options.dry_run:
                    known = await self._known(connection, ctx, entity, digest)
                    if known is not None:
                        return {**known, "repeated": True}
                rights = Rights(read, grant)
                work = _Work(self, ctx, entity, rights, options, errors, connection)
                total = await work.stage(file)
                skipped = await work.check()
                fitting = max(total - len(errors.failed_rows) - skipped, 0)
                if (errors.count and not options.skip_errors) or options.dry_run:
                    report = report_of(
                        total, fitting if options.dry_run else 0, skipped
                    )
                    raise _NothingKept  # noqa: TRY301 - rolls the transaction back
                await work.move()
                # The rows and the note that they were imported become true together.
                report = report_of(total, fitting, skipped)
                await kept.write(connection, "done", report)
        except _NothingKept:
            status = "failed" if errors.count else "done"
            async with self._database.transaction(ctx.tenant_id) as connection:
                await kept.write(connection, status, report)
        except DatabaseError as error:
            # Another write came between the checks and the move; nothing was kept.
            raise as_client_error(error, entity, "create") from error
        return report


@dataclass(frozen=True, slots=True)
class _Kept:
    """What is stored of an import: its report, and the rows that failed."""

    ctx: RequestContext
    entity: CompiledEntity
    import_id: UUID
    digest: str
    options: _Options
    errors: _Errors

    async def write(
        self, connection: Transaction, status: str, report: Mapping[str, Any]
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
                json.dumps(report),
                ctx.user_id,
            ),
        )
        # COPY FROM does not work under row security, so these are inserts.
        await connection.cursor().executemany(
            "INSERT INTO rangka.import_errors (tenant_id, import_id, row_number, "
            "field, code, message, value) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            [(ctx.tenant_id, self.import_id, *line) for line in self.errors.kept],
        )


class _Work:
    """One import inside its transaction."""

    def __init__(
        self,
        imports: Imports,
        ctx: RequestContext,
        entity: CompiledEntity,
        rights: Rights,
        options: _Options,
        errors: _Errors,
        connection: Transaction,
    ) -> None:
        self._imports = imports
        self._ctx = ctx
        self._entity = entity
        self._rights = rights
        self._grant = rights.write
        self._options = options
        self._errors = errors
        self._connection = connection
        self._staging: Staging | None = None
        self._lookups: dict[str, _Lookup] = {}
        self._found: dict[tuple[str, str], list[str]] = {}
        code = imports._records.service_code(entity)  # noqa: SLF001
        self._before = code.hooks_for("before", "create", entity.name)
        self._after = code.hooks_for("after", "create", entity.name)

    async def stage(self, file: IO[bytes]) -> int:
        """Check every row and copy those that fit; returns the number of rows."""
        source = files.lines(_pieces(file))
        reader = files.csv_rows if self._options.format == "csv" else files.jsonl_rows
        total = 0
        pending: list[tuple[Any, ...]] = []
        async for number, row in reader(source):
            total += 1
            if self._staging is None:
                self._staging = await self._prepare(row)
                await self._connection.execute(self._staging.create())
            line = await self._line(number, row)
            if line is not None:
                pending.append(line)
            if len(pending) >= 1000:
                await self._copy(pending)
                pending = []
        await self._copy(pending)
        return total

    async def _prepare(self, row: Mapping[str, Any]) -> Staging:
        """Return the staging for the columns a file can bring."""
        for column in row:
            if column and "." in column:
                self._lookups[column] = await self._lookup(column)
        names = [
            name
            for name, item in self._entity.stored.items()
            if item.type.name not in {"sequence", "computed"}
        ]
        return Staging(self._entity, names)

    async def _lookup(self, column: str) -> "_Lookup":
        name, _, key = column.partition(".")
        relation = self._entity.fields.get(name)
        target = grant = None
        if relation is not None and relation.target:
            target = await self._imports._reader.entity(  # noqa: SLF001
                self._ctx.tenant_id, relation.target
            )
        if target is not None and key in target.stored:
            grant = await self._imports._policy.authorize(  # noqa: SLF001
                self._ctx, target.resource, "read"
            )
        # What may not be read cannot be looked for either: the answer would tell it.
        if (
            relation is None
            or target is None
            or grant is None
            or not grant.reaches_field(key)
        ):
            raise BadRequest(
                f"The column {column} names no relation and field of its target."
            )
        return _Lookup(relation.name, target, key, grant)

    async def _resolved(self, lookup: "_Lookup", text: str) -> list[str]:
        """Return the ids of the targets whose field has this text; remembered."""
        known = (f"{lookup.field}.{lookup.key}", text)
        if known not in self._found:
            if len(self._found) > MAX_REMEMBERED:
                self._found.clear()
            self._found[known] = await self._imports._reader.ids_with(  # noqa: SLF001
                self._ctx,
                lookup.target,
                lookup.grant,
                lookup.key,
                text,
                InTransaction(self._connection),
            )
        return self._found[known]

    async def _line(
        self, number: int, row: Mapping[str, Any]
    ) -> tuple[Any, ...] | None:
        staging = self._staging
        if staging is None or files.is_broken(row):
            detail = Detail("", "malformed", "This line cannot be read.")
            self._errors.add(number, detail, "".join(map(str, row.values())))
            return None
        given, wrong = await self._values(row)
        for detail in wrong:
            self._note(number, detail, row)
        if wrong:
            return None
        record_id = uuid7()
        try:
            values = record_values.for_create(
                self._ctx, self._entity, given, self._grant
            )
            values = await self._hooked(record_id, values)
            record_values.check_rules(
                self._ctx,
                self._entity,
                values,
                values,
                creating=True,
                rights=self._rights,
            )
            columns = self._imports._columns.of(  # noqa: SLF001
                self._ctx, self._entity, record_id, values, creating=False
            )
        except ValidationFailed as error:
            for detail in error.details:
                self._note(number, detail, row)
            return None
        except Refused as error:
            detail = Detail(error.field, error.code, error.message)
            self._note(number, detail, row)
            return None
        changes = columns.changes(None) if self._entity.history else {}
        texts = [columns.texts.get(name) for name in staging.names]
        if staging.with_custom:
            texts.append(json.dumps(columns.custom, ensure_ascii=False))
        fixed = (number, record_id, uuid7(), json.dumps(changes, ensure_ascii=False))
        return (*fixed, *texts)

    async def _values(
        self, row: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[Detail]]:
        """Return the payload of a row; CSV texts are read by their fields' types."""
        values: dict[str, Any] = {}
        wrong: list[Detail] = []
        for name, raw in row.items():
            lookup = self._lookups.get(name)
            if lookup is not None:
                text = str(raw or "").strip()
                found = await self._resolved(lookup, text) if text else []
                if len(found) == 1:
                    values[lookup.field] = found[0]
                elif text:
                    many = f"Several {lookup.target.name} have this value."
                    none = f"There is no {lookup.target.name} with this value."
                    code = "ambiguous" if found else "not_found"
                    wrong.append(Detail(name, code, many if found else none))
                continue
            item = self._entity.fields.get(name)
            if item is not None and item.lines is not None and raw not in _NO_LINES:
                message = "Lines are not imported; leave this column out."
                wrong.append(Detail(name, "not_imported", message))
            elif not isinstance(raw, str) or self._options.format != "csv":
                values[name] = raw
            elif item is None:
                if name not in self._entity.system_columns:
                    values[name] = raw
            elif raw.strip() and item.writable:
                try:
                    values[name] = item.type.text_in(item.definition, raw)
                except InvalidValue as error:
                    wrong.append(Detail(name, error.code, error.message))
        return values, wrong

    def _note(self, number: int, detail: Detail, row: Mapping[str, Any]) -> None:
        """Note a finding with the value that does not fit, unless it is a secret."""
        item = self._entity.fields.get(detail.field)
        is_secret = item is not None and item.type.secret
        value = None if is_secret else row.get(detail.field)
        self._errors.add(number, detail, value)

    async def _hooked(self, record_id: UUID, values: dict[str, Any]) -> dict[str, Any]:
        if not self._before:
            return values
        change = Change(self._entity.name, "create", record_id, None, values)
        host = self._host()
        for hook in self._before:
            await hook(host, change)
        return record_values.of_hooks(self._entity, change.values, None)

    def _host(self) -> RecordHost:
        return RecordHost(
            self._imports._records,  # noqa: SLF001
            self._imports._reader,  # noqa: SLF001
            self._ctx,
            self._entity.service,
            InTransaction(self._connection),
            None,
        )

    async def _copy(self, lines: Sequence[tuple[Any, ...]]) -> None:
        if not lines or self._staging is None:
            return
        async with self._connection.cursor().copy(self._staging.copy()) as copy:
            for line in lines:
                await copy.write_row(line)

    async def check(self) -> int:
        """Check relations and unique keys over the whole file; returns rows skipped."""
        staging, skipped = self._staging, 0
        if staging is None:
            return 0
        for name in staging.names:
            key = self._entity.fields[name].target
            if key is None:
                continue
            target = await self._imports._reader.entity(  # noqa: SLF001
                self._ctx.tenant_id, key
            )
            if target is not None:
                await self._missing(name, target)
        known = {*staging.names}
        for names in unique_sets(self._entity):
            if not set(names) <= known:
                continue
            await self._refuse(staging.duplicates(names), names, "twice in this file")
            if self._options.skip_existing and names == self._options.key:
                skipped += await self._skip(staging.existing(names))
            else:
                await self._refuse(staging.existing(names), names, "taken already")
        if self._errors.failed_rows:
            await self._connection.execute(
                staging.drop_rows(), {"rows": list(self._errors.failed_rows)}
            )
        return skipped

    @property
    def _tenant(self) -> dict[str, Any]:
        return {"tenant": self._ctx.tenant_id}

    async def _missing(self, name: str, target: CompiledEntity) -> None:
        if self._staging is None:
            return
        if target.soft_delete:
            await self._connection.execute(
                self._staging.lock_targets(name, target), self._tenant
            )
        found = await self._connection.execute(
            self._staging.missing_targets(name, target), self._tenant
        )
        detail = Detail(name, "not_found", f"There is no such record in {target.name}.")
        for row in await found.fetchall():
            self._errors.add(row["row_number"], detail, row["value"])

    async def _refuse(self, query: Any, names: Sequence[str], why: str) -> None:
        found = await self._connection.execute(query, self._tenant)
        for row in await found.fetchall():
            detail = Detail(names[0], "unique", f"This value is {why}.")
            self._errors.add(row["row_number"], detail, row["value"])

    async def _skip(self, query: Any) -> int:
        found = await self._connection.execute(query, self._tenant)
        rows = [row["row_number"] for row in await found.fetchall()]
        if rows and self._staging is not None:
            await self._connection.execute(self._staging.drop_rows(), {"rows": rows})
        return len(rows)

    async def move(self) -> None:
        """Move the staged rows over, log them, run the hooks that follow."""
        staging, ctx = self._staging, self._ctx
        if staging is None:
            return
        sequences = []
        for number in sequences_of(ctx, self._entity, {}):
            first = await self._take(number.key, number.start)
            before, after, width = number.parts()
            sequences.append((number.field.name, before, after, width, first))
        values = {
            **self._tenant,
            "user": ctx.user_id,
            "name": ctx.email,
            "service": self._entity.service,
            "entity": self._entity.name,
            "version": self._entity.version,
            "request": ctx.request_id,
            "ip": ctx.ip,
        }
        await self._connection.execute(staging.insert(sequences), values)
        await self._connection.execute(staging.log(), values)
        if self._after:
            await self._run_after()

    async def _run_after(self) -> None:
        found = await self._connection.execute("SELECT id FROM pg_temp.rangka_import")
        host = self._host()
        for row in await found.fetchall():
            record = await host.get(self._entity.key, row["id"])
            change = Change(
                self._entity.name, "create", row["id"], None, dict(record or {})
            )
            for hook in self._after:
                await hook(host, change)

    async def _take(self, key: str, start: int) -> int:
        """Take numbers for all rows at once; returns the first."""
        found = await self._connection.execute(
            "INSERT INTO rangka.counters AS c (tenant_id, key, value) "
            "SELECT %(tenant)s, %(key)s, %(start)s - 1 + count(*) "
            "FROM pg_temp.rangka_import "
            "ON CONFLICT (tenant_id, key) DO UPDATE SET value = c.value + "
            "(SELECT count(*) FROM pg_temp.rangka_import) "
            "RETURNING value - (SELECT count(*) FROM pg_temp.rangka_import) + 1 AS n",
            {**self._tenant, "key": key, "start": start},
        )
        row = await found.fetchone()
        return int(row["n"]) if row else start


def _storable(text: str) -> str:
    """Return a text of the file as PostgreSQL can keep it: no NUL, no half characters.

    Names of columns stand in the findings too.
    """
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := file.read(256 * 1024):
        yield piece


def _options(query: str, content_type: str) -> _Options:
    values = dict(parse_qsl(query))
    unknown = sorted(set(values) - set(PARAMETERS))
    if unknown:
        raise BadRequest(
            f"An import has no parameter {unknown[0]}; there are: "
            f"{', '.join(PARAMETERS)}.",
            code="UNKNOWN_PARAMETER",
        )
    kind = values.get("format") or ("jsonl" if "json" in content_type else "csv")
    if kind not in {"csv", "jsonl"}:
        raise BadRequest("format is csv or jsonl.")
    return _Options(
        format=kind,
        dry_run=values.get("dry_run") == "true",
        skip_errors=values.get("on_error") == "skip",
        skip_existing=values.get("existing") == "skip",
        key=tuple(part for part in values.get("key", "").split(",") if part),
        force=values.get("force") == "true",
    )
