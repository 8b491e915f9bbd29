"""Actions as sentences."""

from dataclasses import replace

from connectors.mikrotik.actions import Action, Change, Verb
from connectors.mikrotik.commands import commands, differing, in_effect
from connectors.mikrotik.fields import Kind
from connectors.mikrotik.state import Marker, Password
from tests.fixtures.routers import TENANT, found, ours


def act(verb: Verb, n: int, *changes: Change, kind: Kind = Kind.SECRET) -> Action:
    marker = Marker(TENANT, f"c{n}")
    return Action(verb, kind, f"C{n}", marker, id=f"*{n:X}", changes=changes, number=n)


ISOLIR = Change("profile", "home", "ISOLIR")


def test_equal_changes_share_a_sentence_of_fifty() -> None:
    made = commands([act(Verb.SET, n, ISOLIR) for n in range(1, 121)])
    assert [len(sent.actions) for sent in made] == [50, 50, 20]
    assert made[0].path == "/ppp/secret/set"
    assert made[0].words[0].startswith("=.id=*1,*2,*3,")
    assert made[0].words[1:] == ("=profile=ISOLIR",)


def test_a_password_and_a_name_never_share_a_sentence() -> None:
    rename = act(Verb.SET, 1, Change("name", "C1", "C9"))
    with_password = replace(act(Verb.SET, 2, ISOLIR), password=Password("r", "f"))
    made = commands([rename, with_password, act(Verb.SET, 3, ISOLIR)])
    assert [len(sent.actions) for sent in made] == [1, 1, 1]


def test_removals_go_one_by_one() -> None:
    made = commands([act(Verb.REMOVE, 1), act(Verb.REMOVE, 2)])
    assert [sent.words for sent in made] == [("=.id=*1",), ("=.id=*2",)]


def test_an_add_carries_name_and_marker_and_no_password() -> None:
    added = replace(act(Verb.ADD, 1, ISOLIR), password=Password("ref", "f"), id="")
    [sent] = commands([added])
    assert sent.path == "/ppp/secret/add"
    assert sent.words == ("=name=C1", f"=comment={ours('c1')}", "=profile=ISOLIR")


def test_a_field_is_made_absent_as_its_menu_wants_it() -> None:
    sent = commands(
        [
            act(Verb.UNSET, 1, Change("remote-address", "10.0.0.1", None)),
            act(Verb.UNSET, 2, Change("caller-id", "AA", None)),
            act(Verb.UNSET, 3, Change("next-pool", "p", None), kind=Kind.POOL),
        ]
    )
    assert [(one.path, one.words) for one in sent] == [
        ("/ppp/secret/unset", ("=numbers=*1", "=value-name=remote-address")),
        ("/ppp/secret/set", ("=.id=*2", "=caller-id=")),
        ("/ip/pool/set", ("=.id=*3", "=next-pool=none")),
    ]


def test_only_a_row_with_our_marker_and_the_values_is_in_effect() -> None:
    action = act(Verb.SET, 1, ISOLIR)
    good = found(Kind.SECRET, "*1", "C1", ours("c1"), profile="ISOLIR")
    for row, done in (
        (good, True),
        (replace(good, values={**good.values, "profile": "home"}), False),
        (replace(good, marker=Marker("t2", "c1")), False),
    ):
        assert in_effect(action, {"*1": row}, {"C1": row}) is done
    assert not in_effect(action, {}, {})
    assert in_effect(act(Verb.REMOVE, 1), {}, {})
    assert not in_effect(act(Verb.REMOVE, 1), {"*1": good}, {"C1": good})


def test_a_cleared_field_reads_as_its_default() -> None:
    cleared = act(Verb.UNSET, 1, Change("remote-address", "10.0.0.1", None))
    row = found(Kind.SECRET, "*1", "C1", ours("c1"))
    assert differing(cleared, row) == []
    kept = found(Kind.SECRET, "*1", "C1", ours("c1"), remote_address="10.0.0.1")
    assert differing(cleared, kept) == ["remote-address"]
