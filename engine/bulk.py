"""Many writes in one request: all of them, or each by itself.

Body: `{"atomic": true, "operations": [{"op": "create", "values": {…}}, {"op":
"update", "id": …, "values": {…}, "version": 3}, {"op": "delete", "id": …}]}`. Each
operation goes through the same steps and permissions as a single write.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from engine.api.envelope import details_of, encode
from engine.api.problems import client_error
from engine.context import RequestContext
from engine.database_errors import DatabaseError
from engine.errors import (
    BadRequest,
    Detail,
    RangkaError,
    ValidationFailed,
)
from engine.freshness import RUNS, Freshness
from engine.platform.steps import PlatformWriter
from engine.record_session import InTransaction, Session
from engine.records import Records
from metadata.compiled import CompiledEntity
from registry.service import Refused

MAX_OPERATIONS = 1000

Operation = Mapping[str, Any]


class Bulk:
    """Runs the operations of a bulk request."""

    def __init__(self, records: Records, freshness: Freshness) -> None:
        self._records = records
        self._freshness = freshness

    async def run(
        self,
        ctx: RequestContext,
        entity: CompiledEntity,
        document: Mapping[str, Any],
        session: InTransaction | None,
        writer: PlatformWriter | None = None,
    ) -> bytes:
        """Return JSON: one result an operation, in order.

        `writer` is who writes the entity; the records, unless it is the platform's.
        Atomic (the default): the first failure undoes everything and is raised with
        the operation's number in each detail. Otherwise failures stand in the
        results, and the others are kept; in a session, together with it.
        """
        operations, atomic = _read(document)
        work = _Work(ctx, entity, writer or self._records, self._freshness)
        if not atomic:
            return await work.each(operations, session)
        if session is not None:
            return await work.together(operations, session)
        async with self._records.transaction(ctx) as own:
            return await work.together(operations, own)


@dataclass(frozen=True, slots=True)
class _Work:
    """The operations of one request."""

    ctx: RequestContext
    entity: CompiledEntity
    writer: PlatformWriter
    freshness: Freshness

    async def each(
        self, operations: Sequence[Operation], session: InTransaction | None
    ) -> bytes:
        """Run each by itself; what failed stands in its place of the answer."""
        results: list[bytes] = []
        for operation in operations:
            try:
                results.append(await self._alone(operation, session))
            except (RangkaError, Refused) as error:
                results.append(_failure(error))
            except DatabaseError as error:
                # What came before is kept, so the answer must tell of it.
                if not results:
                    raise
                problem = client_error(error, self.ctx.request_id)
                results.append(_failure(problem))
        return b"[" + b",".join(results) + b"]"

    async def _alone(
        self, operation: Operation, session: InTransaction | None
    ) -> bytes:
        """Run one by itself, and again when a newer version was published meanwhile.

        Never the whole request: what came before it is kept already.
        """
        work, left = self, RUNS
        while True:
            left -= 1
            mark = self.freshness.mark
            try:
                async with session.part() if session else nullcontext():
                    return await work._one(operation, session)
            except (DatabaseError, RangkaError) as error:
                newer = await self.freshness.renewed(self.ctx, work.entity, error, mark)
                if newer is None or not left:
                    raise
                work = replace(work, entity=newer)

    async def together(
        self, operations: Sequence[Operation], session: Session
    ) -> bytes:
        """Run all in one session; the first failure is raised."""
        results = []
        for index, operation in enumerate(operations):
            try:
                results.append(await self._one(operation, session))
            except Refused as error:
                detail = Detail(error.field, error.code, error.message)
                raise _at(
                    index, ValidationFailed(error.message, details=[detail])
                ) from (error)
            except RangkaError as error:
                raise _at(index, error) from error
        return b"[" + b",".join(results) + b"]"

    async def _one(self, operation: Operation, session: Session | None) -> bytes:
        ctx, entity, writer = self.ctx, self.entity, self.writer
        kind = operation["op"]
        values = dict(operation.get("values", {}))
        if kind == "create":
            written = await writer.create(ctx, entity, values, session=session)
            return b'{"status":201,"data":' + written.body + b"}"
        record_id, version = UUID(operation["id"]), operation.get("version")
        if kind == "update":
            written = await writer.update(
                ctx,
                entity,
                record_id,
                values,
                expected_version=version,
                session=session,
            )
            return b'{"status":200,"data":' + written.body + b"}"
        await writer.delete(
            ctx, entity, record_id, expected_version=version, session=session
        )
        return b'{"status":204,"data":null}'


def _read(document: Mapping[str, Any]) -> tuple[list[Operation], bool]:
    operations = document.get("operations")
    atomic = document.get("atomic", True)
    unknown = sorted(set(document) - {"operations", "atomic"})
    if unknown or not isinstance(operations, list) or not isinstance(atomic, bool):
        raise BadRequest('A bulk body is {"atomic": true, "operations": [{…}, …]}.')
    if not 1 <= len(operations) <= MAX_OPERATIONS:
        raise BadRequest(f"Give 1 to {MAX_OPERATIONS} operations in one request.")
    details = [
        Detail(f"operations.{index}", "invalid", message)
        for index, operation in enumerate(operations)
        if (message := _wrong(operation))
    ]
    if details:
        raise ValidationFailed("Some operations cannot be read.", details=details)
    return operations, atomic


def _wrong(operation: Any) -> str | None:
    if not isinstance(operation, dict):
        return 'An operation is an object with "op".'
    kind = operation.get("op")
    if kind not in {"create", "update", "delete"}:
        return '"op" is create, update or delete.'
    if kind != "delete" and not isinstance(operation.get("values"), dict):
        return f'{kind} needs "values", an object.'
    if kind != "create" and not _is_uuid(operation.get("id")):
        return f'{kind} needs "id", the id of a record.'
    version = operation.get("version")
    if version is not None and (isinstance(version, bool) or type(version) is not int):
        return '"version" is the number you read.'
    return None


def _is_uuid(value: Any) -> bool:
    try:
        UUID(value)
    except (ValueError, TypeError, AttributeError):
        return False
    return True


def _at(index: int, error: RangkaError) -> RangkaError:
    """Return the error with the operation's number in the field of each detail."""
    place = f"operations.{index}"
    details = [
        Detail(f"{place}.{d.field}".rstrip("."), d.code, d.message, d.params)
        for d in error.details
    ] or [Detail(place, "failed", error.message)]
    return type(error)(
        f"Operation {index} failed, so none was kept: {error.message}",
        code=error.code,
        details=details,
        headers=error.headers,
    )


def _failure(error: RangkaError | Refused) -> bytes:
    if isinstance(error, Refused):
        detail = Detail(error.field, error.code, error.message)
        error = ValidationFailed(error.message, details=[detail])
    body = {
        "status": error.status,
        "error": {
            "code": error.code,
            "message": error.message,
            "details": details_of(error.details),
        },
    }
    return encode(body)
