"""The one condition language: its syntax tree and its parser.

List filters, row rules of permissions, action visibility, form rules and field rules
are all written in it (docs/query-language.md). This module owns the grammar and knows
neither entities nor SQL: `engine/query` compiles the tree to SQL,
`metadata/condition_python.py` evaluates it, `metadata/condition_schema.py` turns it
into JSON Schema, and the UI shell evaluates it in TypeScript. All of them are held to
the answers of `tests/vectors/conditions.json`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Any

COMPARISONS = frozenset(
    {
        "_eq",
        "_neq",
        "_lt",
        "_lte",
        "_gt",
        "_gte",
        "_in",
        "_nin",
        "_null",
        "_contains",
        "_icontains",
        "_starts",
        "_ends",
        "_between",
    }
)
QUANTIFIERS = frozenset({"_some", "_none"})
MAX_DEPTH = 12
MAX_COMPARISONS = 100
MAX_LIST = 1000

VARIABLE = re.compile(
    r"^\$(?:(?P<now>now|today)(?:\((?P<offset>[+-]\d{1,5}) "
    r"(?P<unit>second|minute|hour|day|week|month|year)s?\))?"
    r"|(?P<scope>user|tenant)\.(?P<attribute>[a-z_]{1,40}))$"
)


@dataclass(frozen=True, slots=True)
class Variable:
    """A value known only when the condition is evaluated.

    `name` is `now`, `today`, `user.<attribute>` or `tenant.<attribute>`; `offset` and
    `unit` shift the first two (`$now(-7 days)`).
    """

    name: str
    offset: int = 0
    unit: str = "day"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator value`; a path of more than one name walks relations."""

    path: tuple[str, ...]
    operator: str
    value: Json


@dataclass(frozen=True, slots=True)
class And:
    """True when every part is; an empty one is true."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """True when some part is; an empty one is false."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True exactly when the part is not true (null counts as not true)."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class Quantified:
    """Some (or no) record behind a to-many path meets the condition."""

    path: tuple[str, ...]
    some: bool
    condition: "Condition"


Condition = Comparison | And | Or | Not | Quantified

EVERYTHING = And(())


class ConditionError(Exception):
    """A condition cannot be read. `path` is a JSON Pointer into it."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path or '/'}: {message}")
        self.path = path
        self.message = message


def parse(raw: Json) -> Condition:
    """Return the tree of a condition as written in JSON.

    `{}` is always true; several keys of one object are joined by "and". Raises
    ConditionError on unknown operators, wrong shapes and conditions over the limits
    (12 levels, 100 comparisons, 1,000 values in a list).
    """
    budget = [MAX_COMPARISONS]
    return _parse_object(raw, (), "", 0, budget)


def _parse_object(
    raw: Json, path: tuple[str, ...], pointer: str, depth: int, budget: list[int]
) -> Condition:
    if not isinstance(raw, Mapping):
        raise ConditionError(
            pointer, 'a condition is an object, such as {"status": {"_eq": "active"}}'
        )
    if depth > MAX_DEPTH:
        raise ConditionError(pointer, f"nested deeper than {MAX_DEPTH} levels")
    parts = tuple(
        _parse_entry(key, value, path, f"{pointer}/{key}", depth, budget)
        for key, value in raw.items()
    )
    return parts[0] if len(parts) == 1 else And(parts)


def _parse_entry(
    key: str,
    value: Json,
    path: tuple[str, ...],
    pointer: str,
    depth: int,
    budget: list[int],
) -> Condition:
    if key in {"_and", "_or"}:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise ConditionError(pointer, f"{key} takes a list of conditions")
        parts = tuple(
            _parse_object(item, path, f"{pointer}/{index}", depth + 1, budget)
            for index, item in enumerate(value)
        )
        return And(parts) if key == "_and" else Or(parts)
    if key == "_not":
        return Not(_parse_object(value, path, pointer, depth + 1, budget))
    if key in QUANTIFIERS:
        if not path:
            raise ConditionError(pointer, f"{key} stands below the name of a field")
        inner = _parse_object(value, (), pointer, depth + 1, budget)
        return Quantified(path, key == "_some", inner)
    if key in COMPARISONS:
        return _parse_comparison(key, value, path, pointer, budget)
    if key.startswith("_"):
        known = ", ".join(sorted(COMPARISONS | QUANTIFIERS | {"_and", "_or", "_not"}))
        raise ConditionError(pointer, f"unknown operator {key}; there are: {known}")
    if not isinstance(value, Mapping):
        raise ConditionError(
            pointer,
            f'"{key}" takes an object with an operator, such as '
            f'{{"{key}": {{"_eq": …}}}}',
        )
    return _parse_object(value, (*path, key), pointer, depth + 1, budget)


def _parse_comparison(
    operator: str, value: Json, path: tuple[str, ...], pointer: str, budget: list[int]
) -> Comparison:
    if not path:
        raise ConditionError(pointer, f"{operator} stands below the name of a field")
    budget[0] -= 1
    if budget[0] < 0:
        raise ConditionError(pointer, f"more than {MAX_COMPARISONS} comparisons")
    if operator == "_null":
        if not isinstance(value, bool):
            raise ConditionError(pointer, "_null takes true or false")
        return Comparison(path, operator, value)
    if operator in {"_in", "_nin", "_between"}:
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise ConditionError(pointer, f"{operator} takes a list")
        if len(value) > MAX_LIST:
            raise ConditionError(pointer, f"{operator} takes at most {MAX_LIST} values")
        if operator == "_between" and len(value) != 2:
            raise ConditionError(pointer, "_between takes two values: [low, high]")
        operands = tuple(_parse_operand(item, pointer) for item in value)
        if any(item is None for item in operands):
            raise ConditionError(pointer, f"{operator} takes no null; use _null")
        return Comparison(path, operator, operands)
    if value is None and operator not in {"_eq", "_neq"}:
        raise ConditionError(pointer, f"{operator} takes no null; use _null")
    return Comparison(path, operator, _parse_operand(value, pointer))


def _parse_operand(value: Json, pointer: str) -> Json:
    if not isinstance(value, str) or not value.startswith("$"):
        return value
    if value.startswith("$$"):
        return value[1:]
    match = VARIABLE.match(value)
    if match is None:
        raise ConditionError(
            pointer,
            f"unknown variable {value}; there are $now, $today, $now(-7 days), "
            "$user.id, $tenant.id (write $$ for a text that starts with $)",
        )
    if match["scope"]:
        return Variable(f"{match['scope']}.{match['attribute']}")
    return Variable(match["now"], int(match["offset"] or 0), match["unit"] or "day")


def comparisons(
    condition: Condition, prefix: tuple[str, ...] = ()
) -> Iterator[Comparison]:
    """Yield every comparison with its full path, quantified ones included."""
    match condition:
        case Comparison(path, operator, value):
            yield Comparison((*prefix, *path), operator, value)
        case And(parts) | Or(parts):
            for part in parts:
                yield from comparisons(part, prefix)
        case Not(part):
            yield from comparisons(part, prefix)
        case Quantified(path, _, inner):
            yield from comparisons(inner, (*prefix, *path))
