"""Operations of a document → endpoints: one form from parameters and body.

Every input says with `x-in` where it goes (`metadata/endpoint_forms.py`). Called by
`documents.py`, which names the endpoints.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from metadata.definitions import Endpoint, Method
from metadata.endpoint_forms import (
    JSON_TYPE,
    NAME,
    PLACE,
    STYLE,
    layout,
)
from registry.openapi.inputs import Body, Inputs, add_body
from registry.openapi.names import hash_of, input_name, name_of, text_of
from registry.openapi.notes import Notes, short, token
from registry.openapi.schemas import Schema, Schemas

MAX_OPERATIONS = 1_000
MAX_PARAMETERS = 100
METHODS = get_args(Method)
FORM_TYPE = "application/x-www-form-urlencoded"

_KEPT_APART = frozenset({"accept", "content-type", "authorization"})
"""Headers that a parameter cannot describe (OpenAPI 3.1.1, 4.8.12.2)."""
_PLACES = frozenset({"path", "query", "header", "cookie"})
_STYLES = {"path": "simple", "query": "form", "header": "simple"}
_CODE = re.compile(r"[1-5]([0-9]{2}|XX)|default|x-.*")
_IN_PATH = re.compile(r"\{([^{}/]*)\}")
_PATH = re.compile(r"/[^\s?#]{0,499}")
_PLAIN_BODY = frozenset(
    {"type", "properties", "required", "additionalProperties", "title", "description",
     "examples", "default", "deprecated"}
)  # fmt: skip
"""Words of a body whose members can be inputs beside the parameters."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as an endpoint, with what else the document says of it."""

    endpoint: Endpoint
    tags: tuple[str, ...]
    deprecated: bool
    security: Any


