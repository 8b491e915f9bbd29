"""A condition evaluated over one record in Python.

Used for rules and for the states in which an action is offered. Answers as the SQL of
`engine/query` does over the record once it is stored, since operands and values go
through the same field types: a comparison with a missing value is false, `_neq` and
`_nin` are true for it. Where SQL refuses an operand of the wrong type, the comparison
counts as not met.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from ipaddress import ip_network
from typing import Any

from metadata.checks_conditions import SYSTEM_FIELDS
from metadata.compiled import CompiledField
from metadata.conditions import (
    And,
    Comparison,
    Condition,
    Not,
    Or,
    Quantified,
    Variable,
)
from metadata.fields import FIELD_TYPES
from metadata.fields.base import InvalidValue
from metadata.fields.computed import ComputedField

Variables = Callable[[Variable], Any]
Fields = Mapping[str, CompiledField]
Network = tuple[int, int, int]
"""IP version, first address, prefix length: sorts as inet does in PostgreSQL."""

NUMBERS = frozenset(
    {"integer", "money", "decimal", "percent", "duration", "rate", "bytes"}
)
LISTS = frozenset({"multi_choice", "tags"})
NETWORKS = frozenset({"ip", "cidr"})
TEXT_MATCHES = frozenset({"_contains", "_icontains", "_starts", "_ends"})
_NO_FIELDS: Fields = {}
_SYSTEM: Fields = {
    name: CompiledField(
        definition=definition,
        type=FIELD_TYPES[definition.type],
        column=name,
        custom=False,
        target=None,
        on_delete=None,
        lines=None,
        schema={},
    )
    for name, definition in SYSTEM_FIELDS.items()
}


class _Unfit(Exception):
    """A value cannot be compared with values of the field."""


def evaluate(
    condition: Condition,
    record: Mapping[str, Any],
    variables: Variables,
    fields: Fields = _NO_FIELDS,
) -> bool:
    """Return whether the record meets the condition.

    `record` holds API values by name; relations that a path walks must be expanded.
    `variables` gives the JSON value of a variable. `fields` says how the values are
    compared; a name it lacks is compared as JSON.
    """
    match condition:
        case Comparison(path, operator, value):
            field = _field(fields, path[0]) if len(path) == 1 else None
            filled = _fill(value, variables)
            return _compare(operator, _walk(record, path), filled, field)
        case And(parts):
            return all(evaluate(part, record, variables, fields) for part in parts)
        case Or(parts):
            return any(evaluate(part, record, variables, fields) for part in parts)
        case Not(part):
            return not evaluate(part, record, variables, fields)
        case Quantified(path, some, inner):
            owner = fields.get(path[0])
            lines = owner.lines if owner is not None else None
            below = lines.fields if lines is not None else _NO_FIELDS
            rows = _walk(record, path) or []
            met = any(evaluate(inner, row, variables, below) for row in rows)
            return met if some else not met
    raise TypeError(f"not a condition: {condition!r}")


def _field(fields: Fields, name: str) -> CompiledField | None:
    return fields.get(name) or _SYSTEM.get(name)


def _walk(record: Any, path: Sequence[str]) -> Any:
    for name in path:
        if not isinstance(record, Mapping):
            return None
        record = record.get(name)
    return record


def _fill(value: Any, variables: Variables) -> Any:
    if isinstance(value, Variable):
        filled = variables(value)
        return _NULL if filled is None else filled
    if isinstance(value, tuple):
        return tuple(_fill(item, variables) for item in value)
    return value


class _Null:
    """A variable without a value; unlike a written null it equals nothing."""


_NULL = _Null()
_STRANGE = object()


def _compare(
    operator: str, value: Any, operand: Any, field: CompiledField | None
) -> bool:
    if field is not None and not _answers(field, operator):
        return False
    own = _own(field, value)
    if operator == "_null":
        return (own is None) is operand
    if operand is None:
        return (own is None) is (operator == "_eq")
    try:
        if operator in {"_in", "_nin", "_between"}:
            # Every operand is read first: one unfit operand spoils the comparison.
            many = [_read(field, operator, item) for item in operand]
            return _met_many(operator, own, many)
        return _met(operator, own, _read(field, operator, operand), field)
    except _Unfit:
        return False


def _answers(field: CompiledField, operator: str) -> bool:
    if operator == "_null":
        return field.custom or field.column is not None
    return operator in field.type.operators


def _met_many(operator: str, own: Any, many: list[Any]) -> bool:
    if own is None:
        return operator == "_nin"
    if operator == "_between":
        low, high = many
        return _order(own, low, high)
    known = [item for item in many if item is not _NULL]
    found = any(_same(item, one) for item in known for one in _items(own))
    return found if operator == "_in" else not found and len(known) == len(many)


def _met(operator: str, own: Any, right: Any, field: CompiledField | None) -> bool:
    if own is None:
        return operator == "_neq" and right is not _NULL
    if right is _NULL:
        return operator == "_neq"
    if operator in TEXT_MATCHES:
        if isinstance(own, list):
            return operator == "_contains" and right in own
        if field is not None and field.type.name in NETWORKS:
            # As SQL reads it: a host lies in the network given, a network holds it.
            return _lies_in(
                *((own, right) if field.type.name == "ip" else (right, own))
            )
        return _match(operator, own, right)
    match operator:
        case "_eq" | "_neq":
            return _same(own, right) is (operator == "_eq")
        case "_lt":
            return _order(own, None, right) and not _same(own, right)
        case "_lte":
            return _order(own, None, right)
        case "_gt":
            return _order(own, right, None) and not _same(own, right)
    return _order(own, right, None)


def _items(own: Any) -> list[Any]:
    return own if isinstance(own, list) else [own]


def _own(field: CompiledField | None, value: Any) -> Any:
    """Return the record's side, ready to be compared; None where nothing is stored.

    A value that its field could not store differs from every operand.
    """
    if value is None or field is None:
        return _plain(value)
    try:
        # Normalised as it will be stored: a rule is asked before that happens.
        text = field.type.to_parameter(field.definition, value)
    except InvalidValue:
        try:
            return _read(field, "_eq", value)
        except _Unfit:
            return _STRANGE
    return None if text is None else _key(field, "_eq", text)


def _read(field: CompiledField | None, operator: str, value: Any) -> Any:
    """Return an operand as its field compares it; raises _Unfit.

    Without a field a number is exact and everything else is itself.
    """
    if value is _NULL:
        return value
    if field is None:
        return _plain(value)
    return _key(field, operator, _parameter(field, operator, value))


def _key(field: CompiledField, operator: str, text: str) -> Any:
    """Return PostgreSQL's text of a value as Python compares it in the same order."""
    definition, kind = field.definition, field.type.name
    if isinstance(definition, ComputedField):
        kind = str(definition.result["type"])
    if kind in NUMBERS:
        return Decimal(text)
    if kind == "datetime":
        return datetime.fromisoformat(text)
    if kind in NETWORKS:
        network = ip_network(text)
        return (network.version, int(network.network_address), network.prefixlen)
    if kind in LISTS and operator in {"_eq", "_neq"}:
        # An array's text escapes what JSON escapes, the same way.
        return json.loads(f"[{text[1:-1]}]", strict=False)
    return text


