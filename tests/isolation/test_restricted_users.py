"""Two users of one tenant: what a role hides stays hidden on every path."""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import uuid4

import pytest

from tests.fixtures.api import PASSWORD, Client, World, log_in

CUSTOMERS = "/api/v1/data/customers/customers"
PLANS = "/api/v1/data/plans/plans"
Rules = list[dict[str, Any]]


def phone() -> str:
    return f"+62812{uuid4().int % 10**8:08}"


class Holders:
    """Users who each hold one role of their own, until the test ends."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._made: list[str] = []

    async def make(self, *rules: Mapping[str, Any]) -> Client:
        """Return a client of a new user whose only role has these rules."""
        name = f"r{uuid4().hex[:10]}"
        admin = self._world.admin
        role = {"name": name, "label": name, "rules": list(rules)}
        made = await admin.post("/api/v1/core/roles", role)
        assert made.status == 201, made.body
        return await self.join([name])

    async def join(self, roles: list[str]) -> Client:
        """Return a client of a new user who holds these roles."""
        name = f"u{uuid4().hex[:10]}"
        user = {
            "name": name,
            "email": f"{name}@example.com",
            "password": PASSWORD,
            "role_names": roles,
        }
        made = await self._world.admin.post("/api/v1/core/users", user)
        self._made.append(made.data["id"])
        return await log_in(self._world.app, f"{name}@example.com")

    async def leave(self) -> None:
        """Remove the users: a tenant may have only so many."""
        for user_id in self._made:
            await self._world.admin.delete(f"/api/v1/core/users/{user_id}")


@pytest.fixture
async def holders(world: World) -> AsyncIterator[Holders]:
    """Return who makes users with rules of their own."""
    made = Holders(world)
    yield made
    await made.leave()


async def plan(world: World, **values: Any) -> dict[str, Any]:
    given = {
        "name": f"Plan {uuid4().hex[:12]}",
        "download_rate": 10_000_000,
        "upload_rate": 5_000_000,
        "monthly_price": 150_000,
    }
    made = await world.admin.post(PLANS, {**given, **values})
    assert made.status == 201, made.body
    return dict(made.data)


async def customer(world: World, **values: Any) -> dict[str, Any]:
    given = {"name": f"Customer {uuid4().hex[:12]}", "phone": phone()}
    made = await world.admin.post(CUSTOMERS, {**given, **values})
    assert made.status == 201, made.body
    return dict(made.data)


async def import_of(user: Client, text: str) -> Any:
    return await user.post(
        f"{CUSTOMERS}/import?dry_run=true",
        text.encode(),
        headers={"content-type": "text/csv"},
    )


async def test_a_deny_holds_through_a_relation_that_its_holder_may_not_read(
    world: World, holders: Holders
) -> None:
    secret, open_ = await plan(world), await plan(world)
    hidden = await customer(world, plan=secret["id"])
    shown = await customer(world, plan=open_["id"])
    user = await holders.make(
        {"permission": "customers:read"},
        {
            "permission": "customers:read",
            "effect": "deny",
            "filter": {"plan": {"name": {"_eq": secret["name"]}}},
        },
    )
    assert (await user.get(f"{CUSTOMERS}/{shown['id']}")).status == 200
    assert (await user.get(f"{CUSTOMERS}/{hidden['id']}")).status == 404
    found = await user.get(f"{CUSTOMERS}?search={hidden['name'].split()[1]}")
    assert found.data == []
    history = await user.get(f"{CUSTOMERS}/{hidden['id']}/history")
    assert history.status == 404


async def test_a_rule_may_look_at_a_field_that_another_rule_hides(
    world: World, holders: Holders
) -> None:
    ours = await plan(world)
    seen = await customer(world, plan=ours["id"], status="prospect")
    user = await holders.make(
        {
            "permission": "customers:read",
            "fields": ["name"],
            "filter": {"status": {"_eq": "prospect"}},
        },
        {
            "permission": "customers:read",
            "filter": {"plan": {"name": {"_eq": ours["name"]}}},
        },
        {"permission": "plans:read", "filter": {"name": {"_eq": ours["name"]}}},
    )
    other = await customer(world)
    reply = await user.get(f"{CUSTOMERS}/{seen['id']}?expand=plan")
    assert reply.data["plan"]["name"] == ours["name"]
    reply = await user.get(f"{CUSTOMERS}/{other['id']}")
    assert reply.data["name"] == other["name"]
    assert reply.data["phone"] is None


async def test_rules_of_two_entities_may_look_at_each_other(
    world: World, holders: Holders
) -> None:
    ours = await plan(world)
    seen = await customer(world, plan=ours["id"])
    user = await holders.make(
        {
            "permission": "customers:read",
            "filter": {"plan": {"name": {"_eq": ours["name"]}}},
        },
        {
            "permission": "plans:read",
            "filter": {"customers": {"_some": {"name": {"_eq": seen["name"]}}}},
        },
    )
    assert [each["id"] for each in (await user.get(CUSTOMERS)).data] == [seen["id"]]
    assert [each["id"] for each in (await user.get(PLANS)).data] == [ours["id"]]


async def test_history_shows_the_fields_that_the_row_shows(
    world: World, holders: Holders
) -> None:
    closed = await customer(world, notes="not for everybody")
    bare = await customer(world, notes="for nobody", district="elsewhere")
    user = await holders.make(
        {"permission": "customers:read", "fields": ["name"]},
        {
            "permission": "customers:read",
            "filter": {"name": {"_eq": closed["name"]}},
        },
    )
    for record, expected in ((closed, True), (bare, False)):
        reply = await user.get(f"{CUSTOMERS}/{record['id']}/history")
        changed = {each["field"] for each in reply.data[0]["changes"]}
        assert ("notes" in changed) is expected
        assert "name" in changed
        assert (b"for nobody" in reply.body) is False


IMPORTER = (
    {"permission": "customers:create"},
    {"permission": "customers:import"},
)
READS: dict[str, Rules] = {
    "nothing of plans": [],
    "other fields": [{"permission": "plans:read", "fields": ["name"]}],
    "not this field": [
        {"permission": "plans:read"},
        {"permission": "plans:read", "effect": "deny", "fields": ["router_profile"]},
    ],
}


@pytest.mark.parametrize("name", READS)
async def test_an_import_finds_relations_only_by_fields_its_user_may_read(
    world: World, holders: Holders, name: str
) -> None:
    profile = f"profile-{uuid4().hex[:8]}"
    await plan(world, router_profile=profile)
    user = await holders.make(*IMPORTER, *READS[name])
    answers = [
        (
            await import_of(
                user, f"name,phone,plan.router_profile\nAdi,{phone()},{text}\n"
            )
        )
        for text in (profile, "profile-of-nobody")
    ]
    assert [each.status for each in answers] == [400, 400]
    assert answers[0].error["message"] == answers[1].error["message"]


async def test_an_import_does_not_find_rows_its_user_may_not_read(
    world: World, holders: Holders
) -> None:
    hidden, shown = await plan(world), await plan(world)
    only = {"permission": "plans:read", "filter": {"name": {"_eq": shown["name"]}}}
    user = await holders.make(*IMPORTER, only)
    rows = [
        f"Adi,{phone()},{each}" for each in (shown["name"], hidden["name"], "no plan")
    ]
    reply = await import_of(user, "name,phone,plan.name\n" + "\n".join(rows))
    errors = [(e["row"], e["code"], e["message"]) for e in reply.data["errors"]]
    assert errors == [
        (3, "not_found", "No record of plans has this value."),
        (4, "not_found", "No record of plans has this value."),
    ]


async def test_an_import_does_not_choose_among_several(world: World) -> None:
    profile = f"profile-{uuid4().hex[:8]}"
    await plan(world, router_profile=profile)
    await plan(world, router_profile=profile)
    reply = await import_of(
        world.admin, f"name,phone,plan.router_profile\nAdi,{phone()},{profile}\n"
    )
    assert [e["code"] for e in reply.data["errors"]] == ["ambiguous"]
    assert reply.data["imported"] == 0


@pytest.mark.parametrize("text", ["abc", "$user.id", "'; DROP TABLE x; --", "\x00"])
async def test_an_import_looks_for_a_text_that_does_not_fit_in_vain(
    world: World, text: str
) -> None:
    for column in ("plan.monthly_price", "plan.is_active", "plan.name"):
        reply = await import_of(
            world.admin, f"name,phone,{column}\nAdi,{phone()},{text}\n"
        )
        assert [e["code"] for e in reply.data["errors"]] == ["not_found"], column


async def test_a_rule_for_some_fields_writes_them_whatever_the_system_fills_in(
    world: World, holders: Holders
) -> None:
    user = await holders.make(
        {"permission": "customers:read"},
        {"permission": "plans:read"},
        {"permission": "customers:create", "fields": ["name", "phone"]},
        {"permission": "customers:update", "fields": ["status", "plan"]},
    )
    made = await user.post(CUSTOMERS, {"name": "Budi", "phone": phone()})
    assert made.data["status"] == "prospect"
    chosen = (await plan(world))["id"]
    place = f"{CUSTOMERS}/{made.data['id']}"
    done = await user.patch(place, {"status": "active", "plan": chosen})
    assert done.data["activated_at"]
    assert (await user.patch(place, {"notes": "mine"})).status == 422
    more = {"name": "Budi", "phone": phone(), "notes": "mine"}
    assert (await user.post(CUSTOMERS, more)).status == 422


async def test_a_field_that_only_other_rows_give_is_not_written_on_the_way_there(
    world: World, holders: Holders
) -> None:
    chosen = (await plan(world))["id"]
    made = await customer(world, plan=chosen)
    place = f"{CUSTOMERS}/{made['id']}"
    user = await holders.make(
        {"permission": "customers:read"},
        {
            "permission": "customers:update",
            "fields": ["status"],
            "filter": {"status": {"_eq": "prospect"}},
        },
        {"permission": "customers:update", "filter": {"status": {"_eq": "active"}}},
    )
    both = await user.patch(place, {"status": "active", "notes": "mine"})
    assert both.status == 403
    kept = (await world.admin.get(place)).data
    assert (kept["status"], kept["notes"], kept["version"]) == ("prospect", None, 1)
    assert (await user.patch(place, {"status": "active"})).status == 200
    assert (await user.patch(place, {"notes": "mine"})).status == 200


async def test_a_list_in_the_order_of_a_hidden_field_is_still_a_list(
    world: World, holders: Holders
) -> None:
    # The definition sorts plans by price.
    made = await plan(world)
    user = await holders.make(
        {"permission": "plans:read", "fields": ["name"]}, {"permission": "plans:export"}
    )
    seen: list[str] = []
    cursor = ""
    while True:
        reply = await user.get(f"{PLANS}?limit=2{cursor}")
        seen += [each["id"] for each in reply.data]
        assert "monthly_price" not in reply.data[0]
        page = reply.json["meta"]["page"]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == sorted(seen)
    assert made["id"] in seen
    export = await user.get(f"{PLANS}/export?format=jsonl")
    assert made["name"].encode() in export.body
    assert b"monthly_price" not in export.body
    refused = await user.get(f"{PLANS}?sort=monthly_price")
    assert refused.error["code"] == "UNKNOWN_FIELD"
