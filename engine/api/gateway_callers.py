"""For whom a call of an external service goes out, as the service is told.

Owns what is said of a user (roles, and which of the service's own permissions he has)
and how long that is kept. Called by `gateway.py`.
"""

import time
from dataclasses import dataclass
from urllib.parse import quote

from engine.context import RequestContext
from engine.policy import Policy, TenantRules
from registry.gateway import signing
from registry.gateway.forward import Caller, Forwarder
from registry.gateway.routes import Routes

MAX_KEPT = 10_000
KEPT_SECONDS = 5.0
MAX_PERMISSIONS = 50


@dataclass(frozen=True, slots=True)
class _Kept:
    """What a service is told of a user, while nothing of his rights changes."""

    rules: TenantRules | None
    routes: Routes
    since: float
    caller: Caller


class Callers:
    """What each service is told of each user, as far as this process has used it."""

    def __init__(self, policy: Policy, forwarder: Forwarder) -> None:
        self._policy = policy
        self._forwarder = forwarder
        self._kept: dict[tuple[object, ...], _Kept] = {}

    def peek(self, ctx: RequestContext, service: str, routes: Routes) -> Caller | None:
        """Return for whom a user's calls go out; None when `caller` has to find out."""
        rules = None
        if not ctx.is_super_admin:
            rules = self._policy.peek_rules(ctx.tenant_id)
            if rules is None:
                return None
        kept = self._kept.get(_key(ctx, service))
        now = time.time()
        if (
            kept is not None
            and kept.rules is rules
            and kept.routes is routes
            # By the clock that the token's own time is counted by.
            and kept.since <= now < kept.since + KEPT_SECONDS
        ):
            return kept.caller
        return None

    async def caller(self, ctx: RequestContext, service: str, routes: Routes) -> Caller:
        """Return for whom a user's calls of a service go out, as it is now."""
        rules = None if ctx.is_super_admin else await self._policy.rules(ctx.tenant_id)
        now = time.time()
        identity = await self._made(ctx, rules, routes)
        caller = self._forwarder.caller(ctx.tenant_id, ctx.user_id, service, identity)
        if len(self._kept) >= MAX_KEPT:
            self._kept.clear()
        self._kept[_key(ctx, service)] = _Kept(rules, routes, now, caller)
        return caller

    async def _made(
        self, ctx: RequestContext, rules: TenantRules | None, routes: Routes
    ) -> signing.Identity:
        names = (
            ["SUPER_ADMIN"]
            if rules is None
            else [rules.names[each] for each in ctx.role_ids if each in rules.names]
        )
        granted = [
            f"{resource}:{action}"
            for resource, action in routes.permissions[:MAX_PERMISSIONS]
            if (await self._policy.authorize(ctx, resource, action)).allowed
        ]
        return signing.Identity(
            {
                "x-org-id": str(ctx.tenant_id),
                "x-tenant-id": str(ctx.tenant_id),
                "x-user-id": str(ctx.user_id),
                "x-user-roles": ",".join(
                    quote(name, safe=" ") for name in sorted(names)
                ),
                "x-user-permissions": ",".join(sorted(granted)),
            }
        )


def _key(ctx: RequestContext, service: str) -> tuple[object, ...]:
    # Numbers: the hash of a UUID itself takes a function of Python.
    tenant, user = ctx.tenant_id.int, ctx.user_id.int
    return tenant, user, ctx.role_ids, ctx.is_super_admin, service
