"""What a client may write and what it sent: payload → checked JSON values.

Owns the order of the checks on a payload: unknown and forbidden fields, defaults and
presets, JSON Schema, rules of the entity, state transitions. All findings are given
at once. Pure: no database, no SQL (that is `record_sql.py`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

import msgspec

from engine.context import Grant, RequestContext
from engine.errors import Conflict, Detail, ValidationFailed
from engine.record_findings import findings
from engine.record_rules import Rights, unfilled
from engine.variables import value_of
from metadata.compiled import (
    CompiledAction,
    CompiledEntity,
    CompiledRule,
)
from metadata.condition_python import evaluate
from metadata.conditions import VARIABLE, Variable
from metadata.labels import text_of

Values = dict[str, Any]


def for_create(
    ctx: RequestContext, entity: CompiledEntity, payload: Values, grant: Grant
) -> Values:
    """Return the values of a new record: what was sent, presets and defaults.

    Raises ValidationFailed with every unknown, forbidden or unfit field.
    """
    payload = _as_sent(entity, payload)
    details = list(_forbidden(entity, payload, grant))
    values = {n: v for n, v in payload.items() if n in entity.fields}
    details.extend(_apply_presets(ctx, entity, values, grant))
    _fill_defaults(ctx, entity, values)
    details.extend(_unfit(entity.create_validator, values, details))
    details.extend(_not_initial(entity, values))
    _raise(details)
    return values


def for_update(
    ctx: RequestContext,
    entity: CompiledEntity,
    payload: Values,
    grant: Grant,
    old: Mapping[str, Any],
    hidden: Collection[str] = (),
) -> Values:
    """Return the values that change. `old` is the record as stored, unmasked.

    A read-only or immutable field may be sent as it is, so that a client can send
    back what it read; a secret sent as it is shown stays. What it cannot read of this
    record (`hidden`) it cannot send back: the answer is the same for a right guess and
    for a wrong one. Raises ValidationFailed.
    """
    payload = _as_sent(entity, payload)
    sent = {n: v for n, v in payload.items() if n not in entity.system_columns}
    known = {name: value for name, value in old.items() if name not in hidden}
    details = list(_forbidden(entity, sent, grant, known))
    values = {
        name: value
        for name, value in sent.items()
        if name in entity.fields and entity.fields[name].writable
    }
    details.extend(_apply_presets(ctx, entity, values, grant, old))
    for name in list(values):
        field = entity.fields[name]
        if field.definition.immutable and (
            name in hidden or old.get(name) not in (None, values[name])
        ):
            details.append(
                Detail(name, "immutable", "This was set for good at creation.")
            )
    details.extend(_unfit(entity.patch_validator, values, details))
    _raise(details)
    return values


def for_replace(
    ctx: RequestContext,
    entity: CompiledEntity,
    payload: Values,
    grant: Grant,
    old: Mapping[str, Any],
    hidden: Collection[str] = (),
) -> Values:
    """Return the values of a PUT: writable fields left out get their default or null.

    Fields the user cannot write keep what they have, and those that his role sets get
    its value. So do fields that he cannot read of this record (`hidden`), since null
    is how he read them. Raises ValidationFailed.
    """
    presets = grant.presets
    whole = {n: v for n, v in payload.items() if n not in hidden or v is not None}
    for name, field in entity.fields.items():
        if name in hidden:
            continue
        if name not in whole and field.writable and grant.reaches_field(name):
            if field.definition.immutable or field.type.secret or name in presets:
                continue
            whole[name] = resolve(ctx, field.definition.default)
            if field.lines is not None and whole[name] is None:
                whole[name] = []
    missing = [
        Detail(name, "required", "Enter a value.")
        for name, field in entity.fields.items()
        if field.definition.required and name in whole and whole[name] is None
    ]
    _raise(missing)
    return for_update(ctx, entity, whole, grant, old, hidden)


def of_service(
    ctx: RequestContext,
    entity: CompiledEntity,
    given: Mapping[str, Any],
    old: Mapping[str, Any] | None = None,
) -> Values:
    """Return the values that service code writes: as of a client, without a grant.

    A new record (`old` None) gets its defaults. Raises ValidationFailed.
    """
    values = dict(given)
    if old is None:
        _fill_defaults(ctx, entity, values)
    values = of_hooks(entity, values, old)
    if old is None:
        _raise(list(_not_initial(entity, values)))
    return values


def of_hooks(
    entity: CompiledEntity, given: Mapping[str, Any], old: Mapping[str, Any] | None
) -> Values:
    """Return the values that code has set or changed, as JSON, if they fit the entity.

    Code may write read-only fields and give a number of its own to a sequence. UUIDs,
    dates and decimals may stand as Python has them. Raises ValidationFailed.
    """
    payload: Values = _as_sent(entity, msgspec.to_builtins(dict(given)))
    values: Values = {}
    details: list[Detail] = []
    for name, value in payload.items():
        field = entity.fields.get(name)
        if field is None:
            if old is None or name not in entity.system_columns:
                details.append(_unknown(name))
        elif field.type.writable or field.type.name == "sequence":
            values[name] = value
        elif old is None or old.get(name) != value:
            details.append(_readonly(name))
    validator = entity.create_validator if old is None else entity.patch_validator
    entered = {n: v for n, v in values.items() if entity.fields[n].type.writable}
    details.extend(_unfit(validator, entered, details))
    _raise(details)
    return values


def check_rules(
    ctx: RequestContext,
    entity: CompiledEntity,
    record: Mapping[str, Any],
    changed: Iterable[str],
    *,
    creating: bool,
    rights: Rights | None = None,
) -> None:
    """Check the entity's rules over the record as it will be.

    With the user's `rights`, who cannot fill in what a rule demands is told what he
    can do. Raises ValidationFailed with every broken rule.
    """
    changed = set(changed)
    details: list[Detail] = []
    for rule in entity.rules:
        if evaluate(rule.when, record, variables(ctx), entity.fields):
            details.extend(unfilled(ctx, entity, rule, record, rights))
            details.extend(
                _broken(ctx, entity, rule, record, changed, creating=creating)
            )
    _raise(details)


def check_transitions(
    entity: CompiledEntity, old: Mapping[str, Any] | None, values: Values
) -> None:
    """Check state changes of choice fields that declare their transitions.

    Raises ValidationFailed naming the states that can follow.
    """
    details: list[Detail] = []
    for name, value in values.items():
        field = entity.fields[name]
        if field.type.name != "choice":
            continue
        transitions = getattr(field.definition, "transitions", None)
        before = old.get(name) if old is not None else None
        if not transitions or before is None or before == value:
            continue
        allowed = list(transitions.get(before, ()))
        if value not in allowed:
            words = ", ".join(allowed) or "nothing"
            message = f'"{before}" can only be followed by: {words}.'
            details.append(Detail(name, "transition", message, {"allowed": allowed}))
    _raise(details)


def for_action(action: CompiledAction, payload: Values) -> Values:
    """Return the checked input of an action; raises ValidationFailed."""
    if action.input_validator is None:
        _raise(
            [
                Detail(name, "unknown_field", "This action takes no input.")
                for name in payload
            ]
        )
        return {}
    _raise(findings(action.input_validator, payload))
    return payload


def check_action(
    ctx: RequestContext,
    entity: CompiledEntity,
    action: CompiledAction,
    record: Mapping[str, Any],
) -> None:
    """Raise Conflict (ACTION_NOT_OFFERED) when the record is not in a fitting state."""
    if not evaluate(action.when, record, variables(ctx), entity.fields):
        raise Conflict(
            f"{action.name} is not possible for this record in its present state.",
            code="ACTION_NOT_OFFERED",
        )


def action_values(ctx: RequestContext, action: CompiledAction, given: Values) -> Values:
    """Return what the action sets; `$input.x` is what was entered for `x`."""
    values: Values = {}
    for name, value in action.definition.set.items():
        if isinstance(value, str) and value.startswith("$input."):
            values[name] = given.get(value.removeprefix("$input."))
        else:
            values[name] = resolve(ctx, value)
    return values


def resolve(ctx: RequestContext, value: Any) -> Any:
    """Return a default or preset with `$now`, `$today`, `$user.id` … filled in."""
    if not isinstance(value, str) or not value.startswith("$"):
        return value
    match = VARIABLE.match(value)
    if match is None:
        return value
    if match["scope"]:
        return ctx.attribute(f"{match['scope']}.{match['attribute']}")
    offset, unit = int(match["offset"] or 0), match["unit"] or "day"
    return value_of(ctx, Variable(match["now"], offset, unit))


def variables(ctx: RequestContext) -> Callable[[Variable], Any]:
    """Return what gives each variable of a condition its JSON value."""
    return partial(value_of, ctx)


def _as_sent(entity: CompiledEntity, payload: Values) -> Values:
    """Return the payload without secrets that stand in it as a record shows them.

    Whoever changes one line sends all of them back as he read them.
    """
    if not entity.has_secrets:
        return payload
    values: Values = {}
    for name, value in payload.items():
        field = entity.fields.get(name)
        if field is not None and field.type.secret and _is_shown(value):
            continue
        lines = field.lines if field is not None else None
        if lines is not None and isinstance(value, list):
            values[name] = [
                _as_sent(lines, line) if isinstance(line, dict) else line
                for line in value
            ]
        else:
            values[name] = value
    return values


def _is_shown(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"set"}


def _forbidden(
    entity: CompiledEntity,
    payload: Values,
    grant: Grant,
    old: Mapping[str, Any] | None = None,
) -> Iterable[Detail]:
    presets, is_open, fields = grant.presets, grant.unrestricted, entity.fields
    for name, value in payload.items():
        field = fields.get(name)
        if field is None:
            yield _unknown(name)
        elif not field.writable:
            if old is None or old.get(name) != value:
                yield _readonly(name)
        elif not is_open and name not in presets and not grant.reaches_field(name):
            yield _unknown(name)


def _unknown(name: str) -> Detail:
    return Detail(name, "unknown_field", f'There is no field "{name}" here.')


def _readonly(name: str) -> Detail:
    return Detail(name, "readonly", "This field is filled in by the system.")


def _fill_defaults(ctx: RequestContext, entity: CompiledEntity, values: Values) -> None:
    for name, default in entity.defaults.items():
        if name not in values:
            values[name] = resolve(ctx, default)


def _apply_presets(
    ctx: RequestContext,
    entity: CompiledEntity,
    values: Values,
    grant: Grant,
    old: Mapping[str, Any] | None = None,
) -> Iterable[Detail]:
    """Put in what the role sets; yield where something else was sent.

    A rule may cover many entities, so those without the field are left as they are,
    and what was set for good at creation stays.
    """
    for name, preset in grant.presets.items():
        field = entity.fields.get(name)
        if field is None or not field.type.writable:
            continue
        if field.definition.immutable and old is not None and old.get(name) is not None:
            continue
        forced = resolve(ctx, preset)
        if name in values and values[name] != forced:
            yield Detail(name, "preset", "Your role sets this value; leave it out.")
        values[name] = forced


def _not_initial(entity: CompiledEntity, values: Values) -> Iterable[Detail]:
    """Yield choice fields of a new record that do not stand at their start."""
    for name, initial in entity.initials.items():
        if values.get(name) not in {None, initial}:
            message = f'A new record starts as "{initial}".'
            yield Detail(name, "transition", message, {"allowed": [initial]})


def _unfit(validator: Any, values: Values, known: list[Detail]) -> list[Detail]:
    named = {detail.field for detail in known}
    return [d for d in findings(validator, values) if d.field not in named]


def _broken(
    ctx: RequestContext,
    entity: CompiledEntity,
    rule: CompiledRule,
    record: Mapping[str, Any],
    changed: set[str],
    *,
    creating: bool,
) -> Iterable[Detail]:
    wording = text_of(rule.message, ctx.locale, "")
    if not creating:
        for name in rule.readonly:
            if name in changed:
                yield Detail(name, "readonly", wording or "This can no longer change.")
    if rule.check is not None and not evaluate(
        rule.check, record, variables(ctx), entity.fields
    ):
        yield Detail("", "rule", wording or "These values do not go together.")


def _raise(details: list[Detail]) -> None:
    if details:
        count = len(details)
        noun = "field does" if count == 1 else "fields do"
        raise ValidationFailed(f"{count} {noun} not fit.", details=details)
