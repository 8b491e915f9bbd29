"""What is wanted of a router: a pure function of records and clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.mikrotik.state import Desired
from registry.builtin.network.desired import (
    BoostFacts,
    Facts,
    Isolation,
    LoginFacts,
    PlanFacts,
    PoolFacts,
    desired,
    profile_names,
    profile_of,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
SLOW = PlanFacts("p-slow", 5_000_000, 10_000_000, "10mbps", on_sale=True)
FAST = PlanFacts("p-fast", 20_000_000, 50_000_000, "", on_sale=True)
LOGIN = LoginFacts(
    id="l1",
    name="CUST00001",
    entitled="active",
    plan="p-slow",
    mark="m1",
    taken=None,
    remote_address=None,
    renew_before=None,
)
FACTS = Facts(
    tenant="t1",
    local_address="10.0.0.1",
    isolation=Isolation("ISOLIR", 128_000, "ISOLIR"),
    plans=[SLOW, FAST],
    pools=[PoolFacts("k1", "utama", ("10.0.0.2-10.0.0.9",), suspended=False)],
    logins=[LOGIN],
    boosts=[],
)


def with_login(**changes: object) -> Desired:
    return desired(replace(FACTS, logins=[replace(LOGIN, **changes)]), NOW)  # type: ignore[arg-type]  # fields of LoginFacts by name


def test_upload_is_what_the_router_receives() -> None:
    profile = next(p for p in desired(FACTS, NOW).profiles if p.id == "p-slow")
    assert profile.rate_limit == "5000000/10000000"
    assert (profile.name, profile.remote_address) == ("10mbps", "utama")


@pytest.mark.parametrize(
    ("entitled", "profile"),
    [("active", "10mbps"), ("suspended", "ISOLIR"), (None, None)],
)
def test_the_profile_follows_the_state_of_the_customer(
    entitled: str | None, profile: str | None
) -> None:
    secrets = with_login(entitled=entitled).secrets
    assert [secret.profile for secret in secrets] == ([profile] if profile else [])
    for secret in secrets:
        assert secret.disabled is False
        assert secret.password.reference == "l1"


def test_a_customer_without_a_plan_is_kept_slow_and_not_cut_off() -> None:
    assert with_login(plan=None).secrets[0].profile == "ISOLIR"


@pytest.mark.parametrize(
    ("begins", "ends", "boosted"),
    [
        (-HOUR, HOUR, True),
        (timedelta(), HOUR, True),
        (-HOUR, timedelta(), False),
        (timedelta(seconds=1), HOUR, False),
    ],
)
def test_a_boost_counts_from_its_beginning_until_before_its_end(
    begins: timedelta, ends: timedelta, *, boosted: bool
) -> None:
    facts = replace(
        FACTS, boosts=[BoostFacts("l1", "p-fast", NOW + begins, NOW + ends)]
    )
    (secret,) = desired(facts, NOW).secrets
    names = profile_names(FACTS.plans, "ISOLIR")
    assert secret.profile == names["p-fast" if boosted else "p-slow"]
    assert secret.profile == profile_of(LOGIN, facts, NOW)


def test_of_two_boosts_the_later_one_counts() -> None:
    other = PlanFacts("p-other", 1, 2, "other", on_sale=False)
    boosts = [
        BoostFacts("l1", "p-fast", NOW - HOUR, NOW + HOUR),
        BoostFacts("l1", "p-other", NOW - HOUR / 2, NOW + HOUR),
    ]
    facts = replace(FACTS, plans=[SLOW, FAST, other], boosts=boosts)
    assert desired(facts, NOW).secrets[0].profile == "other"
    assert desired(facts, NOW + 2 * HOUR).secrets[0].profile == "10mbps"


def test_a_profile_that_is_neither_sold_nor_used_is_not_wanted() -> None:
    old = replace(FAST, on_sale=False)
    facts = replace(FACTS, plans=[SLOW, old])
    assert [p.id for p in desired(facts, NOW).profiles] == ["isolir", "p-slow"]
    used = replace(facts, logins=[replace(LOGIN, plan="p-fast")])
    assert {p.id for p in desired(used, NOW).profiles} == {"isolir", "p-slow", "p-fast"}


@pytest.mark.parametrize(
    "taken", ["10mbps", "ISOLIR", "", "namaé", "a,b", "=x", "x" * 61]
)
def test_a_profile_name_that_cannot_be_used_gives_way_to_one_of_the_id(
    taken: str,
) -> None:
    second = PlanFacts("p-zzz-0123456789ab", 1, 1, taken, on_sale=True)
    names = profile_names([second, SLOW], "ISOLIR")
    assert names == {"p-slow": "10mbps", second.id: "plan-0123456789ab"}


def test_pools_of_a_use_follow_each_other_by_name() -> None:
    pools = [
        PoolFacts("k2", "b", ("10.2.0.0/24",), suspended=False),
        PoolFacts("k1", "a", ("10.1.0.0/24",), suspended=False),
        PoolFacts("k3", "c", ("10.3.0.0/24",), suspended=True),
    ]
    wanted = desired(replace(FACTS, pools=pools), NOW)
    assert {p.name: p.next_pool for p in wanted.pools} == {"a": "b", "b": "", "c": ""}
    remote = {p.id: p.remote_address for p in wanted.profiles}
    assert remote == {"isolir": "c", "p-slow": "a", "p-fast": "a"}


def test_without_a_pool_addresses_are_left_as_they_are() -> None:
    wanted = desired(replace(FACTS, pools=[]), NOW)
    assert {p.remote_address for p in wanted.profiles} == {None}
    assert wanted.pools == ()


def test_the_order_of_records_means_nothing() -> None:
    turned = replace(FACTS, plans=[FAST, SLOW])
    before, after = desired(FACTS, NOW), desired(turned, NOW)
    assert set(before.profiles) == set(after.profiles)
    assert before.secrets == after.secrets
