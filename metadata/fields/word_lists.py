"""Several words in one field: from a list (`multi_choice`) or free (`tags`)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeVar

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.dialects.postgresql import ARRAY

from metadata.fields.base import FieldDefinition, FieldType, InvalidValue, Json
from metadata.fields.choices import (
    MAX_OPTIONS,
    Options,
    not_an_option,
    option_findings,
    option_of,
    shown,
    values_of,
)
from metadata.fields.operators import compare_standard, constant, quoted
from metadata.fields.texts import storable
from metadata.labels import Label

MAX_TAGS = 100
_SEPARATOR = re.compile(r"[;,\n]")
_EMPTY = constant("{}")


class MultiChoiceField(FieldDefinition):
    """Some of a list."""

    type: Literal["multi_choice"]
    options: Options = Field(min_length=1, max_length=MAX_OPTIONS)
    min: int = Field(0, ge=0, le=MAX_OPTIONS, description="Choices at least.")
    max: int | None = Field(None, ge=1, le=MAX_OPTIONS, description="Choices at most.")


class TagsField(FieldDefinition):
    """Free words."""

    type: Literal["tags"]
    max: int = Field(20, ge=1, le=MAX_TAGS, description="Tags at most.")
    max_length: int = Field(50, ge=1, le=200, description="Characters of one tag.")


M = TypeVar("M", MultiChoiceField, TagsField)


class WordList(FieldType[M]):
    """A text array.

    `_contains` asks for one word, `_in` for any of several, `_nin` for none of them;
    `_eq` and `_neq` compare whole lists, order included. Null and the empty list are
    two things; a null list contains nothing, so `_nin` is true for it.
    """

    operators = frozenset({"_eq", "_neq", "_in", "_nin", "_null", "_contains"})
    sortable = False

    def sql_type(self, field: M) -> sa.types.TypeEngine[Any]:
        """Return text[]."""
        return ARRAY(sa.Text())

    def compare(
        self,
        field: M,
        operator: str,
        column: sa.ColumnElement[Any],
        operands: Sequence[sa.ColumnElement[Any]],
    ) -> sa.ColumnElement[bool]:
        """Return membership and overlap as array operators, which GIN can index."""
        if operator == "_contains":
            word = sa.func.array_append(sa.cast(_EMPTY, ARRAY(sa.Text())), operands[0])
            return column.op("@>", is_comparison=True)(word)
        if operator == "_in":
            return column.op("&&", is_comparison=True)(operands[0])
        if operator == "_nin":
            return sa.or_(
                column.is_(None),
                sa.not_(column.op("&&", is_comparison=True)(operands[0])),
            )
        return compare_standard(operator, column, operands)

    def operand_parameter(self, field: M, operator: str, value: Json) -> str | None:
        """Return a whole list for `_eq` and `_neq`, otherwise one word."""
        if operator in {"_eq", "_neq"}:
            if not isinstance(value, list | tuple):
                raise InvalidValue("type", "Compare with a list of texts.")
            return array_literal([storable(word) for word in value])
        return storable(value)

    def operand_type(self, field: M, operator: str) -> sa.types.TypeEngine[Any]:
        """Return text[] for whole lists, otherwise text."""
        return ARRAY(sa.Text()) if operator in {"_eq", "_neq"} else sa.Text()

    def text_out(self, field: M, value: Json) -> str:
        """Return the words with `; ` between them."""
        return "; ".join(value)


class MultiChoice(WordList[MultiChoiceField]):
    """Words of a list, each at most once, kept in the list's order."""

    name = "multi_choice"
    definition = MultiChoiceField
    label: ClassVar[Label] = {"en": "Multiple choice", "id": "Pilihan ganda"}
    description = "Some of a list"
    widget = "multiselect"
    renderer = "tags"

    def findings(self, field: MultiChoiceField) -> Sequence[tuple[str, str]]:
        """Return bad options and a count that cannot be met."""
        found = option_findings(field.options)
        found += [
            ("options", f'"{value}" has a separator (; , or a line break); reword it')
            for value in values_of(field.options)
            if _SEPARATOR.search(value)
        ]
        if field.min > (field.max or len(field.options)):
            found.append(("min", "is more than max or the options; lower it"))
        return found

    def check(self, field: MultiChoiceField, column: str) -> Sequence[str]:
        """Return the words and their count."""
        words = ", ".join(quoted(value) for value in values_of(field.options))
        most = field.max or len(field.options)
        return [
            f"{column} <@ array[{words}]::text[]",
            f"cardinality({column}) between {field.min} and {most}",
            f"array_position({column}, null) is null",
        ]

    def json_schema(self, field: MultiChoiceField) -> dict[str, Json]:
        """Return an array of distinct words of the list."""
        return {
            "type": "array",
            "items": {"type": "string", "enum": values_of(field.options)},
            "uniqueItems": True,
            "minItems": max(field.min, 1 if field.required else 0),
            "maxItems": field.max or len(field.options),
        }

    def to_parameter(self, field: MultiChoiceField, value: Json) -> str | None:
        """Return the words in the list's order."""
        words = list_of_texts(value)
        values = values_of(field.options)
        if set(words) - set(values):
            raise not_an_option(values)
        if len(set(words)) != len(words):
            raise InvalidValue("unique_items", "Choose each of them once.")
        if not field.min <= len(words) <= (field.max or len(values)):
            raise InvalidValue(
                "items", f"Choose {field.min} to {field.max or len(values)} of them."
            )
        return array_literal([value for value in values if value in words])

    def text_in(self, field: MultiChoiceField, text: str) -> Json:
        """Return the choices named by value or label, separated by `;` or `,`."""
        named = {option_of(field.options, word) for word in split_words(text)}
        return [value for value in values_of(field.options) if value in named]

    def options(self, field: MultiChoiceField) -> Mapping[str, Json]:
        """Return the choices."""
        return {"choices": shown(field.options)}


