"""Endpoints of an external service → the gateway's paths in the OpenAPI document; pure.

Called by `engine/api/openapi.py`, which knows what the user may call.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from metadata.compiled import CompiledService
from metadata.definitions import Endpoint
from metadata.endpoint_forms import (
    JSON_TYPE,
    MEDIA_TYPE,
    Parameter,
    body_schema,
    needs_body,
    parameters,
)
from metadata.labels import text_of, words_of

Schema = dict[str, Any]
_PLACES = re.compile(r"\{([^{}]+)\}")
_ERRORS = {
    "400": "The request is malformed.",
    "401": "Nobody is logged in.",
    "403": "The permission is missing.",
    "404": "There is no such endpoint.",
    "422": "The body does not fit.",
    "429": "Too many calls; Retry-After says when to come again.",
    "502": "The service did not answer as it should.",
    "503": "The service is not available.",
    "504": "The service did not answer in time.",
}


def gateway_paths(
    service: CompiledService, calls: Iterable[Endpoint], locale: str
) -> Schema:
    """Return the paths of these endpoints; what the service answers comes as it is."""
    found: Schema = {}
    for call in calls:
        path = f"/gateway/{service.name}{call.path}"
        found.setdefault(path, {})[call.method.lower()] = _operation(
            service, call, locale
        )
    return found


def _operation(service: CompiledService, call: Endpoint, locale: str) -> Schema:
    answer: Schema = {"description": "What the service answers."}
    if call.response_schema:
        answer["content"] = {JSON_TYPE: {"schema": _bare(call.response_schema)}}
    error = {JSON_TYPE: {"schema": {"$ref": "#/components/schemas/Error"}}}
    found: Schema = {
        "operationId": f"{service.name}.{call.name}",
        "summary": text_of(call.label, locale, words_of(call.name)),
        "tags": [service.name],
        "responses": {
            "default": answer,
            **{
                code: {"description": text, "content": error}
                for code, text in _ERRORS.items()
            },
        },
    }
    if call.description is not None:
        found["description"] = text_of(call.description, locale, "")
    listed = [_parameter(item) for item in parameters(call)]
    known = {item["name"] for item in listed if item["in"] == "path"}
    # An author need not describe what stands in the path; the document must.
    listed += [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PLACES.findall(call.path)
        if name not in known
    ]
    if listed:
        found["parameters"] = listed
    body, kind = body_schema(call), call.request_schema.get(MEDIA_TYPE, JSON_TYPE)
    if body is not None:
        found["requestBody"] = {
            "required": needs_body(call),
            "content": {kind: {"schema": _bare(body)}},
        }
    return found


def _parameter(item: Parameter) -> Schema:
    return {
        "name": item.name,
        "in": item.place,
        "required": item.required or item.place == "path",
        "schema": _bare(item.schema),
    }


def _bare(value: Any) -> Any:
    """Return a schema without the words of this product."""
    if isinstance(value, Mapping):
        return {k: _bare(v) for k, v in value.items() if not _is_own(k, v)}
    return [_bare(each) for each in value] if isinstance(value, list) else value


def _is_own(word: str, value: Any) -> bool:
    return word.startswith("x-") and not isinstance(value, Mapping)
