"""Records → what is wanted of one router. Pure: no database, no router, no clock.

The same records at the same instant always give the same answer, so that a lost job
only delays what the next sweep makes good. Called by `reconciling`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from connectors.mikrotik.state import Desired, Password, Pool, Profile, Secret
from connectors.mikrotik.values import speed

ISOLIR_ID = "isolir"
"""Id in the marker of the profile of suspended customers."""

_PROFILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.() -]{0,59}")

Entitled = Literal["active", "suspended"]


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """A plan: speeds in bit/s; `profile` as its form has it, empty without one."""

    id: str
    upload: int
    download: int
    profile: str
    on_sale: bool


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """A pool of the router."""

    id: str
    name: str
    ranges: tuple[str, ...]
    suspended: bool


@dataclass(frozen=True, slots=True)
class LoginFacts:
    """A login and what its customer is entitled to.

    Attributes:
        entitled: None for a customer who has ended, or is not one yet.
        mark: changes whenever the password does.
        taken: the mark of the password that a router last took.
    """

    id: str
    name: str
    entitled: Entitled | None
    plan: str | None
    mark: str
    taken: str | None
    remote_address: str | None
    renew_before: datetime | None


@dataclass(frozen=True, slots=True)
class BoostFacts:
    """A boost that was not cancelled."""

    login: str
    plan: str
    valid_from: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Isolation:
    """How suspended customers are kept: the tenant's settings."""

    profile: str
    rate: int
    address_list: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the state of one router follows from.

    Attributes:
        tenant: id, for the markers.
        local_address: the gateway of customers; None leaves it as it is.
    """

    tenant: str
    local_address: str | None
    isolation: Isolation
    plans: Sequence[PlanFacts]
    pools: Sequence[PoolFacts]
    logins: Sequence[LoginFacts]
    boosts: Sequence[BoostFacts]


def desired(facts: Facts, now: datetime) -> Desired:
    """Return what the records want of the router at this instant."""
    names = profile_names(facts.plans, facts.isolation.profile)
    plan_of = {login.id: plan_now(login, facts.boosts, now) for login in facts.logins}
    needed = {plan for plan in plan_of.values() if plan is not None}
    needed |= {plan.id for plan in facts.plans if plan.on_sale}
    return Desired(
        tenant=facts.tenant,
        pools=_pools(facts.pools),
        profiles=(
            _isolir(facts),
            *(
                _profile(plan, names, facts)
                for plan in facts.plans
                if plan.id in needed
            ),
        ),
        secrets=tuple(
            _secret(login, names.get(plan_of[login.id] or ""), facts.isolation)
            for login in facts.logins
            if login.entitled is not None
        ),
    )


def plan_now(
    login: LoginFacts, boosts: Iterable[BoostFacts], now: datetime
) -> str | None:
    """Return the plan whose speed the login has at this instant, None for none.

    Of boosts that overlap, the one that began last counts. A suspended customer has
    no speed, boosted or not.
    """
    if login.entitled != "active":
        return None
    running = [
        boost
        for boost in boosts
        if boost.login == login.id and boost.valid_from <= now < boost.valid_until
    ]
    if running:
        return max(running, key=lambda boost: (boost.valid_from, boost.plan)).plan
    return login.plan


def profile_names(plans: Sequence[PlanFacts], taken: str) -> dict[str, str]:
    """Return the name of each plan's profile, by id of the plan.

    The name that its form gives; where there is none, or a second plan has the same,
    one made of the plan's id, which no renaming changes. `taken` is no plan's.
    """
    names: dict[str, str] = {}
    used = {taken}
    for plan in sorted(plans, key=lambda plan: plan.id):
        name = plan.profile.strip()
        if not _PROFILE_NAME.fullmatch(name) or name in used:
            name = f"plan-{plan.id.replace('-', '')[-12:]}"
        names[plan.id] = name
        used.add(name)
    return names


def profile_of(login: LoginFacts, facts: Facts, now: datetime) -> str | None:
    """Return the name of the profile a login is to have, None when it has ended."""
    if login.entitled is None:
        return None
    plan = plan_now(login, facts.boosts, now)
    names = profile_names(facts.plans, facts.isolation.profile)
    return names.get(plan or "", facts.isolation.profile)


def _pools(pools: Iterable[PoolFacts]) -> tuple[Pool, ...]:
    """Chain the pools of a use in the order of their names."""
    made: list[Pool] = []
    for suspended in (False, True):
        after = ""
        for pool in reversed(_chain(pools, suspended=suspended)):
            made.append(
                Pool(id=pool.id, name=pool.name, ranges=pool.ranges, next_pool=after)
            )
            after = pool.name
    return tuple(made)


def _chain(pools: Iterable[PoolFacts], *, suspended: bool) -> list[PoolFacts]:
    chosen = (pool for pool in pools if pool.suspended is suspended)
    return sorted(chosen, key=lambda pool: pool.name)


def _first_pool(facts: Facts, *, suspended: bool) -> str | None:
    chain = _chain(facts.pools, suspended=suspended)
    return chain[0].name if chain else None


def _isolir(facts: Facts) -> Profile:
    pool = _first_pool(facts, suspended=True) or _first_pool(facts, suspended=False)
    rate = facts.isolation.rate
    return Profile(
        id=ISOLIR_ID,
        name=facts.isolation.profile,
        local_address=facts.local_address,
        remote_address=pool,
        rate_limit=speed(upload=rate, download=rate),
        address_list=facts.isolation.address_list,
        only_one="yes",
    )


def _profile(plan: PlanFacts, names: Mapping[str, str], facts: Facts) -> Profile:
    return Profile(
        id=plan.id,
        name=names[plan.id],
        local_address=facts.local_address,
        remote_address=_first_pool(facts, suspended=False),
        rate_limit=speed(upload=plan.upload, download=plan.download),
        address_list="",
        only_one="yes",
    )


def _secret(login: LoginFacts, profile: str | None, isolation: Isolation) -> Secret:
    return Secret(
        id=login.id,
        name=login.name,
        password=Password(login.id, login.mark, login.taken),
        profile=profile or isolation.profile,
        remote_address=login.remote_address or "",
        renew_before=login.renew_before,
    )
