"""How rules reach a worker: loaded once, replaced within 3 s, never guessed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgspec.structs import replace
from platform_world import World, open_world, soon
from psycopg.types.json import Jsonb

from engine.context import RequestContext
from engine.database import Database
from engine.database_errors import DatabaseError
from engine.policy import Policy
from engine.settings import Settings


@pytest.fixture(scope="module")
async def world(settings: Settings) -> AsyncIterator[World]:
    async with open_world(settings) as opened:
        yield opened


async def add_rule(
    world: World, ctx: RequestContext, resource: str, action: str, **more: Any
) -> None:
    """Add a rule to every role of the user, behind the writers' back."""
    await world.execute(
        "insert into rangka.role_rules (tenant_id, id, role_id, resource, action, "
        "effect, scope, filter, fields, expires_at) "
        "select %s, gen_random_uuid(), role_id, %s, %s, %s, %s, %s, %s, %s "
        "from unnest(%s::uuid[]) role_id",
        ctx.tenant_id,
        resource,
        action,
        more.get("effect", "allow"),
        more.get("scope", "tenant"),
        Jsonb(more.get("filter", {})),
        more.get("fields"),
        more.get("expires_at"),
        list(ctx.role_ids),
    )


async def allowed(
    world: World, ctx: RequestContext, resource: str, action: str
) -> bool:
    return (await world.policy.authorize(ctx, resource, action)).allowed


async def until(
    world: World, ctx: RequestContext, resource: str, action: str, *, is_allowed: bool
) -> None:
    """Wait until the answer is this one, at most as long as a change may take."""

    async def holds() -> bool:
        return await allowed(world, ctx, resource, action) is is_allowed

    await soon(holds)


SEEDS = {
    "TENANT_ADMIN": (
        """
        customers:delete customers:suspend customers:manage user:create role:update
        team:delete audit:read tenant:update service:read
        """,
        """
        tenant:create tenant:delete service:register service:publish system:read
        """,
    ),
    "manager": (
        """
        customers:read customers:write customers:delete customers:restore
        network.routers:import network.routers:export
        """,
        """
        customers:suspend user:read role:read audit:read tenant:read service:read
        team:read system:read
        """,
    ),
    "operator": (
        "customers:read customers:create customers:update",
        "customers:delete customers:export customers:import user:read",
    ),
    "member": (
        "customers:read customers:create customers:update",
        "customers:delete customers:export user:read",
    ),
    "viewer": (
        "customers:read customers:view",
        "customers:create customers:update customers:export user:read audit:read",
    ),
}


@pytest.mark.parametrize("role", SEEDS)
async def test_what_the_seed_roles_may(world: World, role: str) -> None:
    granted, refused = SEEDS[role]
    ctx = await world.member(role)

    answers = {
        permission: await allowed(world, ctx, *permission.split(":"))
        for permission in f"{granted} {refused}".split()
    }

    assert answers == {
        **dict.fromkeys(granted.split(), True),
        **dict.fromkeys(refused.split(), False),
    }


async def test_a_member_reaches_the_own_and_the_team_s_rows(world: World) -> None:
    ctx = await world.member("member")

    read = await world.policy.authorize(ctx, "customers", "read")
    update = await world.policy.authorize(ctx, "customers", "update")

    assert [each.scope for each in read.allowances] == ["team"]
    assert [each.scope for each in update.allowances] == ["own"]


async def test_a_second_role_adds_and_never_takes(world: World) -> None:
    ctx = await world.member("viewer", "TENANT_ADMIN")

    assert await allowed(world, ctx, "user", "create")
    assert (await world.policy.authorize(ctx, "customers", "read")).unrestricted


async def test_who_has_no_role_may_nothing(world: World) -> None:
    ctx = await world.member()

    assert not await allowed(world, ctx, "customers", "read")
    assert await world.policy.permissions(ctx) == []


async def test_a_super_admin_may_everything_without_rules(world: World) -> None:
    _, _, email = await world.super_admin()
    ctx = await world.context(await world.login(email))
    await add_rule(world, ctx, "*", "*", effect="deny")

    grant = await world.policy.authorize(ctx, "system", "anything")

    assert grant.unrestricted
    assert await world.policy.permissions(ctx) == ["*"]
    assert world.policy.peek(ctx, "system", "anything") is grant
    await world.execute(
        "delete from rangka.role_rules where tenant_id = %s and effect = 'deny'",
        ctx.tenant_id,
    )


async def test_a_cached_answer_is_there_for_all_with_the_same_roles(
    world: World,
) -> None:
    ctx = await world.member("viewer")
    assert world.policy.peek(ctx, "customers", "read") is None

    grant = await world.policy.authorize(ctx, "customers", "read")
    twin = replace(ctx, user_id=uuid4(), role_ids=frozenset(list(ctx.role_ids)))
    other = await world.member("viewer")

    assert world.policy.peek(twin, "customers", "read") is grant
    assert world.policy.peek(other, "customers", "read") is None
    assert world.policy.peek(ctx, "customers", "delete") is None


async def test_a_changed_role_binds_soon(world: World) -> None:
    ctx = await world.member("viewer")
    assert not await allowed(world, ctx, "customers", "delete")

    await add_rule(world, ctx, "customers", "delete")
    await until(world, ctx, "customers", "delete", is_allowed=True)
    await add_rule(world, ctx, "customers", "delete", effect="deny")
    await until(world, ctx, "customers", "delete", is_allowed=False)


