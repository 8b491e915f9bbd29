"""What a payload of an entity must look like: JSON Schemas and their validators.

Made when first used: a validator of thirty fields takes about 190 KB, and most
entities of most tenants are only read. Called by nobody but `CompiledEntity`, which
hands them out.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jsonschema_rs import Draft202012Validator

from metadata import patterns
from metadata.condition_schema import to_schema
from metadata.conditions import Condition
from metadata.definitions import Service
from metadata.fields import FIELD_TYPES
from metadata.fields.base import FieldDefinition, FieldType

Property = tuple[FieldDefinition, FieldType[Any], Mapping[str, Any]]
"""A field as far as payloads go: definition, type, JSON Schema of a value."""

Demand = tuple[Condition, Sequence[str]]
"""A rule as far as JSON Schema can say it: when it holds, what must be filled."""


class Payloads:
    """Schemas and validators of one entity's payloads."""

    __slots__ = ("_create", "_demands", "_patch", "_properties", "_validators")

    def __init__(
        self, properties: Mapping[str, Property], demands: Sequence[Demand] = ()
    ) -> None:
        """Take the fields by name, and the rules that demand fields."""
        self._properties = properties
        self._demands = demands
        self._create: dict[str, Any] | None = None
        self._patch: dict[str, Any] | None = None
        self._validators: dict[str, Draft202012Validator] = {}

    @property
    def create_schema(self) -> Mapping[str, Any]:
        """Return the schema of a whole new record; required fields are demanded."""
        if self._create is None:
            schema = record_schema(self._properties, required=True)
            clauses = [c for demand in self._demands for c in self._clauses(demand)]
            if clauses:
                schema["allOf"] = clauses
            self._create = schema
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

    def _clauses(self, demand: Demand) -> Iterable[dict[str, Any]]:
        """Yield the part of a rule that JSON Schema can say, for forms and clients."""
        when, required = demand
        condition = to_schema(when)
        names = [n for n in required if self._is_writable(n)]
        if names and condition is not None:
            filled = {name: {"not": {"type": "null"}} for name in names}
            yield {"if": condition, "then": {"required": names, "properties": filled}}

    def _is_writable(self, name: str) -> bool:
        definition, kind, _ = self._properties[name]
        return kind.writable and not definition.readonly


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
