"""Why a decision fell as it did, in words and rows, for `explain-access`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from engine.context import RequestContext
from engine.policy_decision import Decision
from engine.policy_rules import Rule
from metadata.conditions import EVERYTHING

DecidedBy = Literal["super_admin", "platform", "rules", "no_rule"]


@dataclass(frozen=True, slots=True)
class ExplainedRule:
    """A rule that speaks about the question, and what became of it.

    `outcome`: `allows`, `denies` (the whole action), `limits` (takes rows or fields
    away), `expired`.
    """

    id: str
    role: str
    permission: str
    outcome: Literal["allows", "denies", "limits", "expired"]
    scope: str
    filtered: bool
    fields: tuple[str, ...] | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer, who gave it, one sentence, and the rows it was made from."""

    resource: str
    action: str
    allowed: bool
    decided_by: DecidedBy
    sentence: str
    roles: tuple[str, ...]
    rules: tuple[ExplainedRule, ...]


def explain(
    ctx: RequestContext,
    names: Mapping[UUID, str],
    resource: str,
    action: str,
    decision: Decision,
) -> Explanation:
    """Return the explanation of a decision for one user; `names` are of its roles."""
    held = (names[role_id] for role_id in ctx.role_ids if role_id in names)
    roles = tuple(sorted(held))
    rules = tuple(_explained(rule, ctx.now) for rule in decision.considered)
    allowed = decision.grant.allowed
    decided_by, sentence = _why(ctx, roles, rules, f"{resource}:{action}", allowed)
    return Explanation(resource, action, allowed, decided_by, sentence, roles, rules)


def _why(
    ctx: RequestContext,
    roles: tuple[str, ...],
    rules: tuple[ExplainedRule, ...],
    permission: str,
    allowed: bool,
) -> tuple[DecidedBy, str]:
    if ctx.is_super_admin:
        return "super_admin", "A super admin may do everything; no rule is asked."
    denying = [rule for rule in rules if rule.outcome == "denies"]
    if any(rule.role == "platform" for rule in denying):
        return "platform", f"Only a super admin has {permission}; no role can give it."
    if denying:
        told = ", ".join(f"{rule.role} denies {rule.permission}" for rule in denying)
        return "rules", f"Denied: {told}. A deny outweighs every allow."
    allowing = [rule for rule in rules if rule.outcome == "allows"]
    if allowed:
        told = ", ".join(f"{rule.role} allows {rule.permission}" for rule in allowing)
        return "rules", f"Allowed: {told}."
    held = f"roles {', '.join(roles)}" if roles else "user, who has no role here,"
    return "no_rule", (
        f"Denied: none of the {held} allows {permission}. Who may change roles in this "
        "tenant can add it to one of them."
    )


def _explained(rule: Rule, now: datetime) -> ExplainedRule:
    if rule.expires_at is not None and rule.expires_at <= now:
        outcome: Literal["allows", "denies", "limits", "expired"] = "expired"
    elif not rule.is_deny:
        outcome = "allows"
    else:
        outcome = "limits" if rule.is_conditional else "denies"
    return ExplainedRule(
        rule.id,
        rule.role,
        rule.permission,
        outcome,
        rule.scope,
        rule.filter != EVERYTHING,
        None if rule.fields is None else tuple(sorted(rule.fields)),
        rule.expires_at,
    )
