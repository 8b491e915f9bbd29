"""Tenants, users and roles written through the platform's own writers."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from platform_world import PASSWORD, World, open_world

from engine.context import RequestContext
from engine.errors import (
    Conflict,
    Forbidden,
    NotFound,
    PreconditionFailed,
    RangkaError,
    Unauthenticated,
    ValidationFailed,
)
from engine.platform import Platform, ensure_core
from engine.record_reads import RecordReader
from engine.record_steps import Written
from engine.settings import Settings
from metadata.compiled import CompiledEntity
from registry.catalog import Catalog


@dataclass
class Administration:
    """The writers as the data routes call them."""

    world: World
    platform: Platform
    reader: RecordReader
    catalog: Catalog

    def entity(self, name: str) -> CompiledEntity:
        found = self.catalog.peek_entity(uuid4(), "platform", name)
        assert found is not None
        return found

    async def create(
        self, ctx: RequestContext, kind: str, /, **values: Any
    ) -> dict[str, Any]:
        entity = self.entity(kind)
        writer = self.platform.writer(entity)
        return _read(await writer.create(ctx, entity, values))

    async def update(
        self,
        ctx: RequestContext,
        kind: str,
        record_id: UUID | str,
        /,
        version: int | None = None,
        **values: Any,
    ) -> dict[str, Any]:
        entity = self.entity(kind)
        writer = self.platform.writer(entity)
        written = await writer.update(
            ctx, entity, UUID(str(record_id)), values, expected_version=version
        )
        return _read(written)

    async def delete(
        self, ctx: RequestContext, name: str, record_id: UUID | str
    ) -> None:
        entity = self.entity(name)
        writer = self.platform.writer(entity)
        await writer.delete(ctx, entity, UUID(str(record_id)))

    async def listed(self, ctx: RequestContext, name: str) -> list[dict[str, Any]]:
        body, _ = await self.reader.page(ctx, self.entity(name), "limit=200")
        rows: list[dict[str, Any]] = json.loads(body)
        return rows

    async def log(self, record_id: str) -> list[dict[str, Any]]:
        return await self.world.execute(
            "select * from rangka.log where record_id = %s order by id",
            UUID(record_id),
        )

    async def admin(self) -> RequestContext:
        return await self.world.member("TENANT_ADMIN")

    async def super_admin(self) -> RequestContext:
        _, _, email = await self.world.super_admin()
        return await self.world.context(await self.world.login(email))

    async def other(self, ctx: RequestContext, *roles: str) -> RequestContext:
        """Return the context of another member of the same tenant."""
        _, email = await self.world.user(ctx.tenant_id, *roles)
        return await self.world.context(await self.world.login(email))


def _read(written: Written) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(written.body)
    assert body["id"] == str(written.id)
    return body


@pytest.fixture(scope="module")
async def administration(settings: Settings) -> AsyncIterator[Administration]:
    async with open_world(settings) as world:
        catalog = Catalog(world.database.system, world.database.listen)
        await catalog.start()
        reader = RecordReader(world.database, catalog, world.policy)
        platform = Platform(world.database, world.policy, reader, world.identity)
        yield Administration(world, platform, reader, catalog)
        await catalog.stop()


def address() -> str:
    return f"new{uuid4().hex[:12]}@example.com"


def slug() -> str:
    return f"n-{uuid4().hex[:12]}"


def details(error: RangkaError) -> list[tuple[str, str]]:
    return [(each.field, each.code) for each in error.details]


# -- tenants -------------------------------------------------------------------------


async def test_a_super_admin_makes_a_tenant_with_the_seed_roles(
    administration: Administration,
) -> None:
    ctx = await administration.super_admin()
    name = slug()

    made = await administration.create(ctx, "tenants", name="Jaya Net", slug=name)

    roles = await administration.world.execute(
        "select name from rangka.roles where tenant_id = %s order by name",
        UUID(made["id"]),
    )
    assert (made["slug"], made["status"], made["version"]) == (name, "active", 1)
    assert [each["name"] for each in roles] == [
        "TENANT_ADMIN",
        "manager",
        "member",
        "operator",
        "viewer",
    ]
    (entry,) = await administration.log(made["id"])
    assert (entry["action"], entry["service"], entry["entity"]) == (
        "create",
        "platform",
        "tenants",
    )
    assert entry["changes"]["name"] == [None, "Jaya Net"]


async def test_a_tenant_admin_makes_no_tenant(administration: Administration) -> None:
    ctx = await administration.admin()
    name = slug()

    with pytest.raises(Forbidden):
        await administration.create(ctx, "tenants", name="Mine", slug=name)

    assert not await administration.world.execute(
        "select 1 from rangka.tenants where slug = %s", name
    )


async def test_a_taken_slug_is_a_field_error(administration: Administration) -> None:
    ctx = await administration.super_admin()
    name = slug()
    await administration.create(ctx, "tenants", name="One", slug=name)

    with pytest.raises(ValidationFailed) as caught:
        await administration.create(ctx, "tenants", name="Two", slug=name)

    assert details(caught.value) == [("slug", "unique")]


async def test_a_tenant_admin_sees_and_renames_his_own_tenant_only(
    administration: Administration,
) -> None:
    ctx = await administration.admin()
    strange = await administration.world.tenant()

    renamed = await administration.update(
        ctx, "tenants", ctx.tenant_id, name="Renamed", locale="en"
    )
    with pytest.raises(NotFound):
        await administration.update(ctx, "tenants", strange, name="Mine now")
    listed = await administration.listed(ctx, "tenants")

    assert (renamed["name"], renamed["locale"], renamed["version"]) == (
        "Renamed",
        "en",
        2,
    )
    assert [each["id"] for each in listed] == [str(ctx.tenant_id)]


@pytest.mark.parametrize(
    "values",
    [{"status": "active"}, {"max_users": 500}, {"subscription_tier": "enterprise"}],
)
async def test_what_a_tenant_pays_for_is_not_its_own_to_change(
    administration: Administration, values: dict[str, Any]
) -> None:
    ctx = await administration.admin()

    with pytest.raises(ValidationFailed) as caught:
        await administration.update(ctx, "tenants", ctx.tenant_id, **values)

    assert [field for field, _ in details(caught.value)] == list(values)


async def test_a_super_admin_suspends_a_tenant_and_its_log_shows_it(
    administration: Administration,
) -> None:
    ctx = await administration.super_admin()
    tenant_id = await administration.world.tenant()

    changed = await administration.update(
        ctx, "tenants", tenant_id, status="suspended", max_users=3
    )

    assert (changed["status"], changed["max_users"]) == ("suspended", 3)
    logs = await administration.log(str(tenant_id))
    assert {each["tenant_id"] for each in logs} == {ctx.tenant_id, tenant_id}


async def test_the_core_tenant_stays_active_and_none_is_deleted(
    administration: Administration,
) -> None:
    ctx = await administration.super_admin()

    with pytest.raises(Conflict):
        await administration.update(ctx, "tenants", ctx.tenant_id, status="suspended")
    with pytest.raises(Conflict):
        await administration.delete(ctx, "tenants", await administration.world.tenant())


async def test_an_older_version_is_not_overwritten(
    administration: Administration,
) -> None:
    ctx = await administration.admin()
    await administration.update(ctx, "tenants", ctx.tenant_id, name="Second")

    with pytest.raises(PreconditionFailed):
        await administration.update(
            ctx, "tenants", ctx.tenant_id, version=1, name="Third"
        )


# -- users ---------------------------------------------------------------------------


async def test_a_tenant_admin_adds_a_user_who_can_log_in(
    administration: Administration,
) -> None:
    ctx = await administration.admin()
    email = address()

    made = await administration.create(
        ctx,
        "users",
        name="Sari",
        email=email,
        password=PASSWORD,
        role_names=["operator"],
    )
    answer = await administration.world.login(email)

    assert (made["name"], made["email"], made["role_names"]) == (
        "Sari",
        email,
        ["operator"],
    )
    assert answer["user"]["home_tenant_id"] == str(ctx.tenant_id)
    (entry,) = await administration.log(made["id"])
    assert entry["actor_id"] == ctx.user_id
    assert PASSWORD not in json.dumps(entry["changes"])
    assert "password" not in made


async def test_an_account_of_elsewhere_becomes_a_member_and_stays_what_it_is(
    administration: Administration,
) -> None:
    ctx = await administration.admin()
    home = await administration.world.tenant()
    user_id, email = await administration.world.user(home, "manager")

    made = await administration.create(
        ctx,
        "users",
        name="Another name",
        email=email.upper(),
        password="this one is not taken",
        role_names=["viewer"],
    )
    answer = await administration.world.login(email, tenant=str(ctx.tenant_id))

    assert (made["id"], made["name"]) == (str(user_id), "Someone")
    assert answer["user"]["home_tenant_id"] == str(home)
    assert answer["user"]["roles"] == ["viewer"]


async def test_who_is_a_member_already_is_a_field_error(
    administration: Administration,
) -> None:
    ctx = await administration.admin()

    with pytest.raises(ValidationFailed) as caught:
        await administration.create(ctx, "users", name="Me", email=ctx.email)

    assert details(caught.value) == [("email", "unique")]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"role_names": ["nobody"]}, [("role_names.0", "not_found")]),
        ({"password": "short"}, [("password", "min_length")]),
        ({"password": 5}, [("password", "type")]),
        ({"wrong": 1}, [("wrong", "unknown_field")]),
    ],
)
async def test_bad_users_are_refused_and_nothing_is_kept(
    administration: Administration,
    values: dict[str, Any],
    expected: list[tuple[str, str]],
) -> None:
    ctx = await administration.admin()
    email = address()

    with pytest.raises(ValidationFailed) as caught:
        await administration.create(ctx, "users", name="X", email=email, **values)

    assert details(caught.value) == expected
    assert not await administration.world.execute(
        "select 1 from rangka.users where email_key = %s", email
    )


async def test_a_tenant_has_no_more_users_than_it_may(
    administration: Administration,
) -> None:
    ctx = await administration.admin()
    await administration.world.execute(
        "update rangka.tenants set max_users = 2 where id = %s", ctx.tenant_id
    )
    await administration.create(ctx, "users", name="Two", email=address())

    with pytest.raises(Conflict) as caught:
        await administration.create(ctx, "users", name="Three", email=address())

    assert caught.value.code == "USER_LIMIT"
    assert len(await administration.listed(ctx, "users")) == 2


async def test_a_user_is_changed_and_removed(administration: Administration) -> None:
    ctx = await administration.admin()
    made = await administration.create(
        ctx, "users", name="Sari", email=address(), role_names=["viewer"]
    )

    changed = await administration.update(
        ctx,
        "users",
        made["id"],
        version=1,
        name="Sari Dewi",
        role_names=["manager", "viewer"],
        status="suspended",
    )
    await administration.delete(ctx, "users", made["id"])

    assert (changed["name"], changed["status"], changed["version"]) == (
        "Sari Dewi",
        "suspended",
        2,
    )
    assert changed["role_names"] == ["manager", "viewer"]
    assert made["id"] not in [
        u["id"] for u in await administration.listed(ctx, "users")
    ]
    actions = [each["action"] for each in await administration.log(made["id"])]
    assert actions == ["create", "update", "delete"]


async def test_a_new_password_by_the_admin_ends_the_sessions(
    administration: Administration,
) -> None:
    ctx = await administration.admin()
    other = await administration.other(ctx, "viewer")
    new = "sawah hijau pagi hari"

    await administration.update(ctx, "users", other.user_id, password=new)

    with pytest.raises(Unauthenticated):
        await administration.world.login(other.email)
    assert await administration.world.identity.login(other.email, new)


@pytest.mark.parametrize("values", [{"password": PASSWORD}, {"name": "Renamed"}])
async def test_an_account_of_two_tenants_is_changed_by_its_owner_only(
    administration: Administration, values: dict[str, str]
) -> None:
    ctx = await administration.admin()
    other = await administration.other(ctx, "viewer")
    elsewhere = await administration.world.tenant()
    await administration.world.user(elsewhere, "manager", email=other.email)

    with pytest.raises(Forbidden) as caught:
        await administration.update(ctx, "users", other.user_id, **values)

    assert caught.value.code == "NOT_YOUR_ACCOUNT"
    assert await administration.world.login(other.email)


async def test_one_s_own_password_is_not_changed_here(
    administration: Administration,
) -> None:
    ctx = await administration.admin()

    with pytest.raises(Forbidden):
        await administration.update(
            ctx, "users", ctx.user_id, password="sawah hijau pagi hari"
        )


async def test_the_last_administrator_stays(administration: Administration) -> None:
    ctx = await administration.admin()
    second = await administration.other(ctx, "TENANT_ADMIN")

    await administration.delete(second, "users", ctx.user_id)
    for attempt in ({"role_names": ["viewer"]}, {"status": "suspended"}):
        with pytest.raises(Conflict) as caught:
            await administration.update(second, "users", second.user_id, **attempt)
        assert caught.value.code == "LAST_ADMIN"
    with pytest.raises(Conflict):
        await administration.delete(second, "users", second.user_id)


async def test_users_of_another_tenant_are_not_there(
    administration: Administration,
) -> None:
    ctx = await administration.admin()
    strange = await administration.admin()

    with pytest.raises(NotFound):
        await administration.update(ctx, "users", strange.user_id, name="Mine")
    with pytest.raises(NotFound):
        await administration.delete(ctx, "users", strange.user_id)
    assert [u["id"] for u in await administration.listed(ctx, "users")] == [
        str(ctx.user_id)
    ]


# -- teams ---------------------------------------------------------------------------


async def test_a_team_is_made_renamed_given_to_a_user_and_deleted(
    administration: Administration,
) -> None:
    ctx = await administration.admin()
    team = await administration.create(ctx, "teams", name="Field")
    renamed = await administration.update(ctx, "teams", team["id"], name="Field crew")
    user = await administration.create(
        ctx, "users", name="U", email=address(), team_id=team["id"]
    )
    taken_away = await administration.update(ctx, "users", user["id"], team_id=None)
    await administration.update(ctx, "users", user["id"], team_id=team["id"])
    await administration.delete(ctx, "teams", team["id"])
    listed = await administration.listed(ctx, "users")

    assert (renamed["name"], renamed["version"]) == ("Field crew", 2)
    assert (user["team_id"], taken_away["team_id"]) == (team["id"], None)
    assert [each["team_id"] for each in listed] == [None, None]


async def test_the_team_of_a_user_is_in_his_context(
    administration: Administration,
) -> None:
    ctx = await administration.admin()
    team = await administration.create(ctx, "teams", name="Field")
    await administration.update(ctx, "users", ctx.user_id, team_id=team["id"])

    found = await administration.world.identity.context_of(
        ctx.user_id, ctx.tenant_id, request_id="r"
    )

    assert str(found.team_id) == team["id"]


async def test_a_team_of_another_tenant_is_not_there(
    administration: Administration,
) -> None:
    strange = await administration.admin()
    team = await administration.create(strange, "teams", name="Theirs")
    ctx = await administration.admin()

    with pytest.raises(ValidationFailed) as caught:
        await administration.create(
            ctx, "users", name="U", email=address(), team_id=team["id"]
        )
    with pytest.raises(NotFound):
        await administration.delete(ctx, "teams", team["id"])

    assert details(caught.value) == [("team_id", "not_found")]


async def test_a_team_s_name_is_its_own(administration: Administration) -> None:
    ctx = await administration.admin()
    await administration.create(ctx, "teams", name="Field")

    with pytest.raises(ValidationFailed) as caught:
        await administration.create(ctx, "teams", name="Field")

    assert details(caught.value) == [("name", "unique")]


# -- roles and what nobody may give ----------------------------------------------------


async def helpdesk(
    administration: Administration, ctx: RequestContext, *rules: dict[str, Any]
) -> RequestContext:
    """Return a member who may manage users and roles, with further rules."""
    name = f"helpdesk_{uuid4().hex[:8]}"
    await administration.create(
        ctx,
        "roles",
        name=name,
        label="Helpdesk",
        rules=[{"permission": "user:*"}, {"permission": "role:*"}, *rules],
    )
    return await administration.other(ctx, name)


async def test_a_role_keeps_its_rules(administration: Administration) -> None:
    ctx = await administration.admin()
    rules = [
        {
            "permission": "customers:read",
            "scope": "own",
            "filter": {"status": {"_eq": "active"}},
            "fields": ["name", "status"],
        },
        {"permission": "customers:delete", "effect": "deny"},
    ]

    made = await administration.create(
        ctx, "roles", name="sales", label="Sales", rules=rules
    )
    changed = await administration.update(
        ctx, "roles", made["id"], label="Sales team", rules=rules[1:]
    )

    assert made["rules"] == rules
    assert (changed["label"], changed["rules"]) == ("Sales team", rules[1:])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({}, ("rules.0.permission", "required")),
        ({"permission": "Customers read"}, ("rules.0.permission", "format")),
        ({"permission": "a:read", "scope": "all"}, ("rules.0.scope", "choice")),
        ({"permission": "a:read", "x": 1}, ("rules.0.x", "unknown_field")),
        (
            {"permission": "a:read", "filter": {"status": {"_is": 1}}},
            ("rules.0.filter.status._is", "condition"),
        ),
        ({"permission": "a:read", "fields": []}, ("rules.0.fields", "min_items")),
        (
            {"permission": "a:read", "effect": "deny", "scope": "own"},
            ("rules.0.scope", "not_for_deny"),
        ),
        (
            {
                "permission": "a:read",
                "effect": "deny",
                "filter": {"b": {"_eq": 1}},
                "fields": ["c"],
            },
            ("rules.0.fields", "not_together"),
        ),
    ],
)
async def test_bad_rules_are_field_errors(
    administration: Administration, rule: dict[str, Any], expected: tuple[str, str]
) -> None:
    ctx = await administration.admin()

    with pytest.raises(ValidationFailed) as caught:
        await administration.create(ctx, "roles", name="bad", label="Bad", rules=[rule])

    assert details(caught.value) == [expected]


@pytest.mark.parametrize("name", ["SUPER_ADMIN", "super_admin", "tenant_admin"])
async def test_names_of_the_platform_are_reserved(
    administration: Administration, name: str
) -> None:
    ctx = await administration.admin()

    with pytest.raises(ValidationFailed) as caught:
        await administration.create(ctx, "roles", name=name, label="X", rules=[])

    assert details(caught.value) == [("name", "reserved")]


async def test_seed_roles_stay_as_they_are(administration: Administration) -> None:
    ctx = await administration.admin()
    roles = await administration.listed(ctx, "roles")
    viewer = next(each for each in roles if each["name"] == "viewer")

    with pytest.raises(Conflict):
        await administration.update(ctx, "roles", viewer["id"], label="Mine")
    with pytest.raises(Conflict):
        await administration.delete(ctx, "roles", viewer["id"])


async def test_a_role_in_use_is_not_deleted(administration: Administration) -> None:
    ctx = await administration.admin()
    made = await administration.create(ctx, "roles", name="r", label="R", rules=[])
    user = await administration.create(
        ctx, "users", name="U", email=address(), role_names=["r"]
    )

    with pytest.raises(Conflict) as caught:
        await administration.delete(ctx, "roles", made["id"])
    await administration.update(ctx, "users", user["id"], role_names=[])
    await administration.delete(ctx, "roles", made["id"])

    assert caught.value.code == "IN_USE"


@pytest.mark.parametrize(
    "rule",
    [
        {"permission": "*"},
        {"permission": "*:read"},
        {"permission": "customers:delete"},
        {"permission": "data:read"},
        {"permission": "customers:read"},
        {"permission": "customers:read", "scope": "team"},
        {"permission": "customers:read", "scope": "own", "fields": ["phone"]},
    ],
)
async def test_nobody_gives_what_he_does_not_have(
    administration: Administration, rule: dict[str, Any]
) -> None:
    admin = await administration.admin()
    own = {"permission": "customers:read", "scope": "own", "fields": ["name"]}
    ctx = await helpdesk(administration, admin, own)

    with pytest.raises(Forbidden) as caught:
        await administration.create(ctx, "roles", name="x", label="X", rules=[rule])
    allowed = await administration.create(
        ctx, "roles", name="y", label="Y", rules=[own]
    )

    assert caught.value.code == "PRIVILEGE_ESCALATION"
    assert allowed["rules"] == [own]


async def test_nobody_gives_a_role_that_is_more_than_his_own(
    administration: Administration,
) -> None:
    admin = await administration.admin()
    ctx = await helpdesk(administration, admin)
    victim = await administration.other(admin, "viewer")

    for attempt in (
        administration.create(
            ctx, "users", name="X", email=address(), role_names=["TENANT_ADMIN"]
        ),
        administration.update(ctx, "users", ctx.user_id, role_names=["TENANT_ADMIN"]),
        administration.update(ctx, "users", victim.user_id, password=PASSWORD),
        administration.update(ctx, "users", admin.user_id, status="suspended"),
        administration.delete(ctx, "users", admin.user_id),
    ):
        with pytest.raises(Forbidden) as caught:
            await attempt
        assert caught.value.code == "PRIVILEGE_ESCALATION"


async def test_nobody_lifts_a_deny_from_himself(
    administration: Administration,
) -> None:
    admin = await administration.admin()
    made = await administration.create(
        admin,
        "roles",
        name="curbed",
        label="Curbed",
        rules=[{"permission": "customers:delete", "effect": "deny"}],
    )
    ctx = await administration.other(admin, "TENANT_ADMIN", "curbed")

    with pytest.raises(Forbidden):
        await administration.update(ctx, "roles", made["id"], rules=[])
    with pytest.raises(Forbidden):
        await administration.update(
            ctx, "users", ctx.user_id, role_names=["TENANT_ADMIN"]
        )
    await administration.update(
        admin, "users", ctx.user_id, role_names=["TENANT_ADMIN"]
    )


async def test_only_a_super_admin_makes_a_super_admin(
    administration: Administration,
) -> None:
    core = await administration.super_admin()
    admin = await administration.other(core, "TENANT_ADMIN")

    with pytest.raises(Forbidden):
        await administration.create(
            admin, "users", name="X", email=address(), role_names=["SUPER_ADMIN"]
        )
    made = await administration.create(
        core, "users", name="X", email=address(), role_names=["SUPER_ADMIN"]
    )

    assert made["role_names"] == ["SUPER_ADMIN"]


@pytest.mark.parametrize("role", ["manager", "operator", "member", "viewer"])
@pytest.mark.parametrize("name", ["users", "roles", "audit", "tenants"])
async def test_seed_roles_below_the_admin_see_no_administration(
    administration: Administration, role: str, name: str
) -> None:
    ctx = await administration.world.member(role)

    with pytest.raises(Forbidden):
        await administration.listed(ctx, name)


async def test_the_log_is_only_read(administration: Administration) -> None:
    ctx = await administration.super_admin()

    with pytest.raises(Conflict):
        await administration.create(ctx, "audit", action="x")
    with pytest.raises(Conflict):
        await administration.delete(ctx, "audit", uuid4())


async def test_the_first_super_admin_is_made_once(
    administration: Administration,
) -> None:
    email = address()
    world = administration.world
    made = [
        await ensure_core(
            world.database, world.identity.passwords, email=email, password=password
        )
        for password in (PASSWORD, "another password entirely")
    ]

    assert [each.is_new for each in made] == [True, False]
    assert made[0].tenant_id == made[1].tenant_id
    assert (await world.login(email))["user"]["roles"] == ["SUPER_ADMIN"]
