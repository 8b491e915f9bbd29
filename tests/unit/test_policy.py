"""Decisions of the policy, held to Casbin over the whole policy and to plain words."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import casbin
import pytest
from casbin.model import Model
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.context import Allowance
from engine.policy_decision import FOREVER, Decider, minimal
from engine.policy_rules import (
    Rule,
    asked_resource,
    ceiling,
    close_over,
    matches,
    resource_pattern,
    rule_from_row,
    select,
)
from metadata.conditions import EVERYTHING, parse

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PAST, FUTURE = NOW - timedelta(seconds=1), NOW + timedelta(hours=1)

WHOLE_POLICY = """
[request_definition]
r = sub, dom, obj, act
[policy_definition]
p = sub, dom, obj, act, eft
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = p.dom == r.dom && pm(r.obj, p.obj) && pm(r.act, p.act) && g(r.sub, p.sub, r.dom)
"""

ACTIVE = parse({"status": {"_eq": "active"}})
MINE = parse({"owner": {"_eq": "$user.id"}})

decider = Decider()


def allow(permission: str, **more: Any) -> Rule:
    resource, _, action = permission.partition(":")
    defaults = {"id": permission, "role": "r"}
    return Rule(**{**defaults, **more}, resource=resource, action=action or "*")


def deny(permission: str, **more: Any) -> Rule:
    return replace(allow(permission, **more), is_deny=True)


def decide(rules: Sequence[Rule], resource: str, action: str) -> Any:
    return decider.decide(rules, resource, action, NOW).grant


# -- patterns --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "pattern", "expected"),
    [
        ("isp", "isp", True),
        ("isp.customers", "isp", True),
        ("isp.customers.notes", "isp.customers", True),
        ("isp", "isp.customers", False),
        ("ispx", "isp", False),
        ("isp.customersx", "isp.customers", False),
        ("x.isp", "isp", False),
        ("isp", "*", True),
        ("isp.customers", "*", True),
        ("isp.customers", "isp.*", False),
        ("isp", "i*", False),
        ("*", "isp", False),
    ],
)
def test_a_pattern_matches_itself_and_what_is_below(
    name: str, pattern: str, expected: bool
) -> None:
    assert matches(name, pattern) is expected


@pytest.mark.parametrize(
    ("rule", "resource", "action", "expected"),
    [
        ("network:read", "network.routers", "read", True),
        ("network:read", "network.routers", "update", False),
        ("task:*", "task.comments", "archive", True),
        ("*:read", "customers", "read", True),
        ("*:read", "customers", "delete", False),
        ("*:read", "user", "read", True),
        ("*", "tenant", "read", True),
        ("*", "anything.at.all", "whatever", True),
        ("customers:write", "customers", "create", True),
        ("customers:write", "customers", "update", True),
        ("customers:write", "customers", "delete", False),
        ("customers:write", "customers", "write", True),
        ("customers:create", "customers", "write", False),
        ("customers:view", "customers", "read", True),
        ("customers:read", "customers", "view", True),
        ("customers:manage", "customers", "suspend", True),
        ("customers:*", "customers", "manage", True),
        ("customers:write", "customers", "manage", False),
        ("data:read", "customers", "read", True),
        ("data:read", "network.routers", "read", True),
        ("data:read", "user", "read", False),
        ("data:*", "audit", "read", False),
        ("data:*", "team", "create", False),
        ("user:read", "user", "read", True),
        ("users:read", "user", "read", False),
    ],
)
def test_one_rule_allows(rule: str, resource: str, action: str, expected: bool) -> None:
    assert decide([allow(rule)], resource, action).allowed is expected


def test_write_may_come_from_two_rules() -> None:
    rules = [allow("customers:create"), allow("customers:update", scope="own")]

    grant = decide(rules, "customers", "write")

    assert grant.allowed
    assert [each.scope for each in grant.allowances] == ["own"]
    assert grant.action == "write"


def test_nothing_said_is_a_denial() -> None:
    assert not decide([], "customers", "read").allowed


def test_a_deny_outweighs_every_allow() -> None:
    rules = [allow("*"), allow("customers:delete"), deny("customers:delete")]

    assert not decide(rules, "customers", "delete").allowed
    assert not decide(rules, "customers.notes", "delete").allowed
    assert decide(rules, "customers", "read").allowed
    assert not decide(rules, "customers", "manage").allowed


def test_an_unrelated_deny_takes_nothing() -> None:
    assert decide([allow("a:read"), deny("b:read")], "a", "read").allowed


def test_expiry_counts_to_the_instant_and_bounds_the_decision() -> None:
    gone = allow("a:read", expires_at=NOW)
    later = allow("a:read", expires_at=FUTURE)

    assert not decide([gone], "a", "read").allowed
    decision = decider.decide([gone, later], "a", "read", NOW)
    assert decision.grant.allowed
    assert decision.valid_until == FUTURE
    assert decider.decide([later], "a", "read", FUTURE).grant.allowed is False
    assert decider.decide([allow("a:read")], "a", "read", NOW).valid_until == FOREVER


def test_a_deny_that_expires_bounds_the_decision_too() -> None:
    rules = [allow("a:read"), deny("a:read", expires_at=FUTURE)]

    decision = decider.decide(rules, "a", "read", NOW)

    assert not decision.grant.allowed
    assert decision.valid_until == FUTURE


# -- rows and fields -------------------------------------------------------------------


def test_an_allow_gives_scope_filter_fields_and_presets() -> None:
    rule = allow(
        "a:create",
        scope="own",
        filter=ACTIVE,
        fields=frozenset({"name"}),
        presets={"status": "active"},
    )

    grant = decide([rule], "a", "create")

    assert grant.allowances == (
        Allowance("own", ACTIVE, frozenset({"name"}), {"status": "active"}),
    )
    assert not grant.unrestricted


def test_what_a_wider_rule_contains_is_left_out() -> None:
    rules = [
        allow("a:read", scope="own"),
        allow("a:read", scope="team", filter=ACTIVE),
        allow("a:read", scope="team", filter=ACTIVE, fields=frozenset({"x"})),
        allow("a:read", scope="team"),
        allow("a:read", scope="team", id="twin"),
    ]

    grant = decide(rules, "a", "read")

    assert grant.allowances == (Allowance("team"),)


def test_different_rules_stay_side_by_side() -> None:
    rules = [
        allow("a:read", scope="own"),
        allow("a:read", filter=ACTIVE),
        allow("a:read", fields=frozenset({"name"})),
    ]

    assert len(decide(rules, "a", "read").allowances) == 3


def test_a_rule_that_forces_values_does_not_swallow_one_that_does_not() -> None:
    forced, free = Allowance(presets={"a": 1}), Allowance()

    assert minimal([forced, free]) == (free,)
    assert minimal([Allowance("own"), forced]) == (Allowance("own"), forced)


def test_a_deny_with_a_filter_or_fields_takes_only_those() -> None:
    rules = [
        allow("a:read"),
        deny("a:read", filter=ACTIVE),
        deny("a:read", fields=frozenset({"salary"})),
    ]

    grant = decide(rules, "a", "read")

    assert grant.allowed
    assert grant.denied == (ACTIVE,)
    assert grant.denied_fields == {"salary"}
    assert not grant.reaches_field("salary")
    assert not grant.unrestricted


@pytest.mark.parametrize(
    "rule",
    [
        deny("a:read", scope="own"),
        deny("a:read", scope="team", filter=ACTIVE),
    ],
)
def test_a_deny_that_cannot_be_said_in_rows_denies_all(rule: Rule) -> None:
    assert not decide([allow("a:read"), rule], "a", "read").allowed


def test_a_deny_of_fields_on_some_rows_takes_them_everywhere() -> None:
    rules = [
        allow("a:read"),
        deny("a:read", filter=ACTIVE, fields=frozenset({"salary"})),
    ]

    grant = decide(rules, "a", "read")

    assert grant.denied_fields == {"salary"}
    assert grant.denied == ()


@pytest.mark.parametrize(("effect", "allowed"), [("allow", False), ("deny", False)])
def test_a_broken_condition_never_widens(effect: str, allowed: bool) -> None:
    row = {
        "id": "x",
        "role": "r",
        "resource": "a",
        "action": "read",
        "effect": effect,
        "scope": "tenant",
        "filter": {"status": {"_is": 1}},
        "fields": None,
        "presets": {},
        "expires_at": None,
        "position": 0,
    }
    rule = rule_from_row(row)
    rules = [each for each in (rule,) if each is not None]
    if effect == "deny":
        rules.append(allow("a:read"))

    assert decide(rules, "a", "read").allowed is allowed


# -- shapes ----------------------------------------------------------------------------


def test_the_same_rights_have_the_same_shape_in_any_order() -> None:
    rules = [
        allow("a:read", scope="own", filter=MINE),
        allow("a:read", fields=frozenset({"x", "y"}), id="2"),
        deny("a:read", filter=ACTIVE),
    ]

    shapes = {
        decide(order, "a", "read").shape for order in itertools.permutations(rules)
    }

    assert len(shapes) == 1


@pytest.mark.parametrize(
    "other",
    [
        allow("a:read", scope="team"),
        allow("a:read", filter=ACTIVE),
        allow("a:read", filter=parse({"status": {"_eq": "closed"}})),
        allow("a:read", filter=parse({"owner": {"_eq": "user.id"}})),
        allow("a:read", fields=frozenset({"x"})),
        allow("a:read", presets={"x": 1}),
        allow("a:read"),
    ],
)
def test_other_rights_have_another_shape(other: Rule) -> None:
    mine = decide([allow("a:read", filter=MINE)], "a", "read")

    assert decide([other], "a", "read").shape != mine.shape


def test_unrestricted_is_the_shape_of_a_super_admin() -> None:
    assert decide([allow("a:read")], "a", "read").shape == "*"
    assert decide([allow("a:read", presets={"x": 1})], "a", "read").shape != "*"


# -- the ceiling -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resource", "action", "expected"),
    [
        ("tenant", "create", False),
        ("tenant", "delete", False),
        ("tenant", "manage", False),
        ("tenant", "write", False),
        ("tenant", "read", True),
        ("tenant", "update", True),
        ("service", "register", False),
        ("service", "publish", False),
        ("service", "read", True),
        ("service.anything", "update", False),
        ("system", "read", False),
        ("user", "create", True),
        ("role", "update", True),
        ("audit", "read", True),
    ],
)
def test_what_a_tenant_s_own_roles_can_reach_of_the_platform(
    resource: str, action: str, expected: bool
) -> None:
    rules = [allow("*"), allow(f"{resource}:*"), allow(f"{resource}:{action}")]

    assert decide(rules, resource, action).allowed is expected


def test_other_tenants_and_paid_fields_are_denied_to_everybody() -> None:
    grant = decide([allow("*")], "tenant", "update")

    assert grant.denied == (parse({"id": {"_neq": "$tenant.id"}}),)
    assert {"status", "max_users", "subscription_tier"} <= grant.denied_fields
    assert "name" not in grant.denied_fields


# -- roles -----------------------------------------------------------------------------


def test_inheritance_closes_over_cycles_and_strangers() -> None:
    a, b, c, d = "abcd"
    inherits: Any = {a: [b], b: [c, "gone"], c: [a], d: []}

    assert close_over([a], inherits) == {a, b, c}
    assert close_over(["gone"], inherits) == frozenset()


# -- oracles ---------------------------------------------------------------------------

RESOURCES = ["isp", "isp.customers", "isp.customers.notes", "ispx", "user", "team"]
ACTIONS = ["read", "create", "update", "delete", "suspend"]
QUESTIONS = [*ACTIONS, "write", "view", "manage"]
ROLES = ["r0", "r1", "r2", "r3"]

rules_of_roles = st.lists(
    st.builds(
        Rule,
        id=st.uuids().map(str),
        role=st.sampled_from(ROLES),
        resource=st.sampled_from(["*", "data", *RESOURCES]),
        action=st.sampled_from(["*", "write", "view", "manage", *ACTIONS]),
        is_deny=st.booleans(),
        expires_at=st.sampled_from([None, PAST, FUTURE]),
    ),
    max_size=14,
)
inheritance = st.lists(
    st.tuples(st.sampled_from(ROLES), st.sampled_from(ROLES)), max_size=4
)


def whole_policy(
    rules: Sequence[Rule], inherited: Sequence[tuple[str, str]], held: set[str]
) -> casbin.Enforcer:
    """Return one enforcer over the whole policy, the definition of record."""
    model = Model()
    model.load_model_from_text(WHOLE_POLICY)
    enforcer = casbin.Enforcer(model)
    enforcer.add_function("pm", matches)
    words = {"write": ["create", "update"], "view": ["read"], "manage": ["*"]}
    for rule in rules:
        if rule.expires_at is not None and rule.expires_at <= NOW:
            continue
        for action in words.get(rule.action, [rule.action]):
            effect = "deny" if rule.is_deny else "allow"
            resource = resource_pattern(rule.resource)
            enforcer.add_policy(rule.role, "t", resource, action, effect)
    for role in held:
        enforcer.add_grouping_policy("user", role, "t")
    for role, other in inherited:
        enforcer.add_grouping_policy(role, other, "t")
    return enforcer


def by_casbin(enforcer: casbin.Enforcer, resource: str, action: str) -> bool:
    """Return the answer; `manage` asks for every action there could be."""
    words = {
        "write": ["create", "update"],
        "view": ["read"],
        "manage": [*ACTIONS, "unheard_of"],
    }
    name = asked_resource(resource)
    return all(
        enforcer.enforce("user", "t", name, word)
        for word in words.get(action, [action])
    )


def by_words(rules: Sequence[Rule], resource: str, action: str) -> bool:
    """Return the answer of twenty naive lines."""
    if action == "manage":
        return all(by_words(rules, resource, a) for a in [*ACTIONS, "unheard_of"])
    if action == "write":
        return all(by_words(rules, resource, a) for a in ("create", "update"))
    action = "read" if action == "view" else action
    effects = set()
    for rule in rules:
        if rule.expires_at is not None and rule.expires_at <= NOW:
            continue
        if rule.resource == "data":
            fits = resource.partition(".")[0] not in ("user", "team")
        else:
            parts = rule.resource.split(".")
            fits = rule.resource == "*" or resource.split(".")[: len(parts)] == parts
        meant = {
            "*": [action],
            "manage": [action],
            "write": ["create", "update"],
            "view": ["read"],
        }.get(rule.action, [rule.action])
        if fits and action in meant:
            effects.add(rule.is_deny)
    return effects == {False}


@settings(max_examples=150, deadline=None)
@given(
    rules=rules_of_roles,
    inherited=inheritance,
    held=st.sets(st.sampled_from(ROLES), max_size=3),
)
def test_every_answer_is_that_of_the_whole_policy_and_of_plain_words(
    rules: list[Rule], inherited: list[tuple[str, str]], held: set[str]
) -> None:
    inherits: Any = {
        role: [other for one, other in inherited if one == role] for role in ROLES
    }
    roles: Any = close_over(held, inherits)  # type: ignore[arg-type]  # any hashable
    slice_ = [rule for rule in rules if rule.role in roles]
    enforcer = whole_policy(rules, inherited, held)

    for resource, action in itertools.product(RESOURCES, QUESTIONS):
        answer = decide(slice_, resource, action).allowed
        assert answer == by_words(slice_, resource, action), (resource, action)
        assert answer == by_casbin(enforcer, resource, action), (resource, action)


@given(
    rules=rules_of_roles,
    resource=st.sampled_from(RESOURCES),
    action=st.sampled_from(ACTIONS),
)
def test_a_slice_is_what_pm_selects(
    rules: list[Rule], resource: str, action: str
) -> None:
    name = asked_resource(resource)
    words = {"write": ("create", "update"), "view": ("read",), "manage": ("*",)}

    selected = [
        rule
        for rule in rules
        if matches(name, resource_pattern(rule.resource))
        and any(matches(action, w) for w in words.get(rule.action, (rule.action,)))
    ]

    assert select(rules, name, action) == selected


@settings(max_examples=200)
@given(
    st.lists(
        st.builds(
            Allowance,
            scope=st.sampled_from(["own", "team", "tenant"]),
            filter=st.sampled_from([EVERYTHING, ACTIVE, MINE]),
            fields=st.sampled_from([None, frozenset("x"), frozenset("xy")]),
        ),
        max_size=8,
    )
)
def test_leaving_out_what_is_contained_changes_nothing(
    allowances: list[Allowance],
) -> None:
    ranks = {"own": 0, "team": 1, "tenant": 2}

    def reached(given: Sequence[Allowance]) -> set[tuple[int, bool, bool, str]]:
        """Return the (row, field) pairs: how near, active or not, mine or not."""
        pairs = set()
        for one in given:
            for near, active, mine, name in itertools.product(
                range(3), (True, False), (True, False), "xyz"
            ):
                row = near <= ranks[one.scope] and (
                    one.filter == EVERYTHING
                    or (one.filter == ACTIVE and active)
                    or (one.filter == MINE and mine)
                )
                if row and (one.fields is None or name in one.fields):
                    pairs.add((near, active, mine, name))
        return pairs

    assert reached(minimal(allowances)) == reached(allowances)


def test_the_ceiling_speaks_about_platform_resources_only() -> None:
    assert ceiling("customers", "delete") == ()
    assert ceiling("user", "delete") == ()
    assert ceiling("systems", "read") == ()
