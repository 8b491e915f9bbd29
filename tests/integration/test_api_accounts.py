"""Accounts over the API: passwords, the form of a user, what a log-in tells."""

from uuid import uuid4

from tests.fixtures.api import PASSWORD, Client, World, log_in

USERS = "/api/v1/core/users"
CHANGE = "/api/v1/auth/password/change"
NEXT = "another-horse-battery"


async def new_user(world: World, role: str = "operator") -> tuple[str, Client]:
    email = f"{uuid4().hex[:10]}@example.com"
    body = {
        "name": "Wayan",
        "email": email,
        "role_names": [role],
        "password": PASSWORD,
    }
    made = await world.admin.post(USERS, body)
    assert made.status == 201, made.body
    assert "password" not in made.data
    return email, await log_in(world.app, email)


async def attempt(world: World, email: str, password: str) -> int:
    body = {"email": email, "password": password}
    return (await world.anonymous.post("/api/v1/auth/login", body)).status


async def test_a_user_made_with_a_password_logs_in_with_it(world: World) -> None:
    email, client = await new_user(world)
    assert (await client.get("/api/v1/auth/me")).data["user"]["email"] == email
    assert await attempt(world, email, NEXT) == 401


async def test_the_own_password_is_changed_with_the_old_one(world: World) -> None:
    email, client = await new_user(world)
    body = {"old_password": PASSWORD, "new_password": NEXT}
    assert (await client.post(CHANGE, body)).data == {"changed": True}
    assert await attempt(world, email, PASSWORD) == 401
    assert await attempt(world, email, NEXT) == 200


async def test_without_the_old_password_nothing_changes(world: World) -> None:
    email, client = await new_user(world)
    wrong = await client.post(
        CHANGE, {"old_password": "not-the-old-one", "new_password": NEXT}
    )
    assert wrong.details() == {("old_password", "wrong")}
    weak = await client.post(CHANGE, {"old_password": PASSWORD, "new_password": "abc"})
    assert weak.details() == {("new_password", "min_length")}
    none = await client.post(CHANGE, {"new_password": NEXT})
    assert none.details() == {("old_password", "required")}
    assert (await world.anonymous.post(CHANGE, {})).status == 401
    assert await attempt(world, email, PASSWORD) == 200


async def test_the_form_of_a_user_offers_the_roles_and_a_password(world: World) -> None:
    form = (await world.admin.get("/api/v1/forms/platform/users")).data
    assert form["schema"]["properties"]["password"]["writeOnly"] is True
    controls = str(form["ui"])
    for role in ("TENANT_ADMIN", "manager", "operator", "member", "viewer"):
        assert f"'value': '{role}'" in controls
    assert "password" not in {column["field"] for column in form["list"]["available"]}


async def test_the_form_of_a_user_warns_as_long_as_no_role_is_chosen(
    world: World,
) -> None:
    form = (await world.admin.get("/api/v1/forms/platform/users")).data
    warned = {
        control["scope"]: set(control["options"]["empty_warning"])
        for control in form["ui"]["elements"]
        if "empty_warning" in control.get("options", {})
    }
    assert warned == {"#/properties/role_names": {"en", "id"}}


async def test_the_teams_stand_in_the_menu_of_those_who_may_read_them(
    world: World,
) -> None:
    async def paths(client: Client) -> set[str]:
        menus = (await client.get("/api/v1/menus/user")).data["menus"]
        return {item["path"] for item in menus}

    assert {"/admin/users", "/admin/roles", "/admin/teams"} <= await paths(world.admin)
    assert "/admin/teams" not in await paths(world.viewer)


async def test_the_form_of_a_role_names_what_a_rule_may_reach(world: World) -> None:
    form = (await world.admin.get("/api/v1/forms/platform/roles")).data
    controls = form["ui"]["elements"]
    rules = next(c for c in controls if c.get("scope") == "#/properties/rules")
    found = {item["value"]: item for item in rules["options"]["resources"]}
    assert {"*", "data", "customers", "lab.samples", "user", "audit"} <= set(found)
    assert "suspend" in found["customers"]["actions"]
    assert "suspend" not in found["user"]["actions"]


async def test_a_log_in_tells_the_time_zone_of_the_tenant(world: World) -> None:
    _, client = await new_user(world)
    assert (await client.get("/api/v1/auth/me")).data["time_zone"] == "Asia/Jakarta"


async def test_the_console_tells_what_is_not_published_yet(world: World) -> None:
    name = f"news{uuid4().hex[:8]}"
    entity = {
        "id": "items",
        "name": "items",
        "fields": [{"id": "t", "name": "title", "type": "text"}],
    }
    definition = {"id": name, "name": name, "label": "News", "entities": [entity]}
    console = "/api/v1/core/services"
    await world.root.post(f"{console}/register", definition)

    async def listed() -> tuple[object, object]:
        found = (await world.root.get(console)).data
        item = next(item for item in found if item["name"] == name)
        return item["label"], item["has_unpublished_changes"]

    assert await listed() == ("News", True)
    assert (await world.root.post(f"{console}/{name}/publish")).status == 200
    assert await listed() == ("News", False)
    changed = {
        "definition": {**definition, "label": "Gazette"},
        "draft_revision": (await world.root.get(f"{console}/{name}")).data[
            "draft_revision"
        ],
    }
    saved = await world.root.request("PUT", f"{console}/{name}/draft", changed)
    assert saved.status == 200, saved.body
    assert await listed() == ("Gazette", True)


async def test_access_is_explained_by_the_rules_that_decide(world: World) -> None:
    path = "/api/v1/core/explain-access?resource=customers&action="
    allowed = (await world.operator.get(f"{path}read")).data
    assert (allowed["allowed"], allowed["decided_by"]) == (True, "rules")
    assert [rule["permission"] for rule in allowed["rules"]] == ["data:read"]
    denied = (await world.operator.get(f"{path}delete")).data
    assert (denied["allowed"], denied["decided_by"]) == (False, "no_rule")
    assert "customers:delete" in denied["sentence"]
    assert (await world.anonymous.get(f"{path}read")).status == 401