async def test_a_change_that_no_notification_told_binds_soon(world: World) -> None:
    ctx = await world.member("viewer")
    assert await allowed(world, ctx, "customers", "read")

    async with world.database.owner() as connection:
        # As the trigger does, without its notification.
        await connection.execute(
            "select set_config('rangka.tenant', %s, true)", (str(ctx.tenant_id),)
        )
        await connection.execute(
            "alter table rangka.role_rules disable trigger policy_changed"
        )
        await connection.execute(
            "delete from rangka.role_rules where tenant_id = %s", (ctx.tenant_id,)
        )
        await connection.execute(
            "alter table rangka.role_rules enable trigger policy_changed"
        )
        await connection.execute(
            "update rangka.tenants set policy_revision = policy_revision + 1 "
            "where id = %s",
            (ctx.tenant_id,),
        )

    await until(world, ctx, "customers", "read", is_allowed=False)


async def test_a_notification_alone_makes_a_change_known(world: World) -> None:
    ctx = await world.member("viewer")
    assert not await allowed(world, ctx, "customers", "delete")
    # Nothing compares revisions meanwhile.
    await world.policy.stop()
    try:
        await add_rule(world, ctx, "customers", "delete")
        await until(world, ctx, "customers", "delete", is_allowed=True)
    finally:
        world.policy._poll.start()


async def test_a_rule_ends_at_its_instant_in_the_cache_too(world: World) -> None:
    ctx = await world.member("viewer")
    end = ctx.now + timedelta(hours=1)
    await add_rule(world, ctx, "customers", "delete", expires_at=end)
    await until(world, ctx, "customers", "delete", is_allowed=True)
    before = replace(ctx, now=end - timedelta(seconds=1))
    after = replace(ctx, now=end)

    assert await allowed(world, before, "customers", "delete")
    assert world.policy.peek(after, "customers", "delete") is None
    assert not await allowed(world, after, "customers", "delete")


async def test_filters_and_fields_come_with_the_grant(world: World) -> None:
    ctx = await world.member("viewer")
    await add_rule(
        world,
        ctx,
        "customers",
        "update",
        scope="own",
        filter={"status": {"_eq": "active"}},
        fields=["name"],
    )
    await add_rule(world, ctx, "customers", "update", effect="deny", fields=["code"])
    await until(world, ctx, "customers", "update", is_allowed=True)

    grant = await world.policy.authorize(ctx, "customers", "update")
    (allowance,) = grant.allowances

    assert (allowance.scope, allowance.fields) == ("own", {"name"})
    assert grant.denied_fields == {"code"}
    assert grant.reaches_field("name")
    assert not grant.reaches_field("phone")


async def test_without_the_database_nothing_is_allowed(settings: Settings) -> None:
    database = Database(
        app_dsn=settings.app_database_url,
        system_dsn=settings.system_database_url,
        owner_dsn=settings.owner_database_url,
    )
    policy = Policy(database)
    ctx = RequestContext(
        request_id="r",
        tenant_id=uuid4(),
        user_id=uuid4(),
        session_id=None,
        role_ids=frozenset({uuid4()}),
        is_super_admin=False,
        locale="en",
        time_zone="UTC",
        now=datetime.now(UTC),
    )

    with pytest.raises(DatabaseError):
        await policy.authorize(ctx, "customers", "read")


async def test_roles_of_another_tenant_are_worth_nothing(world: World) -> None:
    mine, theirs = await world.member("viewer"), await world.member("TENANT_ADMIN")

    forged = replace(mine, role_ids=theirs.role_ids)

    assert not await allowed(world, forged, "customers", "read")


async def test_an_unknown_tenant_allows_nothing(world: World) -> None:
    ctx = replace(await world.member("TENANT_ADMIN"), tenant_id=uuid4())

    assert not await allowed(world, ctx, "customers", "read")


# -- explain and permissions -----------------------------------------------------------


async def test_explain_names_the_rule_that_decided(world: World) -> None:
    ctx = await world.member("viewer")
    await add_rule(world, ctx, "customers", "read", effect="deny", fields=["salary"])

    async def both_are_known() -> bool:
        return len((await world.policy.explain(ctx, "customers", "read")).rules) == 2

    await soon(both_are_known)
    found = await world.policy.explain(ctx, "customers", "read")

    assert (found.allowed, found.decided_by, found.roles) == (
        True,
        "rules",
        ("viewer",),
    )
    assert found.sentence == "Allowed: viewer allows data:read."
    assert {(rule.permission, rule.outcome) for rule in found.rules} == {
        ("data:read", "allows"),
        ("customers:read", "limits"),
    }


async def test_explain_says_why_not(world: World) -> None:
    viewer = await world.member("viewer")
    admin = await world.member("TENANT_ADMIN")
    stranger = await world.member()
    await add_rule(world, admin, "customers", "purge", effect="deny")
    await until(world, admin, "customers", "purge", is_allowed=False)

    missing = await world.policy.explain(viewer, "customers", "delete")
    denied = await world.policy.explain(admin, "customers", "purge")
    platform = await world.policy.explain(admin, "tenant", "create")
    roleless = await world.policy.explain(stranger, "customers", "read")

    assert (missing.decided_by, denied.decided_by, platform.decided_by) == (
        "no_rule",
        "rules",
        "platform",
    )
    assert "customers:delete" in missing.sentence
    assert "TENANT_ADMIN denies customers:purge" in denied.sentence
    assert "tenant:create" in platform.sentence
    assert roleless.roles == ()
    assert not roleless.allowed


async def test_explaining_fills_no_cache(world: World) -> None:
    ctx = await world.member("viewer")

    await world.policy.explain(ctx, "customers", "read")

    assert world.policy.peek(ctx, "customers", "read") is None


async def test_permissions_are_the_patterns_of_all_roles(world: World) -> None:
    ctx = await world.member("operator", "member")

    assert await world.policy.permissions(ctx) == [
        "data:create",
        "data:read",
        "data:update",
        "data:write",
    ]
