"""The columns that every record has, as fields: filters and sorts read them alike."""

from collections.abc import Mapping
from typing import Any

from metadata.fields import FIELD_TYPES
from metadata.fields.base import FieldDefinition, FieldType


def _system(name: str, kind: str) -> tuple[FieldDefinition, FieldType[Any]]:
    field_type = FIELD_TYPES[kind]
    definition = field_type.definition.model_validate(
        {"id": name, "name": name, "type": kind}
    )
    return definition, field_type


SYSTEM: Mapping[str, tuple[FieldDefinition, FieldType[Any]]] = {
    "id": _system("id", "uuid"),
    "version": _system("version", "integer"),
    "created_at": _system("created_at", "datetime"),
    "created_by": _system("created_by", "uuid"),
    "updated_at": _system("updated_at", "datetime"),
    "updated_by": _system("updated_by", "uuid"),
    "deleted_at": _system("deleted_at", "datetime"),
}
"""By name, what of a system column a query must know."""
