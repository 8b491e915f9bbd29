"""What a payload of an entity must look like: JSON Schemas and their validators.

Field by field; the entity's rules are judged later, over the record as it will be
(`engine/record_values.py`). Made when first used: a validator of thirty fields takes
about 190 KB, and most entities of most tenants are only read. Called by nobody but
`CompiledEntity`, which hands them out.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from jsonschema_rs import Draft202012Validator

from metadata import patterns
from metadata.definitions import Service
from metadata.fields import FIELD_TYPES
from metadata.fields.base import FieldDefinition, FieldType

Property = tuple[FieldDefinition, FieldType[Any], Mapping[str, Any]]
"""A field as far as payloads go: definition, type, JSON Schema of a value."""


class Payloads:
    """Schemas and validators of one entity's payloads."""

    __slots__ = ("_create", "_patch", "_properties", "_validators")

    def __init__(self, properties: Mapping[str, Property]) -> None:
        """Take the fields by name."""
        self._properties = properties
        self._create: dict[str, Any] | None = None
        self._patch: dict[str, Any] | None = None
        self._validators: dict[str, Draft202012Validator] = {}

    @property
    def create_schema(self) -> Mapping[str, Any]:
        """Return the schema of a whole new record; required fields are demanded."""
        if self._create is None:
            self._create = record_schema(self._properties, required=True)
        return self._create

    @property
    def patch_schema(self) -> Mapping[str, Any]:
        """Return the schema of any subset of the writable fields."""
        if self._patch is None:
            self._patch = record_schema(self._properties, required=False)
        return self._patch

    @property
    def create_validator(self) -> Draft202012Validator:
        """Return the validator of `create_schema`."""
        return self._validator("create", self.create_schema)

    @property
    def patch_validator(self) -> Draft202012Validator:
        """Return the validator of `patch_schema`."""
        return self._validator("patch", self.patch_schema)

    @property
    def made(self) -> Iterable[str]:
        """Return which validators exist already: `create`, `patch`."""
        return tuple(self._validators)

    def _validator(self, name: str, schema: Mapping[str, Any]) -> Draft202012Validator:
        found = self._validators.get(name)
        if found is None:
            found = self._validators[name] = validator(schema)
        return found


def record_schema(
    properties: Mapping[str, Property], *, required: bool
) -> dict[str, Any]:
    """Return the schema of a payload; null stands for "no value" where allowed."""
    found: dict[str, Any] = {}
    demanded: list[str] = []
    for name, (definition, kind, value) in properties.items():
        if not kind.writable:
            continue
        schema = dict(value)
        must = definition.required and not definition.readonly
        found[name] = schema if must else _nullable(schema)
        if must and required:
            demanded.append(name)
    schema = {"type": "object", "properties": found, "additionalProperties": False}
    if demanded:
        schema["required"] = demanded
    return schema


def settings_validator(service: Service) -> Draft202012Validator:
    """Return the validator of what a tenant sets for a service."""
    properties = {
        field.name: (
            field,
            FIELD_TYPES[field.type],
            FIELD_TYPES[field.type].json_schema(field),
        )
        for field in service.settings
    }
    return validator(record_schema(properties, required=True))


def validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    """Return the validator of a schema; formats are checked, in linear time."""
    return Draft202012Validator(
        dict(schema), validate_formats=True, pattern_options=patterns.OPTIONS
    )


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if not schema:
        return schema
    kinds = schema.get("type")
    if kinds is None or "enum" in schema or "const" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [*([kinds] if isinstance(kinds, str) else kinds), "null"]}
