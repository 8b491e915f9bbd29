"""Who hears of a change: the right tenant, the right role, the right rows, nobody else.

The announcement is sent as the dispatcher sends it, so that these tests know exactly
which news there are; what the dispatcher itself tells of the records they create is
passed over.
"""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from engine.news import CHANNEL, News, notifications
from engine.realtime import MAX_WAITING, Subscriber
from tests.fixtures.api import Client, World
from tests.fixtures.sockets import Socket, socket
from tests.isolation.test_restricted_users import CUSTOMERS, Holders, phone

TOPIC = "customers.customers"
CORE = "/api/v1/core"
SMALL = {
    "id": "small",
    "entities": [
        {
            "id": "items",
            "name": "items",
            "fields": [{"id": "t", "name": "title", "type": "text"}],
        }
    ],
}


@pytest.fixture
async def holders(world: World) -> Any:
    """Return who makes users with rules of their own."""
    made = Holders(world)
    yield made
    await made.leave()


async def customer(client: Client, **values: Any) -> dict[str, Any]:
    made = await client.post(
        CUSTOMERS, {"name": f"Pak {uuid4().hex[:8]}", "phone": phone(), **values}
    )
    assert made.status == 201, made.body
    return dict(made.data)


async def announce(world: World, tenant: UUID, *news: News) -> None:
    async with world.app._app.state.parts.database.system() as connection:
        for told in notifications((tenant, each) for each in news):
            await connection.execute("select pg_notify(%s, %s)", (CHANNEL, told))


def changed(record_id: str, topic: str = TOPIC, action: str = "update") -> News:
    service, _, entity = topic.partition(".")
    return News(uuid4(), service, entity, record_id, action, 2)


async def heard_ids(page: Socket, world: World) -> list[str]:
    """Return what the page heard until a mark that everybody may hear."""
    mark = str(uuid4())
    await announce(world, world.ours, changed(mark, "lab.samples"))
    await announce(world, world.theirs, changed(mark, "lab.samples"))
    found: list[str] = []
    while mark not in found:
        message = await page.hear_type("events")
        found += [e["id"] for e in message["events"] if e["action"] != "create"]
    found.remove(mark)
    return found


async def test_a_page_hears_which_record_changed_and_nothing_of_its_values(
    world: World,
) -> None:
    made = await customer(world.operator)
    async with socket(world.app) as page:
        assert await page.greet(str(world.operator.token), TOPIC) == [TOPIC]
        await announce(world, world.ours, changed(made["id"]))
        message = await page.hear_type("events")
        if message["events"][0]["action"] == "create":
            message = await page.hear_type("events")
        assert message == {
            "type": "events",
            "events": [
                {"topic": TOPIC, "id": made["id"], "action": "update", "version": 2}
            ],
        }


async def test_another_tenant_hears_nothing(world: World) -> None:
    made = await customer(world.operator)
    async with socket(world.app) as page:
        await page.greet(str(world.stranger.token), TOPIC, "lab.samples")
        await announce(world, world.ours, changed(made["id"]))
        assert await heard_ids(page, world) == []


async def test_rows_that_a_role_does_not_reach_are_not_told(
    world: World, holders: Holders
) -> None:
    everything = {"permission": "lab:read"}
    near = {
        "permission": "customers:read",
        "filter": {"name": {"_starts": "Near"}},
    }
    user = await holders.make(everything, near)
    seen = await customer(world.operator, name=f"Near {uuid4().hex[:6]}")
    hidden = await customer(world.operator, name=f"Far {uuid4().hex[:6]}")
    gone = str(uuid4())
    async with socket(world.app) as page:
        await page.greet(str(user.token), TOPIC, "lab.samples")
        await announce(
            world,
            world.ours,
            changed(hidden["id"]),
            changed(seen["id"]),
            changed(gone, action="delete"),
        )
        assert await heard_ids(page, world) == [seen["id"]]


