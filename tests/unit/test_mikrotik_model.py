"""Any plan, carried out, leads to what was wanted and touches nothing else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.mikrotik.actions import Reason
from connectors.mikrotik.fields import Kind
from connectors.mikrotik.guardrails import Approval, Limits
from connectors.mikrotik.state import (
    Active,
    Desired,
    Found,
    Observed,
    Pool,
    Profile,
    Secret,
)
from tests.fixtures.routers import (
    TENANT,
    carried_out,
    found,
    observed,
    ours,
    planned,
    secret,
)

NAMES = ("a", "b", "c", "d")
IDS = ("1", "2", "3", "4", "5")
EVERYTHING = Limits(
    approval=Approval(
        removals=frozenset((kind, n) for kind in Kind for n in IDS), kicks=1000
    )
)
names = st.sampled_from(NAMES)
comments = st.one_of(
    st.sampled_from(IDS).map(ours),
    st.sampled_from(("", "printer", "rangka:other:1", "rangka:other:2")),
)
addresses = st.sampled_from((None, "", "10.0.0.1", "10.0.0.2"))
rates = st.sampled_from((None, "", "1M/2M", "1000k/2000k", "5M"))


def entries(draw: st.DrawFn, kind: Kind) -> list[Found]:
    """Return rows of distinct names, marked or not, as a router may have them."""
    rows = []
    for at, name in enumerate(draw(st.lists(names, unique=True))):
        values: dict[str, object] = {}
        if kind is Kind.PROFILE:
            values = {"remote_address": draw(st.one_of(st.none(), names))}
        if kind is Kind.SECRET:
            values = {"profile": draw(names), "disabled": draw(st.booleans())}
        comment = draw(comments)
        rows.append(found(kind, f"*{at:X}", name, comment, **values))  # type: ignore[arg-type]  # values by field
    return rows


@st.composite
def routers(draw: st.DrawFn) -> Observed:
    rows = [row for kind in Kind for row in entries(draw, kind)]
    known = [row.name for row in rows if row.kind is Kind.SECRET]
    logged_in = draw(st.lists(st.sampled_from(known))) if known else []
    sessions = [
        Active(f"*A{at}", name, draw(st.integers(0, 9000)), f"0x{at}")
        for at, name in enumerate(logged_in)
    ]
    return observed(*rows, sessions=sessions)


@st.composite
def wishes(draw: st.DrawFn) -> Desired:
    def pairs() -> list[tuple[str, str]]:
        some = draw(st.lists(names, unique=True))
        ids = draw(st.permutations(IDS))
        return list(zip(ids, some, strict=False))

    pools = tuple(Pool(id=i, name=n, ranges=("10.0.0.2-10.0.0.9",)) for i, n in pairs())
    profiles = tuple(
        Profile(id=i, name=n, rate_limit=draw(rates), remote_address=draw(addresses))
        for i, n in pairs()
    )
    secrets = tuple(_secret(draw, i, n) for i, n in pairs())
    return Desired(TENANT, pools, profiles, secrets)


def _secret(draw: st.DrawFn, entry_id: str, name: str) -> Secret:
    return secret(
        entry_id,
        name,
        draw(names),
        remote_address=draw(addresses),
        disabled=draw(st.booleans()),
        limit_bytes_in=draw(st.sampled_from((None, 0, 5000))),
    )


def strangers(seen: Observed) -> set[tuple[Kind, str, str]]:
    return {
        (row.kind, row.id, row.comment)
        for row in seen.entries
        if row.marker is None or row.marker.tenant != TENANT
    }


@settings(max_examples=300, deadline=None)
@given(wishes(), routers())
def test_a_carried_out_plan_reaches_what_was_wanted(
    desired: Desired, seen: Observed
) -> None:
    before = {(row.kind, row.id): row for row in seen.entries}
    first = planned(desired, seen, EVERYTHING)
    after = carried_out(seen, first)
    second = planned(desired, after, EVERYTHING)
    waiting = {Reason.NAME_TAKEN, Reason.IN_USE}
    reasons = {conflict.reason for conflict in first.conflicts}
    reasons |= {held.reason for held in first.blocked}
    if not reasons & waiting:
        assert second.empty
        assert not second.blocked
    # Names that swap places need a run each; whatever is stuck then is a conflict.
    for _ in range(6):
        after = carried_out(after, second)
        second = planned(desired, after, EVERYTHING)
    assert second.empty
    wanted = {(kind, entry.id) for kind in Kind for entry in desired.of(kind)}
    refused = {(c.kind, c.marker.id) for c in second.conflicts}
    assert wanted - refused == second.in_sync
    assert strangers(after) == strangers(seen)
    for row in after.entries:
        if row.marker is None or row.marker.tenant != TENANT:
            was = before[row.kind, row.id]
            assert (row.name, row.comment) == (was.name, was.comment)


@settings(max_examples=200, deadline=None)
@given(wishes(), routers())
def test_a_plan_names_only_rows_that_carry_our_marker(
    desired: Desired, seen: Observed
) -> None:
    mine = {
        (row.kind, row.id)
        for row in seen.entries
        if row.marker is not None and row.marker.tenant == TENANT
    }
    made = planned(desired, seen, EVERYTHING)
    for action in (*made.actions, *(held.action for held in made.blocked)):
        assert not action.id or (action.kind, action.id) in mine
    assert set(made.unmanaged) == {(k, r.name) for k, i, _ in strangers(seen)
                                   for r in seen.of(k) if r.id == i}  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(wishes(), routers())
def test_without_approval_few_are_removed_and_few_sessions_ended(
    desired: Desired, seen: Observed
) -> None:
    made = planned(desired, seen)
    ended = sum(len(action.sessions) for action in made.actions)
    removed = sum(action.verb == "remove" for action in made.actions)
    assert removed <= 5
    assert ended <= max(5, 0.2 * len(seen.sessions))


@settings(max_examples=100, deadline=None)
@given(wishes(), routers(), st.randoms())
def test_the_order_in_which_rows_are_read_changes_nothing(
    desired: Desired, seen: Observed, shuffle: object
) -> None:
    rows = list(seen.entries)
    shuffle.shuffle(rows)  # type: ignore[attr-defined]  # a random.Random
    shuffled = observed(*rows, sessions=seen.sessions)
    assert planned(desired, shuffled).hash == planned(desired, seen).hash
