"""The statements of a write: one CTE for the row, its log entry and its outbox id.

Owns the SQL text that changes an entity's tables, and nothing else: what may be
written is decided before (`record_values.py`, `records.py`), what is read back comes
from `engine/query`. Identifiers come from compiled definitions only; every value is
a bound parameter with an explicit cast. Each statement names the version of the
service it was made for, and fails when another one is published (docs/publishing.md).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.dialects import postgresql

from engine.driver import Call, Statement
from metadata.compiled import CompiledEntity, CompiledField

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_QUOTE = _DIALECT.identifier_preparer
_statement = lru_cache(maxsize=4096)(Statement)
_MAX_INSERTS = 100
_UNGUARDED: Mapping[str, str] = {}
_NUMBER = re.compile(r"\{n(?::0?(\d{1,2}))?\}")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """What one write leaves in the event log.

    Attributes:
        changes: `{field id: [old, new]}` in JSON values, secrets masked.
    """

    id: UUID
    tenant_id: UUID
    actor_id: UUID
    actor_name: str
    action: str
    changes: Mapping[str, Sequence[Any]]
    request_id: str
    ip: str | None


@dataclass(frozen=True, slots=True)
class SequenceNumber:
    """The next number of a sequence field, taken in the statement that uses it.

    Attributes:
        key: counter of the tenant: stable field id and period.
        pattern: text with one `{n}` or `{n:05}`; dates are already filled in.
    """

    field: CompiledField
    key: str
    pattern: str
    start: int

    def parts(self) -> tuple[str, str, int]:
        """Return the text before the number, the text after it, and its width."""
        match = _NUMBER.search(self.pattern)
        if match is None:
            raise ValueError(f"the pattern {self.pattern!r} has no {{n}}")
        before, after = self.pattern[: match.start()], self.pattern[match.end() :]
        return before, after, int(match[1] or 1)


@dataclass(frozen=True, slots=True)
class _Column:
    quoted: str
    sql_type: str


class Layout:
    """Quoted names and casts of an entity's table, worked out once a version."""

    def __init__(self, entity: CompiledEntity) -> None:
        self.entity = entity
        self.table = _QUOTE.format_table(entity.table)
        self.columns = {
            name: _Column(
                _QUOTE.quote(field.column or ""),
                field.type.sql_type(field.definition).compile(dialect=_DIALECT),
            )
            for name, field in entity.stored.items()
        }
        self.inserts: dict[tuple[object, ...], Statement] = {}


def layout(entity: CompiledEntity) -> Layout:
    """Return the entity's layout, kept with its compiled version."""
    known = entity.plans.get("layout")
    if known is None:
        known = entity.plans["layout"] = Layout(entity)
    return known


class _Text:
    """SQL under construction together with its parameters."""

    def __init__(self) -> None:
        self.parameters: list[bytes | None] = []

    def bind(self, value: Any, sql_type: str) -> str:
        """Return a placeholder with a cast; `value` is PostgreSQL text input."""
        if value is None:
            self.parameters.append(None)
        else:
            self.parameters.append(str(value).encode())
        return f"${len(self.parameters)}::{sql_type}"

    def call(self, text: str) -> Call:
        return _statement(text), self.parameters


def insert(
    entity: CompiledEntity,
    record_id: UUID,
    columns: Mapping[str, str | None],
    custom: Mapping[str, Any],
    sequences: Sequence[SequenceNumber],
    entry: LogEntry,
    guarded: Mapping[str, str] = _UNGUARDED,
) -> Call:
    """Return the statement that creates a record; answers one row `(id, version)`.

    `columns` holds PostgreSQL text input by field name. The text depends on the names
    alone and is kept with the entity's version. `guarded` gives the quoted table in
    which a relation must find a live record; when one does not, there is no row.
    """
    plan = layout(entity)
    with_custom = entity.has_custom and bool(custom)
    numbered = tuple(each.field.name for each in sequences)
    shape = (tuple(columns), with_custom, numbered, tuple(guarded.items()))
    statement = plan.inserts.get(shape)
    if statement is None:
        if len(plan.inserts) >= _MAX_INSERTS:
            plan.inserts.clear()
        statement = plan.inserts[shape] = _insert_statement(plan, *shape)
    parameters = [
        str(entry.tenant_id).encode(),
        str(record_id).encode(),
        *_log_parameters(entity, entry),
        *[None if text is None else text.encode() for text in columns.values()],
    ]
    if with_custom:
        parameters.append(msgspec.json.encode(custom))
    for sequence in sequences:
        head, tail, digits = sequence.parts()
        parameters += [
            each.encode()
            for each in (
                sequence.key,
                str(sequence.start),
                head,
                tail,
                str(digits),
                sequence.field.id,
            )
        ]
    parameters.append(str(entity.version).encode())
    return statement, parameters


