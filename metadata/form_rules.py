"""The rules of an entity as its form carries them; pure, called by `metadata/forms.py`.

A form says a rule to two readers. `rules` has it whole, with its message: the UI shell
evaluates it over the record as it will be and shows the message before anything is
sent. `schema.allOf` is for API clients, who have a JSON Schema validator but not the
condition language; it says what JSON Schema can say exactly, and the shell passes over
it. The server judges by neither: its own validators have no clauses, since a clause
would answer in place of the rule's message, and before the service's code had filled
anything in. So each reader has one place, and all are made from one rule here.

Left out is whatever could tell of a field the user does not see, and what only the
server can judge; leaving out is never wrong, because the server always asks its rules.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from metadata.compiled import CompiledEntity, CompiledField, CompiledRule
from metadata.condition_schema import to_schema
from metadata.conditions import (
    And,
    Comparison,
    Condition,
    Not,
    Or,
    Quantified,
    Variable,
    comparisons,
)
from metadata.definitions import Rule
from metadata.fields.choices import ChoiceField, values_of
from metadata.fields.computed import ComputedField
from metadata.fields.word_lists import MultiChoiceField
from metadata.labels import locale_map

_SANITISED = "rich_text"
"""Only the server's sanitiser knows what is left of it."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Which fields a user sees in the form, edits there, and has set by his role."""

    sees: Collection[str]
    edits: Collection[str]
    preset: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class CarriedRule:
    """A rule as far as its reader can keep it."""

    source: Rule
    compiled: CompiledRule
    required: tuple[str, ...]
    readonly: tuple[str, ...]


def carried_rules(entity: CompiledEntity, reader: Reader) -> list[CarriedRule]:
    """Return the rules whose every field the reader sees, and that he can keep.

    What a rule demands of fields he cannot edit is the server's to say: it alone knows
    what the role or the service's code fills in.
    """
    found: list[CarriedRule] = []
    pairs = zip(entity.definition.rules, entity.rules, strict=True)
    for source, rule in pairs:
        conditions = [rule.when] if rule.check is None else [rule.when, rule.check]
        demanded = {*rule.required, *rule.readonly}
        if not demanded <= {*reader.sees}:
            continue
        if not all(_is_known(item, entity, reader) for item in conditions):
            continue
        editable = {*reader.edits} - {*reader.preset}
        required = tuple(name for name in rule.required if name in editable)
        readonly = tuple(name for name in rule.readonly if name in editable)
        if required or readonly or rule.check is not None:
            found.append(CarriedRule(source, rule, required, readonly))
    return found


def for_shell(
    entity: CompiledEntity, rules: Iterable[CarriedRule]
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return rules as their author writes them, and how their fields are compared.

    The second maps each field named to its `type`, the `digits` of money, the
    `options` of choices and the `fields` of lines.
    """
    shown: list[dict[str, Any]] = []
    names: set[str] = set()
    for rule in rules:
        then: dict[str, Any] = {}
        if rule.required:
            then["required"] = list(rule.required)
        if rule.readonly:
            then["readonly"] = list(rule.readonly)
        if rule.source.then.check is not None:
            then["check"] = rule.source.then.check
        message = rule.compiled.message
        wording = None if message is None else dict(locale_map(message, ""))
        shown.append({"if": rule.source.if_, "then": then, "message": wording})
        names |= {*rule.required, *rule.readonly, *_names(rule.compiled.when)}
        if rule.compiled.check is not None:
            names |= _names(rule.compiled.check)
    compared = {n: _compared(f) for n, f in entity.fields.items() if n in names}
    return shown, compared


def for_clients(
    entity: CompiledEntity, rules: Iterable[CarriedRule]
) -> list[dict[str, Any]]:
    """Return clauses for `allOf` of a new record's schema.

    A record that the rules accept meets all of them; a default need not be sent.
    """
    clauses: list[dict[str, Any]] = []
    for rule in rules:
        condition = to_schema(rule.compiled.when, entity.fields)
        if not rule.required or condition is None:
            continue
        then: dict[str, Any] = {
            "properties": {name: {"not": {"enum": EMPTY}} for name in rule.required}
        }
        sent = [n for n in rule.required if entity.fields[n].definition.default is None]
        if sent:
            then["required"] = sent
        clauses.append({"if": condition, "then": then})
    return clauses


EMPTY: list[Any] = [None, "", []]
"""What a rule takes for no value, besides texts of blanks alone."""


def _is_known(condition: Condition, entity: CompiledEntity, reader: Reader) -> bool:
    """Return whether the reader's values decide a condition as the server does.

    Not where it names a field that is hidden, or filled in by the server; nor where it
    asks for the moment or the user, since a browser's clock may be wrong.
    """

    def is_known_field(name: str) -> bool:
        field = entity.fields.get(name)
        if field is None or name not in reader.sees or name in reader.preset:
            return False
        default = field.definition.default
        from_server = isinstance(default, str) and default.startswith("$")
        return field.writable and not from_server and field.type.name != _SANITISED

    return all(map(is_known_field, _names(condition))) and not any(
        _asks_server(comparison, entity) for comparison in comparisons(condition)
    )


def _asks_server(comparison: Comparison, entity: CompiledEntity) -> bool:
    """Return whether a comparison asks for the moment, the user, or sanitised lines."""
    value = comparison.value
    operands = value if isinstance(value, tuple) else (value,)
    if any(isinstance(operand, Variable) for operand in operands):
        return True
    lines = entity.fields[comparison.path[0]].lines
    child = lines.fields.get(comparison.path[-1]) if lines is not None else None
    return child is not None and child.type.name == _SANITISED


def _names(condition: Condition) -> set[str]:
    """Return the fields of the entity that a condition names, those of lines aside."""
    match condition:
        case Comparison(path) | Quantified(path):
            return {path[0]}
        case And(parts) | Or(parts):
            return {name for part in parts for name in _names(part)}
        case Not(part):
            return _names(part)
    raise TypeError(f"not a condition: {condition!r}")


def _compared(field: CompiledField) -> dict[str, Any]:
    """Return what the shell must know of a field to compare its values."""
    definition = field.definition
    kind = field.type.name
    if isinstance(definition, ComputedField):
        kind = str(definition.result["type"])
    found: dict[str, Any] = {"type": kind}
    digits = field.type.options(definition).get("digits")
    if digits is not None:
        found["digits"] = digits
    if isinstance(definition, ChoiceField | MultiChoiceField):
        found["options"] = values_of(definition.options)
    if field.lines is not None:
        children = field.lines.fields.items()
        found["fields"] = {name: _compared(child) for name, child in children}
    return found
