"""Every registered field type keeps the contract of metadata/fields/base.py."""

import operator as compare
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jsonschema
import jsonschema_rs
import psycopg
import pytest
import sqlalchemy as sa
from field_samples import SAMPLES, UUID_A, Samples
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError

from engine.settings import Settings
from metadata.fields import FIELD_TYPES
from metadata.fields.base import FieldDefinition, FieldType, InvalidValue

STORED = [name for name, kind in FIELD_TYPES.items() if kind.stored]
# Formats that python's jsonschema only checks with packages of its own.
ORACLE_IS_LENIENT = {"datetime"}


@pytest.fixture(scope="module")
def connection(settings: Settings) -> Iterator[sa.Connection]:
    assert settings.owner_database_url is not None
    db = sa.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(
            settings.owner_database_url, options="-c TimeZone=UTC"
        ),
        poolclass=sa.NullPool,
    )
    with db.connect() as opened:
        yield opened
        opened.rollback()


@pytest.fixture(params=FIELD_TYPES)
def kind(request: pytest.FixtureRequest) -> FieldType[Any]:
    return FIELD_TYPES[request.param]


@pytest.fixture
def samples(kind: FieldType[Any]) -> Samples:
    return SAMPLES[kind.name]


@pytest.fixture
def field(kind: FieldType[Any], samples: Samples) -> FieldDefinition:
    return make(kind, **samples.options)


@pytest.fixture
def table(
    connection: sa.Connection, kind: FieldType[Any], field: FieldDefinition
) -> Iterator[sa.Table]:
    """A table with one column of the type, its checks and a row for each sample."""
    if not kind.stored:
        pytest.fail(f"{kind.name} has no column; do not ask for a table")
    made = sa.Table(
        f"of_{kind.name}",
        sa.MetaData(),
        sa.Column("id", sa.Integer),
        sa.Column("value", kind.sql_type(field)),
        *(
            sa.CheckConstraint(sa.text(test.replace(":", r"\:")))
            for test in kind.check(field, '"value"')
        ),
        prefixes=["TEMPORARY"],
    )
    with connection.begin_nested() as outer:
        made.create(connection)
        yield made
        outer.rollback()


def make(kind: FieldType[Any], **options: Any) -> FieldDefinition:
    return kind.definition.model_validate(
        {"id": "f1", "name": "value", "type": kind.name, **options}
    )


def insert(
    connection: sa.Connection, table: sa.Table, texts: Sequence[str | None]
) -> None:
    """Insert one row a text, the way a writer does: text input cast to the column."""
    for row, text in enumerate(texts):
        value = sa.cast(sa.literal(text, sa.Text()), table.c.value.type)
        connection.execute(sa.insert(table).values(id=row, value=value))


def fill(
    connection: sa.Connection,
    table: sa.Table,
    kind: FieldType[Any],
    field: FieldDefinition,
    samples: Samples,
) -> list[Any]:
    """Insert all good samples and a null; return the answers by row."""
    texts = [kind.to_parameter(field, value) for value, _ in samples.good]
    insert(connection, table, [*texts, None])
    return [*(answer for _, answer in samples.good), None]


def test_every_type_has_samples() -> None:
    assert set(SAMPLES) == set(FIELD_TYPES)


def test_type_describes_itself(kind: FieldType[Any]) -> None:
    assert kind.label
    assert kind.description
    assert kind.widget == kind.widget.lower().replace("_", "-")
    assert kind.renderer == kind.renderer.lower().replace("_", "-")
    assert kind.operators <= {
        *("_eq", "_neq", "_in", "_nin", "_null", "_lt", "_lte", "_gt", "_gte"),
        *("_between", "_contains", "_icontains", "_starts", "_ends"),
    }


def test_samples_have_no_findings(kind: FieldType[Any], field: FieldDefinition) -> None:
    assert list(kind.findings(field)) == []


def test_definition_survives_json(field: FieldDefinition) -> None:
    document = field.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    assert document["type"] == field.type
    assert type(field).model_validate(document) == field


def test_schema_accepts_good_values(
    kind: FieldType[Any], field: FieldDefinition, samples: Samples
) -> None:
    schema = kind.json_schema(field)
    server = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    oracle = oracle_of(schema)
    for value, _ in samples.good:
        assert server.is_valid(value), value
        assert oracle.is_valid(value), value


