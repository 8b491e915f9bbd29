"""The gateway's paths in the OpenAPI document."""

from metadata.compiler import compile_service
from metadata.definitions import Service
from metadata.openapi_calls import gateway_paths


def test_what_stands_in_a_path_is_described_even_where_its_author_did_not() -> None:
    service = Service.model_validate(
        {
            "id": "shop",
            "name": "shop",
            "type": "external",
            "base_url": "https://shop.example",
            "endpoints": [
                {
                    "id": "e",
                    "name": "show",
                    "method": "GET",
                    "path": "/orders/{order}/lines/{n}",
                    "request_schema": {
                        "type": "object",
                        "properties": {"n": {"type": "integer", "x-in": "path"}},
                    },
                }
            ],
        }
    )
    compiled = compile_service(service, 1)

    found = gateway_paths(compiled, service.endpoints, "en")

    (path,) = found
    listed = {item["name"]: item for item in found[path]["get"]["parameters"]}
    assert path == "/gateway/shop/orders/{order}/lines/{n}"
    assert set(listed) == {"order", "n"}
    assert all(item["in"] == "path" and item["required"] for item in listed.values())
    assert listed["order"]["schema"] == {"type": "string"}
