"""A reference to one record of another entity, and plain UUIDs."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import sqlalchemy as sa
from pydantic import Field, StringConstraints

from metadata.fields.base import (
    ORDER_OPERATORS,
    STANDARD_OPERATORS,
    FieldDefinition,
    FieldType,
    InvalidValue,
    Json,
    Name,
)
from metadata.labels import Label

Target = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}\.[a-z][a-z0-9_]{0,62}$")
]


class RelationField(FieldDefinition):
    """A reference to one record."""

    type: Literal["relation"]
    to: Target = Field(description="service.entity it points at.")
    on_delete: Literal["restrict", "set_null", "cascade"] = Field(
        "restrict", description="What happens here when the target is deleted."
    )
    inverse: Name | None = Field(
        None, description="Name under which the target lists the records that point."
    )
    filter: dict[str, Json] = Field(
        default_factory=dict, description="Condition on the records offered."
    )


class UuidField(FieldDefinition):
    """A universally unique identifier."""

    type: Literal["uuid"]


R = TypeVar("R", RelationField, UuidField)


class Identifier(FieldType[R]):
    """What is stored as uuid."""

    def sql_type(self, field: R) -> sa.types.TypeEngine[Any]:
        """Return uuid."""
        return sa.Uuid()

    def json_schema(self, field: R) -> dict[str, Json]:
        """Return the format `uuid`."""
        return {"type": "string", "format": "uuid"}

    def to_parameter(self, field: R, value: Json) -> str | None:
        """Return it in lower case with hyphens."""
        if isinstance(value, str) and len(value) == 36:
            try:
                return str(uuid.UUID(value))
            except ValueError:
                pass
        raise InvalidValue(
            "uuid", "Enter an id, such as 0190a5c0-7b1e-7cc0-9b57-4f2b1f1f7a10."
        )

    def text_in(self, field: R, text: str) -> Json:
        """Return the id in lower case."""
        return self.to_parameter(field, text.strip())


class Relation(Identifier[RelationField]):
    """Many to one. The foreign key is made by `metadata/ddl.py`."""

    name = "relation"
    definition = RelationField
    label: ClassVar[Label] = {"en": "Relation", "id": "Relasi"}
    description = "A link to a record"
    operators = STANDARD_OPERATORS
    widget = "relation"
    renderer = "relation"

    def findings(self, field: RelationField) -> Sequence[tuple[str, str]]:
        """Return a deletion rule that contradicts `required`."""
        if field.required and field.on_delete == "set_null":
            return [("on_delete", "set_null needs a field that is not required")]
        return []

    def json_schema(self, field: RelationField) -> dict[str, Json]:
        """Return the format `uuid` and the target the picker searches."""
        return {"type": "string", "format": "uuid", "x-rangka-ref": field.to}

    def options(self, field: RelationField) -> Mapping[str, Json]:
        """Return the target and the picker's condition."""
        answer: dict[str, Json] = {"target": field.to}
        if field.filter:
            answer["filter"] = field.filter
        return answer


class UuidType(Identifier[UuidField]):
    """An identifier of something outside, or of another system."""

    name = "uuid"
    definition = UuidField
    label: ClassVar[Label] = {"en": "UUID", "id": "UUID"}
    description = "A unique id"
    operators = STANDARD_OPERATORS | ORDER_OPERATORS
    widget = "text"
    renderer = "code"
