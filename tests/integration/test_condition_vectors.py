"""A condition has one answer: SQL of the query compiler and Python say the same."""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

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


def in_sql(connection: psycopg.Connection, raw: Any, record: Any) -> bool:
    """Return the answer of PostgreSQL over one row of the record's values."""
    directory = Alone()
    build = Build(directory)
    scope = Scope(build, ENTITY, directory.grant(ENTITY, "read"))
    values: list[Any] = []
    where = scope.where(lift(parse(raw), values))
    dialect = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]
    compiled = sa.select(sa.func.coalesce(where, False)).compile(dialect=dialect)
    given = {
        name: None if (raw_value := source(CTX, values)) is None else raw_value.decode()
        for name, source in build.binder.sources.items()
    }
    columns, texts = [], {}
    for field in ENTITY.stored.values():
        value = record.get(field.name)
        kind = field.type.sql_type(field.definition).compile(dialect=dialect)
        columns.append(f'%(v_{field.name})s::{kind} as "{field.column}"')
        texts[f"v_{field.name}"] = (
            None if value is None else field.type.to_parameter(field.definition, value)
        )
    select = str(compiled).rsplit("\nFROM ", 1)[0]
    row = connection.execute(
        f"{select} from (select {', '.join(columns)}) as {scope.table.name}",
        {**compiled.params, **given, **texts},
    ).fetchone()
    assert row is not None
    return bool(row[0])


@pytest.mark.parametrize("vector", FILE["vectors"], ids=IDS)
def test_sql_answers(connection: psycopg.Connection, vector: Any) -> None:
    record = FILE["records"][vector["record"]]
    if vector["is"] == "refused":
        with pytest.raises(BadRequest):
            in_sql(connection, vector["if"], record)
    else:
        assert in_sql(connection, vector["if"], record) is vector["is"]


@pytest.mark.parametrize("vector", FILE["vectors"], ids=IDS)
def test_python_answers(vector: Any) -> None:
    record = FILE["records"][vector["record"]]
    answer = evaluate(parse(vector["if"]), record, variables(CTX), ENTITY.fields)
    # What SQL refuses is not met where nobody can be told.
    assert answer is (vector["is"] is True)
