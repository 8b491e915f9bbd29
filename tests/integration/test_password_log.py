"""A password that its user changes stands in the event log, without the password."""

import json
from collections.abc import AsyncIterator

import pytest
from platform_world import PASSWORD, World, open_world

from engine.errors import ValidationFailed
from engine.settings import Settings

NEXT = "teh botol dingin"
LOGGED = (
    "select l.entity, l.record_id, l.actor_id, l.action, l.changes, l.ip, "
    "o.log_id is not null as queued from rangka.log l "
    "left join rangka.outbox o on o.log_id = l.id "
    "where l.tenant_id = %s and l.action like 'password%%'"
)


@pytest.fixture(scope="module")
async def world(settings: Settings) -> AsyncIterator[World]:
    async with open_world(settings) as opened:
        yield opened


async def test_a_changed_password_is_an_event_that_does_not_tell_it(
    world: World,
) -> None:
    ctx = await world.member("operator")
    await world.identity.own.change_password(ctx, PASSWORD, NEXT)
    (event,) = await world.execute(LOGGED, ctx.tenant_id)
    assert (event["entity"], event["action"]) == ("users", "password.change")
    assert event["record_id"] == event["actor_id"] == ctx.user_id
    assert event["queued"]
    text = json.dumps(event, default=str)
    assert PASSWORD not in text
    assert NEXT not in text


async def test_a_refused_change_of_a_password_is_no_event(world: World) -> None:
    ctx = await world.member("operator")
    with pytest.raises(ValidationFailed):
        await world.identity.own.change_password(ctx, "not the old one", NEXT)
    assert await world.execute(LOGGED, ctx.tenant_id) == []