class Tags(WordList[TagsField]):
    """Free words, trimmed, each once, in the order given."""

    name = "tags"
    definition = TagsField
    label: ClassVar[Label] = {"en": "Tags", "id": "Tag"}
    description = "Free words"
    widget = "tags"
    renderer = "tags"

    def check(self, field: TagsField, column: str) -> Sequence[str]:
        """Return the count, and that no word is null."""
        longest = field.max * (field.max_length + 1)
        return [
            f"cardinality({column}) <= {field.max}",
            f"array_position({column}, null) is null",
            f"char_length(array_to_string({column}, ' ')) <= {longest}",
        ]

    def json_schema(self, field: TagsField) -> dict[str, Json]:
        """Return an array of short texts without separators."""
        schema: dict[str, Json] = {
            "type": "array",
            "items": {
                "type": "string",
                "minLength": 1,
                "maxLength": field.max_length,
                "pattern": "^[^;,\\n]*$",
            },
            "maxItems": field.max,
        }
        if field.required:
            schema["minItems"] = 1
        return schema

    def to_parameter(self, field: TagsField, value: Json) -> str | None:
        """Return the words."""
        words = list(dict.fromkeys(word.strip() for word in list_of_texts(value)))
        if any(not word or _SEPARATOR.search(word) for word in words):
            raise InvalidValue("characters", "Enter words without ; , or line breaks.")
        if any(len(word) > field.max_length for word in words):
            raise InvalidValue(
                "max_length", f"Shorten the words to {field.max_length} characters."
            )
        if len(words) > field.max:
            raise InvalidValue("items", f"Enter at most {field.max} words.")
        return array_literal(words)

    def text_in(self, field: TagsField, text: str) -> Json:
        """Return the words separated by `;` or `,`."""
        return list(dict.fromkeys(split_words(text)))


def list_of_texts(value: Json) -> list[str]:
    """Return a JSON array of texts; raises InvalidValue."""
    if not isinstance(value, list):
        raise InvalidValue("type", "Enter a list of texts.")
    return [storable(word) for word in value]


def split_words(text: str) -> list[str]:
    """Return the non-blank words between separators, trimmed."""
    return [word.strip() for word in _SEPARATOR.split(text) if word.strip()]


def array_literal(words: Sequence[str]) -> str:
    """Return PostgreSQL's text input of an array (manual, 8.15.6)."""
    escaped = (word.replace("\\", "\\\\").replace('"', '\\"') for word in words)
    return "{" + ",".join(f'"{word}"' for word in escaped) + "}"
