"""What a plan counts, what it refuses, and that publishing keeps to it."""

from typing import Any
from uuid import uuid4

import pytest
from field_samples import SAMPLES
from publishing_world import NAME, NOTE, Shelf, entity, fresh_name, items, service

from engine.settings import Settings
from metadata.fields import FIELD_TYPES
from registry.publishing import Plan, PublishError


@pytest.fixture
def shelf(settings: Settings) -> Shelf:
    return Shelf(settings)


@pytest.fixture
def name() -> str:
    return fresh_name()


def failing(plan: Plan) -> list[tuple[str, int, list[str | None]]]:
    return [
        (p.step.summary, p.failing, sorted(p.sample, key=str))
        for p in plan.steps
        if p.failing
    ]


def field(kind: str, **options: Any) -> dict[str, Any]:
    return {"id": "v", "name": "value", "type": kind, **options}


NOBODY = "0190a5c0-7b1e-7cc0-9b57-4f2b1f1f7a10"
CHOICE = {"options": ["a", "b"]}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (field("secret"), field("text")),
        (field("text"), field("secret")),
        (field("secret"), field("email")),
        (field("text"), field("duration")),
    ],
)
async def test_a_change_that_no_rule_allows_is_refused_whatever_the_column_is(
    shelf: Shelf, name: str, old: dict[str, Any], new: dict[str, Any]
) -> None:
    await shelf.publish(items(name, NAME, old))
    plan = await shelf.plan(items(name, NAME, new))
    assert not plan.publishable
    assert plan.steps == ()
    (finding,) = plan.findings
    assert finding.code == "impossible_change"
    assert finding.message == f"{old['type']} cannot become {new['type']}"
    with pytest.raises(PublishError) as refused:
        await shelf.publish(items(name, NAME, new))
    assert refused.value.code == "findings"
    assert await shelf.drift(name) == []


@pytest.mark.parametrize(
    ("old", "new", "good", "bad"),
    [
        (field("text"), field("email"), "a@example.com", "nobody"),
        (field("email"), field("text", max_length=5), "a@b.c", "ana@b.com"),
        (field("text"), field("choice", **CHOICE), "a", "c"),
        (field("text"), field("url"), "https://a.test", "a.test"),
        (field("text"), field("integer"), "12", "twelve"),
        (field("text"), field("date"), "2024-02-29", "2023-02-29"),
        (field("decimal"), field("integer"), "2.00", "2.50"),
        (field("uuid"), field("relation", to="platform.users"), None, NOBODY),
    ],
)
async def test_a_new_type_counts_and_lists_the_values_that_do_not_fit(
    shelf: Shelf,
    name: str,
    old: dict[str, Any],
    new: dict[str, Any],
    good: str | None,
    bad: str,
) -> None:
    await shelf.publish(items(name, NAME, old))
    await shelf.insert(f"{name}.items", name="fits", value=good)
    wrong = await shelf.insert(f"{name}.items", name="wrong", value=bad)
    plan = await shelf.plan(items(name, NAME, new))

    (step,) = [planned for planned in plan.steps if planned.failing]
    assert (step.failing, step.sample, step.ids) == (1, [bad], [str(wrong)])
    with pytest.raises(PublishError) as refused:
        await shelf.publish(items(name, NAME, new))
    assert refused.value.code == "values_do_not_fit"

    await shelf.run(f"DELETE FROM svc_{name}.items WHERE name = 'wrong'")
    assert await shelf.publish(items(name, NAME, new)) == 2
    assert await shelf.drift(name) == []
    assert len(await shelf.read(f"{name}.items", "value")) == 1


