"""One decision: the rules of a role set, a resource and an action → a Grant.

Casbin decides whether the action is allowed; this module picks the few rows it looks
at and turns the rows that allow into row scopes, filters and fields. Pure computing,
no I/O; called by `engine/policy.py` on a cache miss.

The enforcer is given one slice after another and never shared between threads while
it decides (a lock holds that). A slice holds every row, allow or deny, that can match.
"""

import hashlib
import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import casbin
from casbin.model import Model

from engine.context import ALL_ROWS, Allowance, Grant
from engine.policy_rules import (
    ALIASES,
    Rule,
    asked_resource,
    ceiling,
    matches,
    select,
)
from metadata.conditions import EVERYTHING, And, Condition

MODEL = """
[request_definition]
r = obj, act
[policy_definition]
p = obj, act, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = pm(r.obj, p.obj) && pm(r.act, p.act)
"""
FOREVER = datetime.max.replace(tzinfo=UTC)
UNRESTRICTED_SHAPE = "*"
_SCOPES = ("own", "team", "tenant")
"""Each reaches what the one before it does, and more."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A grant, the instant it must be made anew, and the rules it was made from.

    `considered` holds every rule that speaks about the question, expired ones too.
    """

    grant: Grant
    valid_until: datetime
    considered: tuple[Rule, ...]


class Decider:
    """Casbin over one tiny slice at a time."""

    def __init__(self) -> None:
        # A denial is an answer, not an event; Casbin warns of each.
        logging.getLogger("casbin").setLevel(logging.ERROR)
        model = Model()
        model.load_model_from_text(MODEL)
        self._enforcer = casbin.Enforcer(model)
        self._enforcer.add_function("pm", matches)
        self._policy = model["p"]["p"]
        self._lock = threading.Lock()

    def decide(
        self, rules: Iterable[Rule], resource: str, action: str, now: datetime
    ) -> Decision:
        """Return what the rules of one role set say; nothing said is a denial."""
        rules = tuple(rules)
        words = ALIASES.get(action, (action,))
        parts = [self._decide(rules, resource, word, now) for word in words]
        decision = parts[0] if len(parts) == 1 else _both(*parts)
        if decision.grant.action == action:
            return decision
        return replace(decision, grant=replace(decision.grant, action=action))

    def _decide(
        self, rules: tuple[Rule, ...], resource: str, action: str, now: datetime
    ) -> Decision:
        name = asked_resource(resource)
        considered = (
            *select(rules, name, action),
            *ceiling(resource, action),
        )
        live = [rule for rule in considered if _counts(rule, now)]
        valid_until = min(
            (rule.expires_at for rule in live if rule.expires_at), default=FOREVER
        )
        slice_ = [rule for rule in live if not (rule.is_deny and rule.is_conditional)]
        if not self._enforce(slice_, name, action):
            deciding = tuple(rule.id for rule in slice_ if rule.is_deny)
            grant = Grant(resource, action, False, shape="-", rules=deciding)
            return Decision(grant, valid_until, considered)
        allows = sorted(
            (rule for rule in live if not rule.is_deny),
            key=lambda rule: (rule.position, repr(allowance_of(rule))),
        )
        limits = [rule for rule in live if rule.is_deny]
        grant = _grant(resource, action, allows, limits)
        return Decision(grant, valid_until, considered)

    def _enforce(self, rules: Sequence[Rule], resource: str, action: str) -> bool:
        # A question for everything meets each deny below it; see `select`.
        everything = "*" in (resource, action)
        rows = [
            ["*", "*", "deny"]
            if rule.is_deny and everything
            else [
                rule.resource_name,
                pattern,
                "deny" if rule.is_deny else "allow",
            ]
            for rule in rules
            for pattern in rule.actions
        ]
        with self._lock:
            # In place of add_policy, which searches all rows at each insert.
            self._policy.policy = rows
            allowed = self._enforcer.enforce(resource, action)
            self._policy.policy = []
        return bool(allowed)


def grant_of(
    resource: str,
    action: str,
    allowances: Sequence[Allowance],
    denied: tuple[Condition, ...],
    denied_fields: frozenset[str],
    rules: tuple[str, ...],
) -> Grant:
    """Return an allowing grant with its shape."""
    kept = minimal(allowances)
    bare = Grant(resource, action, True, kept, denied, denied_fields, "", rules)
    return replace(bare, shape=shape_of(bare))