class Operations:
    """Reads the operations of one document."""

    def __init__(self, document: Mapping[str, Any], schemas: Schemas, notes: Notes):
        self._document = document
        self._schemas = schemas
        self._notes = notes
        self._names: dict[str, str] = {}
        self._ids: dict[str, str] = {}

    def read(self) -> list[Operation]:
        """Return every operation in the document's order."""
        paths = self._document.get("paths", {})
        if not isinstance(paths, Mapping):
            self._wrong("/paths", "paths is an object of paths")
            return []
        found: list[Operation] = []
        for path, raw in paths.items():
            if path.startswith("x-"):
                continue
            for operation in self._path(path, raw):
                found.append(operation)
                if len(found) > MAX_OPERATIONS:
                    self._notes.error(
                        "/paths", "too_many",
                        f"there are over {MAX_OPERATIONS:,} operations",
                        "Leave out those that are not needed.",
                    )  # fmt: skip
                    return []
        if not found and not self._notes.has_errors:
            self._notes.error(
                "/paths", "required", "the document has no operation",
                "Add a path with a method.",
            )  # fmt: skip
        return found

    def _path(self, path: str, raw: Any) -> Iterator[Operation]:
        place = f"/paths/{token(path)}"
        if not _PATH.fullmatch(path):
            self._notes.error(
                place, "path", "a path begins with /, has no ? or #, and is short",
                "Write query parameters as parameters.",
            )  # fmt: skip
            return
        item, below = self._schemas.resolve(raw, place)
        if item is None:
            return
        for word, operation in item.items():
            method = word.upper()
            if method in METHODS:
                yield from self._operation(
                    method, path, operation, f"{below}/{word}", item
                )
            elif word in {"head", "options", "trace"}:
                self._notes.warning(
                    f"{below}/{word}", "method", f"{method} is not called by a form",
                    "Nothing has to be done; the operation is left out.",
                )  # fmt: skip

    def _operation(
        self, method: str, path: str, raw: Any, place: str, item: Mapping[str, Any]
    ) -> Iterator[Operation]:
        if not isinstance(raw, Mapping):
            self._wrong(place, "an operation is an object")
            return
        inputs = Inputs()
        body = self._body(raw.get("requestBody"), f"{place}/requestBody", method)
        members = self._members(body)
        self._parameters(raw, item, path, place, inputs, members)
        add_body(inputs, body, members)
        schema = inputs.schema()
        key = self._key(raw.get("operationId"), method, path, place)
        name = self._named(key)
        summary = raw.get("summary")
        about = raw.get("description")
        tags = raw.get("tags", ())
        yield Operation(
            Endpoint(
                id=name,
                name=name,
                label=text_of(summary),
                description=text_of(about),
                method=method,
                path=path,
                request_schema=schema,
                request_ui=layout(schema) if schema else {},
                response_schema=self._answer(raw.get("responses"), place),
            ),
            tuple(t for t in tags if isinstance(t, str) and t.strip())
            if isinstance(tags, list)
            else (),
            raw.get("deprecated") is True,
            raw.get("security", self._document.get("security")),
        )

    def _key(self, given: Any, method: str, path: str, place: str) -> str:
        """Return what names an operation: its id, else method and path."""
        if given is None:
            return f"{method.lower()} {path}"
        if not isinstance(given, str) or not given.strip():
            self._wrong(f"{place}/operationId", "operationId is a text")
            return f"{method.lower()} {path}"
        if given in self._ids:
            self._notes.error(
                f"{place}/operationId", "duplicate",
                f'"{short(given)}" names {self._ids[given]} too',
                "Give each operation an id of its own.",
            )  # fmt: skip
        self._ids.setdefault(given, f"{method} {path}")
        return given

    def _named(self, key: str) -> str:
        name = name_of(key)
        if self._names.setdefault(name, key) != key:
            name = f"{name[:32]}_{hash_of(key)}"
            self._names[name] = key
        return name

    def _parameters(
        self,
        raw: Mapping[str, Any],
        item: Mapping[str, Any],
        path: str,
        place: str,
        inputs: Inputs,
        members: Mapping[str, Any],
    ) -> None:
        listed: dict[tuple[str, str], tuple[Mapping[str, Any], str]] = {}
        shared = place.rpartition("/")[0]
        for where, values in (
            (f"{shared}/parameters", item.get("parameters", [])),
            (f"{place}/parameters", raw.get("parameters", [])),
        ):
            listed |= self._listed(values, where)
        in_path = {key[1] for key in listed if key[0] == "path"}
        for name in _IN_PATH.findall(path):
            if name not in in_path:
                self._notes.error(
                    place, "path_parameter", f"{{{short(name)}}} is not described",
                    f'Add a parameter "{short(name)}" with in: path.',
                )  # fmt: skip
        for (at, name), (parameter, where) in listed.items():
            self._parameter(at, name, parameter, where, inputs, members)

    def _listed(
        self, values: Any, where: str
    ) -> dict[tuple[str, str], tuple[Mapping[str, Any], str]]:
        if not isinstance(values, list) or len(values) > MAX_PARAMETERS:
            message = f"parameters is a list of at most {MAX_PARAMETERS}"
            self._wrong(where, message)
            return {}
        found: dict[tuple[str, str], tuple[Mapping[str, Any], str]] = {}
        for index, value in enumerate(values):
            parameter, place = self._schemas.resolve(value, f"{where}/{index}")
            if parameter is None:
                continue
            at, name = parameter.get("in"), parameter.get("name")
            if at not in _PLACES or not isinstance(name, str) or not name:
                self._wrong(place, "a parameter has name, and in: path, query, header")
            elif (at, name) in found:
                self._notes.error(
                    f"{where}/{index}", "duplicate",
                    f'{at} "{short(name)}" stands twice', "Keep one of them.",
                )  # fmt: skip
            else:
                found[at, name] = (parameter, place)
        return found

    def _parameter(
        self,
        at: str,
        name: str,
        raw: Mapping[str, Any],
        place: str,
        inputs: Inputs,
        members: Mapping[str, Any],
    ) -> None:
        if at == "header" and name.lower() in _KEPT_APART:
            return
        if at == "cookie":
            self._notes.warning(
                place, "cookie", f'the cookie "{short(name)}" is never sent',
                "Nothing has to be done when the service works without it.",
            )  # fmt: skip
            return
        schema = self._parameter_schema(raw, place)
        if not isinstance(schema, dict):
            schema = {}
        key = input_name(name, at, {*inputs.properties, *members})
        found = {**schema, PLACE: at}
        if key != name:
            found[NAME] = name
            found.setdefault("title", name)
        about = text_of(raw.get("description"))
        if about:
            found["description"] = about
        if "content" in raw:
            found[STYLE] = "json"
        elif raw.get("style", _STYLES[at]) != _STYLES[at]:
            found[STYLE] = short(raw["style"])
        elif raw.get("explode") is False and at == "query":
            found[STYLE] = "comma"
        inputs.properties[key] = found
        if raw.get("required") is True or at == "path":
            inputs.required.append(key)

    def _parameter_schema(self, raw: Mapping[str, Any], place: str) -> Any:
        if "schema" in raw:
            return self._schemas.read(raw["schema"], f"{place}/schema", "request")
        content = raw.get("content")
        if isinstance(content, Mapping):
            for kind, media in content.items():
                if isinstance(media, Mapping):
                    below = f"{place}/content/{token(kind)}/schema"
                    return self._schemas.read(media.get("schema", {}), below, "request")
        return {}

    def _body(self, raw: Any, place: str, method: str) -> Body | None:
        if raw is None:
            return None
        body, place = self._schemas.resolve(raw, place)
        if body is None:
            return None
        if method in {"GET", "DELETE"}:
            self._notes.warning(
                place, "method", f"the body of a {method} is not sent",
                "Describe it with query parameters.",
            )  # fmt: skip
            return None
        content = body.get("content", {})
        kind = self._media_type(content, f"{place}/content")
        if kind is None:
            return None
        media, place = self._schemas.resolve(
            content[kind], f"{place}/content/{token(kind)}"
        )
        schema = (media or {}).get("schema", {})
        read = self._schemas.read(schema, f"{place}/schema", "request")
        sent = FORM_TYPE if kind == FORM_TYPE else JSON_TYPE
        return Body(read, body.get("required") is True, sent)

    def _media_type(self, content: Any, place: str) -> str | None:
        """Return the kind of body that a form can send."""
        if not isinstance(content, Mapping) or not content:
            self._wrong(place, "content is an object of media types")
            return None
        plain: dict[str, str] = {
            str(kind): str(kind).partition(";")[0].strip().lower() for kind in content
        }
        for kind, bare in plain.items():
            if bare == JSON_TYPE:
                return kind
        for kind, bare in plain.items():
            if bare.endswith("+json") or bare in {"*/*", "application/*", FORM_TYPE}:
                return kind
        self._notes.warning(
            place, "media_type", f"a form cannot send {short(', '.join(content))}",
            "Nothing has to be done; programs can send it through the gateway.",
        )  # fmt: skip
        return None

    def _members(self, body: Body | None) -> dict[str, Any]:
        """Return the members of a body that can be inputs of their own."""
        schema = body.schema if body else None
        if not isinstance(schema, dict) or not _PLAIN_BODY.issuperset(schema):
            return {}
        if schema.get("type") != "object" or not schema.get("properties"):
            return {}
        known = set(schema["properties"])
        if not known.issuperset(schema.get("required", ())):
            return {}
        if body is not None and not body.required and schema.get("required"):
            return {}
        return dict(schema["properties"])

    def _answer(self, raw: Any, place: str) -> Schema:
        """Return the schema of the first success that answers JSON."""
        if not isinstance(raw, Mapping) or not raw:
            self._wrong(f"{place}/responses", "an operation has responses")
            return {}
        for code in raw:
            if not _CODE.fullmatch(code):
                self._wrong(
                    f"{place}/responses/{token(code)}", "a response has a status code"
                )
        wins = [code for code in raw if code.startswith("2")] or ["default"]
        for code in sorted(wins):
            if code not in raw:
                continue
            answer, below = self._schemas.resolve(
                raw[code], f"{place}/responses/{token(code)}"
            )
            content = (answer or {}).get("content", {})
            for kind, media in content.items() if isinstance(content, Mapping) else ():
                bare = kind.partition(";")[0].strip().lower()
                if not (bare in {JSON_TYPE, "*/*"} or bare.endswith("+json")):
                    continue
                if isinstance(media, Mapping) and "schema" in media:
                    path = f"{below}/content/{token(kind)}/schema"
                    found = self._schemas.read(media["schema"], path, "response")
                    return found if isinstance(found, dict) else {}
        return {}

    def _wrong(self, path: str, message: str) -> None:
        self._notes.error(
            path, "openapi", message, "Write it as the OpenAPI Specification says."
        )