async def test_a_record_that_leaves_a_roles_rows_reloads_its_list(
    world: World, holders: Holders
) -> None:
    near = {"permission": "customers:read", "filter": {"name": {"_starts": "Near"}}}
    user = await holders.make(near)
    made = await customer(world.operator, name=f"Near {uuid4().hex[:6]}")
    async with socket(world.app) as page:
        await page.greet(str(user.token), TOPIC)
        reply = await world.admin.patch(
            f"{CUSTOMERS}/{made['id']}",
            {"name": f"Far {uuid4().hex[:6]}"},
            headers={"if-match": '"1"'},
        )
        assert reply.status < 300, reply.body
        assert await page.hear_type("reload") == {"type": "reload", "topics": [TOPIC]}


async def test_two_of_one_role_hear_each_of_their_own_records(
    world: World, holders: Holders
) -> None:
    own = {"permission": "customers:read", "scope": "own"}
    create = {"permission": "customers:create"}
    one = await holders.make({"permission": "lab:read"}, create, own)
    role = (await one.get("/api/v1/auth/me")).data["user"]["roles"]
    other = await holders.join(role)
    theirs = {user: await customer(user) for user in (one, other)}
    async with socket(world.app) as first, socket(world.app) as second:
        for user, page in ((one, first), (other, second)):
            assert TOPIC in await page.greet(str(user.token), TOPIC, "lab.samples")
        both = [changed(made["id"]) for made in theirs.values()]
        await announce(world, world.ours, *both)
        for user, page in ((one, first), (other, second)):
            heard = set(await heard_ids(page, world))
            assert heard & {each.record_id for each in both} == {theirs[user]["id"]}


async def test_a_topic_without_the_permission_is_not_subscribed(
    world: World, holders: Holders
) -> None:
    user = await holders.make({"permission": "lab:read"})
    wanted = [TOPIC, "lab.samples", "nothing.here", "x", "platform.users", ""]
    async with socket(world.app) as page:
        assert await page.greet(str(user.token), *wanted) == ["lab.samples"]
        await announce(world, world.ours, changed(str(uuid4())))
        assert await heard_ids(page, world) == []


async def test_a_role_taken_away_ends_the_news(world: World, holders: Holders) -> None:
    user = await holders.make(
        {"permission": "lab:read"}, {"permission": "customers:read"}
    )
    made = await customer(world.operator)
    async with socket(world.app) as page:
        await page.greet(str(user.token), TOPIC, "lab.samples")
        me = (await user.get("/api/v1/auth/me")).data["user"]
        (name,) = me["roles"]
        mine = await world.role(name)
        reply = await world.admin.patch(
            f"/api/v1/core/roles/{mine['id']}",
            {"rules": [{"permission": "lab:read"}]},
        )
        assert reply.status == 200, reply.body
        for _ in range(100):
            # Roles bind on every process within 3 s.
            if (await user.get(f"{CUSTOMERS}/{made['id']}")).status == 403:
                break
            await asyncio.sleep(0.05)
        await announce(world, world.ours, changed(made["id"]))
        assert await heard_ids(page, world) == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"type": "hello", "token": "nonsense"}, 4401),
        ({"type": "subscribe", "topics": [TOPIC]}, 4401),
        ("{", 4400),
        ({"type": "shout"}, 4400),
        ("[" * 5000, 4400),
        ({"type": "hello", "token": "x" * 20_000}, 4400),
    ],
)
async def test_who_does_not_say_hello_is_shown_out(
    world: World, said: Any, code: int
) -> None:
    async with socket(world.app) as page:
        await page.say(said)
        assert await page.hear() == {"close": code}


async def test_a_session_that_ends_ends_the_connection(
    world: World, holders: Holders
) -> None:
    user = await holders.make({"permission": "lab:read"})
    async with socket(world.app) as page:
        await page.greet(str(user.token), "lab.samples")
        assert (await user.post("/api/v1/auth/logout")).status < 300
        assert await page.hear() == {"close": 4401}


async def test_a_foreign_page_is_refused_before_it_opens(world: World) -> None:
    headers = {"origin": "https://evil.example"}
    async with socket(world.app, headers=headers) as page:
        assert await page.hear() == {"close": 4403}
    async with socket(world.app, headers={"origin": "http://rangka.test"}) as page:
        assert await page.greet(str(world.operator.token), TOPIC) == [TOPIC]


async def test_other_paths_have_no_socket(world: World) -> None:
    async with socket(world.app, "/api/v1/data/lab/samples") as page:
        assert await page.hear() == {"close": 1008}


