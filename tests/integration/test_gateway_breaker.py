"""Services that fail: spared, called again, and never by more than a fifth more."""

import asyncio

from registry.gateway.breaker import Limits
from tests.fixtures.api import World
from tests.fixtures.gateway import (
    BASE,
    WAIT_SECONDS,
    Seen,
    Talk,
    Writer,
    call,
    endpoint,
    gates,
    outside,
    publish,
    reply,
)

ENDPOINTS = [
    endpoint("show", "/show/{n}", timeout_ms=30_000),
    endpoint("send", "/send", "POST", timeout_ms=30_000),
]


async def test_failures_open_the_breaker_and_health_closes_it(world: World) -> None:
    now = [1000.0]
    is_ill = True

    async def act(seen: Seen, writer: Writer) -> None:
        is_bad = is_ill and len(there.seen) % 2
        writer.write(reply(503 if is_bad else 200))

    async with outside(act) as there:
        name = await publish(world, there.url, ENDPOINTS)
        with gates(world, Limits(), lambda: now[0]) as opened:
            path = f"{BASE}/{name}/send"
            for _ in range(20):
                await call(world.operator, "POST", path)
            assert opened.state(name, str(world.ours)) == "open"
            found = await call(world.operator, "POST", path)
            assert (found.status, found.error["code"]) == (503, "SERVICE_CLOSED")
            assert 5 <= int(found.headers["retry-after"]) <= 6
            assert len(there.seen) == 20
            # Nothing is closed for the other tenant.
            assert opened.state(name, str(world.theirs)) == "closed"
            assert (await call(world.stranger, "POST", path)).status in {200, 503}
            is_ill = False
            now[0] += 6
            for _ in range(3):
                assert (await call(world.operator, "POST", path)).status == 200
            assert opened.state(name, str(world.ours)) == "closed"


async def test_a_client_that_stalls_opens_no_breaker(world: World) -> None:
    async def act(seen: Seen, writer: Writer) -> None:
        writer.write(reply())

    async with outside(act) as there:
        files = [endpoint("files", "/files", "POST", timeout_ms=200)]
        name = await publish(world, there.url, files)
        path = f"{BASE}/{name}/files"
        stalling = [Talk(world.operator, "POST", path, b"x" * 10) for _ in range(20)]
        for talk in stalling:
            talk.scope["headers"][-1] = (b"content-length", b"2000000")
            talk.pieces.append(None)
        await asyncio.gather(*(talk.run() for talk in stalling))
        assert {talk.reply.status for talk in stalling} == {400}
        assert (await call(world.operator, "POST", path, b"{}")).status == 200


async def test_a_service_that_flaps_is_spared_and_called_again_when_well(
    world: World,
) -> None:
    """Row 16 of the plan of faults, with the clock of the test."""
    now = [1000.0]
    is_ill = True

    async def act(seen: Seen, writer: Writer) -> None:
        writer.write(reply(503 if is_ill else 200))

    async with outside(act) as there:
        name = await publish(world, there.url, ENDPOINTS)
        path = f"{BASE}/{name}/send"
        with gates(world, Limits(), lambda: now[0]) as opened:
            for _ in range(20):
                await call(world.operator, "POST", path)
            pauses = []
            for _ in range(6):
                # However often it is asked meanwhile, the service hears nothing.
                there.seen.clear()
                found = [await call(world.operator, "POST", path) for _ in range(50)]
                assert {each.error["code"] for each in found} == {"SERVICE_CLOSED"}
                assert there.seen == []
                pauses.append(int(found[0].headers["retry-after"]))
                now[0] += pauses[-1] + 1
                # One probe that fails is enough to leave it alone again.
                assert (await call(world.operator, "POST", path)).status == 503
                assert len(there.seen) == 1
            for pause, least in zip(pauses, (5, 10, 20, 40, 60, 60), strict=True):
                assert least <= pause <= 1.1 * least + 1
            is_ill = False
            found = await call(world.operator, "POST", path)
            now[0] += int(found.headers["retry-after"]) + 1
            served = [(await call(world.operator, "POST", path)).status for _ in "123"]
            assert served == [200] * 3
            assert opened.state(name, str(world.ours)) == "closed"


async def test_retries_stay_in_their_budget(world: World) -> None:
    async def act(seen: Seen, writer: Writer) -> None:
        writer.write(reply(503))

    async with outside(act) as there:
        name = await publish(world, there.url, ENDPOINTS)
        with gates(world, Limits(least_calls=10**9), lambda: 5.0):
            for _ in range(200):
                await call(world.operator, "GET", f"{BASE}/{name}/show/1")
            assert 230 <= len(there.seen) <= 240
            there.seen.clear()
            for _ in range(20):
                await call(world.operator, "POST", f"{BASE}/{name}/send")
            assert len(there.seen) == 20


async def test_a_retry_brings_the_answer(world: World) -> None:
    async def act(seen: Seen, writer: Writer) -> None:
        if len(there.seen) % 2:
            writer.close()
        else:
            writer.write(reply())

    async with outside(act) as there:
        name = await publish(world, there.url, ENDPOINTS)
        found = await call(world.operator, "GET", f"{BASE}/{name}/show/1")
        assert (found.status, len(there.seen)) == (200, 2)
        nonces = {seen.headers["x-gateway-nonce"] for seen in there.seen}
        assert len(nonces) == 2
        found = await call(world.operator, "POST", f"{BASE}/{name}/send", b"x")
        assert (found.status, len(there.seen)) == (502, 3)
        there.seen.clear()
        headers = [("idempotency-key", "k")]
        found = await call(world.operator, "POST", f"{BASE}/{name}/send", b"x", headers)
        assert (found.status, len(there.seen)) == (200, 2)


async def test_a_full_service_is_told_before_it_is_called(world: World) -> None:
    go_on = asyncio.Event()

    async def act(seen: Seen, writer: Writer) -> None:
        await go_on.wait()
        writer.write(reply())

    async with outside(act) as there:
        slow = [endpoint("show", "/show/{n}", timeout_ms=60_000)]
        name = await publish(world, there.url, slow)
        with gates(world, Limits(of_tenant=5)):
            path = f"{BASE}/{name}/show/1"
            tasks = [
                asyncio.create_task(call(world.operator, "GET", path)) for _ in range(8)
            ]
            turned_away = asyncio.as_completed(tasks, timeout=WAIT_SECONDS)
            first = [(await next(turned_away)).status for _ in range(3)]
            assert first == [503] * 3
            go_on.set()
            found = [(await task).status for task in tasks]
            assert sorted(found) == [200] * 5 + [503] * 3
