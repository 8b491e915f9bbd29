"""Relations between records that are deleted softly: what may be chosen, what may go.

A foreign key sees a record in the bin as one that is there. Here is what it does not
see: a write may choose live records only, and a record that live ones refer to with
`restrict` stays. Both hold against each other in a race: who chooses a record locks it
FOR KEY SHARE, who deletes it FOR UPDATE, which wait for one another. Used by the steps
of a write (`engine/records.py`); writes nothing itself.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from engine.driver import Call, Row, Statement
from engine.errors import Conflict, Detail, ValidationFailed
from engine.record_sql import layout
from metadata.compiled import CompiledEntity, CompiledField
from registry.catalog import Catalog

Run = Callable[[Sequence[Call]], Awaitable[Sequence[Sequence[Row]]]]
"""Runs statements where the write runs them; gives the rows of each."""

_statement = lru_cache(maxsize=1024)(Statement)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A record that a write chooses: where it stands in the payload, and which.

    Attributes:
        table: the quoted table of an entity that keeps its deleted records.
    """

    path: str
    table: str
    id: str


@dataclass(frozen=True, slots=True)
class User:
    """Records that refer to an entity's with `restrict`.

    Attributes:
        name: of their entity.
        exists: SQL that holds when a live one refers to the row `t`.
    """

    name: str
    exists: str


