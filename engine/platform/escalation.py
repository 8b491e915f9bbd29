"""Nobody gives away what he does not have: are rules covered by the giver's own? Pure.

Conservative: a right that is composed of several rules, or limited by a deny of the
giver, counts as one he does not have.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from engine.policy_decision import allowance_of, contains
from engine.policy_rules import Rule
from metadata.conditions import EVERYTHING


def uncovered(own: Iterable[Rule], wanted: Iterable[Rule], now: datetime) -> list[Rule]:
    """Return the allowing rules of `wanted` that the giver's `own` do not cover."""
    live = [r for r in own if r.expires_at is None or r.expires_at > now]
    allows = [rule for rule in live if not rule.is_deny]
    denies = [rule for rule in live if rule.is_deny]
    return [
        rule
        for rule in wanted
        if not rule.is_deny and not _is_covered(rule, allows, denies)
    ]


def lifted(rules: Iterable[Rule]) -> list[Rule]:
    """Return what is given when the denies among these rules go: an allow for each."""
    return [
        replace(rule, is_deny=False, scope="tenant", filter=EVERYTHING, fields=None)
        for rule in rules
        if rule.is_deny
    ]


def _is_covered(wanted: Rule, allows: Sequence[Rule], denies: Sequence[Rule]) -> bool:
    if any(_overlap(deny, wanted) for deny in denies):
        return False
    return all(
        any(_covers(own, wanted, action) for own in allows) for action in wanted.actions
    )


def _covers(own: Rule, wanted: Rule, action: str) -> bool:
    return (
        wanted.prefix.startswith(own.prefix)
        and ("*" in own.actions or action in own.actions)
        and contains(allowance_of(own), allowance_of(wanted))
        and (
            own.expires_at is None
            or (wanted.expires_at is not None and wanted.expires_at <= own.expires_at)
        )
    )


def _overlap(one: Rule, other: Rule) -> bool:
    same_place = one.prefix.startswith(other.prefix) or other.prefix.startswith(
        one.prefix
    )
    actions = (set(one.actions), set(other.actions))
    return same_place and (
        "*" in actions[0] or "*" in actions[1] or bool(actions[0] & actions[1])
    )
