"""The field types: what a field can be.

Owns the list of types and the union of their definitions. A type is found by the word
an author writes in `type`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import Field

from metadata.fields.base import FieldType
from metadata.fields.booleans import Boolean, BooleanField
from metadata.fields.choices import Choice, ChoiceField
from metadata.fields.colours import Colour, ColourField
from metadata.fields.computed import Computed, ComputedField
from metadata.fields.contacts import (
    Email,
    EmailField,
    Phone,
    PhoneField,
    Url,
    UrlField,
)
from metadata.fields.documents import JsonDocument, JsonField
from metadata.fields.durations import Duration, DurationField
from metadata.fields.lines import Lines, LinesField
from metadata.fields.networks import (
    Cidr,
    CidrField,
    Ip,
    IpField,
    Mac,
    MacField,
)
from metadata.fields.numbers import (
    DecimalField,
    DecimalNumber,
    Integer,
    IntegerField,
    Money,
    MoneyField,
    Percent,
    PercentField,
)
from metadata.fields.places import GeoPoint, GeoPointField
from metadata.fields.quantities import Bytes, BytesField, Rate, RateField
from metadata.fields.relations import Relation, RelationField, UuidField, UuidType
from metadata.fields.rich_text import RichText, RichTextField
from metadata.fields.secret import Secret, SecretField
from metadata.fields.sequences import SequenceField, SequenceNumber
from metadata.fields.texts import LongText, LongTextField, Text, TextField
from metadata.fields.times import (
    Date,
    DateField,
    DateTime,
    DateTimeField,
    Time,
    TimeField,
)
from metadata.fields.word_lists import (
    MultiChoice,
    MultiChoiceField,
    Tags,
    TagsField,
)

AnyField = Annotated[
    TextField
    | LongTextField
    | IntegerField
    | DecimalField
    | MoneyField
    | PercentField
    | BooleanField
    | DateField
    | DateTimeField
    | TimeField
    | ChoiceField
    | RelationField
    | LinesField
    | JsonField
    | UuidField
    | SequenceField
    | RichTextField
    | EmailField
    | UrlField
    | PhoneField
    | DurationField
    | MultiChoiceField
    | TagsField
    | IpField
    | CidrField
    | MacField
    | GeoPointField
    | ColourField
    | RateField
    | BytesField
    | SecretField
    | ComputedField,
    Field(discriminator="type"),
]
"""A field definition of any type, told apart by `type`."""

LinesField.model_rebuild(_types_namespace={"AnyField": AnyField})

_TYPES: tuple[FieldType[Any], ...] = (
    Text(),
    LongText(),
    Integer(),
    DecimalNumber(),
    Money(),
    Percent(),
    Boolean(),
    Date(),
    DateTime(),
    Time(),
    Choice(),
    Relation(),
    Lines(),
    JsonDocument(),
    UuidType(),
    SequenceNumber(),
    RichText(),
    Email(),
    Url(),
    Phone(),
    Duration(),
    MultiChoice(),
    Tags(),
    Ip(),
    Cidr(),
    Mac(),
    GeoPoint(),
    Colour(),
    Rate(),
    Bytes(),
    Secret(),
    Computed(),
)

FIELD_TYPES: Mapping[str, FieldType[Any]] = MappingProxyType(
    {field_type.name: field_type for field_type in _TYPES}
)


def field_type(name: str) -> FieldType[Any]:
    """Return the field type of a name; raises KeyError for a name that is none."""
    return FIELD_TYPES[name]
