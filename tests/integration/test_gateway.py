"""Calls of an external service, from the client to the service and back."""



from tests.fixtures.api import World
from tests.fixtures.gateway import BASE, call, endpoint, outside, publish


async def test_a_call_reaches_the_service_and_its_answer_comes_back(
    world: World,
) -> None:
    async with outside() as there:
        name = await publish(world, f"{there.url}/v1", [endpoint("show", "/a/{id}")])
        reply = await call(
            world.operator, "GET", f"{BASE}/{name}/a/4%207?x=1&y=%20", headers=[]
        )
    assert reply.json == {"method": "GET", "target": "/v1/a/4%207?x=1&y=%20"}
    assert reply.headers["content-type"] == "application/json"
