"""What a grant reaches: which records, and which of their fields, a write may touch.

Asks the reader; decides nothing of who has which grant. Called by `record_steps.py` and
`records.py`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from engine.context import Grant, RequestContext
from engine.errors import Forbidden
from engine.record_reads import RecordReader
from engine.record_session import Session
from metadata.compiled import CompiledEntity


@dataclass(frozen=True, slots=True)
class Write:
    """One write on its way through the steps."""

    ctx: RequestContext
    entity: CompiledEntity
    grant: Grant
    read: Grant
    action: str | None
    as_service: bool


class Reach:
    """The questions, each for one write."""

    def __init__(self, reader: RecordReader) -> None:
        self._reader = reader

    async def hidden(
        self, write: Write, record_id: UUID, payload: Mapping[str, Any], *, whole: bool
    ) -> frozenset[str]:
        """Return the fields of the record that the user cannot read.

        Asked only where it matters: a PUT sends all fields, and read-only ones may be
        sent back as they were read.
        """
        entity, read = write.entity, write.read
        if read.unrestricted:
            return frozenset()
        names = entity.fields if whole else payload.keys() & entity.fields.keys()
        sent_back = any(
            whole
            or entity.fields[name].definition.immutable
            or not entity.fields[name].writable
            for name in names
        )
        if not sent_back:
            return frozenset()
        shown = await self._reader.shown(write.ctx, entity, record_id, read)
        return frozenset(entity.fields) - (shown or frozenset())

    async def check_fields(
        self,
        write: Write,
        record_id: UUID,
        names: Collection[str],
        session: Session,
    ) -> None:
        """Refuse a change of fields that the grant reaches on other rows only."""
        grant = _for_fields(write.grant, names)
        if len(grant.allowances) == len(write.grant.allowances):
            return
        if not await self._reader.reaches(
            write.ctx, write.entity, record_id, grant, session
        ):
            raise Forbidden(
                f"Your role may not {write.grant.action} these fields of this record: "
                f"{', '.join(sorted(names))}."
            )

    async def check_result(
        self,
        write: Write,
        record_id: UUID,
        names: Collection[str],
        session: Session,
    ) -> None:
        """Refuse a write whose result the grant does not reach with these fields."""
        if write.as_service or write.grant.unrestricted:
            return
        grant = _for_fields(write.grant, names)
        if not await self._reader.reaches(
            write.ctx, write.entity, record_id, grant, session
        ):
            raise Forbidden(
                f"Your role may not {write.grant.action} a record with these values."
            )


def _for_fields(grant: Grant, fields: Collection[str]) -> Grant:
    """Return the grant narrowed to the allowances that name all these fields."""
    names = set(fields)
    allowances = tuple(
        allowance
        for allowance in grant.allowances
        if allowance.fields is None
        or names <= allowance.fields | set(allowance.presets)
    )
    return replace(
        grant,
        allowances=allowances,
        shape=f"{grant.shape}/{','.join(sorted(names))}",
        allowed=bool(allowances),
    )