def minimal(allowances: Sequence[Allowance]) -> tuple[Allowance, ...]:
    """Return the allowances without those that another one contains, in order."""
    kept: list[Allowance] = []
    for index, one in enumerate(allowances):
        contained = any(
            contains(other, one) and (place < index or not contains(one, other))
            for place, other in enumerate(allowances)
            if place != index
        )
        if not contained:
            kept.append(one)
    return tuple(kept)


def shape_of(grant: Grant) -> str:
    """Return a key equal for grants that lead to the same SQL text.

    Values in filters are part of it; `$user` and `$tenant` stay variables, so users
    with the same rights share a shape.
    """
    if grant.unrestricted and not grant.presets:
        return UNRESTRICTED_SHAPE
    parts = (
        [
            (
                each.scope,
                repr(each.filter),
                _sorted(each.fields),
                sorted(each.presets.items()),
            )
            for each in grant.allowances
        ],
        [repr(condition) for condition in grant.denied],
        sorted(grant.denied_fields),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def _counts(rule: Rule, now: datetime) -> bool:
    return rule.expires_at is None or rule.expires_at > now


def allowance_of(rule: Rule) -> Allowance:
    """Return what an allow rule gives."""
    return Allowance(rule.scope, rule.filter, rule.fields, rule.presets)


def _grant(
    resource: str, action: str, allows: Sequence[Rule], limits: Sequence[Rule]
) -> Grant:
    denied_fields: frozenset[str] = frozenset()
    denied: list[Condition] = []
    for rule in limits:
        if rule.fields is not None:
            # With a filter beside the fields, the fields go from every row: a deny
            # may take more than was written, never less.
            denied_fields |= rule.fields
        elif rule.filter not in denied:
            denied.append(rule.filter)
    return grant_of(
        resource,
        action,
        [allowance_of(rule) for rule in allows],
        tuple(denied),
        denied_fields,
        tuple(rule.id for rule in (*allows, *limits)),
    )


def contains(wide: Allowance, narrow: Allowance) -> bool:
    """Return whether the first surely reaches all that the second does.

    Filters are compared as written, so it may say no where a proof would say yes.
    """
    return (
        _SCOPES.index(wide.scope) >= _SCOPES.index(narrow.scope)
        and wide.filter in (EVERYTHING, narrow.filter)
        and (
            wide.fields is None
            or (narrow.fields is not None and narrow.fields <= wide.fields)
        )
        and (not wide.presets or wide.presets == narrow.presets)
    )


def _both(one: Decision, other: Decision) -> Decision:
    """Return the decision of a word that means two actions: what both allow."""
    valid_until = min(one.valid_until, other.valid_until)
    more = [rule for rule in other.considered if rule not in one.considered]
    rules = (*one.considered, *more)
    for part in (one, other):
        if not part.grant.allowed:
            return Decision(part.grant, valid_until, rules)
    first, second = one.grant, other.grant
    allowances = [_overlap(a, b) for a in first.allowances for b in second.allowances]
    denied = list(first.denied)
    denied.extend(each for each in second.denied if each not in denied)
    grant = grant_of(
        first.resource,
        first.action,
        allowances,
        tuple(denied),
        first.denied_fields | second.denied_fields,
        tuple(dict.fromkeys((*first.rules, *second.rules))),
    )
    return Decision(grant, valid_until, rules)


def _overlap(one: Allowance, other: Allowance) -> Allowance:
    if one in (other, ALL_ROWS):
        return other
    scope = min(one.scope, other.scope, key=_SCOPES.index)
    if one.filter in (EVERYTHING, other.filter):
        condition = other.filter
    elif other.filter == EVERYTHING:
        condition = one.filter
    else:
        condition = And((one.filter, other.filter))
    fields = one.fields if other.fields is None else other.fields
    if one.fields is not None and other.fields is not None:
        fields = one.fields & other.fields
    return Allowance(scope, condition, fields, {**other.presets, **one.presets})


def _sorted(names: frozenset[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)
