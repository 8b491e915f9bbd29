"""The form of an endpoint, and which part of the call each of its inputs is; pure.

`request_schema` describes one object. An input says with `x-in` where it goes: `path`,
`query`, `header`, or `body` for the whole of a body that is no object of inputs; with
`x-name` what it is called there. Inputs without `x-in` are the members of the body, of
a GET those of the query. Called by the routes that show forms and by the gateway.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from metadata.definitions import Endpoint
from metadata.fields.base import Json
from metadata.labels import locale_map, words_of

PLACE = "x-in"
NAME = "x-name"
STYLE = "x-style"
"""How a list or an object is written in a parameter, when it is not the default."""
MEDIA_TYPE = "x-media-type"
"""Of the schema as a whole: how the body is sent; JSON when left out."""
OPTIONAL = "x-body-optional"
"""Of the schema as a whole: true when the call may come without a body."""
LABELS = "x-labels"
"""Of an input with an `enum`: what its values are called, by their text."""
JSON_TYPE = "application/json"

_FORMATS = {
    "email": "email",
    "uri": "url",
    "date": "date",
    "date-time": "datetime",
    "time": "time",
    "password": "secret",
}
_TYPES = {"integer": "integer", "number": "decimal", "boolean": "boolean"}
_LONG_TEXT = 200
"""Characters above which a text gets more than one line."""
_MAX_COLUMNS = 8
"""Properties above which the objects of a list are written as JSON, and not in rows."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """An input that is no part of the body.

    Attributes:
        input: its name in the form.
        name: its name in the call.
        place: `path`, `query` or `header`.
    """

    input: str
    name: str
    place: str
    required: bool
    schema: Mapping[str, Any]


def permissions_of(service: str, endpoint: Endpoint) -> list[tuple[str, str]]:
    """Return (resource, action) of every permission that a call asks for."""
    asked = endpoint.required_permissions or (f"{service}:call",)
    parted = [permission.partition(":") for permission in asked]
    return [(resource, action or "*") for resource, _, action in parted]


def parameters(endpoint: Endpoint) -> tuple[Parameter, ...]:
    """Return the inputs of an endpoint that are no part of its body."""
    schema = endpoint.request_schema
    required = set(schema.get("required", ()))
    return tuple(
        Parameter(name, value.get(NAME, name), place, name in required, value)
        for name, value in _inputs(schema).items()
        if (place := _place(endpoint, value)) in {"path", "query", "header"}
    )


def body_schema(endpoint: Endpoint) -> dict[str, Json] | None:
    """Return the schema of the JSON body, None when there is no body to be checked."""
    schema = endpoint.request_schema
    if not schema or schema.get(MEDIA_TYPE, JSON_TYPE) != JSON_TYPE:
        return None
    places = {name: _place(endpoint, v) for name, v in _inputs(schema).items()}
    for name, place in places.items():
        if place == "body":
            return dict(schema["properties"][name])
    gone = {name for name, place in places.items() if place is not None}
    if gone and len(gone) == len(places):
        return None
    kept = {key: value for key, value in schema.items() if not key.startswith("x-")}
    if gone:
        inputs = schema["properties"].items()
        kept["properties"] = {n: value for n, value in inputs if n not in gone}
        kept["required"] = [n for n in schema.get("required", ()) if n not in gone]
    return kept


def needs_body(endpoint: Endpoint) -> bool:
    """Return whether a call without a body is refused."""
    found = body_schema(endpoint)
    return found is not None and endpoint.request_schema.get(OPTIONAL) is not True


def form_of(endpoint: Endpoint) -> dict[str, Any]:
    """Return `{"schema", "ui", "parameters", "media_type"}` of an endpoint's form.

    An endpoint that describes no object of inputs has an empty form.
    """
    schema = endpoint.request_schema
    shown = schema if _inputs(schema) else {"type": "object", "properties": {}}
    return {
        "schema": shown,
        "ui": endpoint.request_ui or layout(shown),
        "parameters": [
            {"input": item.input, "name": item.name, "in": item.place}
            for item in parameters(endpoint)
        ],
        "body": next(
            (n for n, value in _inputs(schema).items() if value.get(PLACE) == "body"),
            None,
        ),
        "media_type": schema.get(MEDIA_TYPE, JSON_TYPE),
    }


def layout(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the UI schema of an object's inputs, in their order."""
    required = set(schema.get("required", ()))
    return {
        "type": "VerticalLayout",
        "elements": [
            _control(name, value, name in required)
            for name, value in _inputs(schema).items()
        ],
    }