async def test_what_is_empty_stands_beside_the_id_of_its_record_too(
    shelf: Shelf, name: str
) -> None:
    await shelf.publish(items(name, NAME, NOTE))
    empty = {str(await shelf.insert(f"{name}.items", name="a")) for _ in range(2)}
    long = str(await shelf.insert(f"{name}.items", name="a", note="too long"))
    await shelf.insert(f"{name}.items", name="a", note="fits")
    plan = await shelf.plan(
        items(name, NAME, {**NOTE, "required": True, "max_length": 5})
    )
    shown = [p.as_json()["failing"] for p in plan.steps if p.failing]
    pairs = [pair for f in shown for pair in zip(f["ids"], f["sample"], strict=True)]
    assert sorted(pairs) == sorted(
        [*((each, None) for each in empty), (long, "too long")]
    )


async def test_counts_see_renamed_and_converted_columns(
    shelf: Shelf, name: str
) -> None:
    await shelf.publish(items(name, NAME, NOTE))
    for note in ("1", " 1", "2", "x"):
        await shelf.insert(f"{name}.items", name="a", note=note)
    number = {"id": "f2", "name": "number", "type": "integer", "unique": True}
    plan = await shelf.plan(items(name, {**NAME, "name": "note"}, number))
    assert failing(plan) == [
        ("Turn note of items from text into integer", 1, ["x"]),
        ("No two items of a tenant share number", 1, ["1"]),
    ]


async def test_a_new_column_is_counted_with_its_default(
    shelf: Shelf, name: str
) -> None:
    await shelf.publish(items(name, NAME))
    await shelf.insert(f"{name}.items", name="a")
    await shelf.insert(f"{name}.items", name="b")
    same = {"id": "n", "name": "n", "type": "text", "default": "x", "unique": True}
    needed = {"id": "m", "name": "m", "type": "integer", "required": True}
    optional = {"id": "o", "name": "o", "type": "integer", "index": True}
    plan = await shelf.plan(items(name, NAME, same, needed, optional))
    assert failing(plan) == [
        ("Add m to items", 2, [None, None]),
        ("No two items of a tenant share n", 1, ["x"]),
    ]
    assert all(
        planned.rows is not None for planned in plan.steps if planned.step.rows_sql
    )


async def test_a_default_that_a_unique_key_forbids_is_counted(
    shelf: Shelf, name: str
) -> None:
    unique = {**NOTE, "unique": True}
    await shelf.publish(items(name, NAME, unique))
    for note in ("x", None):
        await shelf.insert(f"{name}.items", name="a", note=note)
    filled = {**unique, "required": True, "default": "x"}
    plan = await shelf.plan(items(name, NAME, filled))
    assert [count for _, count, _ in failing(plan)] == [1]
    other = await shelf.publish(items(name, NAME, {**filled, "default": "y"}))
    assert other == 2
    assert sorted(await shelf.read(f"{name}.items", "note")) == [("x",), ("y",)]


async def test_an_index_over_the_engines_own_columns_comes_and_goes(
    shelf: Shelf, name: str
) -> None:
    await shelf.publish(items(name, NAME))
    await shelf.publish(items(name, NAME, indexes=[["name", "created_at"]]))
    assert await shelf.drift(name) == []
    await shelf.publish(items(name, NAME))
    assert await shelf.drift(name) == []


async def test_relations_to_a_table_of_the_same_plan_have_nothing_to_point_at(
    shelf: Shelf, name: str
) -> None:
    await shelf.publish(items(name, NAME, field("uuid")))
    await shelf.insert(f"{name}.items", name="a", value=str(uuid4()))
    plan = await shelf.plan(
        service(
            name,
            entity("items", NAME, field("relation", to=f"{name}.boxes")),
            entity("boxes", NAME),
        )
    )
    assert [count for _, count, _ in failing(plan)] == [1]


async def test_the_bin_counts_only_while_it_stays(shelf: Shelf, name: str) -> None:
    unique = {**NAME, "unique": True}
    await shelf.publish(items(name, unique, soft_delete=True))
    await shelf.insert(f"{name}.items", name="a", deleted_at="2024-01-01")
    await shelf.insert(f"{name}.items", name="a")
    plan = await shelf.plan(items(name, unique))
    assert plan.losses == ["items.deleted_at"]
    assert failing(plan) == []
    await shelf.publish(items(name, unique), accept_loss=plan.losses)
    assert await shelf.read(f"{name}.items", "name") == [("a",)]
    assert await shelf.drift(name) == []