def test_schema_accepts_what_the_api_answers(
    kind: FieldType[Any], field: FieldDefinition, samples: Samples
) -> None:
    if kind.secret:
        return
    server = jsonschema_rs.Draft202012Validator(
        kind.json_schema(field), validate_formats=True
    )
    assert [a for _, a in samples.good if not server.is_valid(a)] == []


def test_schema_refuses_bad_values(
    kind: FieldType[Any], field: FieldDefinition, samples: Samples
) -> None:
    schema = kind.json_schema(field)
    server = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    assert samples.refused
    assert [v for v in samples.refused if server.is_valid(v)] == []
    if kind.name not in ORACLE_IS_LENIENT:
        oracle = oracle_of(schema)
        assert [v for v in samples.refused if oracle.is_valid(v)] == []


def oracle_of(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return jsonschema.Draft202012Validator(schema, format_checker=checker)


def test_parameter_refuses_unfit_values_with_a_code(
    kind: FieldType[Any], field: FieldDefinition, samples: Samples
) -> None:
    for value, code in samples.unfit:
        with pytest.raises(InvalidValue) as caught:
            kind.to_parameter(field, value)
        assert caught.value.code == code, value
        assert caught.value.message.endswith(".")


def test_parameter_of_an_answer_changes_nothing(
    kind: FieldType[Any], field: FieldDefinition, samples: Samples
) -> None:
    if kind.secret:
        return
    for value, answer in samples.good:
        assert kind.to_parameter(field, answer) == kind.to_parameter(field, value)


@pytest.mark.parametrize("kind", STORED, indirect=True)
def test_column_answers_the_canonical_value(
    connection: sa.Connection,
    table: sa.Table,
    kind: FieldType[Any],
    field: FieldDefinition,
    samples: Samples,
) -> None:
    expected = fill(connection, table, kind, field, samples)
    shown = sa.func.to_json(kind.to_json(field, table.c.value))
    rows = connection.execute(sa.select(shown).order_by(table.c.id))
    assert [row[0] for row in rows] == expected


def test_csv_text_comes_back_as_the_same_value(
    kind: FieldType[Any], field: FieldDefinition, samples: Samples
) -> None:
    for _, answer in samples.good:
        text = kind.text_out(field, answer)
        if samples.csv_loses:
            assert text == ""
        elif text:
            read = kind.text_in(field, text)
            same = kind.to_parameter(field, answer)
            assert kind.to_parameter(field, read) == same


def test_csv_reads_what_people_write(
    kind: FieldType[Any], field: FieldDefinition, samples: Samples
) -> None:
    for text, value in samples.csv:
        assert kind.text_in(field, text) == value


def test_csv_refuses_what_is_no_value(
    kind: FieldType[Any], field: FieldDefinition, samples: Samples
) -> None:
    for text in samples.bad_csv:
        with pytest.raises(InvalidValue):
            kind.text_in(field, text)


@pytest.mark.parametrize("kind", STORED, indirect=True)
def test_check_refuses_what_slips_past(
    connection: sa.Connection, table: sa.Table, kind: FieldType[Any], samples: Samples
) -> None:
    for text in samples.slips:
        with pytest.raises(IntegrityError), connection.begin_nested():
            insert(connection, table, [text])


@pytest.mark.parametrize(
    "kind", [n for n in STORED if FIELD_TYPES[n].sortable], indirect=True
)
def test_column_sorts_by_value(
    connection: sa.Connection,
    table: sa.Table,
    kind: FieldType[Any],
    field: FieldDefinition,
    samples: Samples,
) -> None:
    answers = fill(connection, table, kind, field, samples)
    rows = connection.execute(sa.select(table.c.id).order_by(table.c.value))
    keys = [samples.key(answers[row[0]]) for row in rows if answers[row[0]] is not None]
    assert keys == sorted(keys)


OPERATORS = [
    (name, operator)
    for name in STORED
    for operator in sorted(FIELD_TYPES[name].operators)
]


@pytest.mark.parametrize(("kind", "operator"), OPERATORS, indirect=["kind"])
def test_operator_finds_the_rows_python_finds(
    connection: sa.Connection,
    table: sa.Table,
    kind: FieldType[Any],
    field: FieldDefinition,
    samples: Samples,
    operator: str,
) -> None:
    answers = fill(connection, table, kind, field, samples)
    for operands in operands_of(kind, operator, samples):
        test = condition(kind, field, operator, table.c.value, operands)
        rows = connection.execute(sa.select(table.c.id).where(test))
        found = {row[0] for row in rows}
        expected = {
            row
            for row, answer in enumerate(answers)
            if reference(samples, kind, operator, answer, operands)
        }
        assert found == expected, operands


def operands_of(
    kind: FieldType[Any], operator: str, samples: Samples
) -> list[list[Any]]:
    values = [answer for _, answer in samples.good]
    match operator:
        case "_null":
            return [[]]
        case "_between":
            return [[low, high] for low in values for high in values]
        case "_in" | "_nin":
            lists = [[], values[:1], values]
            if kind.name in {"multi_choice", "tags"}:
                lists = [[], [values[0][0]], [w for v in values for w in v]]
            return [[words] for words in lists]
        case "_contains" | "_icontains" | "_starts" | "_ends":
            assert samples.search, "samples need operands to search for"
            return [[operand] for operand in samples.search]
        case _:
            null: list[list[Any]] = [[]] if operator in {"_eq", "_neq"} else []
            return [*null, *([value] for value in values)]


def condition(
    kind: FieldType[Any],
    field: FieldDefinition,
    operator: str,
    column: sa.ColumnElement[Any],
    operands: Sequence[Any],
) -> sa.ColumnElement[bool]:
    """Build the condition as the planner does: text input cast to the operand type."""
    wanted = kind.operand_type(field, operator)
    if operator in {"_in", "_nin"}:
        texts = [kind.operand_parameter(field, operator, v) for v in operands[0]]
        array = sa.cast(sa.literal(texts, ARRAY(sa.Text())), ARRAY(wanted))
        return kind.compare(field, operator, column, [array])
    binds = [
        sa.cast(
            sa.literal(kind.operand_parameter(field, operator, v), sa.Text()), wanted
        )
        for v in operands
    ]
    return kind.compare(field, operator, column, binds)


def reference(
    samples: Samples,
    kind: FieldType[Any],
    operator: str,
    value: Any,
    operands: Sequence[Any],
) -> bool:
    if operator == "_null" or (operator in {"_eq", "_neq"} and not operands):
        return (value is None) is (operator != "_neq")
    if value is None:
        return operator in {"_neq", "_nin"}
    if operator in {"_in", "_nin"}:
        words = value if kind.name in {"multi_choice", "tags"} else [value]
        return any(word in operands[0] for word in words) is (operator == "_in")
    operand = operands[0]
    if operator == "_contains" and samples.contains is not None:
        return samples.contains(value, operand)
    if operator in PARTS:
        return PARTS[operator](value, operand)
    key = samples.key
    if operator == "_between":
        return bool(key(operand) <= key(value) <= key(operands[1]))
    return bool(ORDERS[operator](key(value), key(operand)))


PARTS: dict[str, Callable[[Any, Any], bool]] = {
    "_contains": lambda value, part: part in value,
    "_icontains": lambda value, part: part.lower() in value.lower(),
    "_starts": lambda value, part: value.startswith(part),
    "_ends": lambda value, part: value.endswith(part),
}
ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "_eq": compare.eq,
    "_neq": compare.ne,
    "_lt": compare.lt,
    "_lte": compare.le,
    "_gt": compare.gt,
    "_gte": compare.ge,
}


@pytest.mark.parametrize("kind", STORED, indirect=True)
def test_no_value_is_not_refused_by_the_checks(
    connection: sa.Connection, table: sa.Table, kind: FieldType[Any]
) -> None:
    insert(connection, table, [None])
    assert connection.execute(sa.select(table.c.value)).all() == [(None,)]


def test_relation_names_its_target_in_the_schema() -> None:
    kind = FIELD_TYPES["relation"]
    schema = kind.json_schema(make(kind, to="plans.plans"))
    assert schema["x-rangka-ref"] == "plans.plans"
    assert jsonschema_rs.Draft202012Validator(schema).is_valid(UUID_A)
