"""Lists and objects in parameters: written by the page, checked on the way, read there.

Each style of OpenAPI 3.1.1, 4.8.12.5, in the path, the query and headers.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote
from uuid import uuid4

import pytest

from tests.fixtures import forms
from tests.fixtures.api import World
from tests.fixtures.gateway import BASE, call, outside

CORE = "/api/v1/core"
LIST = {"type": "array", "items": {"type": "integer", "maximum": 9}}
WORDS = {"type": "array", "items": {"type": "string", "maxLength": 3}}
OBJECT = {
    "type": "object",
    "properties": {"a": {"type": "integer", "maximum": 9}, "b": {"type": "string"}},
    "additionalProperties": False,
}
DEEP = {
    "type": "object",
    "properties": {**OBJECT["properties"], "c": LIST},
    "additionalProperties": False,
}
JSON = {"application/json": {"schema": OBJECT}}
JSON_LIST = {"application/json": {"schema": LIST}}
MAP = {"type": "object", "additionalProperties": {"type": "integer"}}
AB = {"a": 1, "b": "x y"}

# The parameter, what is entered, what does not fit, and what the service reads.
QUERY: Mapping[str, tuple[dict[str, Any], Any, Any, list[tuple[str, str]]]] = {
    "form list": ({"schema": LIST}, [1, 2], [10], [("v", "1"), ("v", "2")]),
    "form list of one": ({"schema": LIST}, [1], [10], [("v", "1")]),
    "comma list": ({"schema": LIST, "explode": False}, [1, 2], [1, 10], [("v", "1,2")]),
    "comma words": ({"schema": WORDS, "explode": False}, ["a", "b"], ["a", "long"],
                    [("v", "a,b")]),
    "space list": ({"schema": LIST, "style": "spaceDelimited"}, [1, 2], [10],
                   [("v", "1 2")]),
    "pipe list": ({"schema": LIST, "style": "pipeDelimited"}, [1, 2], [10],
                  [("v", "1|2")]),
    "form object": ({"schema": OBJECT}, AB, {"a": 10}, [("a", "1"), ("b", "x y")]),
    "form map": ({"schema": MAP}, {"k": 1, "l": 2}, {"k": "x"},
                 [("k", "1"), ("l", "2")]),
    "comma object": ({"schema": OBJECT, "explode": False}, AB, {"a": 10},
                     [("v", "a,1,b,x y")]),
    "deep object": ({"schema": DEEP, "style": "deepObject"}, {**AB, "c": [1, 2]},
                    {"a": 10}, [("v[a]", "1"), ("v[b]", "x y"), ("v[c]", "1"),
                                ("v[c]", "2")]),
    "json object": ({"content": JSON}, AB, {"a": 10}, [("v", '{"a":1,"b":"x y"}')]),
    "json list": ({"content": JSON_LIST}, [1, 2], [10], [("v", "[1,2]")]),
    "number": ({"schema": {"type": "number", "maximum": 9e30}}, 1.5e21, 1e31,
               [("v", "1.5e+21")]),
    "number or true": ({"schema": {"anyOf": [{"type": "integer"},
                                             {"type": "boolean"}]}},
                       5, "x", [("v", "5")]),
    "list or null": ({"schema": {"anyOf": [LIST, {"type": "null"}]}}, [1, 2], [10],
                     [("v", "1"), ("v", "2")]),
    "list or text": ({"schema": {"anyOf": [{"type": "string", "maxLength": 3}, WORDS]}},
                     ["a", "b"], "long", [("v", "a"), ("v", "b")]),
}  # fmt: skip
PATH: Mapping[str, tuple[dict[str, Any], Any, Any, str]] = {
    "list": ({"schema": LIST}, [1, 2], [1, 10], "1,2"),
    "list of one": ({"schema": LIST}, [1], [10], "1"),
    "object": ({"schema": OBJECT}, AB, {"a": 10}, "a,1,b,x y"),
    "object by pairs": (
        {"schema": OBJECT, "explode": True},
        AB,
        {"a": 10},
        "a=1,b=x y",
    ),
    "json": ({"content": JSON}, AB, {"a": 10}, '{"a":1,"b":"x y"}'),
}
HEADER: Mapping[str, tuple[dict[str, Any], Any, Any, str]] = {
    "list": ({"schema": LIST}, [1, 2], [1, 10], "1,2"),
    "words": ({"schema": WORDS}, ["a", "b"], ["a", "long"], "a,b"),
    "object": ({"schema": OBJECT}, AB, {"a": 10}, "a,1,b,x y"),
    "object by pairs": (
        {"schema": OBJECT, "explode": True},
        AB,
        {"a": 10},
        "a=1,b=x y",
    ),
    "json": ({"content": JSON}, AB, {"a": 10}, '{"a":1,"b":"x y"}'),
    "json list": ({"content": JSON_LIST}, [1, 2], [10], "[1,2]"),
}


async def service(world: World, url: str, parameter: dict[str, Any]) -> str:
    """Import, publish and assign a service with one endpoint; return its name."""
    name = f"styled{uuid4().hex[:8]}"
    path = "/a/{v}" if parameter["in"] == "path" else "/a"
    get = {"operationId": "ask", "parameters": [parameter],
           "responses": {"200": {"description": ""}}}  # fmt: skip
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Styled", "version": "1"},
        "servers": [{"url": url}],
        "paths": {path: {"get": get}},
    }
    made = await world.root.post(
        f"{CORE}/services/import-openapi", {"document": document, "name": name}
    )
    assert made.status == 201, made.body
    assert (await world.root.post(f"{CORE}/services/{name}/publish")).status == 200
    place = f"{CORE}/tenants/{world.ours}/services/{name}"
    assert (await world.root.request("PUT", place)).status == 200
    return name


async def refuse(world: World, name: str, wrong: Any) -> None:
    """Send what does not fit past the page, which would not let it through."""
    found = (await world.admin.get(f"/api/v1/forms/{name}/endpoints/ask")).data
    sent = await forms.written(found, {found["parameters"][0]["input"]: wrong})
    reply = await call(
        world.admin,
        "GET",
        f"/api/v1{sent['path']}",
        None,
        list(sent["headers"].items()),
    )
    assert (reply.status, reply.error["code"]) == (422, "VALIDATION_ERROR"), reply.body


@pytest.mark.parametrize("case", QUERY)
async def test_a_query_parameter_arrives_in_its_style(world: World, case: str) -> None:
    parameter, value, wrong, arrives = QUERY[case]
    async with outside() as there:
        given = {"name": "v", "in": "query", **parameter}
        name = await service(world, there.url, given)
        reply = await forms.send(world.admin, name, "ask", {"v": value})
        assert reply.status == 200, reply.body
        path, _, query = there.seen[0].target.partition("?")
        assert path == "/a"
        assert sorted(parse_qsl(query)) == sorted(arrives)
        await refuse(world, name, wrong)
        for hidden in ("w=1", "v%5Bz%5D%5Bz%5D=1", "v[=1", "%5B%5D=1"):
            reply = await call(world.admin, "GET", f"{BASE}/{name}/a?{hidden}")
            assert reply.status == (422 if case != "form map" else reply.status)
        assert len(there.seen) == 1 or case == "form map"


@pytest.mark.parametrize("case", PATH)
async def test_a_path_parameter_arrives_in_its_style(world: World, case: str) -> None:
    parameter, value, wrong, arrives = PATH[case]
    async with outside() as there:
        given = {"name": "v", "in": "path", "required": True, **parameter}
        name = await service(world, there.url, given)
        reply = await forms.send(world.admin, name, "ask", {"v": value})
        assert reply.status == 200, reply.body
        assert unquote(there.seen[0].target) == f"/a/{arrives}"
        await refuse(world, name, wrong)
        assert len(there.seen) == 1


@pytest.mark.parametrize("case", HEADER)
async def test_a_header_arrives_in_its_style(world: World, case: str) -> None:
    parameter, value, wrong, arrives = HEADER[case]
    async with outside() as there:
        given = {"name": "X-V", "in": "header", **parameter}
        name = await service(world, there.url, given)
        reply = await forms.send(world.admin, name, "ask", {"X-V": value})
        assert reply.status == 200, reply.body
        assert there.seen[0].headers["x-v"] == arrives
        await refuse(world, name, wrong)
        assert len(there.seen) == 1