def _insert_statement(
    plan: "Layout",
    columns: Sequence[str],
    with_custom: bool,
    sequences: Sequence[str],
    guarded: Sequence[tuple[str, str]],
) -> Statement:
    """Return the text whose parameters `insert` gives in the same order."""
    entity, number = plan.entity, count(_LOG_PARAMETERS + 3)
    names = ["tenant_id", "id", "created_by", "updated_by"]
    values = ["$1::uuid", "$2::uuid", "$3::uuid", "$3::uuid"]
    places = {}
    for name in columns:
        column = plan.columns[name]
        names.append(column.quoted)
        places[name] = f"${next(number)}::{column.sql_type}"
        values.append(places[name])
    if with_custom:
        names.append("custom")
        values.append(f"${next(number)}::jsonb")
    steps, changes, sources = [], "$9::jsonb", []
    if guarded:
        # No number is taken either when a relation finds nothing.
        found = (_is_live(table, "$1::uuid", places[name]) for name, table in guarded)
        steps.append(f"g AS (SELECT 1 WHERE {' AND '.join(found)})")
        sources.append("g")
    for index, name in enumerate(sequences):
        key, start, head, tail, digits, field_id = (next(number) for _ in range(6))
        start_at = f"${start}::bigint" + (" FROM g" if guarded else "")
        steps.append(_counter(index, f"${key}::text", start_at))
        sources.append(f"n{index}")
        names.append(plan.columns[name].quoted)
        values.append(_number(index, f"${head}::text", f"${tail}::text", f"${digits}"))
        pair = f"jsonb_build_array(NULL::text, r.{plan.columns[name].quoted})"
        changes = f"({changes} || jsonb_build_object(${field_id}::text, {pair}))"
    selected = f"SELECT {', '.join(values)}"
    if sources:
        selected += f" FROM {', '.join(sources)}"
    steps.append(
        f"r AS (INSERT INTO {plan.table} ({', '.join(names)}) {selected} RETURNING *)"
    )
    steps += _log_steps(entity, "$1::uuid", _INSERT_LOG, changes)
    service, version = f"{_INSERT_LOG[3]}::text", f"${next(number)}::integer"
    guard = same_version(service, version)
    text = f"WITH {', '.join(steps)} SELECT r.id, r.version FROM r WHERE {guard}"
    return Statement(text)


def update(
    entity: CompiledEntity,
    record_id: UUID,
    version: int,
    columns: Mapping[str, str | None],
    custom: Mapping[str, Any] | None,
    entry: LogEntry,
    guarded: Mapping[str, str] = _UNGUARDED,
) -> Call:
    """Return the statement that changes a record of exactly this version.

    Answers one row `(id, version)`, or none when somebody else was faster or a
    relation in `guarded` finds no live record, as in `insert`.
    """
    sql, plan = _Text(), layout(entity)
    tenant = sql.bind(entry.tenant_id, "uuid")
    changes, demands = _touched(sql, entry), []
    for name, text in columns.items():
        column = plan.columns[name]
        place = sql.bind(text, column.sql_type)
        changes.append(f"{column.quoted} = {place}")
        if name in guarded:
            demands.append(_is_live(guarded[name], tenant, place))
    if custom:
        document = sql.bind(msgspec.json.encode(custom).decode(), "jsonb")
        changes.append(f"custom = custom || {document}")
    return _change(sql, entity, record_id, version, changes, entry, tenant, demands)


def delete(
    entity: CompiledEntity,
    record_id: UUID,
    version: int,
    entry: LogEntry,
    users: Sequence[str] = (),
) -> Call:
    """Return the statement that deletes a record of exactly this version.

    Soft where the entity says so, and then unless one of `users` holds: SQL about the
    row `t`. Answers one row `(id, version)`, or none.
    """
    sql = _Text()
    tenant = sql.bind(entry.tenant_id, "uuid")
    if entity.soft_delete:
        changes = ["deleted_at = now()", *_touched(sql, entry)]
        unused = [f"NOT {user}" for user in users]
        return _change(sql, entity, record_id, version, changes, entry, tenant, unused)
    identity = _identity(sql, tenant, record_id, version)
    row = (
        f"DELETE FROM {layout(entity).table} AS t WHERE {identity} "
        "RETURNING t.id, t.version"
    )
    return _logged(sql, entity, row, entry, tenant)


def restore(
    entity: CompiledEntity, record_id: UUID, version: int, entry: LogEntry
) -> Call:
    """Return the statement that takes back a soft delete; answers like `update`."""
    sql = _Text()
    tenant = sql.bind(entry.tenant_id, "uuid")
    changes = ["deleted_at = NULL", *_touched(sql, entry)]
    return _change(
        sql, entity, record_id, version, changes, entry, tenant, deleted=True
    )


