"""Log-in, sessions and revocation on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from platform_world import ORIGIN, PASSWORD, WITHIN_SECONDS, World, open_world

from engine.errors import (
    Forbidden,
    NotFound,
    RangkaError,
    Unauthenticated,
    ValidationFailed,
)
from engine.settings import Settings


@pytest.fixture(scope="module")
async def world(settings: Settings) -> AsyncIterator[World]:
    async with open_world(settings) as opened:
        yield opened


async def refused(world: World, token: str) -> RangkaError:
    """Wait until a token is refused, at most as long as a revocation may take."""
    async with asyncio.timeout(WITHIN_SECONDS):
        while True:
            try:
                await world.identity.authenticate(token, request_id="r")
            except RangkaError as error:
                return error
            await asyncio.sleep(0.05)


async def test_a_login_answers_in_the_shape_of_the_contract(world: World) -> None:
    tenant_id = await world.tenant(name="Jaya Net")
    user_id, email = await world.user(tenant_id, "operator", "viewer")

    answer = await world.login(email.upper())

    assert set(answer) == {
        "access_token",
        "refresh_token",
        "token_type",
        "expires_in",
        "user",
        "tenants",
        "time_zone",
    }
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 900)
    assert answer["user"] == {
        "id": str(user_id),
        "email": email,
        "name": "Someone",
        "home_tenant_id": str(tenant_id),
        "current_tenant_id": str(tenant_id),
        "roles": ["operator", "viewer"],
        "permissions": ["data:read", "data:write"],
    }
    assert answer["tenants"] == [
        {
            "id": str(tenant_id),
            "name": "Jaya Net",
            "domain": None,
            "type": "business",
            "user_role": "operator",
        }
    ]


async def test_an_access_token_gives_the_context_of_a_request(world: World) -> None:
    tenant_id = await world.tenant(locale="en", time_zone="Asia/Makassar")
    user_id, email = await world.user(tenant_id, "viewer")

    ctx = await world.context(await world.login(email))

    assert (ctx.tenant_id, ctx.user_id, ctx.email) == (tenant_id, user_id, email)
    assert (ctx.locale, ctx.time_zone) == ("en", "Asia/Makassar")
    assert len(ctx.role_ids) == 1
    assert not ctx.is_super_admin


async def test_wrong_password_and_unknown_user_answer_alike(world: World) -> None:
    _, email = await world.user(await world.tenant(), "viewer")

    answers = []
    for who in (email, "nobody@example.com"):
        with pytest.raises(Unauthenticated) as caught:
            await world.identity.login(who, "not the password", origin=ORIGIN)
        answers.append((caught.value.code, caught.value.message, caught.value.details))

    assert answers[0] == answers[1]
    assert answers[0][0] == "INVALID_CREDENTIALS"


async def test_a_tenant_can_be_chosen_by_slug_or_id_only_by_its_members(
    world: World,
) -> None:
    first, second = await world.tenant(), await world.tenant()
    strange = await world.tenant()
    _, email = await world.user(first, "viewer")
    await world.user(second, "manager", email=email)
    (row,) = await world.execute(
        "select slug from rangka.tenants where id = %s", second
    )

    by_slug = await world.login(email, tenant=row["slug"])
    by_id = await world.login(email, tenant=str(first))
    with pytest.raises(Forbidden):
        await world.login(email, tenant=str(strange))
    with pytest.raises(Forbidden):
        await world.login(email, tenant="no-such-tenant")

    assert by_slug["user"]["current_tenant_id"] == str(second)
    assert by_slug["user"]["roles"] == ["manager"]
    assert by_id["user"]["current_tenant_id"] == str(first)
    assert {each["id"] for each in by_id["tenants"]} == {str(first), str(second)}


async def test_a_refresh_token_gives_the_next_one(world: World) -> None:
    _, email = await world.user(await world.tenant(), "viewer")
    first = await world.login(email)

    second = await world.identity.refresh(first["refresh_token"], origin=ORIGIN)
    third = await world.identity.refresh(second["refresh_token"], origin=ORIGIN)

    tokens = [each["refresh_token"] for each in (first, second, third)]
    assert len(set(tokens)) == 3
    assert third["user"] == first["user"]


async def test_a_lost_answer_is_repeated(world: World) -> None:
    _, email = await world.user(await world.tenant(), "viewer")
    first = await world.login(email)

    answers = await asyncio.gather(
        *(
            world.identity.refresh(first["refresh_token"], origin=ORIGIN)
            for _ in range(8)
        )
    )

    assert len({each["refresh_token"] for each in answers}) == 1
    assert answers[0]["refresh_token"] != first["refresh_token"]


async def test_an_older_token_ends_the_whole_family(world: World) -> None:
    _, email = await world.user(await world.tenant(), "viewer")
    first = await world.login(email)
    second = await world.identity.refresh(first["refresh_token"], origin=ORIGIN)
    third = await world.identity.refresh(second["refresh_token"], origin=ORIGIN)
    await world.context(third)

    with pytest.raises(Unauthenticated) as reuse:
        await world.identity.refresh(first["refresh_token"], origin=ORIGIN)
    with pytest.raises(Unauthenticated) as after:
        await world.identity.refresh(third["refresh_token"], origin=ORIGIN)

    assert (reuse.value.code, after.value.code) == ("TOKEN_REUSED", "SESSION_ENDED")
    assert (await refused(world, third["access_token"])).code == "SESSION_ENDED"
    events = await world.execute(
        "select action from rangka.log where tenant_id = %s order by id",
        UUID(first["user"]["current_tenant_id"]),
    )
    assert [each["action"] for each in events] == ["login", "token.reuse"]


@pytest.mark.parametrize(
    "setting",
    [
        "rotated_at = now() - interval '11 seconds'",
        "device = 'another'",
    ],
)
async def test_the_predecessor_is_not_good_for_long_nor_elsewhere(
    world: World, setting: str
) -> None:
    _, email = await world.user(await world.tenant(), "viewer")
    first = await world.login(email)
    await world.identity.refresh(first["refresh_token"], origin=ORIGIN)
    session = UUID(first["refresh_token"].split(".")[0].removeprefix("rt_"))
    if "device" in setting:
        origin = type(ORIGIN)(ip=ORIGIN.ip, device="another")
    else:
        origin = ORIGIN
        await world.execute(
            f"update rangka.sessions set {setting} where id = %s", session
        )

    with pytest.raises(Unauthenticated) as caught:
        await world.identity.refresh(first["refresh_token"], origin=origin)

    assert caught.value.code == "TOKEN_REUSED"


@pytest.mark.parametrize("column", ["idle_expires_at", "absolute_expires_at"])
async def test_a_session_ends_by_itself(world: World, column: str) -> None:
    _, email = await world.user(await world.tenant(), "viewer")
    answer = await world.login(email)
    await world.execute(
        f"update rangka.sessions set {column} = now() where user_id = %s",
        UUID(answer["user"]["id"]),
    )

    with pytest.raises(Unauthenticated):
        await world.identity.refresh(answer["refresh_token"], origin=ORIGIN)


@pytest.mark.parametrize(
    "change",
    [
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: token.replace(".0.", ".1."),
        lambda token: token + "x",
        lambda token: "rt_" + "0" * 32 + token[35:],
        lambda token: "",
    ],
)
async def test_a_forged_refresh_token_is_refused_and_harms_nobody(
    world: World, change
) -> None:
    _, email = await world.user(await world.tenant(), "viewer")
    answer = await world.login(email)

    with pytest.raises(Unauthenticated) as caught:
        await world.identity.refresh(change(answer["refresh_token"]), origin=ORIGIN)

    assert caught.value.code == "SESSION_ENDED"
    assert await world.identity.refresh(answer["refresh_token"], origin=ORIGIN)


async def test_a_logout_ends_access_and_refresh(world: World) -> None:
    _, email = await world.user(await world.tenant(), "viewer")
    answer = await world.login(email)
    await world.identity.logout(await world.context(answer))

    assert (await refused(world, answer["access_token"])).code == "SESSION_ENDED"
    with pytest.raises(Unauthenticated):
        await world.identity.refresh(answer["refresh_token"], origin=ORIGIN)


@pytest.mark.parametrize(
    "statement",
    [
        "update rangka.users set status = 'suspended' where id = %s",
        "update rangka.users set epoch = epoch + 1 where id = %s",
        "update rangka.sessions set revoked_at = now() where user_id = %s",
    ],
)
async def test_a_revocation_reaches_tokens_in_use(world: World, statement: str) -> None:
    user_id, email = await world.user(await world.tenant(), "viewer")
    answer = await world.login(email)
    await world.context(answer)

    await world.execute(statement, user_id)

    assert (await refused(world, answer["access_token"])).code == "SESSION_ENDED"


async def test_a_revocation_reaches_a_worker_that_heard_nothing(world: World) -> None:
    user_id, email = await world.user(await world.tenant(), "viewer")
    answer = await world.login(email)
    await world.context(answer)
    async with world.database.owner() as connection:
        await connection.execute(
            "alter table rangka.users disable trigger user_changed"
        )
        await connection.execute(
            "update rangka.users set epoch = epoch + 1 where id = %s", (user_id,)
        )
        await connection.execute("alter table rangka.users enable trigger user_changed")

    assert (await refused(world, answer["access_token"])).code == "SESSION_ENDED"


async def test_a_suspended_tenant_and_a_lost_membership_close_the_door(
    world: World,
) -> None:
    suspended, left = await world.tenant(), await world.tenant()
    cases = (
        (suspended, "update rangka.tenants set status = 'suspended' where id = %s"),
        (left, "delete from rangka.memberships where tenant_id = %s"),
    )
    for tenant_id, statement in cases:
        _, email = await world.user(tenant_id, "viewer")
        answer = await world.login(email)
        await world.context(answer)
        await world.execute(statement, tenant_id)
        caught = await refused(world, answer["access_token"])
        assert caught.code == "TENANT_NOT_AVAILABLE"


async def test_switching_gives_tokens_of_the_other_tenant(world: World) -> None:
    first, second = await world.tenant(), await world.tenant()
    _, email = await world.user(first, "viewer")
    await world.user(second, "manager", email=email)
    answer = await world.login(email, tenant=str(first))

    switched = await world.identity.switch_tenant(
        await world.context(answer), second, origin=ORIGIN
    )

    assert (await world.context(switched)).tenant_id == second
    assert switched["user"]["roles"] == ["manager"]
    assert switched["refresh_token"] != answer["refresh_token"]
    assert (await world.context(answer)).tenant_id == first


async def test_switching_needs_an_active_membership(world: World) -> None:
    ctx = await world.member("TENANT_ADMIN")
    strange = await world.tenant()

    with pytest.raises(Forbidden):
        await world.identity.switch_tenant(ctx, strange, origin=ORIGIN)


async def test_a_super_admin_enters_every_active_tenant(world: World) -> None:
    core, _, email = await world.super_admin()
    tenant_id = await world.tenant()
    suspended = await world.tenant(status="suspended")
    answer = await world.login(email)
    ctx = await world.context(answer)

    switched = await world.identity.switch_tenant(ctx, tenant_id, origin=ORIGIN)
    with pytest.raises(Forbidden):
        await world.identity.switch_tenant(ctx, suspended, origin=ORIGIN)

    assert ctx.tenant_id == core
    assert ctx.is_super_admin
    assert (await world.context(switched)).is_super_admin
    assert switched["user"]["permissions"] == ["*"]


async def test_a_role_called_like_it_makes_no_super_admin_elsewhere(
    world: World,
) -> None:
    ctx = await world.member()
    await world.execute(
        "with r as (insert into rangka.roles (tenant_id, id, name, label, is_system) "
        "values (%s, gen_random_uuid(), 'SUPER_ADMIN', 'x', true) "
        "returning tenant_id, id) insert into rangka.membership_roles "
        "(tenant_id, user_id, role_id) select tenant_id, %s, id from r",
        ctx.tenant_id,
        ctx.user_id,
    )

    found = await world.identity.context_of(ctx.user_id, ctx.tenant_id, request_id="r")

    assert not found.is_super_admin
    assert len(found.role_ids) == 1


async def test_an_expired_role_is_gone(world: World) -> None:
    ctx = await world.member("manager", "viewer")
    await world.execute(
        "update rangka.membership_roles mr set expires_at = now() from rangka.roles r "
        "where r.id = mr.role_id and r.name = 'manager' and mr.user_id = %s",
        ctx.user_id,
    )

    found = await world.identity.context_of(ctx.user_id, ctx.tenant_id, request_id="r")

    assert found.role_ids < ctx.role_ids
    assert len(found.role_ids) == 1


async def test_inherited_roles_count_and_a_cycle_does_no_harm(world: World) -> None:
    ctx = await world.member("manager")
    await world.execute(
        "update rangka.roles r set inherits = array[o.id] from rangka.roles o "
        "where r.tenant_id = %s and o.tenant_id = r.tenant_id and "
        "(r.name, o.name) in (('manager', 'viewer'), ('viewer', 'manager'))",
        ctx.tenant_id,
    )

    found = await world.identity.context_of(ctx.user_id, ctx.tenant_id, request_id="r")

    assert len(found.role_ids) == 2


async def test_a_hint_of_another_tenant_is_refused(world: World) -> None:
    tenant_id = await world.tenant()
    _, email = await world.user(tenant_id, "viewer")
    answer = await world.login(email)
    token = answer["access_token"]

    fitting = await world.identity.authenticate(
        token, request_id="r", tenant_hint=str(tenant_id)
    )
    with pytest.raises(Forbidden) as caught:
        await world.identity.authenticate(token, request_id="r", tenant_hint="core")

    assert fitting.tenant_id == tenant_id
    assert caught.value.code == "TENANT_MISMATCH"


async def test_users_see_and_end_their_own_sessions_only(world: World) -> None:
    tenant_id = await world.tenant()
    _, email = await world.user(tenant_id, "viewer")
    _, other_email = await world.user(tenant_id, "TENANT_ADMIN")
    first, second = await world.login(email), await world.login(email)
    ctx = await world.context(second)
    other = await world.context(await world.login(other_email))

    listed = await world.identity.own.sessions(ctx)
    first_id = next(UUID(each["id"]) for each in listed if not each["current"])
    with pytest.raises(NotFound):
        await world.identity.own.revoke_session(other, first_id)
    await world.identity.own.revoke_session(ctx, first_id)

    assert [each["current"] for each in listed].count(True) == 1
    assert len(listed) == 2
    assert (await refused(world, first["access_token"])).code == "SESSION_ENDED"
    assert await world.context(second)


async def test_the_eleventh_login_ends_the_oldest_session(world: World) -> None:
    _, email = await world.user(await world.tenant(), "viewer")
    answers = [await world.login(email) for _ in range(11)]

    with pytest.raises(Unauthenticated):
        await world.identity.refresh(answers[0]["refresh_token"], origin=ORIGIN)
    assert await world.identity.refresh(answers[1]["refresh_token"], origin=ORIGIN)


async def test_a_new_password_ends_the_other_sessions(world: World) -> None:
    _, email = await world.user(await world.tenant(), "viewer")
    elsewhere, here = await world.login(email), await world.login(email)
    ctx = await world.context(here)
    new = "sawah hijau pagi hari"

    with pytest.raises(ValidationFailed) as wrong:
        await world.identity.own.change_password(ctx, "not the old one", new)
    with pytest.raises(ValidationFailed) as weak:
        await world.identity.own.change_password(ctx, PASSWORD, "short")
    await world.identity.own.change_password(ctx, PASSWORD, new)

    assert wrong.value.details[0].field == "old_password"
    assert weak.value.details[0].field == "new_password"
    with pytest.raises(Unauthenticated):
        await world.identity.refresh(elsewhere["refresh_token"], origin=ORIGIN)
    with pytest.raises(Unauthenticated):
        await world.login(email)
    assert await world.identity.login(email, new, origin=ORIGIN)
    assert await world.identity.refresh(here["refresh_token"], origin=ORIGIN)


async def test_no_secret_is_stored_readable(world: World) -> None:
    _, email = await world.user(await world.tenant(), "viewer")
    answer = await world.login(email)
    (row,) = await world.execute(
        "select (select string_agg(s::text, '') from rangka.sessions s "
        "where s.user_id = u.id) || u::text as kept "
        "from rangka.users u where email_key = %s",
        email,
    )

    assert PASSWORD not in row["kept"]
    assert answer["refresh_token"].split(".")[2] not in row["kept"]
    assert answer["access_token"] not in row["kept"]
