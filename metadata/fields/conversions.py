"""How stored values become values of another type.

Owns the SQL of every change of type that keeps data. Predicates never raise: texts
are tested by regular expressions before they are cast, since PostgreSQL 15 has no
`pg_input_is_valid`. Called by `FieldType.conversion`.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from metadata.fields.base import Conversion, FieldDefinition
from metadata.fields.conversion_patterns import FALSE_WORDS, NOT_A, TRUE_WORDS
from metadata.fields.numbers import MAX_INTEGER, MoneyField, currency_digits

Cast = tuple[str, str | None]
"""SQL of the new value, and the predicate true where it does not exist."""

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # not typed upstream
_UTC_TEXT = 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'


def convert(old: FieldDefinition, new: FieldDefinition) -> Conversion | None:
    """Return how a column of `old` becomes one of `new`; None: it cannot.

    Where both have the same column type the values stay and only have to pass the new
    checks. Money becomes a decimal in the main unit and back; durations become
    seconds; points in time are taken in UTC. Secrets neither come from nor become
    anything else.
    """
    from metadata.fields import FIELD_TYPES

    before, after = FIELD_TYPES[old.type], FIELD_TYPES[new.type]
    if not (before.stored and after.stored):
        return None
    if before.secret is not after.secret:
        return None
    column = f'"{old.name}"'
    source = before.sql_type(old).compile(_DIALECT)
    target = after.sql_type(new).compile(_DIALECT)
    cast: Cast | None = (column, None)
    if source != target:
        cast = _cast(old, new, column, _kind(source), _kind(target))
    if cast is None:
        return None
    using, fails = cast
    checks = " and ".join(f"({test})" for test in after.check(new, f"({using})"))
    if checks and source == target and checks == _checks(old, column):
        checks = ""
    return Conversion(
        using=using,
        fails=_either(fails, f"not ({checks})" if checks else None),
        rewrites=source != target and not _widens(before, old, after, new),
    )


def _checks(field: FieldDefinition, column: str) -> str:
    from metadata.fields import FIELD_TYPES

    tests = FIELD_TYPES[field.type].check(field, f"({column})")
    return " and ".join(f"({test})" for test in tests)


def _either(fails: str | None, breaks: str | None) -> str | None:
    """Join two predicates so that the second is evaluated only where the first is not.

    Null passes a check, so a null answer of either is no failure.
    """
    if fails is None or breaks is None:
        only = fails or breaks
        return f"coalesce({only}, false)" if only else None
    return f"case when {fails} then true else coalesce({breaks}, false) end"


def _kind(sql_type: str) -> str:
    """Return the name of an SQL type without its size."""
    return sql_type.partition("(")[0].lower()


def _widens(
    before: Any, old: FieldDefinition, after: Any, new: FieldDefinition
) -> bool:
    """Return whether numeric only gets more digits, which rewrites nothing."""
    source, target = before.sql_type(old), after.sql_type(new)
    return (
        isinstance(source, sa.Numeric)
        and isinstance(target, sa.Numeric)
        and source.scale == target.scale
        and (target.precision or 0) >= (source.precision or 0)
    )


def _cast(
    old: FieldDefinition, new: FieldDefinition, column: str, source: str, target: str
) -> Cast | None:
    if target == "text":
        return _to_text(old, new, column, source)
    if target == "jsonb":
        return None if new.type == "geo_point" else (f"to_jsonb({column})", None)
    if source == "text":
        return _from_text(new, column, target)
    if target == "numeric" and source == "numeric":
        # The bare column: PostgreSQL sees that more digits need no rewrite.
        return _to_numeric(new, column)
    if target == "numeric" and source == "bigint":
        return _to_numeric(new, _scaled(old, column, -1))
    if target == "bigint" and source == "numeric":
        return _to_bigint(_scaled(new, column, 1))
    rule = _RULES.get((source, target))
    return rule(column) if rule is not None else None


_RULES: dict[tuple[str, str], Callable[[str], Cast]] = {
    ("boolean", "bigint"): lambda c: (f"{c}::integer::bigint", None),
    ("bigint", "boolean"): lambda c: (f"({c} <> 0)", f"{c} not in (0, 1)"),
    ("date", "timestamp with time zone"): lambda c: (
        f"({c}::timestamp at time zone 'UTC')",
        None,
    ),
    ("timestamp with time zone", "date"): lambda c: (
        f"({c} at time zone 'UTC')::date",
        f"({c} at time zone 'UTC')::time <> '00:00'",
    ),
    ("cidr", "inet"): lambda c: (f"{c}::inet", None),
    ("inet", "cidr"): lambda c: (f"{c}::cidr", None),
}


def _scaled(field: FieldDefinition, column: str, direction: int) -> str:
    """Return the column in the main unit (-1) or the minor unit (1) of money."""
    digits = currency_digits(field.currency) if isinstance(field, MoneyField) else 0
    if not digits:
        return f"{column}::numeric"
    return f"({column}::numeric {'/' if direction < 0 else '*'} {10**digits})"


def _to_numeric(new: FieldDefinition, value: str) -> Cast:
    from metadata.fields import FIELD_TYPES

    sized: Any = FIELD_TYPES[new.type].sql_type(new)
    limit = 10 ** (sized.precision - sized.scale)
    return (
        f"{value}::numeric({sized.precision}, {sized.scale})",
        f"(abs({value}) >= {limit} or {value} <> round({value}, {sized.scale}))",
    )


def _to_bigint(value: str) -> Cast:
    return (
        f"{value}::bigint",
        f"(abs({value}) > {MAX_INTEGER} or {value} <> trunc({value}))",
    )


def _to_text(
    old: FieldDefinition, new: FieldDefinition, column: str, source: str
) -> Cast:
    if source == "text[]":
        if new.type == "choice":
            return f"{column}[1]", f"cardinality({column}) > 1"
        # An empty list is no text, as an empty text is none.
        return f"nullif(array_to_string({column}, '; '), '')", None
    if old.type == "duration":
        return f"('PT' || {column}::text || 'S')", None
    if source == "inet":
        return f"host({column})", None
    if source == "timestamp with time zone":
        return f"to_char({column} at time zone 'UTC', '{_UTC_TEXT}')", None
    return f"{column}::text", None


def _from_text(new: FieldDefinition, column: str, target: str) -> Cast | None:
    text = f"btrim({column})"
    if target == "text[]":
        return f"case when {column} is null then null else array[{column}] end", None
    if new.type == "duration":
        return None
    if target == "boolean":
        return (
            f"(lower({text}) in ({TRUE_WORDS}))",
            f"lower({text}) not in ({TRUE_WORDS}, {FALSE_WORDS})",
        )
    guard = NOT_A[target].format(text=text)
    if target == "numeric":
        using, fails = _to_numeric(new, f"{text}::numeric")
        return using, _either(guard, fails)
    if target == "bigint" and isinstance(new, MoneyField):
        using, fails = _to_bigint(_scaled(new, f"{text}::numeric", 1))
        return using, _either(NOT_A["numeric"].format(text=text), fails)
    return f"{text}::{target}", guard