async def test_going_back_is_planned_like_going_on(shelf: Shelf, name: str) -> None:
    await shelf.publish(items(name, NAME))
    await shelf.publish(items(name, NAME, NOTE))
    await shelf.insert(f"{name}.items", name="a", note="kept?")
    async with shelf.database.owner() as connection:
        with pytest.raises(PublishError) as refused:
            await shelf.publisher.roll_back(connection, name, 1)
    assert refused.value.code == "needs_consent"
    assert refused.value.plan is not None
    assert refused.value.plan.losses == ["items.note"]
    assert refused.value.plan.steps[0].lost_rows == 1
    assert await shelf.read(f"{name}.items", "note") == [("kept?",)]
    async with shelf.database.owner() as connection:
        version, _ = await shelf.publisher.roll_back(
            connection, name, 1, accept_loss=["items.note"]
        )
    assert version == 3
    assert await shelf.drift(name) == []


async def test_a_draft_that_moved_is_not_published(shelf: Shelf, name: str) -> None:
    await shelf.publish(items(name, NAME))
    with pytest.raises(PublishError) as refused:
        await shelf.publish(items(name, NAME, NOTE), draft_revision=7)
    assert refused.value.code == "draft_conflict"
    assert await shelf.publish(items(name, NAME, NOTE), draft_revision=1) == 2


async def test_what_is_computed_follows_its_fields(shelf: Shelf, name: str) -> None:
    def version(base: dict[str, Any], made: dict[str, Any]) -> Any:
        return items(name, NAME, base, made)

    base = {"id": "b", "name": "base", "type": "integer"}
    made = {
        "id": "c",
        "name": "made",
        "type": "computed",
        "result": {"type": "integer"},
        "expression": {"_mul": [{"field": "base"}, 2]},
        "index": True,
    }
    await shelf.publish(version(base, made))
    await shelf.insert(f"{name}.items", name="a", base=3)

    renamed = {**base, "name": "amount"}
    again = {**made, "expression": {"_mul": [{"field": "amount"}, 2]}}
    plan = await shelf.plan(version(renamed, again))
    assert [p.step.summary for p in plan.steps] == ["Rename base to amount in items"]
    await shelf.publish(version(renamed, again))

    # A base of another type: the column goes and comes back, with its index.
    wider = {**renamed, "type": "decimal"}
    result = {**again, "result": {"type": "decimal"}}
    await shelf.publish(version(wider, result))
    assert [int(v) for (v,) in await shelf.read(f"{name}.items", "made")] == [6]
    assert await shelf.drift(name) == []

    # What was computed can be kept as an ordinary field.
    await shelf.publish(version(wider, {"id": "c", "name": "made", "type": "decimal"}))
    assert [int(v) for (v,) in await shelf.read(f"{name}.items", "made")] == [6]
    assert await shelf.drift(name) == []


STORED = sorted(name for name, kind in FIELD_TYPES.items() if kind.stored)


@pytest.mark.parametrize("option", ["index", "unique", "search", "required"])
@pytest.mark.parametrize("kind", STORED)
async def test_every_type_and_option_is_published_or_refused_with_a_finding(
    shelf: Shelf, name: str, kind: str, option: str
) -> None:
    options = dict(SAMPLES[kind].options)
    if kind == "relation":
        options["to"] = "platform.users"
    await shelf.publish(items(name, NAME, field(kind, **options)))
    wanted = items(name, NAME, field(kind, **{**options, option: True}))
    plan = await shelf.plan(wanted)
    if plan.publishable:
        await shelf.publish(wanted)
    else:
        assert all(finding.remedy for finding in plan.findings)
        assert plan.findings
    assert await shelf.drift(name) == []
