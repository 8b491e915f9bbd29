"""Definition + overlay → the frozen run-time form of `compiled.py`; pure.

Expects a definition that `checks.py` found nothing wrong with and does not repeat
those checks. Called by the catalog once a version and worker.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from metadata import overlays
from metadata.compiled import (
    CompiledAction,
    CompiledEntity,
    CompiledField,
    CompiledRule,
    CompiledService,
)
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
from metadata.payloads import Payloads, Property, record_schema, validator

PLATFORM_SCHEMA = "rangka"
SEARCHED = frozenset({"text", "long_text", "email", "url", "phone"})
"""Types of own fields that the search box looks in."""
PLATFORM_COLUMNS = (
    "id",
    "version",
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
)


def compile_service(
    definition: Service,
    version: int,
    *,
    overlay: Overlay | None = None,
    base: CompiledService | None = None,
) -> CompiledService:
    """Return a service ready to serve; `version` is its published version.

    With an overlay, everything that it leaves as it is belongs to `base`, the same
    service without one, and is shared with it: a tenant's variant costs what the
    tenant changed.
    """
    if overlay is not None:
        return _variant(base or compile_service(definition, version), overlay)
    tables = sa.MetaData(schema=schema_name(definition.name))
    entities = {
        entity.name: _entity(definition, entity, version, tables)
        for entity in definition.entities
    }
    return CompiledService(
        id=definition.id,
        name=definition.name,
        version=version,
        definition=definition,
        entities=MappingProxyType(entities),
        primary=entities.get(definition.primary_entity or ""),
        menu=definition.menu,
    )


def _variant(base: CompiledService, overlay: Overlay) -> CompiledService:
    """Return the service as the tenant of the overlay sees it."""
    changed = overlays.applied(base.definition, overlay)
    entities = {
        entity.name: _changed_entity(base.entities[entity.name], entity, overlay)
        for entity in changed.entities
    }
    return replace(
        base,
        definition=changed,
        entities=MappingProxyType(entities),
        primary=entities.get(changed.primary_entity or ""),
        menu=changed.menu,
        overlay=overlay,
    )


def _changed_entity(
    base: CompiledEntity, definition: Entity, overlay: Overlay
) -> CompiledEntity:
    own = overlays.own_fields(base.definition, overlay)
    if definition is base.definition and not own:
        return base
    fields = {
        field.name: _relabelled(base.fields[field.name], field)
        for field in definition.fields
    }
    fields.update((field.name, _own_field(field)) for field in own)
    searched = (f.name for f in own if f.search and f.type in SEARCHED)
    return replace(
        base,
        definition=definition,
        fields=MappingProxyType(fields),
        search=(*base.search, *searched),
        actions=MappingProxyType(
            {
                name: replace(base.actions[name], definition=action)
                for name, action in definition.actions.items()
            }
        ),
        forms=MappingProxyType(dict(definition.forms)),
        list=definition.list,
        payloads=Payloads(_properties(fields)) if own else base.payloads,
        # Statements name fields, not labels: without own fields they stay the same.
        plans={} if own else base.plans,
    )


def _relabelled(base: CompiledField, definition: FieldDefinition) -> CompiledField:
    if definition is base.definition:
        return base
    lines = base.lines
    if lines is not None:
        inner: tuple[FieldDefinition, ...] = getattr(definition, "fields", ())
        children = {f.name: _relabelled(lines.fields[f.name], f) for f in inner}
        lines = replace(lines, fields=MappingProxyType(children))
    return replace(base, definition=definition, lines=lines)


def _entity(
    service: Service,
    entity: Entity,
    version: int,
    tables: sa.MetaData,
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
        rules=tuple(_rule(rule) for rule in entity.rules),
        actions=MappingProxyType(
            {name: _action(name, item) for name, item in entity.actions.items()}
        ),
        forms=MappingProxyType(dict(entity.forms)),
        list=entity.list,
        soft_delete=entity.soft_delete,
        history=entity.history,
        events=entity.events,
        payloads=Payloads(_properties(fields)),
        has_sequences=any(f.type == "sequence" for f in entity.fields),
        has_custom=entity.storage is None,
        has_code=service.has_code,
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
        payloads=Payloads(_properties(fields)),
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


def _properties(fields: Mapping[str, CompiledField]) -> dict[str, Property]:
    return {name: (f.definition, f.type, f.schema) for name, f in fields.items()}


def _line_schema(lines: CompiledEntity) -> dict[str, Any]:
    """Return the schema of one line; one that is there already keeps its secrets."""
    schema = dict(lines.create_schema)
    identity = {"type": "string", "format": "uuid"}
    schema["properties"] = {"id": identity, **schema["properties"]}
    demanded = schema.pop("required", [])
    secrets = [name for name in demanded if lines.fields[name].type.secret]
    if demanded := [name for name in demanded if name not in secrets]:
        schema["required"] = demanded
    if secrets:
        schema |= {"if": {"required": ["id"]}, "else": {"required": secrets}}
    return schema


def _rule(rule: Any) -> CompiledRule:
    return CompiledRule(
        when=parse(rule.if_),
        required=rule.then.required,
        readonly=rule.then.readonly,
        check=parse(rule.then.check) if rule.then.check is not None else None,
        message=rule.message,
    )


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
            validator(record_schema(_properties(inputs), required=True))
            if inputs
            else None
        ),
    )
