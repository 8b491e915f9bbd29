"""What an endpoint takes beside its body: parameters of the path, query and headers.

Reads texts as the types that their schemas name, and checks them. Made with a route.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from jsonschema_rs import Draft202012Validator

from metadata import endpoint_forms
from metadata.definitions import Endpoint


class Inputs:
    """The parameters of one endpoint.

    Attributes:
        headers: names of the declared headers, in lower case.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        declared = endpoint_forms.parameters(endpoint)
        self._schemas = {
            place: {each.name: each.schema for each in declared if each.place == place}
            for place in ("path", "query", "header")
        }
        self._validators = {
            place: Draft202012Validator(
                {
                    "type": "object",
                    "properties": dict(schemas),
                    "required": [
                        each.name
                        for each in declared
                        if each.place == place and each.required
                    ],
                    "additionalProperties": place != "query",
                }
            )
            for place, schemas in self._schemas.items()
        }
        self.headers = frozenset(name.lower() for name in self._schemas["header"])

    def problems(
        self, place: str, pairs: Iterable[tuple[str, str]]
    ) -> tuple[Draft202012Validator, dict[str, Any]] | None:
        """Return validator and values of a place where they do not fit, else None.

        In the query nothing may stand that is not declared.
        """
        values = self._values(place, pairs)
        validator = self._validators[place]
        return None if validator.is_valid(values) else (validator, values)

    def _values(self, place: str, pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
        schemas = self._schemas[place]
        if place == "header":
            names = {name.lower(): name for name in schemas}
            pairs = [(names[n], text) for n, text in pairs if n in names]
        found: dict[str, Any] = {}
        for name, text in pairs:
            schema = schemas.get(name, {})
            if _kind(schema) == "array":
                found.setdefault(name, []).extend(_items(schema, text))
            elif name in found:
                # Twice: servers differ in which one they take, so it fits no type.
                found[name] = [found[name], text]
            else:
                found[name] = _typed(_kind(schema), text)
        return found


def _items(schema: Mapping[str, Any], text: str) -> list[Any]:
    """Return the items of a list: one, or several where they are joined by commas."""
    items = schema.get("items")
    kind = _kind(items) if isinstance(items, Mapping) else None
    joined = schema.get(endpoint_forms.STYLE) is not None
    return [_typed(kind, part) for part in (text.split(",") if joined else [text])]


def _kind(schema: Mapping[str, Any]) -> str | None:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        named = [kind for kind in kinds if kind != "null"]
        return str(named[0]) if len(named) == 1 else None
    return str(kinds) if kinds is not None else None


def _typed(kind: str | None, text: str) -> Any:
    """Return a text as a type; what does not look like it stays text, and fits not."""
    if kind == "integer" and re.fullmatch(r"-?[0-9]{1,18}", text):
        return int(text)
    if kind == "number" and re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text):
        return float(text)
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    return text
