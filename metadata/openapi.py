"""Compiled entities → the OpenAPI 3.1 document of what one user may call; pure.

Only what a grant allows is in it: operations, fields to read, fields to write. Schemas
of values are those the server validates with, since 3.1 takes JSON Schema 2020-12 as it
is (OpenAPI Specification 3.1.0, 4.8.24). Called by `engine/api/describe.py`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from metadata.compiled import CompiledEntity
from metadata.forms import label_of
from metadata.labels import text_of, words_of

Reach = Callable[[str], bool]
Schema = dict[str, Any]

OPENAPI_VERSION = "3.1.0"
_ERRORS = {
    "400": "The request is malformed.",
    "401": "Nobody is logged in.",
    "403": "The permission is missing.",
    "404": "There is no such record, or not for this user.",
    "422": "Fields do not fit; `details` names each of them.",
}
_WRITE_ERRORS = {
    "409": "The state of the record does not allow it.",
    "412": "Somebody else changed the record; read it again.",
}
_LIST_PARAMETERS = (
    ("filter", "A condition as JSON: docs/query-language.md."),
    ("sort", "Fields, `-` for descending: `-created_at,name`."),
    ("limit", "Records a page, 1 to 200; 50 by default."),
    ("cursor", "`next_cursor` of the page before."),
    ("fields", "Names of the fields to answer."),
    ("expand", "Relations to answer as records: `plan,lines`."),
    ("search", "Words that the searched fields hold."),
    ("count", "`exact` or `estimated`."),
    ("deleted", "`with` or `only` soft-deleted records."),
    ("aggregate", "Such as `count,sum(amount)`."),
    ("group", "Fields to group the aggregate by."),
)
_RECORD_PARAMETERS = ("fields", "expand", "deleted")


@dataclass(frozen=True, slots=True)
class Reachable:
    """An entity with what a user may do with it.

    Attributes:
        path: of its collection below the server's address: `/data/lab/samples`.
        allowed: the standard actions, and the names of its own actions, he may use.
    """

    entity: CompiledEntity
    path: str
    allowed: frozenset[str]
    readable: Reach
    writable: Reach


def document(
    entities: Iterable[Reachable],
    calls: Iterable[Schema] = (),
    *,
    version: str,
    server: str,
    locale: str,
) -> Schema:
    """Return the OpenAPI document; entities nobody may touch are left out.

    `calls` are further paths, from `openapi_calls.py` and `openapi_console.py`.
    """
    paths: Schema = dict(_identity_paths())
    for found in calls:
        for path, operations in found.items():
            paths.setdefault(path, {}).update(operations)
    schemas: Schema = {"Error": _error(), "Page": _page()}
    tags = [{"name": "identity", "description": "Log-in, session, menu."}]
    for item in entities:
        if not item.allowed:
            continue
        key = item.entity.key
        tags.append({"name": key, "description": _label(item.entity, locale)})
        schemas[key] = record_schema(item, locale)
        schemas[f"{key}.create"] = _payload(item)
        schemas[f"{key}.patch"] = {**schemas[f"{key}.create"], "required": []}
        for path, operations in _paths(item).items():
            if operations:
                paths[path] = operations
    return {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": "Rangka",
            "version": version,
            "description": "What the user who asked may call.",
        },
        "servers": [{"url": server}],
        "security": [{"bearer": []}],
        "tags": tags,
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
            "schemas": schemas,
            "responses": {
                code: {
                    "description": text,
                    "content": _json({"$ref": "#/components/schemas/Error"}),
                }
                for code, text in {**_ERRORS, **_WRITE_ERRORS}.items()
            },
        },
    }


def record_schema(item: Reachable, locale: str) -> Schema:
    """Return the schema of a record as this user reads it."""
    properties: Schema = {
        "id": {"type": "string", "format": "uuid"},
        "version": {"type": "integer"},
    }
    for name, field in item.entity.fields.items():
        if not item.readable(name):
            continue
        title = text_of(dict(label_of(field)), locale, name)
        if field.type.secret:
            stored = {"type": "object", "properties": {"set": {"type": "boolean"}}}
            properties[name] = {"title": title, **stored}
        else:
            properties[name] = {"title": title, "anyOf": _or_null(field.schema)}
    for name in item.entity.system_columns:
        kind = "date-time" if name.endswith("_at") else "uuid"
        properties.setdefault(name, {"type": ["string", "null"], "format": kind})
    return {"type": "object", "properties": properties, "required": ["id"]}


def _or_null(schema: Mapping[str, Any]) -> list[Schema]:
    return [dict(schema), {"type": "null"}]


def _payload(item: Reachable) -> Schema:
    """Return the schema of a new record without the fields this user may not write."""
    schema = item.entity.create_schema
    kept = {
        name: value
        for name, value in schema.get("properties", {}).items()
        if item.writable(name)
    }
    required = [name for name in schema.get("required", ()) if name in kept]
    return {
        "type": "object",
        "properties": kept,
        "required": required,
        "additionalProperties": False,
    }


def _paths(item: Reachable) -> dict[str, Schema]:
    entity, path, may = item.entity, item.path, item.allowed
    one, ref = f"{path}/{{id}}", f"#/components/schemas/{entity.key}"
    record = {"$ref": ref}
    whole, part = {"$ref": f"{ref}.create"}, {"$ref": f"{ref}.patch"}
    found: dict[str, Schema] = {path: {}, one: {}}

    def put(
        place: str, method: str, name: str, answer: Schema | None, **more: Any
    ) -> None:
        operation = _operation(entity, name, answer, on_record="{id}" in place, **more)
        found.setdefault(place, {})[method] = operation

    if "read" in may:
        rows = {"type": "array", "items": record}
        put(path, "get", "list", rows, query=_LIST_PARAMETERS, paged=True)
        chosen = [p for p in _LIST_PARAMETERS if p[0] in _RECORD_PARAMETERS]
        put(one, "get", "read", record, query=chosen)
        if entity.history and not entity.is_platform:
            entries = {"type": "array", "items": {"type": "object"}}
            put(f"{one}/history", "get", "history", entries, paged=True)
        if "export" in may:
            put(f"{path}/export", "get", "export", None, query=_LIST_PARAMETERS)
    if "create" in may:
        put(path, "post", "create", record, body=whole, status="201")
    if "update" in may:
        put(one, "patch", "change", record, body=part)
        put(one, "put", "replace", record, body=whole)
    if "delete" in may:
        put(one, "delete", "delete", None, status="204")
    if "restore" in may:
        put(f"{one}/restore", "post", "restore", record)
    if {"create", "update", "delete"} & may:
        operations = {"type": "array", "items": {"type": "object"}}
        body = {"type": "object", "properties": {"operations": operations}}
        put(f"{path}/bulk", "post", "bulk", {"type": "array"}, body=body)
    if "import" in may:
        put(f"{path}/import", "post", "import", {"type": "object"})
    for name, action in entity.actions.items():
        if name in may:
            on_record = action.definition.scope == "record"
            place = f"{one if on_record else path}/actions/{name}"
            fields = {f.name: dict(f.schema) for f in action.input_fields.values()}
            body = {"type": "object", "properties": fields}
            put(place, "post", name, {"type": "object"}, body=body if fields else None)
    return found


def _operation(
    entity: CompiledEntity,
    name: str,
    answer: Schema | None,
    *,
    on_record: bool,
    query: Iterable[tuple[str, str]] = (),
    body: Schema | None = None,
    status: str = "200",
    paged: bool = False,
) -> Schema:
    parameters: list[Schema] = [
        {"name": key, "in": "query", "description": text, "schema": {"type": "string"}}
        for key, text in query
    ]
    if on_record:
        place = {"name": "id", "in": "path", "required": True}
        parameters.append({**place, "schema": {"type": "string", "format": "uuid"}})
    errors = _ERRORS if status == "200" and body is None else _ERRORS | _WRITE_ERRORS
    response: Schema = {"description": "Done."}
    if answer is not None:
        response["content"] = _json(_envelope(answer, paged=paged))
    found: Schema = {
        "operationId": f"{entity.key}.{name}",
        "summary": f"{words_of(name)} {entity.name.replace('_', ' ')}",
        "tags": [entity.key],
        "responses": {
            status: response,
            **{code: {"$ref": f"#/components/responses/{code}"} for code in errors},
        },
    }
    if parameters:
        found["parameters"] = parameters
    if body is not None:
        found["requestBody"] = {"required": True, "content": _json(body)}
    return found


def _identity_paths() -> dict[str, Schema]:
    text = {"type": "string"}
    object_ = {"type": "object"}

    def call(name: str, properties: Schema | None = None, **more: Any) -> Schema:
        found: Schema = {
            "operationId": f"identity.{name}",
            "summary": words_of(name),
            "tags": ["identity"],
            "responses": {
                "200": {"description": "Done.", "content": _json(_envelope(object_))},
                "401": {"$ref": "#/components/responses/401"},
            },
            **more,
        }
        if properties is not None:
            body = {"type": "object", "properties": properties}
            found["requestBody"] = {"required": True, "content": _json(body)}
        return found

    login = {"email": text, "password": text, "tenant": text}
    passwords = {"old_password": text, "new_password": text}
    return {
        "/auth/login": {"post": call("log_in", login, security=[])},
        "/auth/refresh": {"post": call("refresh", {"refresh_token": text})},
        "/auth/logout": {"post": call("log_out")},
        "/auth/me": {"get": call("me")},
        "/auth/switch-tenant": {"post": call("switch_tenant", {"tenant_id": text})},
        "/auth/password/change": {"post": call("change_password", passwords)},
        "/menus/user": {"get": call("menu")},
    }


def _label(entity: CompiledEntity, locale: str) -> str:
    definition = entity.definition
    label = definition.label_plural or definition.label
    return text_of(label, locale, words_of(entity.name))


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _envelope(data: Schema, *, paged: bool = False) -> Schema:
    meta: Schema = {"request_id": {"type": "string"}, "timestamp": {"type": "string"}}
    if paged:
        meta["page"] = {"$ref": "#/components/schemas/Page"}
    return {
        "type": "object",
        "properties": {
            "data": data,
            "meta": {"type": "object", "properties": meta},
            "links": {"type": "object"},
        },
        "required": ["data", "meta"],
    }


def _page() -> Schema:
    return {
        "type": "object",
        "properties": {
            "limit": {"type": "integer"},
            "has_more": {"type": "boolean"},
            "next_cursor": {"type": ["string", "null"]},
            "count": {"type": "integer"},
        },
    }


def _error() -> Schema:
    text = {"type": "string"}
    detail = {
        "type": "object",
        "properties": {"field": text, "code": text, "message": text},
    }
    error = {
        "type": "object",
        "properties": {
            "code": text,
            "message": text,
            "details": {"type": "array", "items": detail},
            "request_id": text,
        },
        "required": ["code", "message", "request_id"],
    }
    return {"type": "object", "properties": {"error": error}, "required": ["error"]}
