"""Formatted text: a small, sanitised subset of HTML."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import nh3
import sqlalchemy as sa
from pydantic import Field

from metadata.fields.base import FieldDefinition, FieldType, InvalidValue, Json
from metadata.fields.texts import MAX_TEXT, storable
from metadata.labels import Label

_BLOCKS = ("blockquote", "h2", "h3", "h4", "hr", "li", "ol", "p", "pre", "ul")
_INLINES = ("a", "b", "br", "code", "em", "i", "s", "strong", "sub", "sup", "u")
TAGS = frozenset({*_BLOCKS, *_INLINES})
SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_CLEANER = nh3.Cleaner(
    tags=set(TAGS),
    attributes={"a": {"href"}},
    url_schemes=set(SCHEMES),
    link_rel="noopener noreferrer",
    strip_comments=True,
)


class RichTextField(FieldDefinition):
    """Formatted text."""

    type: Literal["rich_text"]
    max_length: int = Field(
        100_000, ge=1, le=MAX_TEXT, description="Characters at most, tags included."
    )


class RichText(FieldType[RichTextField]):
    """HTML that is safe to show: what is not in the subset is taken out when written.

    Kept are paragraphs, headings 2 to 4, lists, quotes, code, emphasis and links to
    http, https, mailto and tel addresses. Text of removed elements stays, except that
    of scripts and styles.
    """

    name = "rich_text"
    definition = RichTextField
    label: ClassVar[Label] = {"en": "Formatted text", "id": "Teks berformat"}
    description = "Text with headings, lists and links"
    operators = frozenset({"_null", "_contains", "_icontains"})
    sortable = False
    widget = "rich-text"
    renderer = "rich-text"

    def sql_type(self, field: RichTextField) -> sa.types.TypeEngine[Any]:
        """Return text."""
        return sa.Text()

    def check(self, field: RichTextField, column: str) -> Sequence[str]:
        """Return the longest text."""
        return [f"char_length({column}) <= {field.max_length}"]

    def json_schema(self, field: RichTextField) -> dict[str, Json]:
        """Return a string; what its tags may be is the sanitiser's matter."""
        schema: dict[str, Json] = {"type": "string", "maxLength": field.max_length}
        if field.required:
            schema["minLength"] = 1
        return schema

    def to_parameter(self, field: RichTextField, value: Json) -> str | None:
        """Return the sanitised HTML; None where no text is left."""
        html = _CLEANER.clean(storable(value)).strip()
        if not nh3.clean(html, tags=set()).replace("&nbsp;", " ").strip():
            if field.required:
                raise InvalidValue("required", "Enter a text that is not blank.")
            return None
        if len(html) > field.max_length:
            raise InvalidValue(
                "max_length", f"Shorten it to {field.max_length} characters."
            )
        return html

    def operand_parameter(
        self, field: RichTextField, operator: str, value: Json
    ) -> str | None:
        """Return the text looked for, as it is."""
        return storable(value)