def _parameter(field: CompiledField, operator: str, value: Any) -> str:
    definition = field.definition
    try:
        text = field.type.operand_parameter(definition, operator, value)
    except InvalidValue as error:
        if not isinstance(value, str):
            raise _Unfit from error
        try:
            read = field.type.text_in(definition, value)
            text = field.type.operand_parameter(definition, operator, read)
        except InvalidValue as second:
            raise _Unfit from second
    if text is None:
        raise _Unfit
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    return value


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and bool(left == right)


def _order(value: Any, low: Any, high: Any) -> bool:
    """Return whether low <= value <= high; None on a side leaves it open."""
    for bound in (low, high):
        if bound is _NULL:
            return False
        if bound is not None and type(bound) is not type(value):
            raise _Unfit
    if not isinstance(value, Decimal | datetime | str | tuple):
        raise _Unfit
    above = low is None or low <= value
    return above and (high is None or value <= high)


def _lies_in(inner: Network, outer: Network) -> bool:
    """Return whether a host or network is the other network or a part of it."""
    (version, address, length), (family, network, prefix) = inner, outer
    host_bits = (32 if version == 4 else 128) - prefix
    return (
        version == family
        and length >= prefix
        and address >> host_bits == network >> host_bits
    )


def folded(text: str) -> str:
    """Return a text without case, each character by itself as PostgreSQL does it."""
    return "".join(character.lower()[0] for character in text)


def _match(operator: str, value: Any, part: Any) -> bool:
    if not isinstance(value, str) or not isinstance(part, str):
        raise _Unfit
    match operator:
        case "_contains":
            return part in value
        case "_icontains":
            return folded(part) in folded(value)
        case "_starts":
            return value.startswith(part)
    return value.endswith(part)
