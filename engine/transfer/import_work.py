"""One import inside its transaction: rows → staging → checks of the whole file → move.

Each row passes the checks of a single write. Whatever a row did before it was refused
is taken back: hooks run behind a savepoint, and rows that only the whole file shows to
be wrong are left out of another pass (`Leftovers`).
"""

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any
from uuid import UUID

from uuid_utils.compat import uuid7

from engine import record_values
from engine.context import RequestContext
from engine.database import Transaction
from engine.errors import Detail, ValidationFailed
from engine.host import RecordHost
from engine.policy import Policy
from engine.record_columns import Columns, ColumnWriter, sequences_of
from engine.record_errors import unique_sets
from engine.record_reads import RecordReader
from engine.record_rules import Rights
from engine.record_session import InTransaction
from engine.records import Records
from engine.transfer import rows as files
from engine.transfer.import_options import ImportOptions
from engine.transfer.import_report import RowErrors
from engine.transfer.lookups import Lookups
from engine.transfer.staging import Staging
from metadata.compiled import CompiledEntity
from metadata.fields.base import InvalidValue
from registry.service import Change, Refused

PENDING_ROWS = 1000
_PIECE_BYTES = 256 * 1024
_NO_LINES: tuple[Any, ...] = (None, "", "[]", [])


class Leftovers(Exception):
    """Rows whose hooks ran were refused or skipped after all: begin without them.

    Attributes:
        rows: numbers of the rows to leave out of the next pass.
    """

    def __init__(self, rows: set[int]) -> None:
        super().__init__(f"{len(rows)} rows")
        self.rows = rows


@dataclass(frozen=True, slots=True)
class Tools:
    """What an import works with, one of each in the process."""

    policy: Policy
    reader: RecordReader
    records: Records
    columns: ColumnWriter


class ImportWork:
    """One pass over a file.

    `without` are rows that an earlier pass refused or skipped; they are counted again
    and nothing else.
    """

    def __init__(
        self,
        tools: Tools,
        ctx: RequestContext,
        entity: CompiledEntity,
        rights: Rights,
        options: ImportOptions,
        errors: RowErrors,
        connection: Transaction,
        without: Collection[int] = (),
    ) -> None:
        self._tools = tools
        self._ctx = ctx
        self._entity = entity
        self._rights = rights
        self._options = options
        self._errors = errors
        self._connection = connection
        self._session = InTransaction(connection)
        self._without = without
        self._staging: Staging | None = None
        self._lookups = Lookups(tools.policy, tools.reader, ctx, entity)
        code = tools.records.service_code(entity)
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
            if number in self._without:
                continue
            line = await self._line(number, row)
            if line is not None:
                pending.append(line)
            if len(pending) >= PENDING_ROWS:
                await self._copy(pending)
                pending = []
        await self._copy(pending)
        return total

    async def _prepare(self, row: Mapping[str, Any]) -> Staging:
        """Return the staging for the columns a file can bring."""
        for column in row:
            if column and "." in column:
                await self._lookups.add(column)
        names = [
            name
            for name, item in self._entity.stored.items()
            if item.type.name not in {"sequence", "computed"}
        ]
        return Staging(self._entity, names)

    async def _line(
        self, number: int, row: Mapping[str, Any]
    ) -> tuple[Any, ...] | None:
        staging = self._staging
        if staging is None or files.is_broken(row):
            detail = Detail("", "malformed", "This line cannot be read.")
            self._errors.add(number, detail, "".join(map(str, row.values())))
            return None
        given, wrong = await self._values(row)
        if wrong:
            for detail in [*wrong, *self._also_wrong(given, wrong)]:
                self._note(number, detail, row)
            return None
        record_id = uuid7()
        try:
            if self._before:
                async with self._connection.transaction():
                    columns = await self._checked(record_id, given)
            else:
                columns = await self._checked(record_id, given)
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

    async def _checked(self, record_id: UUID, given: dict[str, Any]) -> Columns:
        """Return the columns of a new record; raises ValidationFailed, Refused."""
        ctx, entity = self._ctx, self._entity
        values = record_values.for_create(ctx, entity, given, self._rights.write)
        values = await self._hooked(record_id, values)
        record_values.check_rules(
            ctx, entity, values, values, creating=True, rights=self._rights
        )
        return self._tools.columns.of(ctx, entity, record_id, values, creating=False)

    async def _values(
        self, row: Mapping[str, Any]
    ) -> tuple[dict[str, Any], list[Detail]]:
        """Return the payload of a row; CSV texts are read by their fields' types."""
        values: dict[str, Any] = {}
        wrong: list[Detail] = []
        for name, raw in row.items():
            lookup = self._lookups.of(name)
            if lookup is not None:
                text = str(raw or "").strip()
                found = (
                    await self._lookups.ids(lookup, text, self._session) if text else []
                )
                if len(found) == 1:
                    values[lookup.field] = found[0]
                elif found:
                    message = (
                        f"Several records of {lookup.target.name} have this value."
                    )
                    wrong.append(Detail(name, "ambiguous", message))
                elif text:
                    message = f"No record of {lookup.target.name} has this value."
                    wrong.append(Detail(name, "not_found", message))
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

    def _also_wrong(
        self, given: dict[str, Any], wrong: Sequence[Detail]
    ) -> list[Detail]:
        """Return what else does not fit a row of which some values cannot be read."""
        unread = {detail.field.partition(".")[0] for detail in wrong}
        try:
            record_values.for_create(self._ctx, self._entity, given, self._rights.write)
        except ValidationFailed as error:
            return [d for d in error.details if d.field not in unread]
        return []

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
            self._tools.records,
            self._tools.reader,
            self._ctx,
            self._entity.service,
            self._session,
            None,
        )

    async def _copy(self, lines: Sequence[tuple[Any, ...]]) -> None:
        if not lines or self._staging is None:
            return
        async with self._connection.cursor().copy(self._staging.copy()) as copy:
            for line in lines:
                await copy.write_row(line)

    async def check(self) -> set[int]:
        """Check relations and unique keys over the whole file; return what is skipped.

        Rows of records that exist are left out first, so that nothing else of them is
        found wrong. Raises Leftovers when hooks of rows that go ran already.
        """
        staging = self._staging
        if staging is None:
            return set()
        key = self._options.key
        skipped = await self._numbers(staging.existing(key)) if key else set()
        await self._drop(skipped)
        failed = {*self._errors.failed_rows}
        for name in staging.names:
            target = self._entity.fields[name].target
            found = (
                await self._tools.reader.entity(self._ctx.tenant_id, target)
                if target
                else None
            )
            if found is not None:
                await self._missing(name, found)
        for names in unique_sets(self._entity):
            if set(names) <= {*staging.names}:
                await self._refuse(
                    staging.duplicates(names), names, "twice in this file"
                )
                await self._refuse(staging.existing(names), names, "taken already")
        late = self._errors.failed_rows - failed
        await self._drop(late)
        if self._before and (skipped or late):
            raise Leftovers(skipped | late)
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

    async def _numbers(self, query: Any) -> set[int]:
        found = await self._connection.execute(query, self._tenant)
        return {row["row_number"] for row in await found.fetchall()}

    async def _drop(self, rows: Collection[int]) -> None:
        if rows and self._staging is not None:
            await self._connection.execute(
                self._staging.drop_rows(), {"rows": list(rows)}
            )

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


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece
