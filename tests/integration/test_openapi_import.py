"""An OpenAPI document → draft → published → forms and menu of a tenant's user."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from engine.identity.passwords import Passwords
from engine.platform import ensure_user
from tests.fixtures.api import PASSWORD, Client, World, log_in

CORE = "/api/v1/core"
IMPORT = f"{CORE}/services/import-openapi"
FOLDER = Path(__file__).parents[1] / "fixtures" / "openapi"
PETS = (FOLDER / "petstore-3.0.yaml").read_text(encoding="utf-8")


@pytest.fixture
def name() -> str:
    return f"pets{uuid4().hex[:8]}"


async def publish(world: World, name: str) -> None:
    published = await world.root.post(f"{CORE}/services/{name}/publish")
    assert published.status == 200, published.body
    place = f"{CORE}/tenants/{world.ours}/services/{name}"
    assert (await world.root.request("PUT", place)).status == 200


async def imported(world: World, name: str) -> None:
    reply = await world.root.post(IMPORT, {"text": PETS, "name": name})
    assert reply.status == 201, reply.body
    await publish(world, name)


async def reader(world: World, name: str) -> Client:
    """Return a user of our tenant with the role that only reads the service."""
    role, email = f"{name}_reader", f"{uuid4().hex}@example.com"
    parts = world.app._app.state.parts
    await ensure_user(
        parts.database,
        Passwords(),
        world.ours,
        email=email,
        password=PASSWORD,
        name="reader",
        roles=(role,),
    )
    return await log_in(world.app, email)


async def test_a_preview_shows_everything_and_stores_nothing(
    world: World, name: str
) -> None:
    body = {"text": PETS, "name": name, "dry_run": True}
    seen = (await world.root.post(IMPORT, body)).data
    assert (seen["importable"], seen["name"]) == (True, name)
    calls = {call["name"]: call for call in seen["endpoints"]}
    assert set(calls) == {
        "list_pets",
        "create_pet",
        "replace_pet",
        "delete_pets_pet_id",
        "post_store_photo",
    }
    assert calls["list_pets"]["permissions"] == [f"{name}:list_pets"]
    assert "name" in calls["create_pet"]["form"]["schema"]["properties"]
    assert [group["label"]["en"] for group in seen["menu"]] == ["Pets", "Store"]
    assert len(seen["permissions"]) == 5
    assert seen["security"]["name"] == "X-Key"
    assert seen["difference"] is None
    assert {f["severity"] for f in seen["findings"]} == {"warning"}
    assert (await world.root.get(f"{CORE}/services/{name}")).status == 404


async def test_a_document_becomes_forms_and_a_menu_in_one_step(
    world: World, name: str
) -> None:
    await imported(world, name)
    form = (await world.admin.get(f"/api/v1/forms/{name}/endpoints/replace_pet")).data
    assert (form["service"], form["endpoint"]) == (name, "replace_pet")
    assert (form["method"], form["path"]) == ("PUT", "/pets/{petId}")
    assert form["label"] == {"en": "Replace pet"}
    assert form["permissions"] == {"call": True}
    assert form["schema"]["required"] == ["path_petId", "name", "reason"]
    assert form["parameters"] == [
        {"input": "path_petId", "name": "petId", "in": "path"}
    ]
    scopes = [element["scope"] for element in form["ui"]["elements"]]
    assert scopes[0] == "#/properties/path_petId"
    listed = (await world.admin.get(f"/api/v1/forms/{name}/endpoints/list_pets")).data
    assert listed["response_schema"]["type"] == "array"
    menus = (await world.admin.get("/api/v1/menus/user")).data["menus"]
    mine = {item["name"]: item for item in menus if item["id"].startswith(f"{name}.")}
    assert [c["path"] for c in mine["tag_pets"]["children"]] == [
        f"/x/{name}/list_pets",
        f"/x/{name}/create_pet",
        f"/x/{name}/replace_pet",
    ]


async def test_a_reader_finds_what_he_may_call_and_no_more(
    world: World, name: str
) -> None:
    await imported(world, name)
    client = await reader(world, name)
    base = f"/api/v1/forms/{name}/endpoints"
    assert (await client.get(f"{base}/list_pets")).status == 200
    refused = await client.get(f"{base}/create_pet")
    assert refused.status == 403
    assert f"{name}:create_pet" in refused.error["message"]
    menus = (await client.get("/api/v1/menus/user")).data["menus"]
    mine = [item for item in menus if item["id"].startswith(f"{name}.")]
    assert [item["name"] for item in mine] == ["tag_pets"]
    assert [c["name"] for c in mine[0]["children"]] == ["list_pets"]
    paths = json.loads((await client.get("/api/v1/openapi.json")).body)["paths"]
    called = {p: set(o) for p, o in paths.items() if p.startswith(f"/gateway/{name}/")}
    assert called == {f"/gateway/{name}/pets": {"get"}}


async def test_another_tenant_finds_nothing_of_it(world: World, name: str) -> None:
    await imported(world, name)
    for path in (
        f"/api/v1/forms/{name}/endpoints/list_pets",
        f"/api/v1/forms/{name}/list_pets",
    ):
        reply = await world.stranger.get(path)
        assert reply.status == 404
        assert b"pets" not in reply.body.lower()
    menus = await world.stranger.get("/api/v1/menus/user")
    assert name.encode() not in menus.body
    assert name.encode() not in (await world.stranger.get("/api/v1/openapi.json")).body
    nothing = await world.admin.get(f"/api/v1/forms/{name}/endpoints/nothing")
    assert nothing.status == 404


async def test_the_document_of_the_api_lists_how_an_endpoint_is_called(
    world: World, name: str
) -> None:
    await imported(world, name)
    document = json.loads((await world.admin.get("/api/v1/openapi.json")).body)
    assert list(OpenAPIV31SpecValidator(document).iter_errors()) == []
    found = document["paths"][f"/gateway/{name}/pets/{{petId}}"]["put"]
    assert found["operationId"] == f"{name}.replace_pet"
    assert [(p["in"], p["name"]) for p in found["parameters"]] == [("path", "petId")]
    schema = found["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["required"]) == {"name", "reason"}
    assert not any(key.startswith("x-") for key in schema)


async def test_a_second_import_shows_what_changes_and_what_breaks(
    world: World, name: str
) -> None:
    await imported(world, name)
    draft = (await world.root.get(f"{CORE}/services/{name}")).data["draft"]
    draft["endpoints"][0]["rate_limit"] = 7
    draft["roles"].append(
        {"name": "own", "rules": [{"permission": f"{name}:create_pet"}]}
    )
    saved = await world.root.request("PUT", f"{CORE}/services/{name}/draft", draft)
    assert saved.status == 200, saved.body
    text = PETS.replace("operationId: createPet", "operationId: addPet")
    text = text.replace("required: [id, name]", "required: [id, name, born]")
    body = {"text": text, "name": name}
    seen = (await world.root.post(IMPORT, {**body, "dry_run": True})).data
    changed = {item["endpoint"]: item for item in seen["difference"]["changed"]}
    assert changed["add_pet"]["before"]["endpoint"] == "create_pet"
    assert changed["replace_pet"]["inputs_required"] == ["born"]
    assert (seen["difference"]["added"], seen["difference"]["removed"]) == ([], [])
    breaks = {(b["kind"], b["name"]) for b in seen["difference"]["breaks"]}
    assert {("form", "born"), ("role", "own")} <= breaks
    codes = {b["code"]: b["params"] for b in seen["difference"]["breaks"]}
    assert codes == {
        "input_required": {},
        "permission_unused": {"permission": f"{name}:create_pet"},
        "permission_given_unused": {"roles": 1, "tenants": 1},
    }
    reply = await world.root.post(IMPORT, body)
    assert (reply.status, reply.data["draft_revision"] > 1) == (200, True)
    stored = (await world.root.get(f"{CORE}/services/{name}")).data
    calls = {call["name"]: call for call in stored["draft"]["endpoints"]}
    assert "create_pet" not in calls
    assert calls["list_pets"]["rate_limit"] == 7
    assert "own" in {role["name"] for role in stored["draft"]["roles"]}
    published = {call["name"] for call in stored["definition"]["endpoints"]}
    assert "create_pet" in published


async def test_a_second_import_counts_what_tenants_roles_give_in_vain(
    world: World, name: str
) -> None:
    await imported(world, name)
    for client in (world.admin, await log_in_of_theirs(world, name)):
        role = {
            "name": f"own_{name}",
            "label": "Own",
            "rules": [
                {"permission": f"{name}:create_pet"},
                {"permission": f"{name}:list_pets"},
            ],
        }
        made = await client.post(f"{CORE}/roles", role)
        assert made.status == 201, made.body
    text = PETS.replace("operationId: createPet", "operationId: addPet")
    body = {"text": text, "name": name, "dry_run": True}
    reply = await world.root.post(IMPORT, body)
    told = {
        (b["name"], b["endpoint"]): (b["message"], b["code"], b["params"])
        for b in reply.data["difference"]["breaks"]
        if b["kind"] == "tenants"
    }
    # Each tenant's own role, and ours has the service's own role too.
    place = (f"{name}:create_pet", "create_pet")
    assert set(told) == {place}
    message, code, params = told[place]
    assert "3 roles of 2 tenants" in message
    assert (code, params) == ("permission_given_unused", {"roles": 3, "tenants": 2})
    for hidden in (str(world.ours), str(world.theirs), f"own_{name}"):
        assert hidden.encode() not in reply.body
    same = {"text": PETS, "name": name, "dry_run": True}
    seen = (await world.root.post(IMPORT, same)).data
    assert seen["difference"]["breaks"] == []


async def log_in_of_theirs(world: World, name: str) -> Client:
    """Return an administrator of the other tenant."""
    email = f"{uuid4().hex}@example.com"
    await ensure_user(
        world.app._app.state.parts.database,
        Passwords(),
        world.theirs,
        email=email,
        password=PASSWORD,
        name="their admin",
        roles=("TENANT_ADMIN",),
    )
    return await log_in(world.app, email)


async def test_a_draft_that_somebody_else_saved_is_kept(
    world: World, name: str
) -> None:
    await imported(world, name)
    body = {"text": PETS, "name": name, "draft_revision": 99}
    reply = await world.root.post(IMPORT, body)
    assert (reply.status, reply.error["code"]) == (409, "DRAFT_CONFLICT")


@pytest.mark.parametrize("is_dry", [True, False])
async def test_a_broken_document_is_refused_whole(
    world: World, name: str, is_dry: bool
) -> None:
    text = PETS.replace("type: boolean", "type: x").replace(
        "$ref: '#/components/schemas/Kind'", "$ref: 'https://evil.example/kind'"
    )
    text = text.replace("maxLength: 80", "pattern: '(a+)+$'")
    body = {"text": text, "name": name, "dry_run": is_dry}
    reply = await world.root.post(IMPORT, body)
    if is_dry:
        assert (reply.data["importable"], reply.data["definition"]) == (False, None)
        found = {(f["path"], f["code"]) for f in reply.data["findings"]}
        assert all(f["remedy"] for f in reply.data["findings"])
    else:
        assert (reply.status, reply.error["code"]) == (422, "VALIDATION_ERROR")
        found = reply.details()
    pet = "/components/schemas/Pet/properties"
    assert {(f"{pet}/kind/$ref", "remote_ref"), (f"{pet}/name/pattern", "pattern")} <= (
        found
    )
    assert (await world.root.get(f"{CORE}/services/{name}")).status == 404


async def test_only_who_may_register_services_imports(world: World, name: str) -> None:
    for client in (world.admin, world.operator, world.viewer):
        for is_dry in (True, False):
            body = {"text": PETS, "name": name, "dry_run": is_dry}
            assert (await client.post(IMPORT, body)).status == 403
    assert (await world.anonymous.post(IMPORT, {"text": PETS})).status == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"text": "{}", "document": {}}, 400),
        ({"text": 1}, 400),
        ({"text": "a: 1", "url": "http://169.254.169.254/"}, 400),
        ({"text": "a: 1", "dry_run": "yes"}, 400),
        ({"text": "a: 1", "draft_revision": "1"}, 400),
        ({"text": "a: 1", "name": "No Name"}, 422),
        ({"text": "a: 1", "base_url": "file:///etc/passwd"}, 422),
        ({"text": "a: 1", "base_url": "https://user:secret@x.example"}, 422),
        ({"document": []}, 422),
    ],
)
async def test_a_body_that_cannot_be_read_is_told_so(
    world: World, body: dict[str, Any], status: int
) -> None:
    reply = await world.root.post(IMPORT, body)
    assert reply.status == status, reply.body
    assert reply.error["message"]


async def test_the_name_of_a_service_with_tables_is_taken(world: World) -> None:
    reply = await world.root.post(IMPORT, {"text": PETS, "name": "customers"})
    assert (reply.status, reply.error["code"]) == (409, "SERVICE_EXISTS")
