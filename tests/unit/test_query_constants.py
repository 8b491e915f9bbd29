"""Constants of rules: in the SQL where nothing can be escaped, else parameters."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from engine.context import RequestContext
from engine.query.binding import Binder

CTX = RequestContext(
    request_id="r",
    tenant_id=UUID(int=1),
    user_id=UUID(int=2),
    session_id=None,
    role_ids=frozenset(),
    is_super_admin=False,
    locale="en",
    time_zone="UTC",
    now=datetime(2026, 1, 1, tzinfo=UTC),
)
DIALECT = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def made(text: str | None, kind: Any) -> tuple[str, list[bytes | None]]:
    """Return the SQL of a constant and the parameters beside it."""
    binder = Binder()
    value = binder.constant(text, kind)
    sql = str(sa.select(value).compile(dialect=DIALECT))
    return sql, [source(CTX, ()) for source in binder.sources.values()]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0", sa.BigInteger()),
        ("-12.50", sa.Numeric()),
        ("", sa.Text()),
        ("in use", sa.Text()),
        ("2026-01-31 10:00:00+00:00", sa.DateTime(timezone=True)),
        ("0197a3c0-0000-7000-8000-000000000000", sa.Uuid()),
        ('{"a","b"}', postgresql.ARRAY(sa.Text())),
    ],
)
def test_a_plain_text_stands_in_the_sql(text: str, kind: Any) -> None:
    sql, parameters = made(text, kind)
    assert f"'{text}'" in sql
    assert parameters == []


@pytest.mark.parametrize(
    "text",
    [
        "'",
        "' OR true --",
        "\\",
        "\\'",
        "a\nb",
        "a\n",
        "%",
        "%(p0)s",
        "$1",
        "$user.id",
        "[POSTCOMPILE_p0]",
        "/* */",
        "a;b",
        "é",
        "\u2019",
        "x" * 201,
    ],
)
def test_a_text_that_could_mean_more_is_a_parameter(text: str) -> None:
    sql, parameters = made(text, sa.Text())
    assert parameters == [text.encode()]
    assert "$1" in sql
    assert f"'{text}'" not in sql


def test_null_is_a_parameter() -> None:
    assert made(None, sa.Text())[1] == [None]
