"""Parameters of an operation → inputs of its form, each with where it goes.

Called by `operations.py`.
"""

import re
from collections.abc import Mapping
from typing import Any

from metadata.endpoint_forms import NAME, PLACE, STYLE
from registry.gateway.headers import is_reserved
from registry.openapi.inputs import Inputs
from registry.openapi.names import input_name, text_of
from registry.openapi.notes import Notes, short, token
from registry.openapi.schemas import Schemas

MAX_PARAMETERS = 100

_KEPT_APART = frozenset({"accept", "content-type", "authorization"})
"""Headers that a parameter cannot describe (OpenAPI 3.1.1, 4.8.12.2)."""
_PLACES = frozenset({"path", "query", "header", "cookie"})
_STYLES = {"path": "simple", "query": "form", "header": "simple"}
_PLAIN_TEXT = {"label": ".value", "matrix": ";name=value"}
"""Styles that a form leaves to who fills it in, as a text."""
_KNOWN_STYLES = {
    "path": {"simple", *_PLAIN_TEXT},
    "query": {"form", "spaceDelimited", "pipeDelimited", "deepObject"},
    "header": {"simple"},
}
_NAMED = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_IN_PATH = re.compile(r"\{([^{}/]*)\}")


def _undescribed() -> Mapping[str, Any]:
    """Return a parameter of the path of which a document tells nothing."""
    return {"required": True, "schema": {"type": "string", "minLength": 1}}


class Parameters:
    """Reads the parameters of one document."""

    def __init__(self, schemas: Schemas, notes: Notes) -> None:
        self._schemas = schemas
        self._notes = notes

    def add(
        self,
        raw: Mapping[str, Any],
        item: Mapping[str, Any],
        path: str,
        place: str,
        inputs: Inputs,
        members: Mapping[str, Any],
    ) -> None:
        """Add the parameters of an operation and of its path to the form.

        `members` are the inputs that its body will bring.
        """
        listed: dict[tuple[str, str], tuple[Mapping[str, Any], str]] = {}
        shared = place.rpartition("/")[0]
        for where, values in (
            (f"{shared}/parameters", item.get("parameters", [])),
            (f"{place}/parameters", raw.get("parameters", [])),
        ):
            listed |= self._listed(values, where)
        in_path = {key[1] for key in listed if key[0] == "path"}
        for name in _IN_PATH.findall(path):
            if name in in_path:
                continue
            if not _NAMED.fullmatch(name):
                self._notes.error(
                    place, "path", f"{{{short(name)}}} names no parameter",
                    "Name it with letters, digits and _.",
                )  # fmt: skip
                continue
            self._notes.warning(
                place, "path_parameter",
                f"{{{name}}} is not described, and is taken for a text",
                f'Describe "{name}" with in: path when it is another type.',
            )  # fmt: skip
            listed["path", name] = (_undescribed(), place)
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
        if at == "header" and is_reserved(name.lower()):
            self._notes.warning(
                place, "header", f'the header "{short(name)}" is never sent by a form',
                "Nothing has to be done where the gateway sets it itself.",
            )  # fmt: skip
            return
        schema = self._parameter_schema(raw, place)
        style = self._style(at, raw, schema, place)
        if style in _PLAIN_TEXT:
            schema = {"type": "string"}
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
        if style is not None and style not in _PLAIN_TEXT:
            found[STYLE] = style
        inputs.properties[key] = found
        if raw.get("required") is True or at == "path":
            inputs.required.append(key)

    def _style(
        self, at: str, raw: Mapping[str, Any], schema: Any, place: str
    ) -> str | None:
        """Return how a list or an object is written, None for the usual way.

        OpenAPI 3.1.1, 4.8.12.3: of `simple`, `form` and the others with `explode`.
        """
        if "content" in raw:
            return "json"
        style = str(raw.get("style", _STYLES[at]))
        explode = raw.get("explode", style == "form")
        if style not in _KNOWN_STYLES[at]:
            self._wrong(f"{place}/style", f"the style {short(style)} is not of a {at}")
            return None
        if style in _PLAIN_TEXT:
            self._notes.warning(
                place, "style", f"a form does not write the style {style}",
                f"Enter the value as {_PLAIN_TEXT[style]}, or use the style simple.",
            )  # fmt: skip
            return style
        if style == "simple":
            is_object = isinstance(schema, dict) and schema.get("type") == "object"
            return "pairs" if explode and is_object else None
        if style == "deepObject":
            return style
        if explode:
            return None
        return "comma" if style == "form" else style

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

    def _wrong(self, path: str, message: str) -> None:
        self._notes.error(
            path, "openapi", message, "Write it as the OpenAPI Specification says."
        )
