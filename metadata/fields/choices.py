"""One of a list of words, and the state machine over such a list."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field

from metadata.fields.base import (
    ORDER_OPERATORS,
    STANDARD_OPERATORS,
    FieldDefinition,
    FieldType,
    InvalidValue,
    Json,
)
from metadata.fields.operators import quoted
from metadata.labels import Label, locale_map

MAX_OPTIONS = 500


class Option(BaseModel):
    """A word that can be chosen, and how it is shown."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: str = Field(min_length=1, max_length=100)
    label: Label | None = None
    color: str | None = Field(
        None, max_length=40, description="Badge colour: green, red, #22aa66."
    )


Options = tuple[str | Option, ...]


class ChoiceField(FieldDefinition):
    """One of a list."""

    type: Literal["choice"]
    options: Options = Field(min_length=1, max_length=MAX_OPTIONS)
    transitions: dict[str, tuple[str, ...]] | None = Field(
        None, description="Which values may follow a value; all when left out."
    )
    initial: str | None = Field(
        None, description="The only value a new record may have."
    )


def values_of(options: Options) -> list[str]:
    """Return the words that can be chosen, in the author's order."""
    return [option if isinstance(option, str) else option.value for option in options]


def shown(options: Options) -> list[dict[str, Json]]:
    """Return the options as the UI takes them: value, label by locale, colour."""
    return [
        {"value": option, "label": {"en": option}}
        if isinstance(option, str)
        else {
            "value": option.value,
            "label": dict(locale_map(option.label, option.value)),
            **({"color": option.color} if option.color else {}),
        }
        for option in options
    ]


def option_findings(options: Options) -> list[tuple[str, str]]:
    """Return options that cannot be told apart or are blank."""
    values = values_of(options)
    found = [
        ("options", f'"{value}" is listed twice; keep one')
        for value in sorted({v for v in values if values.count(v) > 1})
    ]
    found += [
        ("options", f'"{value}" has blanks around it, is blank or is too long')
        for value in values
        if not value.strip() or value != value.strip() or len(value) > 100
    ]
    return found


def option_of(options: Options, text: str) -> str:
    """Return the value a CSV text names by value or label; raises InvalidValue."""
    wanted = text.strip()
    values = values_of(options)
    if wanted in values:
        return wanted
    for option in shown(options):
        if wanted.casefold() in {
            label.casefold() for label in (*option["label"].values(), option["value"])
        }:
            return str(option["value"])
    raise not_an_option(values)


def not_an_option(values: Sequence[str]) -> InvalidValue:
    """Return the error for a word that is not in the list."""
    some = ", ".join(values[:10]) + (", …" if len(values) > 10 else "")
    return InvalidValue("choice", f"Choose one of: {some}.")


class Choice(FieldType[ChoiceField]):
    """A word of a list; text with a check, so adding a word rewrites nothing."""

    name = "choice"
    definition = ChoiceField
    label: ClassVar[Label] = {"en": "Choice", "id": "Pilihan"}
    description = "One of a list"
    operators = STANDARD_OPERATORS | ORDER_OPERATORS
    widget = "select"
    renderer = "choice"

    def findings(self, field: ChoiceField) -> Sequence[tuple[str, str]]:
        """Return bad options and transitions that name none."""
        found = option_findings(field.options)
        values = set(values_of(field.options))
        for start, targets in (field.transitions or {}).items():
            found += [
                ("transitions", f'"{value}" is not an option; add it or remove it')
                for value in (start, *targets)
                if value not in values
            ]
        if field.initial is not None and field.initial not in values:
            found.append(("initial", f'"{field.initial}" is not an option'))
        return found

    def allows(self, field: ChoiceField, old: str | None, new: str | None) -> bool:
        """Return whether the value may go from `old` to `new`.

        `old` is None for a new record. Without `transitions` every change is allowed;
        a value may always stay.
        """
        if old is None:
            return field.initial is None or new in {None, field.initial}
        if field.transitions is None or old == new:
            return True
        return new in field.transitions.get(old, ())

    def sql_type(self, field: ChoiceField) -> sa.types.TypeEngine[Any]:
        """Return text."""
        return sa.Text()

    def check(self, field: ChoiceField, column: str) -> Sequence[str]:
        """Return the list of words."""
        words = ", ".join(quoted(value) for value in values_of(field.options))
        return [f"{column} in ({words})"]

    def json_schema(self, field: ChoiceField) -> dict[str, Json]:
        """Return the list of words."""
        return {"type": "string", "enum": values_of(field.options)}

    def to_parameter(self, field: ChoiceField, value: Json) -> str | None:
        """Return the word."""
        values = values_of(field.options)
        if value not in values:
            raise not_an_option(values)
        return str(value)

    def operand_parameter(
        self, field: ChoiceField, operator: str, value: Json
    ) -> str | None:
        """Return any word: a condition may name one that is no longer an option."""
        if not isinstance(value, str) or "\x00" in value:
            raise InvalidValue("type", "Compare with a text.")
        return value

    def text_in(self, field: ChoiceField, text: str) -> Json:
        """Return the value named by value or by label."""
        return option_of(field.options, text)

    def options(self, field: ChoiceField) -> Mapping[str, Json]:
        """Return the choices and the state machine."""
        answer: dict[str, Json] = {"choices": shown(field.options)}
        if field.transitions is not None:
            answer["transitions"] = {k: list(v) for k, v in field.transitions.items()}
        if field.initial is not None:
            answer["initial"] = field.initial
        return answer
