"""The OpenAPI document: valid, and no more in it than the user may call."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.fixtures.api import Client, World

PATH = "/api/v1/openapi.json"
CUSTOMERS = "/data/customers/customers"


async def document(client: Client) -> dict[str, Any]:
    reply = await client.get(PATH)
    assert reply.status == 200, reply.body
    found: dict[str, Any] = json.loads(reply.body)
    return found


@pytest.mark.parametrize("who", ["root", "admin", "operator", "viewer"])
async def test_the_document_is_valid(world: World, who: str) -> None:
    found = await document(getattr(world, who))
    assert list(OpenAPIV31SpecValidator(found).iter_errors()) == []


async def test_a_viewer_finds_reading_only(world: World) -> None:
    viewer, admin = await document(world.viewer), await document(world.admin)
    assert set(viewer["paths"][CUSTOMERS]) == {"get"}
    assert set(viewer["paths"][f"{CUSTOMERS}/{{id}}"]) == {"get"}
    assert f"{CUSTOMERS}/{{id}}/actions/suspend" not in viewer["paths"]
    assert not any(path.startswith("/core/users") for path in viewer["paths"])
    assert {"get", "post"} == set(admin["paths"][CUSTOMERS])
    assert f"{CUSTOMERS}/{{id}}/actions/suspend" in admin["paths"]
    assert {"get", "post"} <= set(admin["paths"]["/core/users"])


async def test_the_schema_of_a_payload_is_the_one_that_is_validated(
    world: World,
) -> None:
    found = await document(world.operator)
    schema = found["components"]["schemas"]["lab.samples.create"]
    assert schema["required"] == ["name"]
    assert schema["additionalProperties"] is False
    assert "password" in schema["properties"]
    read = found["components"]["schemas"]["lab.samples"]["properties"]
    assert read["password"]["type"] == "object"


async def test_what_is_listed_can_be_called(world: World) -> None:
    found = await document(world.operator)
    called = 0
    for path, operations in found["paths"].items():
        # Behind the gateway another server answers.
        own = "{" not in path and not path.startswith("/gateway/")
        if "get" in operations and own:
            reply = await world.operator.get(f"/api/v1{path}")
            assert reply.status == 200, (path, reply.body)
            called += 1
    assert called >= 5


async def test_the_registry_is_listed_to_who_may_use_it(world: World) -> None:
    core = "/core/services"
    listed = {
        who: {
            path
            for path in (await document(getattr(world, who)))["paths"]
            if path.startswith((f"{core}/", "/core/catalogue"))
        }
        for who in ("root", "admin", "viewer")
    }
    assert listed == {
        "root": {
            f"{core}/register",
            f"{core}/import-openapi",
            f"{core}/{{name}}/status",
            "/core/catalogue",
        },
        "admin": {"/core/catalogue"},
        "viewer": set(),
    }
    found = (await document(world.root))["paths"][f"{core}/import-openapi"]["post"]
    schema = found["requestBody"]["content"]["application/json"]["schema"]
    validate = Draft202012Validator(schema).is_valid
    assert validate({"url": "https://a.example/openapi.json", "dry_run": True})
    assert not validate({"url": "https://a.example/", "text": "{}"})


async def test_nobody_reads_it_without_a_log_in(world: World) -> None:
    assert (await world.anonymous.get(PATH)).status == 401
