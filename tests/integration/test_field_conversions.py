"""A column changes its type in place: what is kept, what is named as lost."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from field_samples import SAMPLES, UUID_A
from sqlalchemy.dialects import postgresql

from engine.settings import Settings
from metadata.fields import FIELD_TYPES
from metadata.fields.base import FieldDefinition

TRICKY = [
    *("", " ", "0", "1", "-1", "+1", "1e5", "NaN", "Infinity", "1.50", "9" * 18),
    *("9" * 30, "2024-02-29", "2023-02-29", "0000-01-01", "2024-13-01", "24:00"),
    *("2024-02-29T10:00:00+07:00", "2023-02-29T10:00:00Z", "2024-01-01T10:00", "ya"),
    *("10.0.0.1", "010.0.0.1", "10.0.0.0/8", "10.0.0.1/8", "::", "1::2::3", "::1/128"),
    *("2001:db8::/32", "2001:db8::1/32", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7::", UUID_A),
    *("4a:8f:5a:12:34:56", "4a:8f-5a:12:34:56", "new", "ana@x.co", "#ffffff", "{}"),
]
STORED = [name for name, kind in FIELD_TYPES.items() if kind.stored]
PAIRS = [(old, new) for old in STORED for new in STORED]


@pytest.fixture(scope="module")
def connection(settings: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(
        settings.owner_database_url, options="-c TimeZone=Asia/Jakarta"
    ) as opened:
        yield opened
        opened.rollback()


def make(name: str, **options: Any) -> FieldDefinition:
    return FIELD_TYPES[name].definition.model_validate(
        {"id": "f1", "name": "value", "type": name, **options}
    )


def column_type(field: FieldDefinition) -> str:
    sql_type = FIELD_TYPES[field.type].sql_type(field)
    return str(sql_type.compile(dialect=postgresql.dialect()))


def convert(
    connection: psycopg.Connection,
    old: FieldDefinition,
    new: FieldDefinition,
    texts: list[str | None],
) -> tuple[list[Any], list[Any]] | None:
    """Return the values refused and the values kept, as text; None: impossible."""
    conversion = FIELD_TYPES[new.type].conversion(old, new)
    if conversion is None:
        return None
    tests = FIELD_TYPES[new.type].check(new, '"value"')
    with connection.transaction(force_rollback=True):
        run = connection.cursor().execute
        run(f'create temp table t ("value" {column_type(old)})')  # type: ignore[arg-type]
        connection.cursor().executemany(
            "insert into t values (%s)", [(t,) for t in texts]
        )
        refused = []
        if conversion.fails is not None:
            query = f"delete from t where {conversion.fails} returning value::text"
            refused = [row[0] for row in run(query)]  # type: ignore[arg-type]
        run(
            f'alter table t alter column "value" type {column_type(new)} '
            f"using ({conversion.using})"  # type: ignore[arg-type]
        )
        for test in tests:
            run(f"alter table t add check ({test})")  # type: ignore[arg-type]
        kept = [row[0] for row in run("select value::text from t")]
    return refused, kept


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_rows_that_do_not_fail_convert_and_pass_the_checks(
    connection: psycopg.Connection, old: str, new: str
) -> None:
    before, after = make(old, **SAMPLES[old].options), make(new, **SAMPLES[new].options)
    kind = FIELD_TYPES[old]
    texts = [kind.to_parameter(before, value) for value, _ in SAMPLES[old].good]
    if old == "text":
        before = make("text")
        texts = [*TRICKY, *(v for v, _ in SAMPLES["text"].good)]
    answer = convert(connection, before, after, [*texts, None])
    if answer is None:
        return
    refused, kept = answer
    assert len(refused) + len(kept) == len(texts) + 1
    assert None in kept


def test_nothing_is_lost_to_its_own_type(connection: psycopg.Connection) -> None:
    for name in STORED:
        field = make(name, **SAMPLES[name].options)
        texts = [
            FIELD_TYPES[name].to_parameter(field, value)
            for value, _ in SAMPLES[name].good
        ]
        answer = convert(connection, field, field, texts)
        assert answer is not None
        assert answer[0] == []


@pytest.mark.parametrize(
    ("old", "new", "refused", "kept"),
    [
        (("integer", {}), ("decimal", {}), [], {"7": "7.00"}),
        (("integer", {}), ("decimal", {"precision": 3}), ["10"], {"9": "9.00"}),
        (("decimal", {}), ("integer", {}), ["1.50"], {"2.00": "2"}),
        (("decimal", {"scale": 3}), ("decimal", {}), ["1.005"], {"1.010": "1.01"}),
        (("money", {"currency": "USD"}), ("decimal", {}), [], {"1234": "12.34"}),
        (("decimal", {}), ("money", {"currency": "USD"}), [], {"12.34": "1234"}),
        (("text", {}), ("money", {"currency": "USD"}), ["x"], {"12.34": "1234"}),
        (("text", {}), ("text", {"max_length": 3}), ["abcd"], {"abc": "abc"}),
        (("text", {}), ("integer", {"max": 5}), ["6", "x"], {" 5 ": "5"}),
        (("text", {}), ("boolean", {}), ["x"], {"Ya": "true", "0": "false"}),
        (("text", {}), ("date", {}), ["2023-02-29"], {"2024-02-29": "2024-02-29"}),
        (("text", {}), ("ip", {}), ["10.0.0.256", "1::2::3"], {"::1": "::1/128"}),
        (("text", {}), ("cidr", {}), ["10.0.0.1/8"], {"10.0.0.0/8": "10.0.0.0/8"}),
        (("text", {}), ("choice", {"options": ["a"]}), ["b"], {"a": "a"}),
        (
            ("choice", {"options": ["a", "b"]}),
            ("choice", {"options": ["a", "c"]}),
            ["b"],
            {"a": "a"},
        ),
        (("choice", {"options": ["a"]}), ("tags", {}), [], {"a": "{a}"}),
        (("tags", {}), ("text", {}), [], {"{a,b}": "a; b"}),
        (
            ("tags", {}),
            ("choice", {"options": ["a"]}),
            ["{a,b}", "{b}"],
            {"{a}": "a"},
        ),
        (("date", {}), ("datetime", {}), [], {"2024-01-01": "2024-01-01 07:00:00+07"}),
        (
            ("datetime", {}),
            ("date", {}),
            ["2024-01-01 07:00:01+07"],
            {"2024-01-01T00:00:00Z": "2024-01-01"},
        ),
        (
            ("datetime", {}),
            ("text", {}),
            [],
            {"2024-01-01T07:00:00+07:00": "2024-01-01T00:00:00.000000Z"},
        ),
        (("duration", {}), ("text", {}), [], {"90": "PT90S"}),
        (("boolean", {}), ("integer", {}), [], {"true": "1"}),
        (("integer", {}), ("boolean", {}), ["2"], {"1": "true"}),
        (("cidr", {}), ("ip", {}), ["10.0.0.0/8"], {"10.0.0.1/32": "10.0.0.1/32"}),
    ],
)
def test_values_are_kept_or_named(
    connection: psycopg.Connection,
    old: tuple[str, dict[str, Any]],
    new: tuple[str, dict[str, Any]],
    refused: list[str],
    kept: dict[str, str],
) -> None:
    before, after = make(old[0], **old[1]), make(new[0], **new[1])
    answer = convert(connection, before, after, [*refused, *kept])
    assert answer == (refused, list(kept.values()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("secret", "text"),
        ("text", "secret"),
        ("boolean", "date"),
        ("uuid", "integer"),
        ("lines", "json"),
        ("json", "integer"),
    ],
)
def test_what_has_no_meaning_is_impossible(old: str, new: str) -> None:
    before, after = make(old, **SAMPLES[old].options), make(new, **SAMPLES[new].options)
    assert FIELD_TYPES[new].conversion(before, after) is None


@pytest.mark.parametrize(
    ("old", "new", "rewrites"),
    [
        (("text", {}), ("text", {"max_length": 10}), False),
        (("text", {}), ("long_text", {}), False),
        (("integer", {}), ("money", {}), False),
        (("decimal", {}), ("decimal", {"precision": 30}), False),
        (("decimal", {}), ("decimal", {"scale": 4}), True),
        (("decimal", {}), ("decimal", {"precision": 9}), True),
        (("integer", {}), ("decimal", {}), True),
        (("text", {}), ("integer", {}), True),
    ],
)
def test_rewriting_is_told_as_postgresql_does_it(
    connection: psycopg.Connection,
    old: tuple[str, dict[str, Any]],
    new: tuple[str, dict[str, Any]],
    rewrites: bool,
) -> None:
    before, after = make(old[0], **old[1]), make(new[0], **new[1])
    conversion = FIELD_TYPES[after.type].conversion(before, after)
    assert conversion is not None
    with connection.transaction(force_rollback=True):
        run = connection.cursor().execute
        run(f'create temp table t ("value" {column_type(before)})')  # type: ignore[arg-type]
        node = "select pg_relation_filenode('pg_temp.t'::regclass)"
        first = run(node).fetchone()
        run(
            f'alter table t alter column "value" type {column_type(after)} '
            f"using ({conversion.using})"  # type: ignore[arg-type]
        )
        rewrote = run(node).fetchone() != first
    assert conversion.rewrites is rewrites is rewrote
