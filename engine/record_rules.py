"""What a rule demands of a record, and what a user can do who may not fill it in.

Owns the words for missing values; which rules hold is `record_values.py`'s matter.
Pure: no database, no SQL.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.context import Grant, RequestContext
from engine.errors import Detail
from metadata.compiled import CompiledEntity, CompiledRule
from metadata.condition_python import evaluate
from metadata.conditions import Comparison, Variable
from metadata.labels import text_of, words_of

_ASK = "ask somebody whose role may"


@dataclass(frozen=True, slots=True)
class Rights:
    """What a user may read of an entity, and what he may write with this request."""

    read: Grant
    write: Grant


def unfilled(
    ctx: RequestContext,
    entity: CompiledEntity,
    rule: CompiledRule,
    record: Mapping[str, Any],
    rights: Rights | None,
) -> Iterable[Detail]:
    """Yield the fields that a rule demands and the record has no value for.

    Without `rights` nobody is asked to fill in for another: service code may write
    every field. A field that is hidden from the user is not named, nor are the rule's
    own words given, since they tell of it.
    """
    wording = text_of(rule.message, ctx.locale, "") or "Enter a value."
    for name in rule.required:
        if not _is_missing(entity, record, name):
            continue
        field = entity.fields[name]
        if rights is None or not field.writable or rights.write.reaches_field(name):
            yield Detail(name, "required", wording)
        elif rights.read.reaches_field(name):
            label = text_of(field.definition.label, ctx.locale, words_of(name))
            hint = f'Your role may not fill in "{label}"; {_ASK}.'
            yield Detail(name, "required", f"{wording} {hint}")
        else:
            message = (
                f"A field that your role cannot see needs a value; {_ASK} enter it."
            )
            yield Detail("", "required", message)


def _is_missing(entity: CompiledEntity, record: Mapping[str, Any], name: str) -> bool:
    """Return whether a field has no value, or one of which nothing is stored."""
    if record.get(name) in (None, "", []):
        return True
    is_null = Comparison((name,), "_null", True)
    return evaluate(is_null, record, _no_value, entity.fields)


def _no_value(_variable: Variable) -> None:
    """Stand for variables, of which the comparison has none."""
