"""Columns such as `plan.name`: a relation found by a field of its target.

What the user may not read cannot be looked for either: the answer would tell it.
"""

from dataclasses import dataclass

from engine.context import Grant, RequestContext
from engine.errors import BadRequest
from engine.policy import Policy
from engine.record_reads import RecordReader
from engine.record_session import Session
from metadata.compiled import CompiledEntity

MAX_REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Lookup:
    """One such column: the relation, its target, and the field that is compared."""

    field: str
    target: CompiledEntity
    key: str
    grant: Grant


class Lookups:
    """Finds the targets of one file's rows; the answers are remembered."""

    def __init__(
        self,
        policy: Policy,
        reader: RecordReader,
        ctx: RequestContext,
        entity: CompiledEntity,
    ) -> None:
        self._policy = policy
        self._reader = reader
        self._ctx = ctx
        self._entity = entity
        self._columns: dict[str, Lookup] = {}
        self._found: dict[tuple[str, str], list[str]] = {}

    def of(self, column: str) -> Lookup | None:
        """Return the look-up of a column that was added, None for an ordinary one."""
        return self._columns.get(column)

    async def add(self, column: str) -> None:
        """Add a column with a dot in its name; raises BadRequest."""
        name, _, key = column.partition(".")
        relation = self._entity.fields.get(name)
        target = grant = None
        if relation is not None and relation.target:
            target = await self._reader.entity(self._ctx.tenant_id, relation.target)
        if target is not None and key in target.stored:
            grant = await self._policy.authorize(self._ctx, target.resource, "read")
        if (
            relation is None
            or target is None
            or grant is None
            or not grant.reaches_field(key)
        ):
            raise BadRequest(
                f"The column {column} names no relation and field of its target."
            )
        self._columns[column] = Lookup(relation.name, target, key, grant)

    async def ids(self, lookup: Lookup, text: str, session: Session) -> list[str]:
        """Return the ids of the targets whose field has this text."""
        known = (f"{lookup.field}.{lookup.key}", text)
        if known not in self._found:
            if len(self._found) > MAX_REMEMBERED:
                self._found.clear()
            self._found[known] = await self._reader.ids_with(
                self._ctx, lookup.target, lookup.grant, lookup.key, text, session
            )
        return self._found[known]
