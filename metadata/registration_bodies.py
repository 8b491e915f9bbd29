"""Shape of the short body that registers an external service.

camelCase, no key unknown; words of a choice in any case. Read by `registration.py`
alone, which makes the definition.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from metadata.definitions import Method, PermissionPattern, ServiceName, Url
from metadata.fields.base import Json, Name
from metadata.fields.documents import JsonDocument, JsonField
from metadata.fields.texts import is_pattern
from metadata.labels import Label
from metadata.menus import is_safe_path
from metadata.registration_forms import FORM_TYPES


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


def _pattern(value: str) -> str:
    if not is_pattern(value):
        raise ValueError("is no regular expression that every browser understands")
    return value


def _link(value: str) -> str:
    if not is_safe_path(value):
        raise ValueError("begins with one / or with https://")
    return value


def _kind(value: str) -> str:
    if value not in FORM_TYPES:
        raise ValueError(f"is one of: {', '.join(FORM_TYPES)}")
    return value


def _schema(value: dict[str, Json]) -> dict[str, Json]:
    field = JsonField(id="schema", name="schema", type="json", schema_=value)
    for _, message in JsonDocument().findings(field):
        raise ValueError(message)
    return value


Word = BeforeValidator(_lower)
Schema = Annotated[dict[str, Json], AfterValidator(_schema)]


class _Body(BaseModel):
    """Base of the parts: camelCase keys, none unknown."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class Validation(_Body):
    """What a value of a form must be like; for a list of texts, each of them."""

    min_length: int | None = Field(None, ge=0, le=100_000)
    max_length: int | None = Field(None, ge=1, le=100_000)
    pattern: Annotated[str, AfterValidator(_pattern)] | None = None
    min: float | None = None
    max: float | None = None
    min_items: int | None = Field(None, ge=0, le=10_000)
    max_items: int | None = Field(None, ge=1, le=10_000)


class FormField(_Body):
    """One input of a form."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,99}$")]
    type: Annotated[str, Word, AfterValidator(_kind)]
    label: Label | None = None
    description: Label | None = None
    required: bool = False
    item_type: Annotated[Literal["string", "integer", "number"], Word] = "string"
    options: tuple[str | dict[str, Json], ...] = ()
    default: Json = None
    validation: Validation = Validation()


class FormSchema(_Body):
    """A form: its inputs, and the endpoint that takes them."""

    fields: tuple[FormField, ...]
    endpoint: Name | None = None


class Item(_Body):
    """A link of the menu."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    label: Label | None = None
    path: Annotated[str, Field(max_length=500), AfterValidator(_link)]
    icon: str | None = Field(None, max_length=40)
    permission: PermissionPattern | None = None
    category: str = Field("SERVICES", max_length=40)
    sort_order: int = 100
    children: tuple["Item", ...] = ()


class MenuSchema(_Body):
    """The service's part of the menu."""

    items: tuple[Item, ...] = ()


class Call(_Body):
    """An endpoint of the service."""

    name: Name
    display_name: Label | None = None
    description: Label | None = None
    method: Annotated[Method, BeforeValidator(_upper)] = "POST"
    path: str = Field(max_length=500, pattern=r"^/[^\s?#]*$")
    request_schema: Schema = Field(default_factory=dict)
    response_schema: Schema = Field(default_factory=dict)
    requires_auth: bool = True
    required_permissions: tuple[PermissionPattern, ...] = ()
    rate_limit: int = Field(100, ge=1, le=1_000_000)
    timeout_ms: int = Field(30_000, ge=100, le=300_000)


class Registration(_Body):
    """The body as a whole."""

    name: ServiceName
    display_name: Label | None = None
    description: Label | None = None
    type: Annotated[Literal["external"], Word] = "external"
    category: str = Field("general", max_length=100)
    icon: str | None = Field(None, max_length=40)
    visibility: Annotated[Literal["public", "private", "restricted"], Word] = "private"
    version: str = Field("1.0.0", pattern=r"^\d+\.\d+\.\d+$")
    base_url: Url
    auth_type: Annotated[Literal["none", "api_key", "jwt", "oauth"], Word] = "none"
    api_key_required: bool = False
    health_check_url: Url | None = None
    documentation_url: Url | None = None
    contact_email: str | None = Field(None, max_length=255)
    form_schema: FormSchema | None = None
    menu_schema: MenuSchema = MenuSchema()
    endpoints: tuple[Call, ...] = ()
