"""The checked, frozen run-time form of definitions.

`compiler.py` makes these objects; everything that runs reads them. They are shared by
all requests of a worker, never changed, and replaced as a whole when a version is
published. No object here knows a tenant, a user or a database connection.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from jsonschema_rs import Draft202012Validator

from metadata.conditions import EVERYTHING, Condition, parse
from metadata.definitions import Action, Entity, Form, ListView, Menu, Overlay, Service
from metadata.fields.base import FieldDefinition, FieldType
from metadata.fields.choices import ChoiceField
from metadata.payloads import Payloads

SYSTEM_COLUMNS = (
    "id",
    "version",
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
    "deleted_at",
)


@dataclass(frozen=True, slots=True)
class CompiledField:
    """A field ready to be used.

    Attributes:
        column: name of the column, or None where the type has none of its own.
        custom: whether the value lives in the `custom` jsonb column (overlay field).
        target: `service.entity` a relation points at.
        lines: the owned child entity of a `lines` field.
        schema: JSON Schema of the value, null included when it may be null.
        id: the stable id.
        name: the name in the API.
        writable: whether the API may write it at all, permissions aside.
    """

    definition: FieldDefinition
    type: FieldType[Any]
    column: str | None
    custom: bool
    target: str | None
    on_delete: str | None
    lines: "CompiledEntity | None"
    schema: Mapping[str, Any]
    id: str = field(init=False)
    name: str = field(init=False)
    writable: bool = field(init=False)

    def __post_init__(self) -> None:
        """Look up once what every request asks for."""
        definition = self.definition
        object.__setattr__(self, "id", definition.id)
        object.__setattr__(self, "name", definition.name)
        writable = self.type.writable and not definition.readonly
        object.__setattr__(self, "writable", writable)


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule of an entity with its conditions parsed."""

    when: Condition
    required: tuple[str, ...]
    readonly: tuple[str, ...]
    check: Condition | None
    message: Any


@dataclass(frozen=True, slots=True)
class CompiledAction:
    """An action with its condition parsed and its input validator built."""

    definition: Action
    name: str
    permission: str
    when: Condition
    input_fields: Mapping[str, CompiledField]
    input_validator: Draft202012Validator | None


@dataclass(frozen=True, slots=True, eq=False)
class CompiledEntity:
    """An entity ready to serve requests. Compared by identity: one object a version.

    Attributes:
        key: `service.entity`.
        resource: resource word in permissions (`customers`, `network.routers`).
        table: SQLAlchemy table with every column, system columns included.
        tenant_column: None only for platform entities without a tenant.
        fields: by name, in the author's order, overlay fields last.
        stored: fields with a column of their own, by name.
        search: names of the fields the search box looks in.
        soft_delete: whether delete only sets `deleted_at`.
        payloads: schemas and validators of what may be written; made when used.
        has_code: whether nothing may be written without the service's code.
        changeable: holds for the records that roles may let people change or delete.
        parent: for the rows of a `lines` field, the key of their owner.
        lines: names of the `lines` fields.
        relations: names of the fields that point at another record.
        defaults: the default of each field that has one, by name.
        initials: where new records start, by the name of a choice with transitions.
        has_secrets: whether a field, or one of a line, is a secret.
    """

    key: str
    service: str
    name: str
    id: str
    resource: str
    definition: Entity
    version: int
    primary: bool
    table: sa.Table
    tenant_column: str | None
    system_columns: tuple[str, ...]
    fields: Mapping[str, CompiledField]
    title_field: str
    search: tuple[str, ...]
    rules: tuple[CompiledRule, ...]
    actions: Mapping[str, CompiledAction]
    forms: Mapping[str, Form]
    list: ListView
    soft_delete: bool
    history: bool
    events: bool
    payloads: Payloads
    parent: str | None = None
    has_sequences: bool = False
    has_custom: bool = False
    has_code: bool = False
    plans: dict[Any, Any] = field(default_factory=dict, repr=False)
    """What the engine works out once a version, compiled SQL by query shape above all.
    Lives and dies with the version; whoever writes it bounds its size."""
    lines: tuple[str, ...] = field(init=False)
    relations: tuple[str, ...] = field(init=False)
    defaults: Mapping[str, Any] = field(init=False)
    initials: Mapping[str, str] = field(init=False)
    has_secrets: bool = field(init=False)
    changeable: Condition = field(init=False)

    def __post_init__(self) -> None:
        """Look up once what every write asks for."""
        fields = self.fields
        storage = self.definition.storage
        fixed = storage.fixed if storage is not None else None
        found: dict[str, Any] = {
            "lines": tuple(n for n, f in fields.items() if f.lines is not None),
            "relations": tuple(n for n, f in fields.items() if f.target is not None),
            "defaults": {
                name: item.definition.default
                for name, item in fields.items()
                if item.definition.default is not None
            },
            "initials": {
                name: item.definition.initial
                for name, item in fields.items()
                if isinstance(item.definition, ChoiceField)
                and item.definition.initial is not None
            },
            "has_secrets": any(
                item.type.secret or (item.lines is not None and item.lines.has_secrets)
                for item in fields.values()
            ),
            "changeable": (
                EVERYTHING if fixed is None else parse({fixed.field: {"_eq": False}})
            ),
        }
        for name, value in found.items():
            object.__setattr__(self, name, value)

    @property
    def is_platform(self) -> bool:
        """Return whether the platform owns the table and the rules of writing."""
        return self.definition.storage is not None

    @property
    def stored(self) -> Mapping[str, CompiledField]:
        """Return the fields with a column of their own, by name."""
        return {n: f for n, f in self.fields.items() if f.column is not None}

    @property
    def own(self) -> Mapping[str, CompiledField]:
        """Return the tenant's own fields, by name."""
        return {n: f for n, f in self.fields.items() if f.custom}

    @property
    def create_schema(self) -> Mapping[str, Any]:
        """Return the schema of a whole new record; required fields are demanded."""
        return self.payloads.create_schema

    @property
    def create_validator(self) -> Draft202012Validator:
        """Return the validator of a whole new record."""
        return self.payloads.create_validator

    @property
    def patch_validator(self) -> Draft202012Validator:
        """Return the validator of any subset of the writable fields."""
        return self.payloads.patch_validator


@dataclass(frozen=True, slots=True, eq=False)
class CompiledService:
    """A published version of a service, with at most one tenant's overlay applied."""

    id: str
    name: str
    version: int
    definition: Service
    entities: Mapping[str, CompiledEntity]
    primary: CompiledEntity | None
    menu: Menu
    overlay: Overlay | None = None
