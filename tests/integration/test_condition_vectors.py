"""A condition has one answer: SQL of the query compiler and Python say the same."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from engine.context import Allowance, Grant, RequestContext
from engine.errors import BadRequest
from engine.query.binding import lift
from engine.query.scope import Build, Pointer, Scope
from engine.record_values import variables
from engine.settings import Settings
from metadata.compiled import CompiledEntity
from metadata.compiler import compile_service
from metadata.condition_python import evaluate
from metadata.conditions import parse
from metadata.definitions import Service

FILE = json.loads(
    (Path(__file__).parents[1] / "vectors" / "conditions.json").read_text()
)
ENTITY = compile_service(
    Service.model_validate(
        {
            "id": "vectors",
            "name": "vectors",
            "entities": [
                {
                    "id": "things",
                    "name": "things",
                    "title_field": "name",
                    "fields": FILE["fields"],
                }
            ],
        }
    ),
    1,
).entities["things"]
CTX = RequestContext(
    request_id="r",
    tenant_id=UUID(FILE["tenant"]["id"]),
    user_id=UUID(FILE["user"]["id"]),
    session_id=None,
    role_ids=frozenset(),
    is_super_admin=False,
    locale="en",
    time_zone="UTC",
    now=datetime.fromisoformat(FILE["now"]),
)
IDS = [
    f"{v['record']}-{json.dumps(v['if'], ensure_ascii=True)}" for v in FILE["vectors"]
]

DIALECT = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]


class Alone:
    """A directory of one entity whose every row may be read."""

    def entity(self, key: str) -> CompiledEntity | None:
        return ENTITY if key == ENTITY.key else None

    def inverses(self, key: str) -> Mapping[str, Pointer]:
        return {}

    def grant(self, entity: CompiledEntity, action: str) -> Grant:
        return Grant(entity.resource, action, allowed=True, allowances=(Allowance(),))


@pytest.fixture(scope="module")
def connection(settings: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(
        settings.owner_database_url, autocommit=True, options="-c TimeZone=UTC"
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
def stored(connection: psycopg.Connection) -> Mapping[str, UUID]:
    """Store every record of the file in tables as the compiler lays them out.

    Temporary tables hide any of the same name, and go with the connection. Returns the
    id under which each record is kept.
    """
    lines = {f.name: f.lines for f in ENTITY.fields.values() if f.lines is not None}
    for entity in (ENTITY, *lines.values()):
        kinds = _kinds(entity).items()
        columns = (f'"{name}" {kind}' for name, kind in kinds)
        connection.execute(
            f'create temporary table "{entity.table.name}" ({", ".join(columns)})'
        )
    ids: dict[str, UUID] = {}
    for name, record in FILE["records"].items():
        ids[name] = _insert(connection, ENTITY, record, {})
        for field, child in lines.items():
            for position, line in enumerate(record.get(field) or ()):
                place = {"parent_id": ids[name], "position": position}
                _insert(connection, child, line, place)
    return ids


def _kinds(entity: CompiledEntity) -> dict[str, str]:
    """Return the SQL type of each column of the entity's table."""
    return {c.name: c.type.compile(dialect=DIALECT) for c in entity.table.columns}


def _insert(
    connection: psycopg.Connection,
    entity: CompiledEntity,
    values: Mapping[str, Any],
    place: Mapping[str, Any],
) -> UUID:
    """Write values as the engine does, through each field type; return the new id."""
    row: dict[str, Any] = {"tenant_id": CTX.tenant_id, "id": uuid4(), **place}
    row |= {
        n: values[n] for n in ("created_at", "created_by", "version") if n in values
    }
    for field in entity.stored.values():
        value = values.get(field.name)
        row[str(field.column)] = (
            None if value is None else field.type.to_parameter(field.definition, value)
        )
    kinds = _kinds(entity)
    names = ", ".join(f'"{name}"' for name in row)
    marks = ", ".join(f"%({name})s::{kinds[name]}" for name in row)
    connection.execute(
        f'insert into "{entity.table.name}" ({names}) values ({marks})', row
    )
    return UUID(str(row["id"]))


def in_sql(
    connection: psycopg.Connection, raw: Any, record_id: UUID, *, of_request: bool
) -> bool:
    """Return the answer of PostgreSQL over a stored record.

    The condition is that of a request, its values apart, or that of a rule, its
    values in the SQL where they can be.
    """
    directory = Alone()
    build = Build(directory)
    scope = Scope(build, ENTITY, directory.grant(ENTITY, "read"))
    values: list[Any] = []
    condition = parse(raw)
    if of_request:
        condition = lift(condition, values)
    where = scope.where(condition, trusted=not of_request)
    given = {
        name: None if (raw_value := source(CTX, values)) is None else raw_value.decode()
        for name, source in build.binder.sources.items()
    }
    query = sa.select(sa.func.coalesce(where, False)).where(
        scope.table.c.id
        == sa.cast(sa.bindparam("record_id", type_=sa.Text()), sa.Uuid())
    )
    compiled = query.compile(
        dialect=DIALECT,
        schema_translate_map={ENTITY.table.schema: "pg_temp"},
        render_schema_translate=True,
    )
    row = connection.execute(
        str(compiled), {**compiled.params, **given, "record_id": str(record_id)}
    ).fetchone()
    assert row is not None
    return bool(row[0])


@pytest.mark.parametrize("of_request", [True, False], ids=["request", "rule"])
@pytest.mark.parametrize("vector", FILE["vectors"], ids=IDS)
def test_sql_answers(
    connection: psycopg.Connection,
    stored: Mapping[str, UUID],
    vector: Any,
    of_request: bool,
) -> None:
    record = stored[vector["record"]]
    if vector["is"] == "refused":
        with pytest.raises(BadRequest):
            in_sql(connection, vector["if"], record, of_request=of_request)
    else:
        found = in_sql(connection, vector["if"], record, of_request=of_request)
        assert found is vector["is"]


@pytest.mark.parametrize("vector", FILE["vectors"], ids=IDS)
def test_python_answers(vector: Any) -> None:
    record = FILE["records"][vector["record"]]
    answer = evaluate(parse(vector["if"]), record, variables(CTX), ENTITY.fields)
    # What SQL refuses is not met where nobody can be told.
    assert answer is (vector["is"] is True)
