"""An expression has one answer, in PostgreSQL and in Python."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engine.settings import Settings
from metadata.expression_python import evaluate, simplified
from metadata.expressions import check, to_sql
from metadata.fields import FIELD_TYPES
from metadata.fields.base import FieldDefinition
from metadata.fields.computed import ComputedField


def make(name: str, type_: str, **options: Any) -> FieldDefinition:
    return FIELD_TYPES[type_].definition.model_validate(
        {"id": name, "name": name, "type": type_, **options}
    )


FIELDS = {
    "quantity": make("quantity", "integer"),
    "price": make("price", "decimal"),
    "length": make("length", "duration"),
    "name": make("name", "text"),
    "paid": make("paid", "boolean"),
    "due": make("due", "date"),
}
COLUMNS = {name: f'"{name}"' for name in FIELDS}
RESULTS = {
    "integer": "integer",
    "number": "decimal",
    "text": "text",
    "boolean": "boolean",
    "date": "date",
    "null": "text",
}

VALUES = st.fixed_dictionaries(
    {
        "quantity": st.none() | st.integers(-(10**6), 10**6),
        "price": st.none()
        | st.decimals(-9999, 9999, places=2).map(lambda number: f"{number:f}"),
        "length": st.none() | st.integers(0, 10**6).map(lambda n: f"PT{n}S"),
        "name": st.none() | st.text("aZ é1%_'\\", min_size=1, max_size=6),
        "paid": st.none() | st.booleans(),
        "due": st.none() | st.dates().map(str),
    }
)


def field(name: str) -> st.SearchStrategy[Any]:
    return st.just({"field": name})


def unary(word: str, part: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return part.map(lambda p: {word: [p]})


def binary(words: list[str], part: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.sampled_from(words), part, part).map(lambda t: {t[0]: [*t[1:]]})


def conditional(part: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.tuples(st.deferred(lambda: TRUTHS), part, part).map(
        lambda t: {"_if": {"if": t[0], "then": t[1], "else": t[2]}}
    )


WHOLES = field("quantity") | field("length") | st.integers(-100, 100) | st.none()
DEFERRED_TEXTS: st.SearchStrategy[Any] = st.deferred(lambda: TEXTS)
NUMBERS = st.recursive(
    WHOLES | field("price") | st.decimals(-9, 9, places=2).map(float),
    lambda part: (
        binary(["_add", "_sub", "_mul", "_div", "_min", "_max", "_coalesce"], part)
        | st.tuples(part, st.integers(0, 4)).map(lambda t: {"_round": [*t]})
        | unary("_floor", part)
        | unary("_ceil", part)
        | conditional(part)
        | unary("_length", DEFERRED_TEXTS)
    ),
    max_leaves=5,
)
TEXTS = st.recursive(
    field("name") | st.text("aZé'1", max_size=4) | st.none(),
    lambda part: (
        binary(["_concat", "_coalesce"], part)
        | unary("_lower", part)
        | unary("_upper", part)
        | conditional(part)
        | st.tuples(part, WHOLES).map(lambda t: {"_concat": [*t]})
    ),
    max_leaves=4,
)
ORDERS = ["_eq", "_neq", "_lt", "_lte", "_gt", "_gte"]
TRUTHS: st.SearchStrategy[Any] = st.recursive(
    field("paid")
    | st.booleans()
    | binary(ORDERS, WHOLES | field("price"))
    | binary(["_eq", "_neq"], field("name") | st.text("aé", max_size=2))
    | binary(ORDERS, field("due")),
    lambda part: binary(["_and", "_or"], part) | unary("_not", part),
    max_leaves=3,
)
DATES = binary(["_min", "_max", "_coalesce"], field("due") | st.none())


@pytest.fixture(scope="module")
def connection(settings: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(
        settings.owner_database_url, options="-c TimeZone=UTC"
    ) as opened:
        yield opened
        opened.rollback()


def in_postgresql(
    connection: psycopg.Connection, expression: Any, values: dict[str, Any]
) -> Any:
    """Return the answer over columns of the fields' own types, as text."""
    columns = ", ".join(
        f'%s::{FIELD_TYPES[f.type].sql_type(f)} as "{name}"'
        for name, f in FIELDS.items()
    )
    texts = [
        None
        if values[name] is None
        else FIELD_TYPES[f.type].to_parameter(f, values[name])
        for name, f in FIELDS.items()
    ]
    # What a text column holds here is not trimmed, so that blanks are tested too.
    texts[3] = values["name"]
    sql = to_sql(expression, COLUMNS).replace("%", "%%")
    query = f"select ({sql})::text from (select {columns}) as record"
    row = connection.execute(query, texts).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row[0]


