"""The contract of a field type: one class that answers the same questions.

A field type says how a value is defined by an author, stored in PostgreSQL,
described in JSON Schema, compared in a condition, written to and read from CSV, and
shown by default. Adding a type means one module here and one widget folder in the
UI shell; nothing else names it. The contract test in
`tests/integration/test_field_contract.py` runs on every registered type.

Field types know nothing of HTTP, tenants or requests.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from metadata.labels import Label

Json = Any
"""A decoded JSON value: dict, list, str, int, float, bool or None."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
StableId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


class FieldDefinition(BaseModel):
    """What every field has, whatever its type; each type adds its own options."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: StableId = Field(
        description="Stable identity: a rename keeps it, and so keeps the data."
    )
    name: Name = Field(description="Name in the API and of the column.")
    type: str = Field(description="The field type.")
    label: Label | None = Field(None, description="Shown beside the input.")
    help: Label | None = Field(None, description="One sentence below the input.")
    required: bool = Field(False, description="A record cannot be saved without it.")
    unique: bool = Field(False, description="No two records of a tenant share it.")
    index: bool = Field(False, description="Make filtering and sorting by it fast.")
    search: bool = Field(False, description="The list's search box looks in it.")
    readonly: bool = Field(
        False, description="Only service code and the engine write it."
    )
    immutable: bool = Field(False, description="Set at creation, never changed.")
    default: Json = Field(None, description="Value of a new record when none is given.")


F = TypeVar("F", bound=FieldDefinition)


class InvalidValue(Exception):
    """A value does not fit its field.

    Attributes:
        code: stable, snake_case, one of docs/error-codes.md (details).
        message: one sentence that says what to enter instead.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a column changes its type in place.

    Attributes:
        using: SQL expression over the quoted old column that gives the new value.
        fails: SQL predicate over the quoted old column, true where the cast would
            fail or lose information; None when it never does.
        rewrites: whether PostgreSQL rewrites the table for it.
    """

    using: str
    fails: str | None
    rewrites: bool


STANDARD_OPERATORS = frozenset({"_eq", "_neq", "_in", "_nin", "_null"})
ORDER_OPERATORS = frozenset({"_lt", "_lte", "_gt", "_gte", "_between"})
TEXT_OPERATORS = frozenset({"_contains", "_icontains", "_starts", "_ends"})


class FieldType(ABC, Generic[F]):
    """One kind of field. Instances are stateless; the field is always an argument.

    Class attributes:
        name: the word in a definition (`type`).
        definition: the Pydantic model of such a field, options included.
        label, description: for the type picker.
        operators: operators of the condition language that it answers.
        sortable: whether a list can be sorted by it.
        stored: whether it has a column in the entity's own table.
        writable: whether the API may write it at all.
        widget, renderer: default input in forms, default cell in lists.
    """

    name: ClassVar[str]
    definition: ClassVar[type[FieldDefinition]]
    label: ClassVar[Label]
    description: ClassVar[str]
    operators: ClassVar[frozenset[str]] = STANDARD_OPERATORS
    sortable: ClassVar[bool] = True
    stored: ClassVar[bool] = True
    writable: ClassVar[bool] = True
    secret: ClassVar[bool] = False
    widget: ClassVar[str]
    renderer: ClassVar[str]

    def findings(self, field: F) -> Sequence[tuple[str, str]]:
        """Return what is wrong with the options of a field: (option, message)."""
        return ()

    @abstractmethod
    def sql_type(self, field: F) -> sa.types.TypeEngine[Any]:
        """Return the column's type."""

    def check(self, field: F, column: str) -> Sequence[str]:
        """Return SQL check expressions over the quoted column, as a second wall."""
        return ()

    @abstractmethod
    def json_schema(self, field: F) -> dict[str, Json]:
        """Return the JSON Schema 2020-12 of a non-null value (Rangka profile)."""

    @abstractmethod
    def to_parameter(self, field: F, value: Json) -> str | None:
        """Return a valid non-null JSON value as PostgreSQL's text input.

        Normalises on the way (trims, canonical spelling). Raises InvalidValue where
        the JSON Schema cannot say what is wrong.
        """

    def to_json(self, field: F, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Return the SQL expression whose `to_json` is the value the API answers."""
        return column

    def compare(
        self,
        field: F,
        operator: str,
        column: sa.ColumnElement[Any],
        operands: Sequence[sa.ColumnElement[Any]],
    ) -> sa.ColumnElement[bool]:
        """Return `column operator operands` as SQL.

        `operands` are binds already cast to `operand_type`; none for `_null`, two for
        `_between`, one array bind for `_in` and `_nin`, otherwise one.
        """
        from metadata.fields.operators import compare_standard

        return compare_standard(operator, column, operands)

    def operand_parameter(self, field: F, operator: str, value: Json) -> str | None:
        """Return one operand of a condition as PostgreSQL's text input."""
        return self.to_parameter(field, value)

    def operand_type(self, field: F, operator: str) -> sa.types.TypeEngine[Any]:
        """Return the type an operand is cast to."""
        return self.sql_type(field)

    def text_out(self, field: F, value: Json) -> str:
        """Return a non-null API value as CSV text."""
        return str(value)

    def text_in(self, field: F, text: str) -> Json:
        """Return the API value of a non-empty CSV text; raises InvalidValue."""
        return text

    def conversion(self, old: FieldDefinition, new: F) -> Conversion | None:
        """Return how a stored column of `old` becomes one of `new`; None: it cannot."""
        from metadata.fields.conversions import convert

        return convert(old, new)

    def options(self, field: F) -> Mapping[str, Json]:
        """Return what the widget needs beside the schema: choices, currency."""
        return {}
