"""The SQL of an import: a temporary staging table, set-based checks, one insert.

Everything runs in the transaction that the import is given; the staging table is
gone with it. Identifiers come from compiled definitions only.
"""

from collections.abc import Sequence

from psycopg import sql

from engine.record_sql import layout, same_version
from metadata.compiled import CompiledEntity

STAGING = "rangka_import"


class Staging:
    """Builds the statements for one entity and the fields that a file brings."""

    def __init__(self, entity: CompiledEntity, names: Sequence[str]) -> None:
        self._entity = entity
        self.names = tuple(names)
        self.with_custom = bool(entity.own)
        self._layout = layout(entity)
        self._table = sql.SQL(self._layout.table)

    @property
    def columns(self) -> list[str]:
        """Return the staging columns in the order of COPY."""
        fixed = ["row_number", "id", "log_id", "changes"]
        own = ["custom"] if self.with_custom else []
        return [*fixed, *(f"f_{i}" for i in range(len(self.names))), *own]

    def create(self) -> sql.Composed:
        """Return the statement that makes the staging table."""
        texts = sql.SQL(", ").join(
            sql.SQL("{} text").format(sql.Identifier(name)) for name in self.columns[4:]
        )
        return sql.SQL(
            "CREATE TEMPORARY TABLE {} (row_number integer PRIMARY KEY, id uuid, "
            "log_id uuid, changes jsonb, failed boolean NOT NULL DEFAULT false, {}) "
            "ON COMMIT DROP"
        ).format(sql.Identifier(STAGING), texts)

    def copy(self) -> sql.Composed:
        """Return the COPY that fills it."""
        columns = sql.SQL(", ").join(map(sql.Identifier, self.columns))
        return sql.SQL("COPY pg_temp.{} ({}) FROM STDIN").format(
            sql.Identifier(STAGING), columns
        )

    def column_of(self, name: str) -> sql.Identifier:
        """Return the staging column of a field."""
        return sql.Identifier(f"f_{self.names.index(name)}")

    def missing_targets(self, name: str, target: CompiledEntity) -> sql.Composed:
        """Return the query for rows whose relation points at nothing."""
        column = self.column_of(name)
        return sql.SQL(
            "SELECT s.row_number, s.{column} AS value FROM pg_temp.{staging} s "
            "WHERE s.{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {table} t "
            "WHERE {tenant}t.id::text = s.{column}{live}) "
            "ORDER BY 1"
        ).format(
            column=column,
            staging=sql.Identifier(STAGING),
            table=sql.SQL(layout(target).table),
            tenant=_of_tenant(target),
            live=_live(target),
        )

    def lock_targets(self, name: str, target: CompiledEntity) -> sql.Composed:
        """Return the statement that keeps the chosen records from a soft delete.

        It comes before `missing_targets`: what it had to wait for is seen by that.
        """
        column = self.column_of(name)
        return sql.SQL(
            "SELECT 1 FROM {table} t WHERE {tenant}t.id IN (SELECT s.{column}::uuid "
            "FROM pg_temp.{staging} s){live} ORDER BY t.id FOR KEY SHARE OF t"
        ).format(
            column=column,
            staging=sql.Identifier(STAGING),
            table=sql.SQL(layout(target).table),
            tenant=_of_tenant(target),
            live=_live(target),
        )

    def duplicates(self, names: Sequence[str]) -> sql.Composed:
        """Return the query for rows whose unique key stands twice in the file."""
        keys = [self.column_of(name) for name in names]
        return sql.SQL(
            "SELECT row_number, value FROM (SELECT row_number, {first} AS value, "
            "row_number() OVER (PARTITION BY {keys} ORDER BY row_number) AS n "
            "FROM pg_temp.{staging} WHERE {filled}) d WHERE n > 1 ORDER BY 1"
        ).format(
            first=keys[0],
            keys=sql.SQL(", ").join(keys),
            staging=sql.Identifier(STAGING),
            filled=_filled(keys),
        )

    def existing(self, names: Sequence[str]) -> sql.Composed:
        """Return the query for rows whose unique key a stored record has."""
        keys = [self.column_of(name) for name in names]
        columns = [self._layout.columns[name] for name in names]
        same = sql.SQL(" AND ").join(
            sql.SQL("t.{} = s.{}::{}").format(
                sql.SQL(column.quoted), key, sql.SQL(column.sql_type)
            )
            for column, key in zip(columns, keys, strict=True)
        )
        return sql.SQL(
            "SELECT s.row_number, s.{first} AS value FROM pg_temp.{staging} s "
            "WHERE {filled} AND EXISTS (SELECT 1 FROM {table} t WHERE "
            "t.tenant_id = %(tenant)s AND {same}{live}) ORDER BY 1"
        ).format(
            first=keys[0],
            staging=sql.Identifier(STAGING),
            filled=_filled(keys),
            table=self._table,
            same=same,
            live=_live(self._entity),
        )

    def drop_rows(self) -> sql.Composed:
        """Return the statement that takes failed or skipped rows out of staging."""
        return sql.SQL(
            "DELETE FROM pg_temp.{} WHERE row_number = ANY (%(rows)s)"
        ).format(sql.Identifier(STAGING))

    def insert(
        self, sequences: Sequence[tuple[str, str, str, int, int]]
    ) -> sql.Composed:
        """Return the statement that moves every staged row into the entity's table.

        `sequences` are (field, text before, text after, width, first number).
        """
        into = [sql.SQL(c) for c in ("tenant_id", "id", "created_by", "updated_by")]
        what: list[sql.Composable] = [
            sql.SQL("%(tenant)s"),
            sql.SQL("s.id"),
            sql.SQL("%(user)s"),
            sql.SQL("%(user)s"),
        ]
        for name in self.names:
            column = self._layout.columns[name]
            into.append(sql.SQL(column.quoted))
            what.append(
                sql.SQL("s.{}::{}").format(
                    self.column_of(name), sql.SQL(column.sql_type)
                )
            )
        if self.with_custom:
            into.append(sql.SQL("custom"))
            what.append(sql.SQL("s.custom::jsonb"))
        for name, before, after, width, first in sequences:
            into.append(sql.SQL(self._layout.columns[name].quoted))
            what.append(_numbered(before, after, width, first))
        return sql.SQL(
            "INSERT INTO {table} ({into}) SELECT {what} FROM (SELECT *, "
            "row_number() OVER (ORDER BY row_number) - 1 AS place "
            "FROM pg_temp.{staging}) s WHERE {guard}"
        ).format(
            guard=sql.SQL(same_version("%(service)s", "%(version)s")),
            table=self._table,
            into=sql.SQL(", ").join(into),
            what=sql.SQL(", ").join(what),
            staging=sql.Identifier(STAGING),
        )

    def log(self) -> sql.Composed:
        """Return the statement that logs every row, and queues it where events go."""
        logged = sql.SQL(
            "INSERT INTO rangka.log (tenant_id, id, actor_id, actor_name, service, "
            "entity, record_id, action, record_version, changes, request_id, ip) "
            "SELECT %(tenant)s, log_id, %(user)s, %(name)s, %(service)s, %(entity)s, "
            "id, 'import', 1, changes, %(request)s, %(ip)s FROM pg_temp.{}"
        ).format(sql.Identifier(STAGING))
        if not self._entity.events:
            return logged
        return sql.SQL(
            "WITH l AS ({} RETURNING id) INSERT INTO rangka.outbox (tenant_id, log_id) "
            "SELECT %(tenant)s, id FROM l"
        ).format(logged)


def _numbered(before: str, after: str, width: int, first: int) -> sql.Composed:
    digits = sql.SQL("({} + s.place)::text").format(sql.Literal(first))
    return sql.SQL(
        "{before}::text || lpad({digits}, greatest({width}, length({digits})), '0') "
        "|| {after}::text"
    ).format(
        before=sql.Literal(before),
        after=sql.Literal(after),
        width=sql.Literal(width),
        digits=digits,
    )


def _filled(keys: Sequence[sql.Identifier]) -> sql.Composed:
    return sql.SQL(" AND ").join(sql.SQL("{} IS NOT NULL").format(key) for key in keys)


def _of_tenant(entity: CompiledEntity) -> sql.SQL:
    owned = entity.tenant_column is not None
    return sql.SQL("t.tenant_id = %(tenant)s AND " if owned else "")


def _live(entity: CompiledEntity) -> sql.SQL:
    return sql.SQL(" AND t.deleted_at IS NULL" if entity.soft_delete else "")
