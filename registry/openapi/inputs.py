"""The form that is put together for an endpoint: its inputs, its body; pure.

Called by `operations.py`, which reads them from the document.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from metadata.endpoint_forms import JSON_TYPE, MEDIA_TYPE, OPTIONAL, PLACE
from registry.openapi.names import input_name
from registry.openapi.schemas import Schema


@dataclass(slots=True)
class Inputs:
    """The form that is being put together."""

    properties: dict[str, Any] = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    closed: Any = False

    def schema(self) -> Schema:
        """Return the request schema, empty when nothing is asked for."""
        if not self.properties and self.closed is False:
            return {}
        found: Schema = {"type": "object", "properties": self.properties}
        if self.required:
            found["required"] = self.required
        if self.closed is not True:
            found["additionalProperties"] = self.closed
        return {**found, **self.about}


@dataclass(frozen=True, slots=True)
class Body:
    """The body of an operation, as a form can send it."""

    schema: Any
    required: bool
    media_type: str


def add_body(inputs: Inputs, body: Body | None, members: Mapping[str, Any]) -> None:
    """Add a body to the form: its members, or one input for all of it."""
    if body is None:
        return
    if body.media_type != JSON_TYPE:
        inputs.about[MEDIA_TYPE] = body.media_type
    if not body.required:
        inputs.about[OPTIONAL] = True
    if members:
        inputs.properties |= members
        inputs.required += body.schema.get("required", [])
        inputs.closed = body.schema.get("additionalProperties", True)
        return
    key = input_name("body", "body", set(inputs.properties))
    schema = body.schema if isinstance(body.schema, dict) else {}
    inputs.properties[key] = {**schema, PLACE: "body"}
    if body.required:
        inputs.required.append(key)
