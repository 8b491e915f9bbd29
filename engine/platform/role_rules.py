"""The `rules` of a role as a client sends them → checked rows. Pure.

Each entry: `{"permission", "effect"?, "scope"?, "filter"?, "fields"?, "presets"?,
"expires_at"?}` (docs/permissions.md).
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from annotated_types import Ge, Le
from pydantic import AwareDatetime, ValidationError
from uuid_utils.compat import uuid7

from engine.errors import Detail, ValidationFailed
from engine.policy_rules import Rule, rule_from_row
from engine.record_findings import field_path
from metadata.conditions import ConditionError, parse
from metadata.definitions import RoleRule
from metadata.fields.times import EARLIEST, LATEST

MOST_RULES = 500

_WORDS = {
    "missing": ("required", "Enter a value."),
    "extra_forbidden": ("unknown_field", "A rule has no such part."),
    "string_pattern_mismatch": (
        "format",
        'Write resource:action, such as "customers:read", or "*" for everything.',
    ),
    "literal_error": ("choice", "This is none of the words that may stand here."),
}


class RuleInput(RoleRule):
    """One entry of `rules`."""

    expires_at: Annotated[AwareDatetime, Ge(EARLIEST), Le(LATEST)] | None = None


def read(raw: Any) -> list[RuleInput]:
    """Return the rules of a payload; raises ValidationFailed with every finding."""
    if raw is None:
        return []
    if not isinstance(raw, Sequence) or isinstance(raw, str):
        _refuse([Detail("rules", "type", "This must be a list of rules.")])
    if len(raw) > MOST_RULES:
        message = f"A role has at most {MOST_RULES} rules; make several roles."
        _refuse([Detail("rules", "max_items", message, {"limit": MOST_RULES})])
    rules: list[RuleInput] = []
    details: list[Detail] = []
    for place, entry in enumerate(raw):
        try:
            rule = RuleInput.model_validate(entry)
        except ValidationError as error:
            details.extend(_details(error, place))
        else:
            details.extend(_senseless(rule, place))
            rules.append(rule)
    _refuse(details)
    return rules


def row_of(rule: RuleInput, position: int) -> dict[str, Any]:
    """Return the row of `role_rules` for a rule, without tenant and role."""
    resource, _, action = rule.permission.partition(":")
    return {
        "id": uuid7(),
        "resource": resource,
        "action": action or "*",
        "effect": rule.effect,
        "scope": rule.scope,
        "filter": dict(rule.filter),
        "fields": None if rule.fields is None else list(rule.fields),
        "presets": dict(rule.presets),
        "expires_at": rule.expires_at,
        "position": position,
    }


def rules_of(rows: Sequence[Mapping[str, Any]], role: str) -> list[Rule]:
    """Return rows as the policy reads them."""
    found = (rule_from_row({**row, "role": role}) for row in rows)
    return [rule for rule in found if rule is not None]


def is_same(one: Rule, other: Rule) -> bool:
    """Return whether two rules say the same, wherever they stand."""
    return _said(one) == _said(other)


def as_json(rule: RuleInput) -> dict[str, Any]:
    """Return a rule for the log, without what is left at its default."""
    document: dict[str, Any] = rule.model_dump(mode="json", exclude_defaults=True)
    return document


def _said(rule: Rule) -> tuple[object, ...]:
    return (
        rule.resource,
        rule.action,
        rule.is_deny,
        rule.scope,
        rule.filter,
        rule.fields,
        rule.presets,
        rule.expires_at,
    )


def _senseless(rule: RuleInput, place: int) -> list[Detail]:
    path = f"rules.{place}"
    found: list[Detail] = []
    try:
        parse(dict(rule.filter))
    except ConditionError as error:
        where = error.path.strip("/").replace("/", ".")
        field = f"{path}.filter.{where}" if where else f"{path}.filter"
        found.append(Detail(field, "condition", error.message))
    if rule.fields is not None and not rule.fields:
        message = "Name at least one field, or leave this out for all."
        found.append(Detail(f"{path}.fields", "min_items", message))
    if rule.effect == "deny":
        if rule.scope != "tenant":
            message = "A deny has no scope; write a filter, such as created_by."
            found.append(Detail(f"{path}.scope", "not_for_deny", message))
        if rule.presets:
            message = "A deny sets no values."
            found.append(Detail(f"{path}.presets", "not_for_deny", message))
        if rule.filter and rule.fields is not None:
            message = "A deny takes away rows or fields; make two rules."
            found.append(Detail(f"{path}.fields", "not_together", message))
    return found


def _details(error: ValidationError, place: int) -> list[Detail]:
    details = []
    for each in error.errors():
        code, message = _WORDS.get(each["type"], ("invalid", each["msg"]))
        path = field_path(["rules", place, *each["loc"]])
        details.append(Detail(path, code, message))
    return details


def _refuse(details: list[Detail]) -> None:
    if details:
        raise ValidationFailed("Some rules do not fit.", details=details)
