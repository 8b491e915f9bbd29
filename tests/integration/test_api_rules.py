"""Rules of an entity over the API: what they accept, and what they say to whom."""

import json
from typing import Any

import pytest
from own_services import fresh_name, give, run_with, user_with

from registry.service import Change, Host
from registry.service import Service as Code
from tests.fixtures.api import Client, Reply, World

NAME = fresh_name("rules")
PLAN = "Choose a plan before activating."
DEFINITION: dict[str, Any] = {
    "id": NAME,
    "name": NAME,
    "entities": [
        {
            "id": "item",
            "name": "items",
            "title_field": "name",
            "fields": [
                {"id": "n", "name": "name", "type": "text"},
                {"id": "p", "name": "price", "type": "decimal"},
                {"id": "g", "name": "page", "type": "text"},
                {"id": "a", "name": "active", "type": "boolean"},
                {"id": "l", "name": "plan", "type": "text", "label": "Price plan"},
                {"id": "s", "name": "sealed", "type": "boolean"},
                {"id": "b", "name": "seal", "type": "text"},
            ],
            "rules": [
                {"if": {"price": {"_neq": 9.5}}, "then": {"required": ["page"]}},
                {
                    "if": {"active": {"_eq": True}},
                    "then": {"required": ["plan"]},
                    "message": PLAN,
                },
                {"if": {"sealed": {"_eq": True}}, "then": {"required": ["seal"]}},
            ],
        }
    ],
}
FITTING = {"name": "a", "price": "9.50"}
CODE = Code(NAME)


@CODE.before("create", "items")
async def seal(_host: Host, change: Change) -> None:
    """Seal what the office makes."""
    if change.values.get("name") == "office":
        change.values["seal"] = "office"


@pytest.fixture(scope="module")
async def base(world: World) -> str:
    place = await give(world, DEFINITION)
    run_with(world, CODE)
    return place


@pytest.fixture(scope="module")
async def clerk(world: World, base: str) -> Client:
    """A user who sees plans without setting them, and sees no seals."""
    written = ["name", "price", "page", "active", "sealed"]
    return await user_with(
        world,
        {"permission": f"{NAME}:read", "fields": [*written, "plan"]},
        {"permission": f"{NAME}:create", "fields": written},
        {"permission": f"{NAME}:update", "fields": written},
        {"permission": f"{NAME}:import", "fields": written},
    )


def messages(reply: Reply) -> list[tuple[str, str]]:
    return [(d["field"], d["message"]) for d in reply.error["details"]]


@pytest.mark.parametrize("price", ["9.50", "9.5", 9.5])
async def test_a_rule_compares_values_however_they_are_spelt(
    world: World, base: str, price: Any
) -> None:
    assert (await world.admin.post(f"{base}/items", {"price": price})).status == 201
    other = await world.admin.post(f"{base}/items", {"price": "9.51"})
    assert (other.status, other.details()) == (422, {("page", "required")})


async def test_blanks_are_no_value_for_a_rule(world: World, base: str) -> None:
    body = {**FITTING, "active": True, "plan": "  "}
    refused = await world.admin.post(f"{base}/items", body)
    assert refused.details() == {("plan", "required")}
    body["plan"] = " a "
    assert (await world.admin.post(f"{base}/items", body)).data["plan"] == "a"


async def test_what_service_code_fills_in_meets_a_rule(world: World, base: str) -> None:
    sealed = {**FITTING, "sealed": True}
    refused = await world.admin.post(f"{base}/items", sealed)
    assert refused.details() == {("seal", "required")}
    made = await world.admin.post(f"{base}/items", {**sealed, "name": "office"})
    assert (made.status, made.data["seal"]) == (201, "office")


async def test_who_can_fill_in_a_demanded_field_is_told_the_rules_own_words(
    world: World, base: str
) -> None:
    refused = await world.admin.post(f"{base}/items", {**FITTING, "active": True})
    assert messages(refused) == [("plan", PLAN)]


async def test_who_cannot_is_told_to_ask_somebody_who_can(
    world: World, base: str, clerk: Client
) -> None:
    asked = (
        f'{PLAN} Your role may not fill in "Price plan"; ask somebody whose role may.'
    )
    made = await world.admin.post(f"{base}/items", FITTING)
    place = made.headers["location"]
    for reply in (
        await clerk.post(f"{base}/items", {**FITTING, "active": True}),
        await clerk.patch(place, {"active": True}),
        await clerk.request("PUT", place, {**FITTING, "active": True}),
    ):
        assert (reply.status, messages(reply)) == (422, [("plan", asked)])
    await world.admin.patch(place, {"plan": "a"})
    assert (await clerk.patch(place, {"active": True})).status == 200


async def test_an_import_tells_it_too(base: str, clerk: Client) -> None:
    line = json.dumps({**FITTING, "active": True}).encode()
    headers = {"content-type": "application/x-ndjson"}
    reply = await clerk.post(f"{base}/items/import", line, headers=headers)
    (error,) = reply.data["errors"]
    assert (error["field"], error["code"]) == ("plan", "required")
    assert error["message"].endswith("ask somebody whose role may.")


async def test_a_hidden_field_that_a_rule_demands_is_not_named(
    base: str, clerk: Client
) -> None:
    refused = await clerk.post(f"{base}/items", {**FITTING, "sealed": True})
    assert refused.details() == {("", "required")}
    assert b"seal" not in refused.body.lower()
    assert "ask somebody" in refused.error["details"][0]["message"]


async def test_a_form_carries_the_rules_of_what_its_reader_sees_and_may_write(
    world: World, base: str, clerk: Client
) -> None:
    place = base.replace("/data/", "/forms/") + "/items"
    whole = (await world.admin.get(place)).data
    assert [rule["then"]["required"] for rule in whole["rules"]] == [
        ["page"],
        ["plan"],
        ["seal"],
    ]
    assert whole["rules"][1]["message"] == {"en": PLAN}
    assert whole["rule_fields"]["price"] == {"type": "decimal"}
    seen = await clerk.get(place)
    assert [rule["then"]["required"] for rule in seen.data["rules"]] == [["page"]]
    assert b'"seal"' not in seen.body
