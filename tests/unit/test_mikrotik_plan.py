"""The difference between a wanted and an observed router."""

import json
from datetime import timedelta

import pytest

from connectors.mikrotik.actions import Reason, Verb
from connectors.mikrotik.capabilities import capabilities
from connectors.mikrotik.fields import Kind
from connectors.mikrotik.guardrails import Approval, Limits
from connectors.mikrotik.plan import plan
from connectors.mikrotik.state import Active, Desired, Found, Password, Pool, Profile
from tests.fixtures.routers import (
    NOW,
    TENANT,
    found,
    observed,
    ours,
    planned,
    secret,
)

HOME = found(Kind.PROFILE, "*1", "home", ours("p1"), rate_limit="1000/2000")
WANT_HOME = Profile(id="p1", name="home", rate_limit="1k/2k")


def row(n: int, comment: str | None = None, **values: object) -> Found:
    mark = ours(f"c{n}") if comment is None else comment
    given = {"profile": "home", **values}
    return found(Kind.SECRET, f"*{n:X}", f"C{n}", mark, **given)  # type: ignore[arg-type]  # values by field


def up(n: int, uptime: int = 1000, at: str = "") -> Active:
    return Active(f"*A{n}{at}", f"C{n}", uptime, f"0x{n}{at}")


def wanting(*secrets: object) -> Desired:
    return Desired(TENANT, (), (WANT_HOME,), secrets)  # type: ignore[arg-type]  # secrets only


def did(made: object) -> list[tuple[str, str, str]]:
    return [(str(a.verb), str(a.kind), a.name) for a in made.actions]  # type: ignore[attr-defined]  # a plan


def test_nothing_to_do() -> None:
    made = planned(wanting(secret("c1", "C1")), observed(HOME, row(1)))
    assert made.empty
    assert made.in_sync == {(Kind.PROFILE, "p1"), (Kind.SECRET, "c1")}


def test_pools_come_before_profiles_before_secrets() -> None:
    desired = Desired(
        TENANT,
        (Pool(id="o1", name="pool", ranges=("10.0.0.2-10.0.0.9",)),),
        (Profile(id="p1", name="home", remote_address="pool"),),
        (secret("c1", "C1"),),
    )
    made = planned(desired, observed())
    assert did(made) == [
        ("add", "pool", "pool"),
        ("add", "profile", "home"),
        ("add", "secret", "C1"),
    ]
    assert [action.number for action in made.actions] == [1, 2, 3]


def test_only_fields_that_differ_are_set() -> None:
    seen = observed(HOME, row(1, profile="ISOLIR", caller_id="AA:BB"))
    made = planned(wanting(secret("c1", "C1")), seen)
    change = made.actions[0]
    assert [(c.field, c.old, c.new) for c in change.changes] == [
        ("profile", "ISOLIR", "home")
    ]


def test_what_is_not_said_is_left_alone_and_what_is_empty_is_cleared() -> None:
    seen = observed(HOME, row(1, remote_address="10.0.0.7", caller_id="AA:BB"))
    made = planned(wanting(secret("c1", "C1", remote_address="")), seen)
    assert did(made) == [("unset", "secret", "C1"), ("kick", "secret", "C1")]
    assert made.actions[0].changes[0].field == "remote-address"


def test_a_changed_profile_ends_every_session_of_the_log_in() -> None:
    seen = observed(HOME, row(1, profile="slow"), row(2), sessions=[
        up(1), up(1, at="b"), up(2)
    ])  # fmt: skip
    made = planned(wanting(secret("c1", "C1"), secret("c2", "C2")), seen)
    assert did(made) == [("set", "secret", "C1"), ("kick", "secret", "C1")]
    assert made.actions[1].sessions == (up(1), up(1, at="b"))
    assert made.actions[1].after == (1,)


@pytest.mark.parametrize(
    ("uptime", "ended"), [(3600, True), (600, True), (599, False), (30, False)]
)
def test_an_owed_kick_ends_sessions_that_began_before(uptime: int, ended: bool) -> None:
    wanted = secret("c1", "C1", renew_before=NOW - timedelta(minutes=10))
    made = planned(wanting(wanted), observed(HOME, row(1), sessions=[up(1, uptime)]))
    assert did(made) == ([("kick", "secret", "C1")] if ended else [])


def test_a_disabled_secret_keeps_no_session() -> None:
    wanted = wanting(secret("c1", "C1", disabled=True))
    seen = observed(HOME, row(1, disabled=True), sessions=[up(1)])
    assert did(planned(wanted, seen)) == [("kick", "secret", "C1")]


def test_a_changed_password_is_set_without_a_kick() -> None:
    wanted = secret("c1", "C1", password=Password("ref-1", "new", confirmed="old"))
    made = planned(wanting(wanted), observed(HOME, row(1), sessions=[up(1)]))
    assert did(made) == [("set", "secret", "C1")]
    assert made.actions[0].password is not None


def test_a_renamed_entry_is_renamed_and_references_follow() -> None:
    desired = Desired(
        TENANT,
        (),
        (Profile(id="p1", name="home-20", rate_limit="1k/2k"),),
        (secret("c1", "C1", profile="home-20"),),
    )
    made = planned(desired, observed(HOME, row(1)))
    assert did(made) == [("set", "profile", "home")]
    assert made.actions[0].new_name == "home-20"


def test_a_renamed_log_in_loses_the_session_of_its_old_name() -> None:
    seen = observed(HOME, row(1), sessions=[up(1)])
    made = planned(wanting(secret("c1", "C1-new")), seen)
    assert did(made) == [("set", "secret", "C1"), ("kick", "secret", "C1")]