def widget_of(schema: Mapping[str, Any]) -> str:
    """Return the widget that a value of a schema is entered with."""
    if _choices(schema):
        return "choice"
    kind = _kind(schema)
    if kind == "string":
        longest = schema.get("maxLength", 0)
        plain = "long_text" if longest > _LONG_TEXT else "text"
        return _FORMATS.get(str(schema.get("format")), plain)
    if kind == "array":
        items = _items(schema)
        if _choices(items):
            return "multi_choice"
        if _kind(items) == "string":
            return "tags"
        return "lines" if _columns(items) else "json"
    if kind is None and _takes_text(schema):
        return "text"
    return _TYPES.get(kind or "", "json")


def _inputs(schema: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    found = schema.get("properties", {})
    return {n: v if isinstance(v, Mapping) else {} for n, v in found.items()}


def _place(endpoint: Endpoint, schema: Mapping[str, Any]) -> str | None:
    """Return where an input goes, None for a member of the body."""
    place = schema.get(PLACE)
    if place is None and endpoint.method == "GET":
        return "query"
    return str(place) if place is not None else None


def _kind(schema: Mapping[str, Any]) -> str | None:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        named = [kind for kind in kinds if kind != "null"]
        return str(named[0]) if len(named) == 1 else None
    return str(kinds) if kinds is not None else None


def _items(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found = schema.get("items")
    return found if isinstance(found, Mapping) else {}


def _takes_text(schema: Mapping[str, Any]) -> bool:
    """Return whether every alternative is one value, and one of them is a text."""
    kinds = schema.get("type", [])
    named = {kinds} if isinstance(kinds, str) else set(kinds)
    for word in ("anyOf", "oneOf"):
        for each in schema.get(word, ()):
            if not isinstance(each, Mapping) or not isinstance(each.get("type"), str):
                return False
            named.add(each["type"])
    return "string" in named and named <= {*_TYPES, "string", "null"}


def _columns(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the controls of a row, none where the objects are not that simple."""
    inner = schema.get("properties")
    if _kind(schema) != "object" or not inner or len(inner) > _MAX_COLUMNS:
        return []
    if any(word in schema for word in ("anyOf", "oneOf", "allOf", "if")):
        return []
    if isinstance(schema.get("additionalProperties"), Mapping):
        return []
    required = set(schema.get("required", ()))
    found = [
        _control(name, value, name in required)
        for name, value in _inputs(schema).items()
    ]
    simple = {*_TYPES.values(), *_FORMATS.values(), "text", "long_text", "choice"}
    fits = all(each["options"]["widget"] in simple for each in found)
    named = required <= inner.keys() and not any("/" in n or "~" in n for n in inner)
    return found if fits and named else []


def _choices(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return what can be chosen of, where that is texts alone."""
    values = schema.get("enum", [schema["const"]] if "const" in schema else ())
    if _kind(schema) not in {"string", None} or not values:
        return []
    named = [value for value in values if value is not None]
    if not named or not all(isinstance(value, str) for value in named):
        return []
    labels = schema.get(LABELS)
    given = labels if isinstance(labels, Mapping) else {}
    return [{"value": v, "label": {"en": given.get(v, v)}} for v in named]


def _control(name: str, schema: Mapping[str, Any], required: bool) -> dict[str, Any]:
    widget = widget_of(schema)
    options: dict[str, Any] = {
        "widget": widget,
        "type": widget,
        "required": required,
        "readonly": False,
    }
    if widget == "choice":
        options["choices"] = _choices(schema)
    elif widget == "multi_choice":
        options["choices"] = _choices(_items(schema))
    elif widget == "lines":
        options["columns"] = _columns(_items(schema))
    about = _help(schema)
    if about:
        options["help"] = {"en": about}
    token = name.replace("~", "~0").replace("/", "~1")
    title = schema.get("title")
    label = title if isinstance(title, str) and title.strip() else words_of(name)
    return {
        "type": "Control",
        "scope": f"#/properties/{token}",
        "label": dict(locale_map(label, name)),
        "options": options,
    }


def _help(schema: Mapping[str, Any]) -> str:
    """Return the description, and what values mean that cannot be chosen by name."""
    about = schema.get("description")
    said = [about.strip()] if isinstance(about, str) and about.strip() else []
    labels = schema.get(LABELS)
    if isinstance(labels, Mapping) and not _choices(schema):
        said.append(", ".join(f"{value}: {label}" for value, label in labels.items()))
    return " · ".join(said)
