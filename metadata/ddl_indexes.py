"""Indexes of a table: which there are, and the steps that make and drop them; pure.

A key that keeps values unique is built in the publish's own transaction, since the new
version promises it from its first moment. The others only make things fast: on a large
table they are built after the commit, without blocking writers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from metadata import identifiers
from metadata.compiled import CompiledEntity
from metadata.ddl_steps import (
    EXCLUSIVE,
    SHARE,
    SHARE_UPDATE,
    Step,
    columns_of,
    count_of,
    quote,
    schema_of,
    table_of,
    type_of,
)


@dataclass(frozen=True, slots=True)
class Index:
    """An index of a table.

    Attributes:
        body: everything after the table's name.
        summary: what it is for, in plain words.
        fields: names of the fields it stands on; none for the default order.
    """

    name: str
    entity: CompiledEntity
    body: str
    summary: str
    fields: tuple[str, ...]
    unique: bool = False

    def create(self, *, concurrently: bool = False) -> str:
        """Return the statement that builds it."""
        kind = "UNIQUE INDEX" if self.unique else "INDEX"
        how = " CONCURRENTLY" if concurrently else ""
        place = f"ON {table_of(self.entity)} {self.body}"
        return f"CREATE {kind}{how} {quote(self.name)} {place}"

    def drop(self, *, concurrently: bool = False) -> str:
        """Return the statement that removes it, built or not."""
        how = " CONCURRENTLY" if concurrently else ""
        return f"DROP INDEX{how} IF EXISTS {schema_of(self.entity)}.{quote(self.name)}"


def indexes_of(entity: CompiledEntity, *, trigrams: bool) -> list[Index]:
    """Return every key and index of a table besides its primary key."""
    if entity.parent is not None:
        name = identifiers.shorten(f"ix_{entity.definition.id}_parent")
        return [_index(entity, name, ("parent_id", "position"), ())]
    order = ("created_at DESC", "id DESC")
    name = identifiers.default_index_name(entity.definition)
    found = [_index(entity, name, order, ())]
    found.extend(unique_index(entity, names) for names in unique_sets(entity))
    found.extend(plain_index(entity, names) for names in plain_indexes(entity))
    if trigrams:
        found.extend(
            trigram_index(entity, name)
            for name in entity.search
            # Only text has trigrams; other searched fields are read through.
            if type_of(entity.fields[name]) == "TEXT"
        )
    return found


def unique_sets(entity: CompiledEntity) -> list[tuple[str, ...]]:
    """Return every set of fields that no two records of a tenant share."""
    single = [
        (name,)
        for name, field in entity.stored.items()
        if field.definition.unique or field.type.name == "sequence"
    ]
    return list(dict.fromkeys([*single, *entity.definition.unique]))


def plain_indexes(entity: CompiledEntity) -> list[tuple[str, ...]]:
    """Return the fields of every index that only makes things fast."""
    taken = set(unique_sets(entity))
    wanted = [
        (name,)
        for name, field in entity.stored.items()
        if field.definition.index or field.target is not None
    ]
    return [
        names
        for names in dict.fromkeys([*wanted, *entity.definition.indexes])
        if names not in taken
    ]


def unique_index(entity: CompiledEntity, names: Sequence[str]) -> Index:
    """Return a unique key; deleted records do not count."""
    live = " WHERE deleted_at IS NULL" if entity.soft_delete else ""
    return Index(
        identifiers.unique_name(entity.definition, names),
        entity,
        f"(tenant_id, {', '.join(columns_of(entity, names))}){live}",
        f"No two {entity.name} of a tenant share {', '.join(names)}",
        tuple(names),
        unique=True,
    )


def plain_index(entity: CompiledEntity, names: Sequence[str]) -> Index:
    """Return an index over fields."""
    name = identifiers.index_name(entity.definition, names)
    columns = tuple(dict.fromkeys([*columns_of(entity, names), "id"]))
    return _index(entity, name, columns, tuple(names))


def trigram_index(entity: CompiledEntity, name: str) -> Index:
    """Return the index behind the search box (pg_trgm)."""
    (column,) = columns_of(entity, (name,))
    return Index(
        identifiers.index_name(entity.definition, (name,), "tg"),
        entity,
        f"USING gin ({column} public.gin_trgm_ops)",
        f"Make searching {entity.name} by {name} fast",
        (name,),
    )


def _index(
    entity: CompiledEntity,
    name: str,
    columns: Sequence[str],
    fields: tuple[str, ...],
) -> Index:
    shown = ", ".join(fields) or ", ".join(columns)
    return Index(
        name,
        entity,
        f"(tenant_id, {', '.join(columns)})",
        f"Make finding {entity.name} by {shown} fast",
        fields,
    )


def add_index(index: Index, *, large: bool = False) -> Step:
    """Return the step that builds an index; after the commit on a large table."""
    if large and not index.unique:
        return Step(
            f"{index.summary}; built after the publish, while everybody works on",
            index.create(concurrently=True),
            lock=SHARE_UPDATE,
            inverse=index.drop(concurrently=True),
            rows_sql=count_of(table_of(index.entity)),
            follow_up=index.name,
        )
    return Step(
        index.summary,
        index.create(),
        lock=SHARE,
        inverse=index.drop(),
        rows_sql=count_of(table_of(index.entity)),
    )


def shared_values(index: Index, rows: str) -> str:
    """Return the query `(id, value)` for values that a unique key would refuse.

    `rows` is SQL in brackets, or a table, with the columns as the key reads them.
    """
    columns = columns_of(index.entity, index.fields)
    filled = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    live = " AND deleted_at IS NULL" if index.entity.soft_delete else ""
    listed = ", ".join(columns)
    return (
        f"SELECT min(id::text) AS id, concat_ws(', ', {listed}) AS value "
        f"FROM {rows} f WHERE {filled}{live} "
        f"GROUP BY tenant_id, {listed} HAVING count(*) > 1"
    )


def drop_index(index: Index) -> Step:
    """Return the step that removes an index."""
    return Step(
        f"Drop the index {index.name} of {index.entity.name}",
        index.drop(),
        lock=EXCLUSIVE,
        inverse=index.create(),
    )
