"""A definition that would break what other services point at is refused."""

from typing import Any

import pytest
from publishing_world import NAME, Shelf, entity, fresh_name, service

from engine.settings import Settings
from metadata.definitions import Service
from registry.publishing import PublishError


@pytest.fixture
def shelf(settings: Settings) -> Shelf:
    return Shelf(settings)


@pytest.fixture
def base() -> str:
    return fresh_name()


def catalogue(base: str, *entities: dict[str, Any], **options: Any) -> Service:
    return service(base, *entities, entity("other", NAME), **options)


def user_of(base: str, target: str = "plans") -> Service:
    link = {"id": "p", "name": "plan", "type": "relation", "to": f"{base}.{target}"}
    rows = {
        "id": "l",
        "name": "rows",
        "type": "lines",
        "fields": [{**link, "name": "inner"}],
    }
    return service(f"u{base}"[:30], entity("orders", NAME, link, rows), requires=[base])


PLANS = entity("plans", NAME)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param((), id="removed"),
        pytest.param(({**PLANS, "name": "tariffs"},), id="renamed"),
        pytest.param(({**PLANS, "id": "another"},), id="replaced by one of its name"),
    ],
)
async def test_an_entity_that_others_point_at_stays_and_they_are_named(
    shelf: Shelf, base: str, changed: tuple[dict[str, Any], ...]
) -> None:
    await shelf.publish(catalogue(base, PLANS))
    user = user_of(base)
    await shelf.publish(user)

    plan = await shelf.plan(catalogue(base, *changed))

    assert not plan.publishable
    assert plan.steps == ()
    assert {finding.code for finding in plan.findings} == {"still_used"}
    said = " ".join(f"{f.message} {f.remedy}" for f in plan.findings)
    assert f"{user.name}.orders.plan" in said
    assert f"{user.name}.orders.rows.inner" in said
    assert f"hange {user.name} first" in said
    with pytest.raises(PublishError) as refused:
        await shelf.publish(catalogue(base, *changed), accept_loss=["plans"])
    assert refused.value.code == "findings"
    assert await shelf.drift(base) == []
    assert await shelf.drift(user.name) == []


async def test_a_service_that_others_need_cannot_become_empty(
    shelf: Shelf, base: str
) -> None:
    await shelf.publish(catalogue(base, PLANS))
    await shelf.publish(user_of(base))
    outside = service(base, type="external", base_url="https://example.com")
    plan = await shelf.plan(outside)
    assert not plan.publishable
    assert {finding.code for finding in plan.findings} == {"still_used"}


async def test_going_back_to_before_the_entity_existed_is_refused_too(
    shelf: Shelf, base: str
) -> None:
    await shelf.publish(catalogue(base))
    await shelf.publish(catalogue(base, PLANS))
    await shelf.publish(user_of(base))
    async with shelf.database.owner() as connection:
        with pytest.raises(PublishError) as refused:
            await shelf.publisher.roll_back(connection, base, 1, accept_loss=["plans"])
    assert refused.value.code == "findings"


async def test_when_nobody_points_at_it_any_more_it_may_go(
    shelf: Shelf, base: str
) -> None:
    await shelf.publish(catalogue(base, PLANS))
    await shelf.publish(user_of(base))
    await shelf.publish(user_of(base, "other"))
    assert await shelf.publish(catalogue(base), accept_loss=["plans"]) == 2
    assert await shelf.drift(base) == []


async def test_fields_of_the_target_may_change_while_others_point_at_it(
    shelf: Shelf, base: str
) -> None:
    await shelf.publish(catalogue(base, PLANS))
    user = user_of(base)
    await shelf.publish(user)
    changed = entity("plans", {**NAME, "name": "title", "type": "long_text"})
    assert await shelf.publish(catalogue(base, changed)) == 2
    assert await shelf.drift(base) == []
    assert await shelf.drift(user.name) == []


async def test_tables_that_point_at_each_other_can_go_together(
    shelf: Shelf, base: str
) -> None:
    def link(target: str) -> dict[str, Any]:
        return {"id": "x", "name": "x", "type": "relation", "to": f"{base}.{target}"}

    first, second = entity("a", NAME, link("b")), entity("b", NAME, link("a"))
    await shelf.publish(catalogue(base, first, second))
    assert await shelf.publish(catalogue(base), accept_loss=["a", "b"]) == 2
    assert await shelf.drift(base) == []


async def test_a_first_entity_in_a_service_that_had_none_gets_its_schema(
    shelf: Shelf, base: str
) -> None:
    outside = service(base, type="external", base_url="https://example.com")
    await shelf.publish(outside)
    assert await shelf.drift(base) == []
    await shelf.publish(service(base, PLANS))
    assert await shelf.drift(base) == []
    await shelf.publish(outside, accept_loss=["plans"])
    await shelf.publish(service(base, PLANS))
    assert await shelf.drift(base) == []


@pytest.mark.parametrize(
    ("entities", "code"),
    [
        (
            (
                entity(
                    "a",
                    {
                        "id": "l",
                        "name": "b",
                        "type": "lines",
                        "fields": [NAME],
                    },
                ),
                entity("a__b", NAME),
            ),
            "collision",
        ),
        (
            (
                entity(
                    "a",
                    {
                        "id": "c",
                        "name": "c",
                        "type": "computed",
                        "result": {"type": "integer"},
                        "expression": {"field": "nowhere"},
                    },
                ),
            ),
            "expression",
        ),
    ],
)
async def test_what_no_table_can_hold_is_a_finding(
    shelf: Shelf, base: str, entities: tuple[dict[str, Any], ...], code: str
) -> None:
    plan = await shelf.plan(service(base, *entities))
    assert [finding.code for finding in plan.findings] == [code]