def same(answer: Any, text: str | None) -> bool:
    if answer is None or text is None:
        return answer is text
    if isinstance(answer, bool):
        return text == ("true" if answer else "false")
    return Decimal(text) == answer if isinstance(answer, Decimal) else text == answer


@hypothesis_settings(
    max_examples=600,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(expression=NUMBERS | TEXTS | TRUTHS | DATES, values=VALUES)
def test_python_and_postgresql_agree(
    connection: psycopg.Connection, expression: Any, values: dict[str, Any]
) -> None:
    assert check(expression, FIELDS).findings == ()
    answer = evaluate(expression, values, FIELDS)
    text = in_postgresql(connection, expression, values)
    assert same(answer, text), (answer, text, to_sql(expression, COLUMNS))
    assert same(evaluate(simplified(expression), values, FIELDS), text)


@pytest.mark.parametrize(
    ("expression", "values", "expected"),
    [
        ({"_mul": [{"field": "quantity"}, {"field": "price"}]}, {}, "25.00"),
        ({"_div": [1, 3]}, {}, "0.3333333333"),
        ({"_div": [2, 3]}, {}, "0.6666666667"),
        ({"_div": [{"field": "price"}, 0]}, {}, None),
        ({"_add": [1, None]}, {}, None),
        ({"_round": [2.5, 0]}, {}, "3"),
        ({"_round": [-2.5, 0]}, {}, "-3"),
        ({"_concat": ["A", {"field": "quantity"}, None]}, {}, "A2"),
        ({"_upper": "é1a"}, {}, "é1A"),
        ({"_min": [3, None, 2]}, {}, "2"),
        ({"_lt": [{"field": "price"}, None]}, {}, "false"),
        ({"_neq": [{"field": "price"}, None]}, {}, "true"),
        ({"_add": [{"field": "length"}, 1]}, {}, "91"),
        ({"_length": "it's"}, {}, "4"),
    ],
)
def test_answers(
    connection: psycopg.Connection, expression: Any, values: Any, expected: str | None
) -> None:
    record = {
        "quantity": 2,
        "price": "12.50",
        "length": "PT90S",
        "name": "x",
        "paid": None,
        "due": None,
        **values,
    }
    assert in_postgresql(connection, expression, record) == expected
    assert same(evaluate(expression, record, FIELDS), expected)


@hypothesis_settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(expression=NUMBERS | TEXTS | TRUTHS | DATES)
def test_postgresql_takes_it_as_a_generated_column(
    connection: psycopg.Connection, expression: Any
) -> None:
    kind = check(expression, FIELDS).kind
    assert kind is not None
    result = {"type": RESULTS[kind]}
    field = make("total", "computed", result=result, expression=expression)
    computed: Any = FIELD_TYPES["computed"]
    assert not computed.findings(field)
    assert not computed.findings_among(field, FIELDS)
    generated = computed.generated(field, COLUMNS)
    columns = ", ".join(
        f'"{name}" {FIELD_TYPES[f.type].sql_type(f)}' for name, f in FIELDS.items()
    )
    with connection.transaction(force_rollback=True):
        connection.execute(
            f"create temp table t ({columns}, total {computed.sql_type(field)} "
            f"generated always as ({generated}) stored)"  # type: ignore[arg-type]
        )
        connection.execute("insert into t default values")


@pytest.mark.parametrize(
    ("result", "expression"),
    [
        ({"type": "integer"}, {"_mul": [{"field": "quantity"}, 10**14]}),
        ({"type": "decimal", "precision": 4}, {"_mul": [{"field": "quantity"}, 50]}),
    ],
)
def test_a_result_too_large_is_null_and_saves(
    connection: psycopg.Connection, result: dict[str, Any], expression: Any
) -> None:
    field = make("total", "computed", result=result, expression=expression)
    assert isinstance(field, ComputedField)
    computed: Any = FIELD_TYPES["computed"]
    with connection.transaction(force_rollback=True):
        connection.execute(
            f"create temp table t (quantity bigint, total {computed.sql_type(field)} "
            f"generated always as ({computed.generated(field, COLUMNS)}) stored)"  # type: ignore[arg-type]
        )
        connection.execute("insert into t values (1), (900719)")
        rows = connection.execute("select total is null from t").fetchall()
    assert rows == [(False,), (True,)]
