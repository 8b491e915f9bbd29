"""Definition + overlay → the frozen run-time form of `compiled.py`.

Pure and deterministic. Expects a definition that `checks.py` found nothing wrong with;
it does not repeat those checks. Called by the catalog once a version and worker.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from jsonschema_rs import Draft202012Validator
from sqlalchemy.dialects.postgresql import JSONB

from metadata.compiled import (
    CompiledAction,
    CompiledEntity,
    CompiledField,
    CompiledRule,
    CompiledService,
)
from metadata.condition_schema import to_schema
from metadata.conditions import parse
from metadata.definitions import Action, Entity, Overlay, Service
from metadata.fields import FIELD_TYPES
from metadata.fields.base import FieldDefinition
from metadata.identifiers import (
    column_name,
    lines_table_name,
    schema_name,
    table_name,
)

PLATFORM_SCHEMA = "rangka"
PLATFORM_COLUMNS = (
    "id",
    "version",
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
)


def compile_service(
    definition: Service, version: int, *, overlay: Overlay | None = None
) -> CompiledService:
    """Return a service ready to serve; `version` is its published version."""
    tables = sa.MetaData(schema=schema_name(definition.name))
    entities: dict[str, CompiledEntity] = {}
    for entity in definition.entities:
        own = overlay.fields.get(entity.name, ()) if overlay else ()
        entities[entity.name] = _entity(definition, entity, version, tables, own)
    primary = entities.get(definition.primary_entity or "")
    return CompiledService(
        id=definition.id,
        name=definition.name,
        version=version,
        definition=definition,
        entities=MappingProxyType(entities),
        primary=primary,
        menu=definition.menu,
        overlay=overlay,
    )


def _entity(
    service: Service,
    entity: Entity,
    version: int,
    tables: sa.MetaData,
    own: Iterable[FieldDefinition],
) -> CompiledEntity:
    key = f"{service.name}.{entity.name}"
    primary = service.primary_entity == entity.name
    resource = service.name if primary else key
    if entity.storage is not None:
        resource = entity.storage.resource
    fields = {
        field.name: _field(service, entity, field, version, tables, key)
        for field in entity.fields
    }
    for field in own:
        fields[field.name] = _own_field(field)
    rules = tuple(_rule(rule) for rule in entity.rules)
    create_schema = _record_schema(fields, required=True)
    clauses = [clause for rule in rules for clause in _rule_schema(rule, fields)]
    if clauses:
        create_schema["allOf"] = clauses
    patch_schema = _record_schema(fields, required=False)
    return CompiledEntity(
        key=key,
        service=service.name,
        name=entity.name,
        id=entity.id,
        resource=resource,
        definition=entity,
        version=version,
        primary=primary,
        table=_table(entity, fields, tables),
        tenant_column=_tenant_column(entity),
        system_columns=_system_columns(entity),
        fields=MappingProxyType(fields),
        title_field=_title_field(entity),
        search=tuple(f.name for f in entity.fields if f.search),
        rules=rules,
        actions=MappingProxyType(
            {name: _action(name, item) for name, item in entity.actions.items()}
        ),
        forms=MappingProxyType(dict(entity.forms)),
        list=entity.list,
        soft_delete=entity.soft_delete,
        history=entity.history,
        events=entity.events,
        create_validator=_validator(create_schema),
        patch_validator=_validator(patch_schema),
        create_schema=create_schema,
        patch_schema=patch_schema,
        has_sequences=any(f.type == "sequence" for f in entity.fields),
        has_custom=entity.storage is None,
    )


def _field(
    service: Service,
    entity: Entity,
    field: FieldDefinition,
    version: int,
    tables: sa.MetaData,
    key: str,
) -> CompiledField:
    kind = FIELD_TYPES[field.type]
    lines = None
    if field.type == "lines":
        lines = _lines(service, entity, field, version, tables, key)
    schema = kind.json_schema(field)
    if lines is not None:
        schema = {**schema, "items": _line_schema(lines)}
    return CompiledField(
        definition=field,
        type=kind,
        column=column_name(field.name) if kind.stored else None,
        custom=False,
        target=getattr(field, "to", None),
        on_delete=getattr(field, "on_delete", None),
        lines=lines,
        schema=MappingProxyType(schema),
    )


def _own_field(field: FieldDefinition) -> CompiledField:
    kind = FIELD_TYPES[field.type]
    return CompiledField(
        definition=field,
        type=kind,
        column=None,
        custom=True,
        target=None,
        on_delete=None,
        lines=None,
        schema=MappingProxyType(kind.json_schema(field)),
    )


def _lines(
    service: Service,
    entity: Entity,
    field: FieldDefinition,
    version: int,
    tables: sa.MetaData,
    key: str,
) -> CompiledEntity:
    """Return the owned child entity of a `lines` field."""
    inner: tuple[Any, ...] = getattr(field, "fields", ())
    child_key = f"{key}.{field.name}"
    fields = {
        item.name: _field(service, entity, item, version, tables, child_key)
        for item in inner
    }
    definition = Entity.model_construct(
        id=f"{entity.id}-{field.id}",
        name=lines_table_name(entity.name, field.name),
        fields=inner,
        unique=(),
        indexes=(),
        storage=None,
    )
    schema = _record_schema(fields, required=True)
    return CompiledEntity(
        key=child_key,
        service=service.name,
        name=definition.name,
        id=definition.id,
        resource=key,
        definition=definition,
        version=version,
        primary=False,
        table=_lines_table(definition.name, fields, tables),
        tenant_column="tenant_id",
        system_columns=("id",),
        fields=MappingProxyType(fields),
        title_field=inner[0].name,
        search=(),
        rules=(),
        actions=MappingProxyType({}),
        forms=MappingProxyType({}),
        list=entity.list,
        soft_delete=False,
        history=False,
        events=False,
        create_validator=_validator(schema),
        patch_validator=_validator(schema),
        create_schema=schema,
        patch_schema=schema,
        parent=key,
    )


def _tenant_column(entity: Entity) -> str | None:
    if entity.storage is None or entity.storage.tenant:
        return "tenant_id"
    return None


def _system_columns(entity: Entity) -> tuple[str, ...]:
    if entity.storage is not None:
        return PLATFORM_COLUMNS
    return (*PLATFORM_COLUMNS, "deleted_at") if entity.soft_delete else PLATFORM_COLUMNS


def _title_field(entity: Entity) -> str:
    if entity.title_field:
        return entity.title_field
    for field in entity.fields:
        if field.type in {"text", "sequence", "email"}:
            return field.name
    return entity.fields[0].name


def _table(
    entity: Entity, fields: Mapping[str, CompiledField], tables: sa.MetaData
) -> sa.Table:
    columns = [
        _column(item) for item in fields.values() if item.column not in (None, "id")
    ]
    stamp = sa.DateTime(timezone=True)
    system: list[sa.Column[Any]] = [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", stamp, nullable=False),
        sa.Column("created_by", sa.Uuid()),
        sa.Column("updated_at", stamp, nullable=False),
        sa.Column("updated_by", sa.Uuid()),
    ]
    if _tenant_column(entity):
        system.insert(0, sa.Column("tenant_id", sa.Uuid(), primary_key=True))
    if entity.storage is not None:
        return sa.Table(
            entity.storage.table,
            sa.MetaData(schema=PLATFORM_SCHEMA),
            *system,
            *columns,
        )
    system.append(sa.Column("custom", JSONB(), nullable=False))
    if entity.soft_delete:
        system.append(sa.Column("deleted_at", stamp))
    return sa.Table(table_name(entity.name), tables, *system, *columns)


def _lines_table(
    name: str, fields: Mapping[str, CompiledField], tables: sa.MetaData
) -> sa.Table:
    return sa.Table(
        name,
        tables,
        sa.Column("tenant_id", sa.Uuid(), primary_key=True),
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("parent_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        *(_column(item) for item in fields.values() if item.column is not None),
    )


def _column(item: CompiledField) -> sa.Column[Any]:
    return sa.Column(
        item.column,
        item.type.sql_type(item.definition),
        nullable=not item.definition.required,
    )


def _record_schema(
    fields: Mapping[str, CompiledField], *, required: bool
) -> dict[str, Any]:
    """Return the schema of a payload; null stands for "no value" where allowed."""
    properties: dict[str, Any] = {}
    demanded: list[str] = []
    for name, item in fields.items():
        definition = item.definition
        if not item.type.writable:
            continue
        schema = dict(item.schema)
        must = definition.required and not definition.readonly
        properties[name] = schema if must else _nullable(schema)
        if must and required:
            demanded.append(name)
    schema = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    if demanded:
        schema["required"] = demanded
    return schema


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if not schema:
        return schema
    kinds = schema.get("type")
    if kinds is None or "enum" in schema or "const" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [*([kinds] if isinstance(kinds, str) else kinds), "null"]}


def _line_schema(lines: CompiledEntity) -> dict[str, Any]:
    schema = dict(lines.create_schema)
    identity = {"type": "string", "format": "uuid"}
    schema["properties"] = {"id": identity, **schema["properties"]}
    return schema


def _rule(rule: Any) -> CompiledRule:
    return CompiledRule(
        when=parse(rule.if_),
        required=rule.then.required,
        readonly=rule.then.readonly,
        check=parse(rule.then.check) if rule.then.check is not None else None,
        message=rule.message,
    )


def _rule_schema(
    rule: CompiledRule, fields: Mapping[str, CompiledField]
) -> Iterable[dict[str, Any]]:
    """Yield the parts of a rule that JSON Schema can say, for forms and clients."""
    names = [name for name in rule.required if fields[name].writable]
    condition = to_schema(rule.when)
    if names and condition is not None:
        filled = {name: {"not": {"type": "null"}} for name in names}
        yield {"if": condition, "then": {"required": names, "properties": filled}}


def _action(name: str, action: Action) -> CompiledAction:
    inputs = {
        field.name: CompiledField(
            definition=field,
            type=FIELD_TYPES[field.type],
            column=None,
            custom=False,
            target=getattr(field, "to", None),
            on_delete=None,
            lines=None,
            schema=FIELD_TYPES[field.type].json_schema(field),
        )
        for field in action.input
    }
    return CompiledAction(
        definition=action,
        name=name,
        permission=action.permission or name,
        when=parse(action.when),
        input_fields=MappingProxyType(inputs),
        input_validator=(
            _validator(_record_schema(inputs, required=True)) if inputs else None
        ),
    )


def _validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(dict(schema), validate_formats=True)
