"""Status and visibility of services, status and settings of assignments at work."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest

from engine.app import build
from engine.settings import Settings
from tests.fixtures.api import Client, Reply, World, running
from tests.fixtures.gateway import BASE, Outside, call, endpoint, outside, publish

CORE = "/api/v1/core"


@dataclass
class Both:
    """A service with records and an external one, assigned to both tenants."""

    world: World
    stored: str
    outer: str
    there: Outside

    async def status(self, status: Any) -> list[Reply]:
        """Set the status of both."""
        return [
            await self.world.root.request(
                "PUT", f"{CORE}/services/{name}/status", {"status": status}
            )
            for name in (self.stored, self.outer)
        ]

    async def assign(self, tenant: UUID, body: Any = None) -> list[Reply]:
        """Change the assignment of both."""
        return [
            await self.world.root.request(
                "PUT", f"{CORE}/tenants/{tenant}/services/{name}", body
            )
            for name in (self.stored, self.outer)
        ]

    async def ask(self, client: Any) -> list[Reply]:
        """Return the answers of every way to use them."""
        return [
            await client.get(f"/api/v1/data/{self.stored}/items"),
            await client.post(f"/api/v1/data/{self.stored}/items", {"title": "a"}),
            await client.get(f"/api/v1/forms/{self.stored}/items"),
            await client.get(f"/api/v1/forms/{self.outer}/endpoints/show"),
            await call(client, "GET", f"{BASE}/{self.outer}/a"),
        ]

    async def named(self, client: Any) -> Sequence[str]:
        """Return which of them stand in menu and document of a user."""
        menu = (await client.get("/api/v1/menus/user")).data["menus"]
        document = (await client.get("/api/v1/openapi.json")).body
        return [
            name
            for name in (self.stored, self.outer)
            if name in json.dumps(menu) or name.encode() in document
        ]


@pytest.fixture
async def both(world: World) -> AsyncIterator[Both]:
    stored = f"kept{uuid4().hex[:8]}"
    definition = {
        "id": stored,
        "name": stored,
        "entities": [
            {
                "id": "items",
                "name": "items",
                "fields": [{"id": "t", "name": "title", "type": "text"}],
            }
        ],
        "menu": {"items": [{"id": "m", "name": "items", "entity": "items"}]},
        "settings": [{"id": "s", "name": "days", "type": "integer"}],
    }
    made = await world.root.post(f"{CORE}/services/register", definition)
    assert made.status == 201, made.body
    assert (await world.root.post(f"{CORE}/services/{stored}/publish")).status == 200
    async with outside() as there:
        menu = {"items": [{"id": "m", "name": "show", "endpoint": "show"}]}
        outer = await publish(
            world, there.url, [endpoint("show", "/a")], menu=menu, tenants=[world.ours]
        )
        found = Both(world, stored, outer, there)
        for tenant in (world.ours, world.theirs):
            await found.assign(tenant)
        yield found
        await found.status("active")


async def test_what_is_active_is_used_and_shown(world: World, both: Both) -> None:
    assert [r.status for r in await both.ask(world.admin)] == [200, 201, 200, 200, 200]
    assert await both.named(world.admin) == [both.stored, both.outer]


async def test_what_is_inactive_is_gone_for_every_tenant(
    world: World, both: Both
) -> None:
    await both.ask(world.admin)
    assert [r.status for r in await both.status("inactive")] == [200, 200]
    for client in (world.admin, world.stranger):
        assert {r.status for r in await both.ask(client)} == {404}
        assert await both.named(client) == []
    assert len(both.there.seen) == 1
    rows = {row["name"]: row for row in (await world.root.get(f"{CORE}/services")).data}
    assert rows[both.stored]["status"] == "inactive"
    await both.status("active")
    assert [r.status for r in await both.ask(world.admin)] == [200, 201, 200, 200, 200]


async def test_under_maintenance_everything_says_when_to_come_again(
    world: World, both: Both
) -> None:
    await both.ask(world.admin)
    await both.status("maintenance")
    replies = await both.ask(world.admin)
    assert [(r.status, r.error["code"]) for r in replies] == [(503, "MAINTENANCE")] * 5
    assert {r.headers["retry-after"] for r in replies} == {"60"}
    assert await both.named(world.admin) == []
    assert len(both.there.seen) == 1
    await both.status("active")
    assert {r.status for r in await both.ask(world.admin)} == {200, 201}


async def test_another_process_hears_of_a_status(
    world: World, both: Both, settings: Settings
) -> None:
    async with running(build(settings)) as app:
        other = Client(app, world.admin.token)
        assert {r.status for r in await both.ask(other)} == {200, 201}
        for status, wanted in (("maintenance", 503), ("inactive", 404)):
            await both.status(status)
            for _ in range(100):
                if {r.status for r in await both.ask(other)} == {wanted}:
                    break
                await asyncio.sleep(0.1)
            assert {r.status for r in await both.ask(other)} == {wanted}


@pytest.mark.parametrize("status", ["suspended", "inactive"])
async def test_an_assignment_out_of_use_is_gone_for_its_tenant_alone(
    world: World, both: Both, status: str
) -> None:
    await both.ask(world.admin)
    changed = await both.assign(world.ours, {"status": status})
    assert [r.status for r in changed] == [200, 200]
    assert {r.status for r in await both.ask(world.admin)} == {404}
    assert await both.named(world.admin) == []
    data = f"/api/v1/data/{both.stored}/items"
    assert (await world.stranger.get(data)).status != 404
    rows = (await world.root.get(f"{CORE}/tenants/{world.ours}/services")).data
    assert {r["status"] for r in rows if r["service"] == both.stored} == {status}
    await both.assign(world.ours, {"status": "active"})
    assert [r.status for r in await both.ask(world.admin)] == [200, 201, 200, 200, 200]
    listed = (await world.admin.get(f"{data}?count=exact")).json
    assert len(listed["data"]) == 2


async def test_settings_and_status_of_an_assignment_change_apart(
    world: World, both: Both
) -> None:
    place = f"{CORE}/tenants/{world.ours}/services/{both.stored}"

    async def now() -> tuple[str, dict[str, Any]]:
        rows = (await world.root.get(f"{CORE}/tenants/{world.ours}/services")).data
        [row] = [row for row in rows if row["service"] == both.stored]
        return row["status"], row["settings"]

    async def put(body: Any) -> int:
        return (await world.root.request("PUT", place, body)).status

    assert await put({"settings": {"days": 3}}) == 200
    assert await put({"status": "suspended"}) == 200
    assert await now() == ("suspended", {"days": 3})
    # Whoever changes settings does not put a suspended service back in use.
    assert await put({"settings": {"days": 4}}) == 200
    assert await put({}) == 200
    assert await now() == ("suspended", {"days": 4})
    for refused, status in (
        ({"settings": {"days": "x"}}, 422),
        ({"settings": {"hours": 1}}, 422),
        ({"settings": []}, 400),
        ({"status": "gone"}, 409),
        ({"custom_settings": {"days": 5}}, 400),
    ):
        assert await put(refused) == status, refused
    assert await now() == ("suspended", {"days": 4})


async def test_only_who_may_publish_sets_a_status_that_there_is(
    world: World, both: Both
) -> None:
    path = f"{CORE}/services/{both.stored}/status"
    for client in (world.admin, world.operator, world.viewer):
        refused = await client.request("PUT", path, {"status": "inactive"})
        assert refused.status == 403
    for wrong in ("ACTIVE", "", None, 1, ["active"]):
        reply = await world.root.request("PUT", path, {"status": wrong})
        assert (reply.status, reply.details()) == (422, {("/status", "literal_error")})
    nowhere = f"{CORE}/services/nowhere/status"
    reply = await world.root.request("PUT", nowhere, {"status": "active"})
    assert reply.status == 404
    assert (await world.admin.get(f"/api/v1/data/{both.stored}/items")).status == 200


@pytest.mark.parametrize("visibility", ["public", "private", "restricted"])
async def test_every_tenant_is_told_of_public_services_and_of_no_other(
    world: World, visibility: str
) -> None:
    about = {
        "visibility": visibility,
        "label": "Offers",
        "documentation_url": "https://docs.example/offers",
        "contact_email": "sales@example.com",
        "category": "messages",
    }
    name = await publish(
        world,
        "https://internal-name.example",
        [endpoint("secret_call", "/a")],
        tenants=[world.ours],
        **about,
    )

    async def told(client: Any) -> list[dict[str, Any]]:
        reply = await client.get(f"{CORE}/catalogue")
        assert b"internal-name" not in reply.body
        assert b"secret_call" not in reply.body
        return [row for row in reply.data if row["name"] == name]

    ours = await told(world.admin)
    if visibility != "public":
        assert ours == []
        return
    [row] = ours
    assert row["assigned"] is True
    assert (row["documentation_url"], row["contact_email"], row["category"]) == (
        about["documentation_url"],
        about["contact_email"],
        about["category"],
    )
    assert row["label"]["en"] == "Offers"
    assert [each["assigned"] for each in await told(world.root)] == [False]
    assert (await world.viewer.get(f"{CORE}/catalogue")).status == 403
    path = f"{CORE}/services/{name}/status"
    await world.root.request("PUT", path, {"status": "maintenance"})
    assert await told(world.admin) == []


async def test_a_key_is_asked_for_where_the_service_says_so(world: World) -> None:
    """`apiKeyRequired` alone: without a connection nothing goes out."""
    name = f"keyed{uuid4().hex[:8]}"
    async with outside() as there:
        body = {
            "name": name,
            "displayName": "Keyed",
            "type": "EXTERNAL",
            "baseUrl": there.url,
            "apiKeyRequired": True,
            "endpoints": [{"name": "show", "method": "GET", "path": "/a"}],
        }
        made = await world.root.post(f"{CORE}/services/register", body)
        assert made.status == 201, made.body
        assert (await world.root.post(f"{CORE}/services/{name}/publish")).status == 200
        place = f"{CORE}/tenants/{world.ours}/services/{name}"
        assert (await world.root.request("PUT", place)).status == 200
        without = await call(world.admin, "GET", f"{BASE}/{name}/a")
        assert (without.status, without.error["code"]) == (503, "CONNECTION_MISSING")
        assert there.seen == []
        kept = await world.admin.request(
            "PUT", f"{place}/connection", {"kind": "api_key", "secret": "k-1"}
        )
        assert kept.status == 200, kept.body
        assert (await call(world.admin, "GET", f"{BASE}/{name}/a")).status == 200
        assert there.seen[0].headers["x-api-key"] == "k-1"


async def test_a_tenants_own_menu_of_an_external_service_is_its_own(
    world: World,
) -> None:
    """Another label for one item, none of another: the calls stay as they are."""
    async with outside() as there:
        items = [
            {"id": word, "name": word, "endpoint": word} for word in ("show", "list")
        ]
        calls = [endpoint("show", "/a"), endpoint("list", "/b")]
        name = await publish(world, there.url, calls, menu={"items": items})
        overlay = {
            "menu_items": {"show": {"label": "Our show"}},
            "hidden_menu": ["list"],
        }
        place = f"{CORE}/tenants/{world.ours}/services/{name}/overlay"
        saved = await world.admin.request(
            "PUT", place, {"overlay": overlay, "revision": 0}
        )
        assert saved.status == 200, saved.body

        async def labels(client: Any) -> list[str]:
            menus = (await client.get("/api/v1/menus/user")).data["menus"]
            mine = [each for each in menus if each["id"].startswith(f"{name}.")]
            return sorted(each["label"]["en"] for each in mine)

        assert await labels(world.admin) == ["Our show"]
        assert await labels(world.stranger) == ["List", "Show"]
        for path in ("/a", "/b"):
            assert (
                await call(world.admin, "GET", f"{BASE}/{name}{path}")
            ).status == 200
