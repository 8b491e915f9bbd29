"""Names in PostgreSQL: schemas, tables, columns, constraints, indexes.

Owns how a definition's name becomes an identifier of at most 63 bytes. A longer one
is cut and ends in a hash of the whole, so two long names never meet. Constraint and
index names come from stable ids where the thing can be renamed, so that a rename of
a field needs no rename of its keys.
"""

from collections.abc import Sequence
from hashlib import sha256

from metadata.definitions import Entity

MAX_BYTES = 63
_HASH_LENGTH = 8

SYSTEM_COLUMN_NAMES = frozenset(
    {
        "id",
        "tenant_id",
        "custom",
        "version",
        "created_at",
        "created_by",
        "updated_at",
        "updated_by",
        "deleted_at",
        "parent_id",
        "position",
        "xmin",
        "xmax",
        "cmin",
        "cmax",
        "ctid",
        "tableoid",
    }
)
"""Names no field may have: the engine's own columns and PostgreSQL's."""


def shorten(name: str) -> str:
    """Return the name, cut to 63 bytes with a hash at its end where it is longer."""
    raw = name.encode()
    if len(raw) <= MAX_BYTES:
        return name
    digest = sha256(raw).hexdigest()[:_HASH_LENGTH]
    head = raw[: MAX_BYTES - _HASH_LENGTH - 1].decode(errors="ignore")
    return f"{head}_{digest}"


def schema_name(service: str) -> str:
    """Return the schema of a service: `svc_` and its name, `-` written as `_`."""
    return shorten(f"svc_{service.replace('-', '_')}")


def table_name(entity: str) -> str:
    """Return the table of an entity."""
    return shorten(entity)


def lines_table_name(entity: str, field: str) -> str:
    """Return the table that holds the rows of a `lines` field."""
    return shorten(f"{entity}__{field}")


def column_name(field: str) -> str:
    """Return the column of a field."""
    return shorten(field)


def _key(kind: str, entity: Entity, parts: Sequence[str]) -> str:
    return shorten("_".join((kind, entity.id, *parts)))


def _ids(entity: Entity, names: Sequence[str]) -> list[str]:
    by_name = {field.name: field.id for field in entity.fields}
    # A column of the engine itself, such as created_at, never changes its name.
    return [by_name.get(name, name) for name in names]


def primary_key_name(entity: Entity) -> str:
    """Return the name of the primary key."""
    return _key("pk", entity, ())


def unique_name(entity: Entity, names: Sequence[str]) -> str:
    """Return the name of the unique key over these fields."""
    return _key("uq", entity, _ids(entity, names))


def index_name(entity: Entity, names: Sequence[str], kind: str = "ix") -> str:
    """Return the name of the index over these fields; `tg` for a trigram index."""
    return _key(kind, entity, _ids(entity, names))


def default_index_name(entity: Entity) -> str:
    """Return the name of the index behind the default order of lists."""
    return _key("ix", entity, ("created",))


def foreign_key_name(entity: Entity, field: str) -> str:
    """Return the name of the foreign key of a relation."""
    return _key("fk", entity, _ids(entity, (field,)))


def check_name(entity: Entity, field: str, number: int) -> str:
    """Return the name of the n-th check of a field."""
    return _key("ck", entity, (*_ids(entity, (field,)), str(number)))
