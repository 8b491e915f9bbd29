"""Operations of a document → endpoints: one form from parameters and body.

Every input says with `x-in` where it goes (`metadata/endpoint_forms.py`). Called by
`documents.py`, which names the endpoints.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from metadata.definitions import Endpoint, Method
from metadata.endpoint_forms import JSON_TYPE, layout
from registry.openapi.inputs import Body, Inputs, add_body
from registry.openapi.names import hash_of, name_of, text_of
from registry.openapi.notes import Notes, short, token
from registry.openapi.parameters import Parameters
from registry.openapi.schemas import Schema, Schemas

MAX_OPERATIONS = 1_000
METHODS = get_args(Method)
FORM_TYPE = "application/x-www-form-urlencoded"

_CODE = re.compile(r"[1-5]([0-9]{2}|XX)|default|x-.*")
_PATH = re.compile(r"/[^\s?#]{0,499}")
_PLAIN_BODY = frozenset(
    {"type", "properties", "required", "additionalProperties", "title", "description",
     "examples", "default", "deprecated"}
)  # fmt: skip
"""Words of a body whose members can be inputs beside the parameters."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation as an endpoint, with what else the document says of it.

    Attributes:
        has_form: False when it needs a body that no form can send.
    """

    endpoint: Endpoint
    tags: tuple[str, ...]
    deprecated: bool
    security: Any
    has_form: bool


class Operations:
    """Reads the operations of one document."""

    def __init__(self, document: Mapping[str, Any], schemas: Schemas, notes: Notes):
        self._document = document
        self._schemas = schemas
        self._notes = notes
        self._parameters = Parameters(schemas, notes)
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
        self._parameters.add(raw, item, path, place, inputs, members)
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
            has_form=body is not None or not self._needs_body(raw, place, method),
        )

    def _needs_body(self, raw: Mapping[str, Any], place: str, method: str) -> bool:
        if "requestBody" not in raw or method in {"GET", "DELETE"}:
            return False
        body, _ = self._schemas.resolve(raw["requestBody"], f"{place}/requestBody")
        return body is not None and body.get("required") is True

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
        for kind, media in content.items():
            # A reference stands here in no version of OpenAPI.
            if not isinstance(media, Mapping):
                self._wrong(f"{place}/{token(str(kind))}", "a media type is an object")
                return None
        plain: dict[str, str] = {
            str(kind): str(kind).partition(";")[0].strip().lower() for kind in content
        }
        for kind, bare in plain.items():
            if bare == JSON_TYPE:
                return kind
        for kind, bare in plain.items():
            if bare.endswith("+json") or bare == FORM_TYPE:
                return kind
            if bare in {"*/*", "application/*"} and not self._is_bytes(
                content[kind], f"{place}/{token(kind)}"
            ):
                return kind
        self._notes.warning(
            place, "media_type", f"a form cannot send {short(', '.join(content))}",
            "Nothing has to be done; programs can send it through the gateway.",
        )  # fmt: skip
        return None

    def _is_bytes(self, media: Any, place: str) -> bool:
        """Return whether a body of any kind is a file, and no JSON."""
        schema = media.get("schema", {}) if isinstance(media, Mapping) else {}
        read = self._schemas.read(schema, f"{place}/schema", "request")
        return isinstance(read, dict) and read.get("type") == "string"

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