class References:
    """Knows which relations lead to and from entities that delete softly."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def guarded(self, entity: CompiledEntity, names: Collection[str]) -> dict[str, str]:
        """Return the table that each of these relations must find a live record in."""
        found = {}
        for name in entity.relations:
            table = self._table(entity.fields[name]) if name in names else None
            if table is not None:
                found[name] = table
        return found

    async def check(
        self,
        run: Run,
        tenant_id: UUID,
        entity: CompiledEntity,
        values: Mapping[str, Any],
        old: Mapping[str, Any] | None = None,
    ) -> None:
        """Lock the records that these values choose anew, those of lines too.

        `old` is the record before: what it chose may stay. Raises ValidationFailed
        (`not_found`) for each that is deleted or was never there.
        """
        await self._lock(run, tenant_id, self._chosen(entity, values, old or {}))

    async def check_restored(
        self,
        run: Run,
        tenant_id: UUID,
        entity: CompiledEntity,
        record: Mapping[str, Any],
    ) -> None:
        """Refuse to take a record back while one that it needs is deleted itself.

        Raises ValidationFailed (`not_found`) with each relation that restricts.
        """
        chosen = self._chosen(entity, record, {}, restrict=True)
        await self._lock(run, tenant_id, chosen)

    async def users(self, tenant_id: UUID, entity: CompiledEntity) -> Sequence[User]:
        """Return what keeps records of an entity that deletes softly from going.

        A record that is deleted for good is kept by its foreign keys.
        """
        if not entity.soft_delete:
            return ()
        found: list[User] = []
        for service in await self._catalog.services(tenant_id):
            if service.name != entity.service and entity.service not in (
                service.definition.requires
            ):
                continue
            for other in service.entities.values():
                found.extend(_users(entity, other))
        return found

    async def refuse_used(
        self,
        run: Run,
        tenant_id: UUID,
        entity: CompiledEntity,
        record_id: UUID,
        users: Sequence[User],
    ) -> None:
        """Raise Conflict (IN_USE) with what refers to the record, if anything does."""
        if not users:
            return
        table = layout(entity).table
        asked = ", ".join(user.exists for user in users)
        text = f"SELECT {asked} FROM {table} AS t WHERE t.tenant_id = $1 AND t.id = $2"
        (rows,) = await run([_call(text, tenant_id, record_id)])
        answers = rows[0] if rows else ()
        names = [u.name for u, yes in zip(users, answers, strict=False) if yes == b"t"]
        if names:
            raise Conflict(
                "Other records still use this one; change or delete them first.",
                code="IN_USE",
                details=[
                    Detail("", "in_use", f"Used by {name}.")
                    for name in dict.fromkeys(names)
                ],
            )

    def _table(self, item: CompiledField) -> str | None:
        target = self._catalog.target(item.target) if item.target else None
        if target is None or not target.soft_delete:
            return None
        return layout(target).table

    def _chosen(
        self,
        entity: CompiledEntity,
        values: Mapping[str, Any],
        old: Mapping[str, Any],
        *,
        restrict: bool = False,
        prefix: str = "",
    ) -> Iterator[Chosen]:
        for name, value in values.items():
            item = entity.fields.get(name)
            if item is None or not value or value == old.get(name):
                continue
            if item.lines is not None:
                before = {line["id"]: line for line in old.get(name) or ()}
                for index, line in enumerate(value):
                    yield from self._chosen(
                        item.lines,
                        line,
                        before.get(line.get("id"), {}),
                        restrict=restrict,
                        prefix=f"{prefix}{name}.{index}.",
                    )
            elif item.on_delete == "restrict" or not restrict:
                table = self._table(item)
                if table is not None:
                    yield Chosen(f"{prefix}{name}", table, str(value))

    async def _lock(self, run: Run, tenant_id: UUID, chosen: Iterator[Chosen]) -> None:
        tables: dict[str, list[Chosen]] = {}
        for each in chosen:
            tables.setdefault(each.table, []).append(each)
        calls = [
            _call(
                f"SELECT id FROM {table} WHERE tenant_id = $1 "
                "AND id = ANY ($2::uuid[]) AND deleted_at IS NULL "
                "ORDER BY id FOR KEY SHARE",
                tenant_id,
                "{" + ",".join(sorted({one.id for one in those})) + "}",
            )
            for table, those in tables.items()
        ]
        if not calls:
            return
        details: list[Detail] = []
        message = "There is no such record to choose."
        for those, rows in zip(tables.values(), await run(calls), strict=True):
            live = {UUID(row[0].decode()) for row in rows if row[0] is not None}
            details.extend(
                Detail(one.path, "not_found", message)
                for one in those
                if UUID(one.id) not in live
            )
        if details:
            count = "1 field does" if len(details) == 1 else f"{len(details)} fields do"
            raise ValidationFailed(f"{count} not fit.", details=details)


def lock(entity: CompiledEntity, tenant_id: UUID, record_id: UUID) -> Call:
    """Return the statement that makes everybody wait who would choose the record.

    It comes before the one that deletes: only a later statement sees what was chosen
    until the lock was granted (PG manual, 13.2.1 Read Committed).
    """
    return _call(
        f"SELECT 1 FROM {layout(entity).table} WHERE tenant_id = $1 AND id = $2 "
        "FOR UPDATE",
        tenant_id,
        record_id,
    )


def hold(entity: CompiledEntity, tenant_id: UUID, record_id: UUID) -> Call:
    """Return the statement that makes other writers of the record wait.

    Those who only choose it go on (PG manual, 13.3.2 Row-Level Locks).
    """
    return _call(
        f"SELECT 1 FROM {layout(entity).table} WHERE tenant_id = $1 AND id = $2 "
        "FOR NO KEY UPDATE",
        tenant_id,
        record_id,
    )


def _call(text: str, *values: object) -> Call:
    return _statement(text), [str(value).encode() for value in values]


def _users(entity: CompiledEntity, other: CompiledEntity) -> Iterator[User]:
    live = " AND {}.deleted_at IS NULL" if other.soft_delete else ""
    for item in other.fields.values():
        if item.lines is not None:
            owner = (
                f"EXISTS (SELECT 1 FROM {layout(other).table} AS o WHERE "
                "o.tenant_id = u.tenant_id AND o.id = u.parent_id"
                f"{live.format('o')})"
            )
            if other.key == entity.key:
                owner += " AND u.parent_id <> t.id"
            for inner in item.lines.fields.values():
                if inner.target == entity.key and inner.on_delete == "restrict":
                    yield User(other.name, _exists(item.lines, inner, f" AND {owner}"))
        elif item.target == entity.key and item.on_delete == "restrict":
            more = live.format("u")
            if other.key == entity.key:
                more += " AND u.id <> t.id"
            yield User(other.name, _exists(other, item, more))


def _exists(entity: CompiledEntity, item: CompiledField, more: str) -> str:
    plan = layout(entity)
    return (
        f"EXISTS (SELECT 1 FROM {plan.table} AS u WHERE u.tenant_id = t.tenant_id "
        f"AND u.{plan.columns[item.name].quoted} = t.id{more})"
    )
