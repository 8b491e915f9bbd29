"""The expression language of computed fields: its grammar, its types and its SQL.

An expression is a literal (number, text, true, false, null), a field as
`{"field": "quantity"}`, or one operator: `{"_mul": [{"field": "quantity"}, 2]}`
(docs/field-types.md lists them). The SQL is immutable, so PostgreSQL can keep the
value in a generated column. `metadata/expression_python.py` gives the same answers in
Python. Knows neither entities nor requests; called by the field type `computed`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from metadata.fields.base import FieldDefinition, Json
from metadata.fields.operators import quoted

Kind = Literal["integer", "number", "text", "boolean", "date", "null"]

MAX_DEPTH = 12
MAX_NODES = 100
MAX_LITERAL = 10**15
DIVISION_DIGITS = 10
"""Digits after the point that a division keeps, the last one rounded half up."""

_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("integer", "money", "rate", "bytes", "duration"), "integer"),
    **dict.fromkeys(("decimal", "percent"), "number"),
    **dict.fromkeys(("text", "long_text", "email", "phone", "url", "choice"), "text"),
    "boolean": "boolean",
    "date": "date",
}
_NUMBERS = frozenset({"integer", "number", "null"})
_ORDERED = frozenset({"integer", "number", "date", "null"})
_TEXTS = frozenset({"text", "null"})
_WORDS = frozenset({"text", "integer", "null"})
_TRUTHS = frozenset({"boolean", "null"})
_ANY = frozenset({"integer", "number", "text", "boolean", "date", "null"})


@dataclass(frozen=True, slots=True)
class Operator:
    """What an operator takes, what it gives and its SQL.

    Attributes:
        takes: kinds of its operands; `alike` demands one kind for all of them.
        least, most: how many operands; None is any number.
        gives: the kind of its value; None where that is the kind of its operands.
        sql: from the operands' SQL, each in brackets.
    """

    takes: frozenset[str]
    least: int
    most: int | None
    gives: Kind | None
    sql: Callable[[Sequence[str]], str]
    alike: bool = False


def _joined(word: str) -> Callable[[Sequence[str]], str]:
    return lambda parts: f" {word} ".join(f"{part}::numeric" for part in parts)


def _divide(parts: Sequence[str]) -> str:
    # Twenty digits in the dividend make PostgreSQL keep at least as many.
    quotient = f"round({parts[0]}::numeric, 20) / nullif({parts[1]}::numeric, 0)"
    return f"round({quotient}, {DIVISION_DIGITS})"


def _compared(word: str) -> Callable[[Sequence[str]], str]:
    return lambda parts: f"coalesce({parts[0]} {word} {parts[1]}, false)"


def _logic(word: str) -> Callable[[Sequence[str]], str]:
    return lambda parts: f" {word} ".join(f"coalesce({p}, false)" for p in parts)


def _called(name: str) -> Callable[[Sequence[str]], str]:
    return lambda parts: f"{name}({', '.join(parts)})"


OPERATORS: Mapping[str, Operator] = {
    "_add": Operator(_NUMBERS, 2, None, None, _joined("+")),
    "_sub": Operator(_NUMBERS, 2, 2, None, _joined("-")),
    "_mul": Operator(_NUMBERS, 2, None, None, _joined("*")),
    "_div": Operator(_NUMBERS, 2, 2, "number", _divide),
    "_floor": Operator(_NUMBERS, 1, 1, "integer", lambda p: f"floor({p[0]}::numeric)"),
    "_ceil": Operator(_NUMBERS, 1, 1, "integer", lambda p: f"ceil({p[0]}::numeric)"),
    "_min": Operator(_ORDERED, 2, None, None, _called("least"), alike=True),
    "_max": Operator(_ORDERED, 2, None, None, _called("greatest"), alike=True),
    "_coalesce": Operator(_ANY, 2, None, None, _called("coalesce"), alike=True),
    "_concat": Operator(
        _WORDS,
        1,
        None,
        "text",
        lambda p: " || ".join(f"coalesce({part}::text, '')" for part in p),
    ),
    "_length": Operator(
        _TEXTS, 1, 1, "integer", lambda p: f"char_length({p[0]}::text)::numeric"
    ),
    # ASCII letters only, so that the answer does not hang on the server's locale.
    "_lower": Operator(
        _TEXTS, 1, 1, "text", lambda p: f'lower({p[0]}::text collate "C")'
    ),
    "_upper": Operator(
        _TEXTS, 1, 1, "text", lambda p: f'upper({p[0]}::text collate "C")'
    ),
    "_eq": Operator(_ANY, 2, 2, "boolean", _compared("="), alike=True),
    "_neq": Operator(
        _ANY,
        2,
        2,
        "boolean",
        lambda p: f"{p[0]} is distinct from {p[1]}",
        alike=True,
    ),
    "_lt": Operator(_ORDERED, 2, 2, "boolean", _compared("<"), alike=True),
    "_lte": Operator(_ORDERED, 2, 2, "boolean", _compared("<="), alike=True),
    "_gt": Operator(_ORDERED, 2, 2, "boolean", _compared(">"), alike=True),
    "_gte": Operator(_ORDERED, 2, 2, "boolean", _compared(">="), alike=True),
    "_and": Operator(_TRUTHS, 2, None, "boolean", _logic("and")),
    "_or": Operator(_TRUTHS, 2, None, "boolean", _logic("or")),
    "_not": Operator(
        _TRUTHS, 1, 1, "boolean", lambda p: f"not coalesce({p[0]}, false)"
    ),
}
SPECIAL = ("_round", "_if")


@dataclass(frozen=True, slots=True)
class Checked:
    """The findings on an expression, (JSON Pointer, message), and what it gives."""

    findings: tuple[tuple[str, str], ...]
    kind: Kind | None


def kind_of(field: FieldDefinition) -> Kind | None:
    """Return what a field gives to an expression; None: it cannot stand in one."""
    return _KINDS.get(field.type)


def check(expression: Json, fields: Mapping[str, FieldDefinition]) -> Checked:
    """Return what is wrong with an expression, and the kind of its value.

    `fields` are the stored fields of the entity by name. Every faulty part that does
    not lie inside another faulty part is found.
    """
    checker = _Checker(fields)
    kind = checker.kind(expression, "", 0)
    if checker.nodes > MAX_NODES:
        checker.findings.append(("", f"has more than {MAX_NODES} parts; simplify it"))
    return Checked(tuple(checker.findings), None if checker.findings else kind)


class _Checker:
    def __init__(self, fields: Mapping[str, FieldDefinition]) -> None:
        self.fields = fields
        self.findings: list[tuple[str, str]] = []
        self.nodes = 0

    def kind(self, part: Json, at: str, depth: int) -> Kind | None:
        """Return the kind of a part; None where a finding says why there is none."""
        self.nodes += 1
        if depth > MAX_DEPTH:
            return self._fault(at, f"is nested deeper than {MAX_DEPTH} levels")
        if not isinstance(part, dict):
            return self._literal(part, at)
        if len(part) != 1:
            return self._fault(at, 'needs one operator, such as {"_add": [1, 2]}')
        ((word, value),) = part.items()
        if word == "field":
            return self._field(value, at)
        if word == "_if":
            return self._if(value, f"{at}/_if", depth)
        if word == "_round":
            return self._round(value, f"{at}/_round", depth)
        if word not in OPERATORS:
            known = ", ".join(sorted([*OPERATORS, *SPECIAL]))
            return self._fault(at, f"{word} is no operator; there are: {known}")
        return self._operator(word, value, f"{at}/{word}", depth)

    def _fault(self, at: str, message: str) -> Kind | None:
        """Note a finding; the faulty part has no kind."""
        self.findings.append((at, message))
        return None

    def _literal(self, value: Json, at: str) -> Kind | None:
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "boolean"
        if isinstance(value, int | float):
            if not abs(value) < MAX_LITERAL:
                return self._fault(at, "is too large a number")
            return "integer" if float(value).is_integer() else "number"
        if isinstance(value, str):
            if "\x00" in value or len(value) > 1000:
                return self._fault(at, "is no text of at most 1000 characters")
            return "text"
        return self._fault(at, "is no number, text, field or operator")

    def _field(self, name: Json, at: str) -> Kind | None:
        field = self.fields.get(name) if isinstance(name, str) else None
        if field is None:
            known = ", ".join(n for n, f in self.fields.items() if kind_of(f))
            return self._fault(at, f"{name} is no field here; there are: {known}")
        kind = kind_of(field)
        if kind is None:
            return self._fault(
                at, f"{name} is a {field.type}; it cannot be computed with"
            )
        return kind

    def _if(self, value: Json, at: str, depth: int) -> Kind | None:
        if not isinstance(value, dict) or set(value) != {"if", "then", "else"}:
            return self._fault(at, 'takes {"if": …, "then": …, "else": …}')
        test = self.kind(value["if"], f"{at}/if", depth + 1)
        if test not in {None, *_TRUTHS}:
            self._fault(f"{at}/if", f"gives a {test}; compare it, such as _gt")
        branches = [
            self.kind(value[k], f"{at}/{k}", depth + 1) for k in ("then", "else")
        ]
        return self._alike(branches, at)

    def _round(self, value: Json, at: str, depth: int) -> Kind | None:
        places = value[1] if isinstance(value, list) and len(value) == 2 else None
        if isinstance(places, bool) or not isinstance(places, int):
            return self._fault(at, "takes [number, places]")
        if not 0 <= places <= DIVISION_DIGITS:
            return self._fault(at, f"rounds to 0 to {DIVISION_DIGITS} places")
        kind = self.kind(value[0], f"{at}/0", depth + 1)
        if kind not in {None, *_NUMBERS}:
            return self._fault(f"{at}/0", f"gives a {kind}, not a number")
        return "integer" if places == 0 else "number"

    def _operator(self, word: str, value: Json, at: str, depth: int) -> Kind | None:
        operator = OPERATORS[word]
        parts = operands(value)
        if len(parts) < operator.least or len(parts) > (operator.most or len(parts)):
            count = operator.least if operator.most else f"{operator.least} or more"
            return self._fault(at, f"takes {count} operands in a list")
        kinds = [self.kind(p, f"{at}/{i}", depth + 1) for i, p in enumerate(parts)]
        for index, kind in enumerate(kinds):
            if kind is not None and kind not in operator.takes:
                wanted = " or ".join(sorted(operator.takes - {"null"}))
                self._fault(f"{at}/{index}", f"gives a {kind}; {word} takes {wanted}")
        common = self._alike(kinds, at) if operator.alike else self._number(kinds)
        return operator.gives or common

    def _number(self, kinds: Sequence[Kind | None]) -> Kind | None:
        return "integer" if set(kinds) <= {"integer", "null"} else "number"

    def _alike(self, kinds: Sequence[Kind | None], at: str) -> Kind | None:
        found = {kind for kind in kinds if kind not in {None, "null"}}
        if found <= {"integer", "number"} and found:
            return self._number([k for k in kinds if k])
        if len(found) > 1:
            words = " and ".join(sorted(str(kind) for kind in found))
            return self._fault(at, f"mixes {words}; use one kind")
        return found.pop() if found else None if None in kinds else "null"


def operands(value: Json) -> list[Json]:
    """Return the operands of an operator: a list, or one alone."""
    return value if isinstance(value, list) else [value]


def to_sql(expression: Json, columns: Mapping[str, str]) -> str:
    """Return the immutable SQL of a checked expression.

    `columns` gives the quoted column of each field. A division by zero is null, as is
    arithmetic with null; a comparison with null is false.
    """
    if not isinstance(expression, dict):
        return _literal_sql(expression)
    ((word, value),) = expression.items()
    if word == "field":
        return columns[value]
    if word == "_if":
        test, then, other = (
            to_sql(value[key], columns) for key in ("if", "then", "else")
        )
        return f"(case when {test} then {then} else {other} end)"
    if word == "_round":
        return f"round(({to_sql(value[0], columns)})::numeric, {value[1]})"
    parts = [f"({to_sql(part, columns)})" for part in operands(value)]
    return f"({OPERATORS[word].sql(parts)})"


def _literal_sql(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"{quoted(value)}::text"
    return f"({number_of(value):f})::numeric"


def number_of(value: Json) -> Decimal:
    """Return a literal number exactly as written, without a fraction of zeros."""
    number = Decimal(str(value))
    return number.to_integral_value() if number == int(number) else number
