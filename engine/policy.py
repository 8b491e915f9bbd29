"""What a user may do: `authorize(ctx, resource, action) → Grant`.

Owns the rules of the tenants in use, loaded in one query each, and the cache of
decisions. Casbin decides (`policy_decision.py`); a super admin is decided before it.
Rules that cannot be loaded allow nothing: the error of the database goes up.

A change binds within 3 s: a trigger raises `tenants.policy_revision` with it and
notifies `rangka_policy`; every 2 s the revisions are compared, so a lost message heals.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.context import Grant, RequestContext, full_grant
from engine.database import Database, Transaction
from engine.policy_decision import FOREVER, Decider, Decision
from engine.policy_explain import Explanation, explain
from engine.policy_poll import Poll
from engine.policy_rules import Rule, rule_from_row

MAX_TENANTS = 1000
MAX_DECISIONS = 4096
"""Decisions kept for one tenant, and for all super admins together."""

CHANNEL = "rangka_policy"

_LOAD = """
SELECT t.policy_revision, r.id AS role_id, r.name AS role, r.inherits, rr.id,
       rr.resource, rr.action, rr.effect, rr.scope, rr.filter, rr.fields, rr.presets,
       rr.expires_at, rr.position
FROM rangka.tenants t
LEFT JOIN rangka.roles r ON r.tenant_id = t.id
LEFT JOIN rangka.role_rules rr ON rr.tenant_id = r.tenant_id AND rr.role_id = r.id
WHERE t.id = %s
ORDER BY r.name, rr.position, rr.id
"""
_REVISIONS = """
SELECT id, policy_revision FROM rangka.tenants WHERE id = ANY(%s)
"""


@dataclass(slots=True)
class TenantRules:
    """The rules of one tenant at one revision, and what was decided with them.

    Attributes:
        decisions: (role set, resource, action) → (grant, valid until).
        used_at: instant of the last request that asked; the oldest tenant goes first.
    """

    revision: int
    names: Mapping[UUID, str]
    inherits: Mapping[UUID, Sequence[UUID]]
    rules: Mapping[UUID, tuple[Rule, ...]]
    used_at: datetime = FOREVER
    decisions: dict[tuple[frozenset[UUID], str, str], tuple[Grant, datetime]] = field(
        default_factory=dict
    )

    def of(self, role_ids: Iterable[UUID]) -> list[Rule]:
        """Return the rules of these roles, ordered by the names of the roles."""
        known = [role_id for role_id in role_ids if role_id in self.names]
        known.sort(key=self.names.__getitem__)
        return [rule for role_id in known for rule in self.rules.get(role_id, ())]


class Policy:
    """Decides for all tenants of this worker."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decider = Decider()
        # By number: the hash of a UUID itself takes a function of Python.
        self._tenants: dict[int, TenantRules] = {}
        self._full: dict[tuple[str, str], Grant] = {}
        self._locks: defaultdict[UUID, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._poll = Poll("policy", self._compare_revisions, self._tenants.clear)

    async def start(self) -> None:
        """Listen for changes and compare revisions from now on."""
        await self._database.listen(CHANNEL, self._changed, self._poll.now)
        self._poll.start()

    async def stop(self) -> None:
        """Stop comparing; the cache is as good as its last comparison."""
        await self._poll.stop()

    def peek(self, ctx: RequestContext, resource: str, action: str) -> Grant | None:
        """Return the cached grant, None when it must be asked from `authorize`."""
        if ctx.is_super_admin:
            return self._full.get((resource, action))
        tenant = self._tenants.get(ctx.tenant_id.int)
        if tenant is None:
            return None
        found = tenant.decisions.get((ctx.role_ids, resource, action))
        if found is None or found[1] <= ctx.now:
            return None
        tenant.used_at = ctx.now
        return found[0]

    async def authorize(self, ctx: RequestContext, resource: str, action: str) -> Grant:
        """Return what the user may do; a denial is a grant that is not `allowed`.

        Raises:
            DatabaseError: the tenant's rules are not here and cannot be loaded.
        """
        found = self.peek(ctx, resource, action)
        if found is not None:
            return found
        if ctx.is_super_admin:
            grant = full_grant(resource, action)
            _remember(self._full, (resource, action), grant)
            return grant
        tenant = await self.rules(ctx.tenant_id)
        decision = self._decide(tenant, ctx, resource, action)
        tenant.used_at = ctx.now
        _remember(
            tenant.decisions,
            (ctx.role_ids, resource, action),
            (decision.grant, decision.valid_until),
        )
        return decision.grant

    async def explain(
        self, ctx: RequestContext, resource: str, action: str
    ) -> Explanation:
        """Return which rule decided and why; decides anew and keeps nothing."""
        tenant = await self.rules(ctx.tenant_id)
        decision = self._decide(tenant, ctx, resource, action)
        return explain(ctx, tenant.names, resource, action, decision)

    async def permissions(self, ctx: RequestContext) -> list[str]:
        """Return the patterns the user's roles allow, for the UI; never authoritative.

        Denies, scopes and filters do not show in it; `["*"]` for a super admin.
        """
        if ctx.is_super_admin:
            return ["*"]
        tenant = await self.rules(ctx.tenant_id)
        live = [
            rule
            for rule in tenant.of(ctx.role_ids)
            if not rule.is_deny
            and (rule.expires_at is None or rule.expires_at > ctx.now)
        ]
        return sorted({rule.permission for rule in live})

    def peek_rules(self, tenant_id: UUID) -> TenantRules | None:
        """Return a tenant's rules if they are here."""
        return self._tenants.get(tenant_id.int)

    async def rules(self, tenant_id: UUID) -> TenantRules:
        """Return a tenant's rules, loaded when they are not here."""
        found = self._tenants.get(tenant_id.int)
        if found is not None:
            return found
        async with self._locks[tenant_id]:
            found = self._tenants.get(tenant_id.int)
            if found is None:
                found = await self._load(tenant_id)
                self._keep(tenant_id, found)
        self._locks.pop(tenant_id, None)
        return found

    def _decide(
        self, tenant: TenantRules, ctx: RequestContext, resource: str, action: str
    ) -> Decision:
        if ctx.is_super_admin:
            return Decision(full_grant(resource, action), FOREVER, ())
        rules = tenant.of(ctx.role_ids)
        return self._decider.decide(rules, resource, action, ctx.now)

    async def _load(self, tenant_id: UUID) -> TenantRules:
        # One statement, so that revision and rules belong to one snapshot. Requests ask
        # for rules while they hold a transaction, so this must not need one of those.
        async with self._database.lookup() as connection:
            return await load_rules(connection, tenant_id)

    def _keep(self, tenant_id: UUID, rules: TenantRules) -> None:
        if len(self._tenants) >= MAX_TENANTS:
            oldest = min(self._tenants, key=lambda each: self._tenants[each].used_at)
            del self._tenants[oldest]
        self._tenants[tenant_id.int] = rules

    async def _changed(self, payload: str) -> None:
        self._tenants.pop(UUID(payload).int, None)

    async def _compare_revisions(self) -> None:
        """Forget every tenant whose rules have changed since they were loaded."""
        held = [UUID(int=number) for number in self._tenants]
        if not held:
            return
        async with self._database.system() as connection:
            rows = await (await connection.execute(_REVISIONS, (held,))).fetchall()
        current = {row["id"]: row["policy_revision"] for row in rows}
        for tenant_id in held:
            rules = self._tenants.get(tenant_id.int)
            if rules is not None and rules.revision != current.get(tenant_id):
                self._tenants.pop(tenant_id.int, None)


async def load_rules(connection: Transaction, tenant_id: UUID) -> TenantRules:
    """Return the rules of a tenant as a transaction sees them."""
    rows = await (await connection.execute(_LOAD, (tenant_id,))).fetchall()
    return _rules_from_rows(rows)


def _rules_from_rows(rows: Sequence[Mapping[str, Any]]) -> TenantRules:
    names: dict[UUID, str] = {}
    inherits: dict[UUID, Sequence[UUID]] = {}
    rules: defaultdict[UUID, list[Rule]] = defaultdict(list)
    for row in rows:
        role_id = row["role_id"]
        if role_id is None:
            continue
        names[role_id] = row["role"]
        inherits[role_id] = row["inherits"]
        rule = rule_from_row(row) if row["id"] is not None else None
        if rule is not None:
            rules[role_id].append(rule)
    return TenantRules(
        revision=rows[0]["policy_revision"] if rows else 0,
        names=names,
        inherits=inherits,
        rules={role_id: tuple(each) for role_id, each in rules.items()},
    )


def _remember(cache: dict[Any, Any], key: object, value: object) -> None:
    if len(cache) >= MAX_DECISIONS:
        cache.clear()
    cache[key] = value
