"""The registry's own paths of the OpenAPI document: register, import, status; pure.

Called by `engine/api/openapi.py`, which knows what the user may do.
"""

from collections.abc import Collection
from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_ERRORS = ("400", "401", "403", "404", "409", "422")
_SOURCES = ("text", "document", "url")
_IMPORT: Schema = {
    "type": "object",
    "properties": {
        "text": {**_TEXT, "description": "The document as JSON or YAML."},
        "document": {"type": "object", "description": "Or the document itself."},
        "url": {**_TEXT, "format": "uri", "description": "Or where it can be fetched."},
        "name": {**_TEXT, "pattern": "^[a-z][a-z0-9_-]{0,39}$"},
        "base_url": {**_TEXT, "format": "uri"},
        "dry_run": {"type": "boolean", "default": False},
        "draft_revision": {"type": "integer"},
    },
    "oneOf": [{"required": [name]} for name in _SOURCES],
    "additionalProperties": False,
}
_FINDING: Schema = {
    "type": "object",
    "properties": {
        "severity": {"enum": ["error", "warning"]},
        **dict.fromkeys(("path", "code", "message", "remedy"), _TEXT),
    },
}
_PREVIEW: Schema = {
    "type": "object",
    "properties": {
        "importable": {"type": "boolean"},
        "findings": {"type": "array", "items": _FINDING},
        "name": {"type": ["string", "null"]},
        "definition": {"type": ["object", "null"]},
        "endpoints": {"type": "array", "items": {"type": "object"}},
        "menu": {"type": "array", "items": {"type": "object"}},
        "permissions": {"type": "array", "items": _TEXT},
        "security": {"type": ["object", "null"]},
        "difference": {"type": ["object", "null"]},
        "draft_revision": {"type": "integer"},
    },
}
_STATUS: Schema = {
    "type": "object",
    "properties": {"status": {"enum": ["active", "inactive", "maintenance"]}},
    "required": ["status"],
}


def console_paths(allowed: Collection[str]) -> Schema:
    """Return the paths of the registry for who may do these actions to services."""
    found: Schema = {}
    if "register" in allowed:
        found["/core/services/register"] = {
            "post": _operation("register", "Register a service", {"type": "object"})
        }
        found["/core/services/import-openapi"] = {
            "post": _operation(
                "import_openapi",
                "Import an OpenAPI document, or show what it becomes",
                _IMPORT,
                _PREVIEW,
            )
        }
    if "publish" in allowed:
        name = {"name": "name", "in": "path", "required": True, "schema": _TEXT}
        found["/core/services/{name}/status"] = {
            "put": {
                **_operation("status", "Put a service in use or out of it", _STATUS),
                "parameters": [name],
            }
        }
    if "read" in allowed:
        found["/core/catalogue"] = {
            "get": _operation("catalogue", "Services that every tenant is told of")
        }
    return found


def _operation(
    name: str, summary: str, body: Schema | None = None, data: Schema | None = None
) -> Schema:
    properties = {"data": data or {}, "meta": {"type": "object"}}
    answer = {"type": "object", "properties": properties, "required": ["data", "meta"]}
    found: Schema = {
        "operationId": f"registry.{name}",
        "summary": summary,
        "tags": ["registry"],
        "responses": {
            "2XX": {"description": "Done.", "content": _json(answer)},
            **{
                code: {
                    "description": "Refused.",
                    "content": _json({"$ref": "#/components/schemas/Error"}),
                }
                for code in _ERRORS
            },
        },
    }
    if body is not None:
        found["requestBody"] = {"required": True, "content": _json(body)}
    return found


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}
