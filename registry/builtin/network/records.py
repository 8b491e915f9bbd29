"""Reads the records that the state of a router follows from.

Turns them into `desired.Facts`; decides nothing. Called by `reconciling`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from registry.builtin.network.clock import moment
from registry.builtin.network.desired import (
    BoostFacts,
    Entitled,
    Facts,
    Isolation,
    LoginFacts,
    PlanFacts,
    PoolFacts,
)
from registry.service import Host, JobHost, Record

ROUTERS = "network.routers"
POOLS = "network.pools"
LOGINS = "network.logins"
BOOSTS = "network.boosts"
RUNS = "network.reconcile_runs"
SESSIONS = "network.sessions"
SAMPLES = "network.samples"
CUSTOMERS = "customers.customers"
PLANS = "plans.plans"

PAGE = 200
"""As many as the extension API gives at once."""

ENTITLED: Mapping[str, Entitled] = {"active": "active", "suspended": "suspended"}
"""Of the states of a customer, those with a login on a router."""


async def pages(
    host: Host, entity: str, condition: Mapping[str, Any]
) -> AsyncIterator[Sequence[Record]]:
    """Yield all records that meet a condition, in the order of their ids."""
    after: dict[str, Any] = {}
    while True:
        asked = {**condition, **after}
        found = await host.find(entity, asked, sort=("id",), limit=PAGE)
        if found:
            yield found
        if len(found) < PAGE:
            return
        after = {"id": {"_gt": found[-1]["id"]}}


async def everything(
    host: Host, entity: str, condition: Mapping[str, Any]
) -> list[Record]:
    """Return all records that meet a condition."""
    return [row async for page in pages(host, entity, condition) for row in page]


async def for_each(
    host: JobHost,
    entity: str,
    condition: Mapping[str, Any],
    work: Callable[[Host, Record], Awaitable[bool]],
) -> int:
    """Work on all records that meet a condition; returns how often it said yes.

    A page in one transaction, so that no other write waits long.
    """
    said = 0
    after: dict[str, Any] = {}
    while True:
        async with host.transaction() as inside:
            asked = {**condition, **after}
            found = await inside.find(entity, asked, sort=("id",), limit=PAGE)
            for record in found:
                said += await work(inside, record)
        if len(found) < PAGE:
            return said
        after = {"id": {"_gt": found[-1]["id"]}}


async def facts(host: JobHost, router: Record, now: datetime) -> tuple[
    Facts, dict[str, Record]
]:  # fmt: skip
    """Return what the router's state follows from, and its logins as read, by id."""
    settings = await host.settings()
    ours = {"router": {"_eq": router["id"]}}
    async with host.transaction() as inside:
        plans = await everything(inside, PLANS, {})
        pools = await everything(inside, POOLS, ours)
        boosts = await everything(
            inside,
            BOOSTS,
            {"valid_until": {"_gt": now.isoformat()}, "state": {"_neq": "cancelled"}},
        )
        logins: dict[str, Record] = {}
        known: list[LoginFacts] = []
        async for page in pages(inside, LOGINS, ours):
            customers = await _customers(inside, page)
            for login in page:
                logins[str(login["id"])] = login
                known.append(_login(login, customers.get(login["customer"])))
    return (
        Facts(
            tenant=str(host.tenant_id),
            local_address=router["local_address"],
            isolation=isolation(settings),
            plans=[_plan(plan) for plan in plans],
            pools=[_pool(pool) for pool in pools],
            logins=known,
            boosts=[_boost(boost) for boost in boosts if boost["login"] in logins],
        ),
        logins,
    )


def isolation(settings: Mapping[str, Any]) -> Isolation:
    """Return how suspended customers are kept in this tenant."""
    return Isolation(
        profile=str(settings.get("isolir_profile") or "ISOLIR"),
        rate=int(settings.get("isolir_rate") or 128_000),
        address_list=str(settings.get("isolir_list") or "ISOLIR"),
    )


async def _customers(host: Host, logins: Sequence[Record]) -> dict[str, Record]:
    ids = [login["customer"] for login in logins]
    found = await host.find(CUSTOMERS, {"id": {"_in": ids}}, limit=PAGE)
    return {str(customer["id"]): customer for customer in found}


def _login(login: Record, customer: Record | None) -> LoginFacts:
    return LoginFacts(
        id=str(login["id"]),
        name=login["name"],
        entitled=ENTITLED.get(customer["status"]) if customer else None,
        plan=customer["plan"] if customer else None,
        mark=login["password_mark"] or "",
        taken=login["password_taken"],
        remote_address=login["remote_address"],
        renew_before=moment(login["renew_before"]),
    )


def _plan(plan: Record) -> PlanFacts:
    return PlanFacts(
        id=str(plan["id"]),
        upload=plan["upload_rate"],
        download=plan["download_rate"],
        profile=plan["router_profile"] or "",
        on_sale=plan["is_active"] is not False,
    )


def _pool(pool: Record) -> PoolFacts:
    ranges = tuple(part.strip() for part in pool["ranges"].split(","))
    suspended = pool["used_for"] == "suspended"
    return PoolFacts(str(pool["id"]), pool["name"], ranges, suspended)


def _boost(boost: Record) -> BoostFacts:
    return BoostFacts(
        login=boost["login"],
        plan=boost["plan"],
        valid_from=datetime.fromisoformat(boost["valid_from"]),
        valid_until=datetime.fromisoformat(boost["valid_until"]),
    )