def put_lines(
    child: CompiledEntity,
    tenant_id: UUID,
    parent_id: UUID,
    rows: Sequence[Mapping[str, str | None]],
) -> Call:
    """Return the statement that writes the rows of a `lines` field.

    Each row holds `id` and PostgreSQL text input by field name; a row that exists is
    changed, a new one inserted, `position` follows the order. What a row lacks becomes
    null, but a secret, which nobody can send back, stays. Answers the ids written:
    fewer than given means that an id belongs to another record.
    """
    sql, plan = _Text(), layout(child)
    tenant = sql.bind(tenant_id, "uuid")
    parent = sql.bind(parent_id, "uuid")
    document = sql.bind(msgspec.json.encode(list(rows)).decode(), "jsonb")
    names, values, changes, before = [], [], [], ""
    for name, column in plan.columns.items():
        if not child.fields[name].type.writable:
            continue
        names.append(column.quoted)
        literal = name.replace("'", "''")
        value = f"(e.x ->> '{literal}')::{column.sql_type}"
        if child.fields[name].type.secret:
            kept = f"ELSE o.{column.quoted} END"
            value = f"CASE WHEN e.x ? '{literal}' THEN {value} {kept}"
            before = (
                f"LEFT JOIN {plan.table} AS o ON o.tenant_id = {tenant} "
                f"AND o.parent_id = {parent} AND o.id = (e.x ->> 'id')::uuid "
            )
        values.append(value)
        changes.append(f"{column.quoted} = excluded.{column.quoted}")
    into = ", ".join(["tenant_id", "id", "parent_id", "position", *names])
    what = ", ".join(
        [tenant, "(e.x ->> 'id')::uuid", parent, "(e.n - 1)::integer", *values]
    )
    conflict = ", ".join(["position = excluded.position", *changes])
    guard = same_version(
        sql.bind(child.service, "text"), sql.bind(child.version, "integer")
    )
    return sql.call(
        f"INSERT INTO {plan.table} AS t ({into}) SELECT {what} "
        f"FROM jsonb_array_elements({document}) WITH ORDINALITY AS e(x, n) {before}"
        f"WHERE {guard} ON CONFLICT (tenant_id, id) DO UPDATE SET {conflict} "
        "WHERE t.parent_id = excluded.parent_id RETURNING t.id"
    )


def drop_lines(
    child: CompiledEntity, tenant_id: UUID, parent_id: UUID, kept: Sequence[UUID]
) -> Call:
    """Return the statement that deletes the rows of a `lines` field not kept."""
    sql = _Text()
    tenant = sql.bind(tenant_id, "uuid")
    parent = sql.bind(parent_id, "uuid")
    ids = sql.bind("{" + ",".join(str(item) for item in kept) + "}", "uuid[]")
    guard = same_version(
        sql.bind(child.service, "text"), sql.bind(child.version, "integer")
    )
    return sql.call(
        f"DELETE FROM {layout(child).table} WHERE tenant_id = {tenant} "
        f"AND parent_id = {parent} AND id <> ALL ({ids}) AND {guard}"
    )


def append_log(
    service: str, entity: str, record_id: UUID | None, entry: LogEntry
) -> Call:
    """Return the statement that logs what has no row of its own: export, import."""
    sql = _Text()
    values = [
        sql.bind(entry.tenant_id, "uuid"),
        sql.bind(entry.id, "uuid"),
        sql.bind(entry.actor_id, "uuid"),
        sql.bind(entry.actor_name, "text"),
        sql.bind(service, "text"),
        sql.bind(entity, "text"),
        sql.bind(record_id, "uuid"),
        sql.bind(entry.action, "text"),
        sql.bind(msgspec.json.encode(entry.changes).decode(), "jsonb"),
        sql.bind(entry.request_id, "text"),
        sql.bind(entry.ip, "text"),
    ]
    return sql.call(
        "INSERT INTO rangka.log (tenant_id, id, actor_id, actor_name, service, entity, "
        f"record_id, action, changes, request_id, ip) VALUES ({', '.join(values)})"
    )


def _touched(sql: _Text, entry: LogEntry) -> list[str]:
    actor = sql.bind(entry.actor_id, "uuid")
    return ["version = t.version + 1", "updated_at = now()", f"updated_by = {actor}"]


def _identity(sql: _Text, tenant: str, record_id: UUID, version: int) -> str:
    record, number = sql.bind(record_id, "uuid"), sql.bind(version, "integer")
    return f"t.tenant_id = {tenant} AND t.id = {record} AND t.version = {number}"


