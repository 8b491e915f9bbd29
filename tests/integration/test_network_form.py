"""Who may write what into a router's form, and where its password goes."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import pytest
from job_world import context
from network_world import Isp, open_isp, simulator

from engine.context import RequestContext
from engine.errors import Forbidden, ValidationFailed
from engine.settings import Settings
from registry.service import Refused
from tests.fixtures.scripted_router import Peer, scripted

ROUTER = {
    "name": "Utara",
    "address": "127.0.0.1",
    "port": 18728,
    "tls": "plain",
    "username": "rangka",
    "password": "TOP-secret-of-admin",
}
VOUCHED = {
    "address": "127.0.0.2",
    "port": 18729,
    "tls": "authority",
    "username": "admin",
    "password": "another",
    "expected_serial": "SERIAL2",
    "applies_itself": False,
}


@pytest.fixture
async def still(own: Settings) -> AsyncIterator[Isp]:
    """A tenant whose jobs do not run."""
    async with open_isp(own, work=False) as opened:
        yield opened


async def as_(isp: Isp, *rules: tuple[str, str], role: str = "") -> RequestContext:
    """Return the context of a user with a seed role, or with a role of these rules."""
    name = role or "made_up"
    if not role:
        await isp.world.execute(
            "insert into rangka.roles (tenant_id, id, name, label) "
            "values (%s, gen_random_uuid(), %s, %s)",
            *(isp.tenant, name, name),
        )
    for resource, action in rules:
        await isp.world.execute(
            "insert into rangka.role_rules (tenant_id, id, role_id, resource, action, "
            "scope, position) select tenant_id, gen_random_uuid(), id, %s, %s, "
            "'tenant', 0 from rangka.roles where tenant_id = %s and name = %s",
            *(resource, action, isp.tenant, name),
        )
    (found,) = await isp.world.execute(
        "select id from rangka.roles where tenant_id = %s and name = %s",
        *(isp.tenant, name),
    )
    return msgspec.structs.replace(
        context(isp.tenant), is_super_admin=False, role_ids=frozenset({found["id"]})
    )


async def write(
    isp: Isp, ctx: RequestContext, router: str | None, /, **values: Any
) -> str:
    """Create or change a router as this user."""
    entity = await isp.world.parts.catalog.entity(isp.tenant, "network", "routers")
    assert entity is not None
    records = isp.world.parts.records
    if router is None:
        return str((await records.create(ctx, entity, values)).id)
    return str((await records.update(ctx, entity, UUID(router), values)).id)


@pytest.mark.parametrize("field", sorted(VOUCHED))
@pytest.mark.parametrize("role", ["operator", "manager"])
async def test_who_may_write_data_sets_up_no_router(
    still: Isp, role: str, field: str
) -> None:
    router = await still.create("network.routers", **ROUTER)
    before = await still.get("network.routers", router)
    user = await as_(still, role=role)
    for more in ({}, {"password": "another"}):
        with pytest.raises(Refused, match=r"confirm_certificate|reconcile_apply") as no:
            await write(still, user, router, **{field: VOUCHED[field], **more})
        assert no.value.code == "not_permitted"
    with pytest.raises(Refused, match="confirm_certificate"):
        await write(still, user, None, **{**ROUTER, "name": "Selatan"})
    assert await still.get("network.routers", router) == before
    assert not await still.find("network.routers", name="Selatan")
    await write(still, user, router, name="Barat", takes_new=False)
    await write(still, user, router, **{**ROUTER, "name": "B", "password": {"set": 1}})


async def test_support_that_may_test_a_router_cannot_send_its_password_elsewhere(
    still: Isp,
) -> None:
    rules = [("network", "read"), ("network", "write")]
    user = await as_(still, *rules, ("network.routers", "test_connection"))
    router = await still.create("network.routers", **ROUTER)
    with pytest.raises(Refused):
        await write(still, user, router, port=18729, password="known")


async def test_who_is_trusted_with_routers_needs_no_other_role(still: Isp) -> None:
    user = await as_(still, ("network", "*"))
    router = await write(still, user, None, **ROUTER)
    await write(still, user, router, **VOUCHED)
    changed = await still.get("network.routers", router)
    shown = {name: changed[name] for name in VOUCHED if name != "password"}
    assert shown == {name: VOUCHED[name] for name in shown}


@pytest.mark.parametrize("field", ["address", "port", "tls", "username"])
async def test_a_stored_password_goes_nowhere_else(still: Isp, field: str) -> None:
    router = await still.create("network.routers", **ROUTER)
    before = await still.get("network.routers", router)
    for more in ({}, {"password": {"set": True}}):
        values = {field: VOUCHED[field], **more}
        with pytest.raises(Refused, match="again") as refused:
            await still.update("network.routers", router, **values)
        assert refused.value.field == "password"
    assert await still.get("network.routers", router) == before
    await still.update(
        "network.routers", router, **{field: VOUCHED[field], "password": "again"}
    )
    empty = await still.create(
        "network.routers", **{**ROUTER, "name": "Kosong", "password": None}
    )
    await still.update("network.routers", empty, **{field: VOUCHED[field]})


async def test_the_password_stays_when_somebody_else_asks_for_it(isp: Isp) -> None:
    async def script(peer: Peer) -> None:
        await peer.hear()

    sim = simulator()
    async with sim.serve() as address, scripted(script) as (port, peers):
        router = await isp.router(address)
        await isp.until_router(router, status="online")
        for user in (await as_(isp, role="operator"), context(isp.tenant)):
            with pytest.raises(Refused):
                await write(isp, user, router, port=port)
        await isp.run("sweep")
        await isp.quiet()
    assert not peers


async def test_a_certificate_is_trusted_by_the_action_alone(still: Isp) -> None:
    pin = {"pinned_certificate": "ab" * 32}
    with pytest.raises(ValidationFailed):
        await still.create("network.routers", **ROUTER, **pin)
    router = await still.create("network.routers", **ROUTER)
    with pytest.raises(ValidationFailed):
        await still.update("network.routers", router, **pin)
    user = await as_(still, role="operator")
    entity = await still.world.parts.catalog.entity(still.tenant, "network", "routers")
    assert entity is not None
    for action in ("confirm_certificate", "forget_certificate"):
        with pytest.raises(Forbidden):
            await still.world.parts.records.act(user, entity, action, UUID(router), {})


@pytest.mark.parametrize("field", ["username", "password"])
@pytest.mark.parametrize(
    "text", ["\r\nSET pwned by-operator\r\n", "a\tb", "a\x1b[2J", "a\x7f", "kunçi"]
)
async def test_what_routers_cannot_be_sent_is_refused_on_its_field(
    still: Isp, field: str, text: str
) -> None:
    with pytest.raises((Refused, ValidationFailed)) as refused:
        await still.create("network.routers", **{**ROUTER, field: text})
    assert _fields(refused.value) == [field]
    router = await still.create("network.routers", **ROUTER)
    with pytest.raises((Refused, ValidationFailed)) as refused:
        await still.update("network.routers", router, **{field: text})
    assert _fields(refused.value) == [field]


def _fields(error: BaseException) -> list[str]:
    if isinstance(error, Refused):
        return [error.field]
    assert isinstance(error, ValidationFailed)
    return [detail.field for detail in error.details]