async def test_what_cannot_be_read_is_passed_over(world: World) -> None:
    made = await customer(world.operator)
    async with socket(world.app) as page:
        await page.greet(str(world.operator.token), TOPIC, "lab.samples")
        async with world.app._app.state.parts.database.system() as connection:
            for text in ("", "{}", "[1]", '{"t": "x", "e": []}', "\ud7ff"):
                await connection.execute("select pg_notify(%s, %s)", (CHANNEL, text))
        await announce(world, world.ours, changed(made["id"]))
        assert await heard_ids(page, world) == [made["id"]]


async def test_connections_are_forgotten_when_they_end(world: World) -> None:
    hub = world.app._app.state.parts.hub
    before = hub.connections
    async with socket(world.app) as page:
        await page.greet(str(world.operator.token), TOPIC)
        assert hub.connections == before + 1
    assert hub.connections == before


async def test_a_page_that_turns_to_another_user_is_forgotten_where_it_was(
    world: World,
) -> None:
    hub = world.app._app.state.parts.hub
    before = hub.connections
    for other in (world.stranger, world.admin):
        async with socket(world.app) as page:
            await page.greet(str(world.operator.token), TOPIC)
            await page.say({"type": "hello", "token": str(other.token)})
            assert await page.hear_type("none") == {"close": 4401}
        assert hub.connections == before


async def test_a_user_has_no_more_pages_than_he_may(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.realtime.MAX_PAGES", 2)
    async with socket(world.app) as one, socket(world.app) as two:
        for page in (one, two):
            await page.greet(str(world.operator.token), TOPIC)
        async with socket(world.app) as third:
            await third.say({"type": "hello", "token": str(world.operator.token)})
            assert await third.hear() == {"close": 4429}
        async with socket(world.app) as his:
            await his.greet(str(world.admin.token), TOPIC)
    async with socket(world.app) as again:
        await again.greet(str(world.operator.token), TOPIC)


async def test_who_reads_too_slowly_is_told_to_look_again(world: World) -> None:
    parts = world.app._app.state.parts
    ctx = await parts.identity.authenticate(str(world.operator.token), request_id="t")
    slow = Subscriber(ctx, frozenset({TOPIC}))
    for number in range(MAX_WAITING + 5):
        slow.put({"type": "events", "events": [{"id": str(number)}]})
    messages = await slow.take()
    assert messages[0] == {"type": "reload", "topics": [TOPIC]}
    assert len(messages) == 5


async def test_after_a_lost_connection_to_the_database_pages_look_again(
    world: World,
) -> None:
    async with socket(world.app) as page:
        await page.greet(str(world.operator.token), TOPIC)
        listener = world.app._app.state.parts.database._listener
        listener._connection.close()
        assert await page.hear_type("reload") == {"type": "reload", "topics": [TOPIC]}


async def test_maintenance_of_a_service_is_silent_and_cuts_nobody(
    world: World,
) -> None:
    ill = f"ill{uuid4().hex[:8]}"
    made = await world.root.post(f"{CORE}/services/register", {**SMALL, "name": ill})
    assert made.status == 201, made.body
    assert (await world.root.post(f"{CORE}/services/{ill}/publish")).status == 200
    place = f"{CORE}/tenants/{world.ours}/services/{ill}"
    assert (await world.root.request("PUT", place, {})).status < 300
    status = f"{CORE}/services/{ill}/status"
    topic = f"{ill}.items"
    async with socket(world.app) as page, socket(world.app) as early:
        token = str(world.admin.token)
        assert topic in await early.greet(token, "lab.samples", topic)
        await world.root.request("PUT", status, {"status": "maintenance"})
        assert await page.greet(token, "lab.samples", topic) == ["lab.samples"]
        unheard, back = str(uuid4()), str(uuid4())
        await announce(world, world.ours, changed(unheard, topic))
        assert unheard not in await heard_ids(page, world)
        assert unheard not in await heard_ids(early, world)
        assert world.app._app.state.parts.hub.is_running
        await world.root.request("PUT", status, {"status": "active"})
        await announce(world, world.ours, changed(back, topic))
        assert back in await heard_ids(page, world)
        assert back in await heard_ids(early, world)
