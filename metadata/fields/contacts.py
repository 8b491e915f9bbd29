"""Where someone can be reached: email, telephone and web addresses."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, TypeVar

import sqlalchemy as sa

from metadata.fields.base import FieldDefinition, FieldType, InvalidValue, Json
from metadata.fields.texts import ALL_OPERATORS, storable
from metadata.labels import Label

EMAIL_PATTERN = (
    r"^[A-Za-z0-9!#$%&'*+\/=?^_`\{\|\}~\-]+(\.[A-Za-z0-9!#$%&'*+\/=?^_`\{\|\}~\-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9\-]{2,63}$"
)
PHONE_PATTERN = r"^\+?[0-9(][0-9 .()\-]{4,28}[0-9]$"
URL_PATTERN = r"^[Hh][Tt][Tt][Pp][Ss]?:\/\/[^\s\/?#@]+([\/?#][^\s]*)?$"
_EMAIL = re.compile(EMAIL_PATTERN.replace(r"\/", "/"))
_PHONE = re.compile(r"\+?[0-9]{6,15}")
_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9._~\-]+|\[[0-9A-Fa-f:.]+\])"
    r"(?P<port>:[0-9]{1,5})?(?P<rest>(?:[/?#][^\s]*)?)",
    re.IGNORECASE,
)


class EmailField(FieldDefinition):
    """An email address."""

    type: Literal["email"]


class PhoneField(FieldDefinition):
    """A telephone number."""

    type: Literal["phone"]


class UrlField(FieldDefinition):
    """A web address."""

    type: Literal["url"]


C = TypeVar("C", EmailField, PhoneField, UrlField)


class Contact(FieldType[C]):
    """What is stored as text of limited length in a normalised spelling."""

    operators = ALL_OPERATORS
    longest: ClassVar[int]

    def sql_type(self, field: C) -> sa.types.TypeEngine[Any]:
        """Return text."""
        return sa.Text()

    def operand_parameter(self, field: C, operator: str, value: Json) -> str | None:
        """Return a whole value in its stored spelling, a part of one as it is."""
        if operator in {"_eq", "_neq", "_in", "_nin"}:
            return self.to_parameter(field, value)
        return storable(value)

    def text_in(self, field: C, text: str) -> Json:
        """Return the normalised address."""
        return self.to_parameter(field, text.strip())


class Email(Contact[EmailField]):
    """An address in lower case: one mailbox has one spelling (RFC 5321, 4.1.2)."""

    name = "email"
    definition = EmailField
    label: ClassVar[Label] = {"en": "Email", "id": "Surel"}
    description = "An email address"
    widget = "email"
    renderer = "email"

    def check(self, field: EmailField, column: str) -> Sequence[str]:
        """Return its length and that it is lower case with one @ inside."""
        return [
            f"char_length({column}) <= 254",
            f"{column} ~ '^[^@[:space:]]+@[^@[:space:]]+$'",
        ]

    def json_schema(self, field: EmailField) -> dict[str, Json]:
        """Return the format `email`, and the pattern of addresses on the internet."""
        return {
            "type": "string",
            "format": "email",
            "maxLength": 254,
            "pattern": EMAIL_PATTERN,
        }

    def to_parameter(self, field: EmailField, value: Json) -> str | None:
        """Return the address in lower case."""
        text = storable(value).strip().lower()
        if len(text) > 254 or not _EMAIL.fullmatch(text):
            raise InvalidValue("email", "Enter an address such as ana@example.com.")
        return text


class Phone(Contact[PhoneField]):
    """A number: 6 to 15 digits, with a plus where it is international (E.164).

    Spaces, dots, dashes and brackets are taken out. A leading 0 stays: which country
    it belongs to is not known here.
    """

    name = "phone"
    definition = PhoneField
    label: ClassVar[Label] = {"en": "Phone", "id": "Telepon"}
    description = "A telephone number"
    widget = "phone"
    renderer = "phone"

    def check(self, field: PhoneField, column: str) -> Sequence[str]:
        """Return the digits that are stored."""
        return [f"{column} ~ '^[+]?[0-9]{{6,15}}$'"]

    def json_schema(self, field: PhoneField) -> dict[str, Json]:
        """Return a pattern that allows the separators people type."""
        return {"type": "string", "maxLength": 30, "pattern": PHONE_PATTERN}

    def to_parameter(self, field: PhoneField, value: Json) -> str | None:
        """Return the digits, and the plus."""
        text = re.sub(r"[ .()\-]", "", storable(value))
        if not _PHONE.fullmatch(text):
            raise InvalidValue(
                "phone", "Enter 6 to 15 digits, such as +62 812-3456-7890."
            )
        return text


class Url(Contact[UrlField]):
    """An http or https address without user name and password."""

    name = "url"
    definition = UrlField
    label: ClassVar[Label] = {"en": "Web address", "id": "Alamat web"}
    description = "A link to a page"
    widget = "url"
    renderer = "url"

    def check(self, field: UrlField, column: str) -> Sequence[str]:
        """Return its length and its scheme: what is shown is a link."""
        return [
            f"char_length({column}) <= 2000",
            f"{column} ~ '^https?://[^[:space:]]+$'",
        ]

    def json_schema(self, field: UrlField) -> dict[str, Json]:
        """Return a pattern: validators differ about the format `uri`."""
        return {"type": "string", "maxLength": 2000, "pattern": URL_PATTERN}

    def to_parameter(self, field: UrlField, value: Json) -> str | None:
        """Return the address with scheme and host in lower case."""
        match = _URL.fullmatch(storable(value).strip())
        if match is None or len(match[0]) > 2000:
            raise InvalidValue("url", "Enter an address such as https://example.com.")
        head = f"{match['scheme']}://{match['host']}{match['port'] or ''}".lower()
        return head + match["rest"]
