"""Plain text: one line (`text`) and several (`long_text`)."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, TypeVar

import sqlalchemy as sa
from pydantic import Field

from metadata.fields.base import (
    ORDER_OPERATORS,
    STANDARD_OPERATORS,
    TEXT_OPERATORS,
    FieldDefinition,
    FieldType,
    InvalidValue,
    Json,
)
from metadata.labels import Label
from metadata.patterns import pattern_problem

ALL_OPERATORS = STANDARD_OPERATORS | ORDER_OPERATORS | TEXT_OPERATORS
MAX_TEXT = 1_000_000
_BREAKS = re.compile(r"[\t\n\v\f\r]+")


class TextField(FieldDefinition):
    """One line of text."""

    type: Literal["text"]
    min_length: int = Field(0, ge=0, le=10_000, description="Characters at least.")
    max_length: int = Field(255, ge=1, le=10_000, description="Characters at most.")
    pattern: str | None = Field(
        None, max_length=500, description="Regular expression (ECMA-262) it matches."
    )
    format: Literal["sentence"] | None = Field(
        None, description="sentence: a program's words, said in the reader's language."
    )


class LongTextField(FieldDefinition):
    """Text of several lines."""

    type: Literal["long_text"]
    min_length: int = Field(0, ge=0, le=MAX_TEXT, description="Characters at least.")
    max_length: int = Field(20_000, ge=1, le=MAX_TEXT, description="Characters most.")
    pattern: str | None = Field(
        None, max_length=500, description="Regular expression (ECMA-262) it matches."
    )


_NOT_TEXT = "Remove the characters that are not text."


def storable(value: Json) -> str:
    """Return a JSON value as text PostgreSQL can hold; raises InvalidValue."""
    if not isinstance(value, str):
        raise InvalidValue("type", "Enter a text.")
    if not value.isascii():
        try:
            # Half of a surrogate pair is a string in JSON and no text in UTF-8.
            value.encode()
        except UnicodeEncodeError as error:
            raise InvalidValue("characters", _NOT_TEXT) from error
    if "\x00" in value:
        raise InvalidValue("characters", _NOT_TEXT)
    return value


T = TypeVar("T", TextField, LongTextField)


class PlainText(FieldType[T]):
    """What one line and several lines of text have in common.

    Text is trimmed; an empty one is stored as null.
    """

    operators = ALL_OPERATORS

    def findings(self, field: T) -> Sequence[tuple[str, str]]:
        """Return contradicting lengths and a pattern that is not one."""
        found: list[tuple[str, str]] = []
        if field.min_length > field.max_length:
            found.append(("min_length", "is more than max_length; lower it"))
        problem = pattern_problem(field.pattern) if field.pattern is not None else None
        if problem is not None:
            found.append(("pattern", problem))
        return found

    def sql_type(self, field: T) -> sa.types.TypeEngine[Any]:
        """Return text: lengths are checks, so changing one rewrites nothing."""
        return sa.Text()

    def check(self, field: T, column: str) -> Sequence[str]:
        """Return the bounds of the length in characters."""
        checks = [f"char_length({column}) <= {field.max_length}"]
        if field.min_length:
            checks.append(f"char_length({column}) >= {field.min_length}")
        return checks

    def json_schema(self, field: T) -> dict[str, Json]:
        """Return a string with its lengths in characters and its pattern."""
        shortest = max(field.min_length, 1 if field.required else 0)
        schema: dict[str, Json] = {"type": "string", "maxLength": field.max_length}
        if shortest:
            schema["minLength"] = shortest
        if field.pattern is not None:
            schema["pattern"] = field.pattern
        return schema

    def to_parameter(self, field: T, value: Json) -> str | None:
        """Return the trimmed text; None where nothing is left."""
        text = self.normalise(storable(value)).strip()
        if not text:
            if field.required:
                raise InvalidValue("required", "Enter a text that is not blank.")
            return None
        if len(text) > field.max_length:
            raise InvalidValue(
                "max_length", f"Shorten it to {field.max_length} characters."
            )
        if len(text) < field.min_length:
            raise InvalidValue(
                "min_length", f"Enter at least {field.min_length} characters."
            )
        return text

    def normalise(self, text: str) -> str:
        """Return the text as it is kept, before trimming."""
        return text

    def operand_parameter(self, field: T, operator: str, value: Json) -> str | None:
        """Return the operand as it is: blanks and any length count when searching."""
        return storable(value)


class Text(PlainText[TextField]):
    """One line of text; line breaks and tabs become one space."""

    name = "text"
    definition = TextField
    label: ClassVar[Label] = {"en": "Text", "id": "Teks"}
    description = "One line of text"
    widget = "text"
    renderer = "text"

    def json_schema(self, field: TextField) -> dict[str, Json]:
        """Return the string, and whose words it is where that is said."""
        schema = super().json_schema(field)
        return {**schema, "format": field.format} if field.format else schema

    def normalise(self, text: str) -> str:
        """Return one line."""
        return _BREAKS.sub(" ", text)


class LongText(PlainText[LongTextField]):
    """Several lines; line ends become a bare line feed."""

    name = "long_text"
    definition = LongTextField
    label: ClassVar[Label] = {"en": "Long text", "id": "Teks panjang"}
    description = "Several lines of text"
    widget = "textarea"
    renderer = "long-text"

    def normalise(self, text: str) -> str:
        """Return the text with Unix line ends."""
        return text.replace("\r\n", "\n").replace("\r", "\n")


def is_pattern(pattern: str) -> bool:
    """Return whether it is a regular expression that may be used here."""
    return pattern_problem(pattern) is None
