"""What a rule of a role is, and which resources and actions it reaches. Pure.

Owns the pattern language of permissions (docs/permissions.md) and the ceiling that the
platform puts over every tenant. Decides nothing: `policy_decision.py` does.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.context import Scope
from metadata.conditions import (
    EVERYTHING,
    Comparison,
    Condition,
    ConditionError,
    Variable,
    parse,
)

logger = logging.getLogger(__name__)

ADMINISTRATION = frozenset(
    {"tenant", "user", "role", "team", "service", "jobs", "audit", "system"}
)
"""Resources of the platform itself; everything else belongs to business services."""

SUPER_ADMIN = "SUPER_ADMIN"
"""Role of the core tenant whose holders may do everything, decided before any rule."""

TENANT_ADMIN = "TENANT_ADMIN"

DATA = "data"
"""As a resource pattern: everything outside the administration."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    "view": ("read",),
    "write": ("create", "update"),
    "manage": ("*",),
}
"""Action words that stand for others, in rules and in questions alike."""

_WITHIN_TENANT: Mapping[str, frozenset[str]] = {
    "tenant": frozenset({"read", "update"}),
    "service": frozenset({"read"}),
    "system": frozenset(),
}
"""Platform resources and what a tenant's own roles can reach of them at most."""

_PLATFORM_FIELDS = frozenset(
    {
        "slug",
        "domain",
        "type",
        "subscription_tier",
        "status",
        "max_users",
        "parent",
        "parent_id",
    }
)
"""Fields of a tenant that only the platform sets: they are what the tenant pays for."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a role.

    Attributes:
        resource: pattern as written: `*`, `data`, `network`, `network.routers`.
        action: pattern as written, aliases included.
        resource_name: the full name of `resource`.
        actions: `action` with its alias resolved.
        prefix: what `<full name>.` of a resource begins with when the rule matches it.
        filter: rows an allow reaches, or a deny takes away.
        fields: fields an allow reaches (None: all), or a deny takes away.
        expires_at: the first instant at which the rule no longer counts.
    """

    id: str
    role: str
    resource: str
    action: str
    is_deny: bool = False
    scope: Scope = "tenant"
    filter: Condition = EVERYTHING
    fields: frozenset[str] | None = None
    presets: Mapping[str, Any] = field(default_factory=dict)
    expires_at: datetime | None = None
    position: int = 0
    resource_name: str = field(init=False, repr=False, compare=False)
    actions: tuple[str, ...] = field(init=False, repr=False, compare=False)
    prefix: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Every cold decision reads them for every rule of the roles.
        name = resource_pattern(self.resource)
        object.__setattr__(self, "resource_name", name)
        object.__setattr__(self, "prefix", "" if name == "*" else f"{name}.")
        object.__setattr__(self, "actions", ALIASES.get(self.action, (self.action,)))

    @property
    def permission(self) -> str:
        """Return the pattern as people write it; `*` for everything."""
        if self.resource == self.action == "*":
            return "*"
        return f"{self.resource}:{self.action}"

    @property
    def is_conditional(self) -> bool:
        """Return whether a deny takes away rows or fields only, not the action."""
        return self.fields is not None or (
            self.filter != EVERYTHING and self.scope == "tenant"
        )

    def reaches_action(self, action: str) -> bool:
        """Return whether it speaks about the action, given that the resource matches.

        A question for all actions (`*`) meets every deny: whoever may not delete may
        not do everything.
        """
        if self.is_deny and action == "*":
            return True
        return any(matches(action, pattern) for pattern in self.actions)


def select(rules: Iterable[Rule], name: str, action: str) -> list[Rule]:
    """Return the rules that speak about an action on a resource, by its full name.

    The same answer as `matches` on both, in one string comparison a rule; a question
    for everything (`*`) meets every deny.
    """
    dotted = f"{name}."
    return [
        rule
        for rule in rules
        if (dotted.startswith(rule.prefix) or (name == "*" and rule.is_deny))
        and rule.reaches_action(action)
    ]


def matches(name: str, pattern: str) -> bool:
    """Return whether the pattern is the name, above it by whole segments, or `*`.

    `isp` matches `isp` and `isp.customers`, not `ispx`; `*` alone matches everything.
    """
    return pattern == "*" or name == pattern or name.startswith(f"{pattern}.")


def asked_resource(resource: str) -> str:
    """Return a resource's full name: those of services stand below `data`."""
    if resource == "*" or resource.partition(".")[0] in ADMINISTRATION:
        return resource
    return f"{DATA}.{resource}"


def resource_pattern(pattern: str) -> str:
    """Return the full name of what a rule names; `data` is its own full name."""
    return pattern if pattern == DATA else asked_resource(pattern)


def ceiling(resource: str, action: str) -> tuple[Rule, ...]:
    """Return the denies the platform adds to every role set but a super admin's.

    Tenants' roles never create or delete tenants nor change services; they reach their
    own tenant only, without the fields that say what it pays for. As denies they hold
    for roles that a tenant makes itself, too, `*` included.
    """
    root = resource.partition(".")[0]
    within = _WITHIN_TENANT.get(root)
    if within is None:
        return ()
    if action not in within:
        return (Rule("platform", "platform", root, action, is_deny=True),)
    if root != "tenant":
        return ()
    elsewhere = Comparison(("id",), "_neq", Variable("tenant.id"))
    rules = [Rule("platform", "platform", root, action, True, filter=elsewhere)]
    if action == "update":
        rules.append(
            Rule("platform", "platform", root, action, True, fields=_PLATFORM_FIELDS)
        )
    return tuple(rules)


def rule_from_row(row: Mapping[str, Any]) -> Rule | None:
    """Return the rule of a row of `role_rules`, None for one that must not count.

    A condition that cannot be read never widens anything: an allow with one is left
    out, a deny with one denies the whole action.
    """
    is_deny = row["effect"] == "deny"
    condition: Condition = EVERYTHING
    try:
        condition = parse(row["filter"] or {})
    except ConditionError as error:
        logger.warning("rule %s has a broken condition: %s", row["id"], error)
        if not is_deny:
            return None
    fields: Sequence[str] | None = row["fields"]
    return Rule(
        id=str(row["id"]),
        role=row["role"],
        resource=row["resource"],
        action=row["action"],
        is_deny=is_deny,
        scope=row["scope"],
        filter=condition,
        fields=None if fields is None else frozenset(fields),
        presets=row["presets"] or {},
        expires_at=row["expires_at"],
        position=row["position"],
    )


def close_over(
    role_ids: Iterable[UUID], inherits: Mapping[UUID, Sequence[UUID]]
) -> frozenset[UUID]:
    """Return the roles and all they inherit, directly or not; cycles do no harm."""
    closed: set[UUID] = set()
    waiting = [role_id for role_id in role_ids if role_id in inherits]
    while waiting:
        role_id = waiting.pop()
        if role_id not in closed:
            closed.add(role_id)
            waiting.extend(other for other in inherits[role_id] if other in inherits)
    return frozenset(closed)