def _change(
    sql: _Text,
    entity: CompiledEntity,
    record_id: UUID,
    version: int,
    changes: Sequence[str],
    entry: LogEntry,
    tenant: str,
    demands: Sequence[str] = (),
    *,
    deleted: bool = False,
) -> Call:
    where = _identity(sql, tenant, record_id, version)
    if entity.soft_delete:
        where += f" AND t.deleted_at IS {'NOT NULL' if deleted else 'NULL'}"
    where = " AND ".join([where, *demands])
    row = (
        f"UPDATE {layout(entity).table} AS t SET {', '.join(changes)} "
        f"WHERE {where} RETURNING t.id, t.version"
    )
    return _logged(sql, entity, row, entry, tenant)


def _logged(
    sql: _Text, entity: CompiledEntity, row: str, entry: LogEntry, tenant: str
) -> Call:
    """Return the statement that changes a row together with its log and outbox."""
    first = len(sql.parameters) + 1
    sql.parameters += _log_parameters(entity, entry)
    places = [f"${first + at}" for at in range(_LOG_PARAMETERS)]
    log = _log_steps(entity, tenant, places, f"{places[6]}::jsonb")
    version = sql.bind(entity.version, "integer")
    guard = same_version(f"{places[3]}::text", version)
    return sql.call(
        f"WITH {', '.join([f'r AS ({row})', *log])} "
        f"SELECT r.id, r.version FROM r WHERE {guard}"
    )


def _is_live(table: str, tenant: str, place: str) -> str:
    """Return a condition: the relation is empty, or finds a record not deleted.

    The lock waits for whoever is deleting the record, and then looks again.
    """
    return (
        f"({place} IS NULL OR EXISTS (SELECT 1 FROM {table} AS a WHERE "
        f"a.tenant_id = {tenant} AND a.id = {place} AND a.deleted_at IS NULL "
        "FOR KEY SHARE))"
    )


def same_version(service: str, version: str) -> str:
    """Return a condition that holds or fails the statement with SQLSTATE RG001.

    It reads no row of the entity, so PostgreSQL looks at it first and once; and that
    is after the table's lock was granted, so no publish comes in between. The function
    is called only to fail: a call costs 4 µs, the look 11 µs.
    """
    published = (
        f"SELECT s.published_version FROM rangka.services AS s WHERE s.name = {service}"
    )
    return (
        f"CASE ({published}) WHEN {version} THEN true "
        f"ELSE rangka.same_version(NULL, {version}) END"
    )


_LOG_PARAMETERS = 9
_INSERT_LOG = [f"${number}" for number in range(3, 3 + _LOG_PARAMETERS)]
"""Placeholders of the log in the statement of `insert`."""


def _log_parameters(entity: CompiledEntity, entry: LogEntry) -> list[bytes | None]:
    return [
        str(entry.actor_id).encode(),
        str(entry.id).encode(),
        entry.actor_name.encode(),
        entity.service.encode(),
        entity.name.encode(),
        entry.action.encode(),
        msgspec.json.encode(entry.changes),
        entry.request_id.encode(),
        None if entry.ip is None else entry.ip.encode(),
    ]


def _log_steps(
    entity: CompiledEntity, tenant: str, places: Sequence[str], changes: str
) -> list[str]:
    """Return the CTEs for log and outbox, over `_log_parameters` at these places."""
    actor, log_id, name, service, kind, action, _, request, ip = places
    values = [
        tenant,
        f"{log_id}::uuid",
        f"{actor}::uuid",
        f"{name}::text",
        f"{service}::text",
        f"{kind}::text",
        "r.id",
        f"{action}::text",
        "r.version",
        changes,
        f"{request}::text",
        f"{ip}::text",
    ]
    logged = (
        "l AS (INSERT INTO rangka.log (tenant_id, id, actor_id, actor_name, service, "
        "entity, record_id, action, record_version, changes, request_id, ip) "
        f"SELECT {', '.join(values)} FROM r)"
    )
    steps = [logged]
    if entity.events:
        steps.append(
            "o AS (INSERT INTO rangka.outbox (tenant_id, log_id) "
            f"SELECT {tenant}, {log_id}::uuid FROM r)"
        )
    return steps


def _counter(index: int, key: str, start: str) -> str:
    return (
        f"n{index} AS (INSERT INTO rangka.counters AS c (tenant_id, key, value) "
        f"SELECT $1::uuid, {key}, {start} ON CONFLICT (tenant_id, key) "
        "DO UPDATE SET value = c.value + 1 RETURNING c.value)"
    )


def _number(index: int, before: str, after: str, width: str) -> str:
    digits = f"n{index}.value::text"
    padded = f"lpad({digits}, greatest({width}::integer, length({digits})), '0')"
    return f"{before} || {padded} || {after}"