def test_what_is_no_longer_wanted_is_disabled_ended_and_removed() -> None:
    made = planned(wanting(), observed(HOME, row(1), sessions=[up(1)]))
    assert did(made) == [
        ("set", "secret", "C1"),
        ("kick", "secret", "C1"),
        ("remove", "secret", "C1"),
    ]
    assert [action.after for action in made.actions] == [(), (1,), (2,)]


def test_what_is_still_named_is_not_removed() -> None:
    pool = found(Kind.POOL, "*1", "pool", ours("o1"))
    theirs = found(Kind.PROFILE, "*2", "mine", "", remote_address="pool")
    made = planned(Desired(TENANT), observed(pool, theirs))
    assert made.empty
    assert [held.reason for held in made.blocked] == [Reason.IN_USE]


def test_a_pool_goes_with_the_profile_that_named_it() -> None:
    pool = found(Kind.POOL, "*1", "pool", ours("o1"))
    profile = found(Kind.PROFILE, "*1", "old", ours("p9"), remote_address="pool")
    made = planned(Desired(TENANT), observed(pool, profile))
    assert did(made) == [("remove", "profile", "old"), ("remove", "pool", "pool")]


def test_what_carries_no_marker_of_ours_is_shown_and_not_touched() -> None:
    seen = observed(
        HOME,
        row(1, comment=""),
        row(2, comment="rangka:t2:c2"),
        row(3, comment="hotel lobby"),
        found(Kind.SECRET, "*9", "dyn", ours("c9"), dynamic=True),
    )
    made = planned(wanting(), seen)
    assert made.empty
    assert not made.blocked
    names = ("C1", "C2", "C3", "dyn")
    assert made.unmanaged == tuple((Kind.SECRET, name) for name in names)


@pytest.mark.parametrize(
    ("comment", "reason", "holder"),
    [
        ("", Reason.UNMARKED, ""),
        ("rangka:t2:c1", Reason.FOREIGN, "rangka:t2:c1"),
        (ours("c7"), Reason.NAME_TAKEN, ours("c7")),
    ],
)
def test_a_taken_name_is_a_conflict(comment: str, reason: Reason, holder: str) -> None:
    wanted = [secret("c1", "C1"), secret("c7", "C7")]
    seen = observed(HOME, row(1, comment=comment, profile="other"))
    made = planned(wanting(*wanted), seen)
    assert next((c.name, c.reason, c.holder) for c in made.conflicts) == (
        "C1",
        reason,
        holder,
    )
    assert not [action for action in made.actions if action.marker.id == "c1"]


def test_a_copied_marker_is_a_conflict_and_neither_copy_is_touched() -> None:
    copy = found(Kind.SECRET, "*9", "C1-copy", ours("c1"), profile="other")
    made = planned(wanting(secret("c1", "C1")), observed(HOME, row(1), copy))
    assert [conflict.reason for conflict in made.conflicts] == [Reason.COPIED]
    gone = planned(wanting(), observed(HOME, row(1), copy))
    assert made.empty
    assert gone.empty


def test_an_unmarked_namesake_is_adopted_once_a_human_says_so() -> None:
    limits = Limits(approval=Approval(adopt=frozenset({(Kind.SECRET, "c1")})))
    seen = observed(HOME, row(1, comment="VIP", profile="other"))
    made = planned(wanting(secret("c1", "C1")), seen, limits)
    [adopted, _] = made.actions
    fields = {change.field: change.new for change in adopted.changes}
    assert fields == {"profile": "home", "comment": f"{ours('c1')} VIP"}
    assert adopted.password is not None
    assert not made.unmanaged


def test_an_old_version_gets_nothing_written() -> None:
    made = plan(
        wanting(secret("c1", "C1")), observed(), capabilities("5.26"), NOW, Limits()
    )
    assert made.empty
    assert {held.reason for held in made.blocked} == {Reason.UNSUPPORTED}


def test_the_hash_knows_changes_and_not_ids_or_sessions() -> None:
    desired = wanting(secret("c1", "C1"))
    seen = observed(HOME, row(1, profile="slow"), sessions=[up(1)])
    rebooted = observed(
        HOME,
        found(Kind.SECRET, "*99", "C1", ours("c1"), profile="slow"),
        sessions=[up(1, 5, "x")],
    )
    edited = observed(HOME, row(1, profile="fast"), sessions=[up(1)])
    first = planned(desired, seen).hash
    assert planned(desired, rebooted).hash == first
    assert planned(desired, edited).hash != first


def test_the_hash_knows_a_new_password() -> None:
    one, other = (
        planned(wanting(secret("c1", "C1", password=Password("r", made))), observed())
        for made in ("f1", "f2")
    )
    assert one.hash != other.hash


def test_a_described_plan_masks_passwords_and_holds_no_reference() -> None:
    wanted = secret("c1", "C1", password=Password("vault-reference", "finger"))
    made = planned(wanting(wanted), observed(HOME))
    told = json.dumps(made.describe(), ensure_ascii=False)
    assert "vault-reference" not in told
    assert "finger" not in told
    assert '"field": "password", "old": null, "new": "•••"' in told


def test_two_wanted_entries_cannot_share_a_name() -> None:
    with pytest.raises(ValueError, match="name"):
        wanting(secret("c1", "C1"), secret("c2", "C1"))


def test_adds_say_only_what_was_wanted() -> None:
    made = planned(wanting(secret("c1", "C1", caller_id="")), observed(HOME))
    [added] = made.actions
    assert added.verb is Verb.ADD
    assert {change.field for change in added.changes} == {"profile"}
