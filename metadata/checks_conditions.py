"""What is wrong with the conditions of a definition, relations followed.

Called by `checks.py`. Knows the fields of every published service, so a path such as
`plan.price` is judged to its end: the field, the operator, the operand.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from metadata.conditions import (
    And,
    Comparison,
    Condition,
    ConditionError,
    Not,
    Or,
    Quantified,
    Variable,
    comparisons,
    parse,
)
from metadata.definitions import Entity, Service
from metadata.fields import FIELD_TYPES
from metadata.fields.base import FieldDefinition, InvalidValue

Found = tuple[str, str, str, str]
"""Path below the condition, code, message, remedy."""

Fields = Mapping[str, FieldDefinition]
_MANUAL = "See docs/query-language.md."


def _system(name: str, kind: str) -> FieldDefinition:
    return FIELD_TYPES[kind].definition.model_validate(
        {"id": name, "name": name, "type": kind}
    )


SYSTEM_FIELDS: Fields = {
    "id": _system("id", "uuid"),
    "version": _system("version", "integer"),
    "created_at": _system("created_at", "datetime"),
    "created_by": _system("created_by", "uuid"),
    "updated_at": _system("updated_at", "datetime"),
    "updated_by": _system("updated_by", "uuid"),
}
"""The fields that every record has without being declared."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The service that is checked, and the other published ones by name."""

    service: Service
    others: Mapping[str, Service]

    def entity(self, key: str) -> Entity | None:
        """Return the entity `service.entity`, None when there is none."""
        owner, _, name = key.partition(".")
        own = owner == self.service.name
        service = self.service if own else self.others.get(owner)
        entities = service.entities if service is not None else ()
        return next((each for each in entities if each.name == name), None)

    def inverses(self, key: str) -> dict[str, Entity]:
        """Return who points at an entity, by the name that its relation gives."""
        found = {}
        for service in (self.service, *self.others.values()):
            for entity in service.entities:
                for field in entity.fields:
                    inverse = getattr(field, "inverse", None)
                    if inverse and getattr(field, "to", None) == key:
                        found[inverse] = entity
        return found


def condition_findings(
    raw: Mapping[str, Any], entity: Entity, around: Surroundings
) -> Iterator[Found]:
    """Yield everything that keeps a condition over an entity from working."""
    try:
        condition = parse(raw)
    except ConditionError as error:
        yield (error.path, "condition", error.message, _MANUAL)
        return
    key = f"{around.service.name}.{entity.name}"
    fields = {field.name: field for field in entity.fields}
    for comparison in comparisons(condition):
        yield from _walk(comparison, comparison.path, fields, key, around)


def own_condition_findings(
    raw: Mapping[str, Any], entity: Entity, around: Surroundings
) -> Iterator[Found]:
    """Yield what keeps a condition from working on one record as it is written.

    A rule and the state of an action are judged by the record alone, its lines
    included: other records are not at hand there.
    """
    yield from condition_findings(raw, entity, around)
    try:
        condition = parse(raw)
    except ConditionError:
        return
    fields = {field.name: field for field in entity.fields}
    inverses = around.inverses(f"{around.service.name}.{entity.name}")
    yield from _beyond(condition, fields, inverses)


def _beyond(
    condition: Condition, fields: Fields, inverses: Mapping[str, Entity]
) -> Iterator[Found]:
    """Yield the paths that leave the record; unknown names are found elsewhere."""
    match condition:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _beyond(part, fields, inverses)
        case Not(part):
            yield from _beyond(part, fields, inverses)
        case Comparison(path, _, _) if len(path) > 1:
            yield from _leaving(path, fields, inverses)
        case Quantified(path, _, inner):
            field = fields.get(path[0])
            lines = getattr(field, "fields", None)
            if len(path) == 1 and lines is not None:
                yield from _beyond(inner, {each.name: each for each in lines}, {})
            else:
                yield from _leaving(path, fields, inverses)


def _leaving(
    path: tuple[str, ...], fields: Fields, inverses: Mapping[str, Entity]
) -> Iterator[Found]:
    name, field = path[0], fields.get(path[0])
    if getattr(field, "fields", None) is not None:
        yield (
            "",
            "beyond_record",
            f"{name} are lines, so {'.'.join(path)} has no single value",
            f'Ask with _some or _none: {{"{name}": {{"_some": {{…}}}}}}.',
        )
    elif getattr(field, "to", None) is not None or (field is None and name in inverses):
        yield (
            "",
            "beyond_record",
            f"{'.'.join(path)} lies in another record, which is not looked at here",
            "Copy what decides into a field, or check it in code (docs/extending.md).",
        )


def _walk(
    comparison: Comparison,
    path: tuple[str, ...],
    fields: Fields,
    key: str,
    around: Surroundings,
) -> Iterator[Found]:
    name, *rest = path
    field = fields.get(name) or SYSTEM_FIELDS.get(name)
    if field is None:
        pointing = around.inverses(key).get(name) if key else None
        if pointing is None:
            yield _unknown(name, fields)
        elif rest:
            owned = {each.name: each for each in pointing.fields}
            yield from _walk(comparison, tuple(rest), owned, "", around)
        return
    if not rest:
        yield from _comparison(comparison, field)
        return
    target = getattr(field, "to", None)
    if isinstance(target, str) and target.startswith("platform."):
        # The platform's own entities are not described by published services.
        return
    if isinstance(target, str):
        aimed = around.entity(target)
        if aimed is not None:
            inner = {each.name: each for each in aimed.fields}
            yield from _walk(comparison, tuple(rest), inner, target, around)
        return
    lines = getattr(field, "fields", None)
    if lines is not None:
        inner = {each.name: each for each in lines}
        yield from _walk(comparison, tuple(rest), inner, "", around)
        return
    yield (
        "",
        "condition",
        f"{name} ({field.type}) has no fields below it",
        f"Compare {name} itself.",
    )


def _comparison(comparison: Comparison, field: FieldDefinition) -> Iterator[Found]:
    kind, operator = FIELD_TYPES[field.type], comparison.operator
    name = ".".join(comparison.path)
    if operator not in kind.operators:
        known = ", ".join(sorted(kind.operators)) or "none"
        yield (
            "",
            "operator",
            f"{name} ({kind.name}) does not answer {operator}",
            f"Use one of: {known}.",
        )
        return
    if operator == "_null":
        return
    many = operator in {"_in", "_nin", "_between"}
    for value in comparison.value if many else (comparison.value,):
        if value is None or isinstance(value, Variable):
            continue
        try:
            kind.operand_parameter(field, operator, value)
        except InvalidValue as error:
            yield (
                "",
                "operand",
                f"{name} ({kind.name}) cannot be compared with {value!r:.80}",
                error.message,
            )


def _unknown(name: str, fields: Fields) -> Found:
    known = ", ".join(sorted({*fields, *SYSTEM_FIELDS}))
    return (
        "",
        "unknown_field",
        f'there is no field "{name}"',
        f"There are: {known}.",
    )
