"""The short body that registers an external service → a definition; pure.

Callers write camelCase, a form as `formSchema.fields[]` and a menu as
`menuSchema.items[]`. Says everything wrong at once, in the caller's own words and
paths. Called by the registration route, never for definitions.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from metadata.checks import Finding
from metadata.definitions import (
    Endpoint,
    Menu,
    MenuItem,
    Method,
    PermissionPattern,
    Role,
    RoleRule,
    Service,
    ServiceName,
    Url,
)
from metadata.fields.base import Json, Name
from metadata.fields.documents import JsonDocument, JsonField
from metadata.fields.texts import is_pattern
from metadata.labels import Label
from metadata.menus import is_safe_path
from metadata.registration_forms import FORM_TYPES, request_form

SIGNS = frozenset(
    {
        "apiKeyRequired",
        "authType",
        "baseUrl",
        "contactEmail",
        "displayName",
        "documentationUrl",
        "formSchema",
        "healthCheckUrl",
        "menuSchema",
    }
)
"""Keys that only this body has; a definition has none of them."""


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


def is_registration(document: Mapping[str, Any]) -> bool:
    """Return whether a body is this short one rather than a definition."""
    if document.keys() & {"$schema", "definition", "entities"}:
        return False
    kind = document.get("type")
    return bool(document.keys() & SIGNS) or (isinstance(kind, str) and kind.isupper())


def read_registration(document: Any) -> tuple[Service | None, list[Finding]]:
    """Return the definition that a body stands for, or None and everything wrong."""
    try:
        body = Registration.model_validate(document)
    except ValidationError as error:
        return None, [_finding(item) for item in error.errors(include_url=False)]
    findings = list(_contradictions(body))
    return (None, findings) if findings else (_service(body), [])


_REMEDIES = {
    "missing": "Add it.",
    "extra_forbidden": "Take it out, or correct its spelling.",
}


def _finding(item: Any) -> Finding:
    path = "".join(f"/{part}" for part in item["loc"] if _is_place(part))
    message = str(item["msg"]).removeprefix("Value error, ")
    remedy = _REMEDIES.get(item["type"], "Correct the value.")
    return Finding("error", path, str(item["type"]), message, remedy)


def _is_place(part: int | str) -> bool:
    """Return whether a part of a location is the caller's, not a union's name."""
    return isinstance(part, int) or not part.startswith(
        ("dict[", "constrained-", "str")
    )


def _contradictions(body: Registration) -> Iterator[Finding]:
    """Yield what no part of the body shows by itself."""
    yield from _twice("/endpoints", "name", [c.name for c in body.endpoints])
    calls = [f"{c.method} {c.path}" for c in body.endpoints]
    yield from _twice("/endpoints", "path", calls)
    form = body.form_schema
    if form is None:
        return
    place = "/formSchema/fields"
    if not form.fields:
        yield Finding("error", place, "required", "the form is empty", "Add a field.")
    yield from _twice(place, "name", [field.name for field in form.fields])
    for index, field in enumerate(form.fields):
        if field.type == "select" and not field.options:
            yield Finding(
                "error",
                f"{place}/{index}/options",
                "required",
                f"{field.name} has nothing to choose from",
                "List its options.",
            )
    names = [call.name for call in body.endpoints]
    if form.endpoint is not None and form.endpoint not in names:
        yield Finding(
            "error",
            "/formSchema/endpoint",
            "unknown_endpoint",
            f'there is no endpoint "{form.endpoint}"',
            f"There are: {', '.join(names) or 'none'}.",
        )
    elif body.endpoints and _taker(body) is None:
        yield Finding(
            "error",
            "/formSchema/endpoint",
            "required",
            "no endpoint could take the form: each has a requestSchema of its own",
            "Name the endpoint that takes it.",
        )


def _twice(path: str, key: str, values: Iterable[str]) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield Finding(
                "error",
                f"{path}/{index}/{key}",
                "duplicate",
                f'"{value}" stands twice',
                f"Give each a {key} of its own.",
            )
        seen.add(value)


def _service(body: Registration) -> Service:
    endpoints = _endpoints(body)
    permissions = dict.fromkeys(
        [
            *(item.permission for item in _all(body.menu_schema.items)),
            *(p for call in endpoints for p in call.required_permissions),
        ]
    )
    rules = tuple(RoleRule(permission=p) for p in permissions if p is not None)
    slug = body.name.replace("-", "_")
    role = Role(name=f"{slug}_user", label=body.display_name, rules=rules)
    auth = "api_key" if body.api_key_required else body.auth_type
    return Service(
        id=body.name,
        name=body.name,
        label=body.display_name,
        description=body.description,
        type="external",
        category=body.category,
        icon=body.icon,
        visibility=body.visibility,
        version=body.version,
        documentation_url=body.documentation_url,
        contact_email=body.contact_email,
        base_url=body.base_url,
        auth_type=body.auth_type if body.auth_type != "none" else auth,
        health_check_url=body.health_check_url,
        endpoints=endpoints,
        menu=Menu(items=_items(body.menu_schema.items, set())),
        roles=(role,) if rules else (),
    )


def _taker(body: Registration) -> Call | None:
    """Return the endpoint that takes the form: the named one, else the first free."""
    form = body.form_schema
    for call in body.endpoints:
        named = form is not None and form.endpoint == call.name
        free = call.method in {"POST", "PUT", "PATCH"} and not call.request_schema
        if named or (form is not None and form.endpoint is None and free):
            return call
    return None


def _endpoints(body: Registration) -> tuple[Endpoint, ...]:
    """Return the endpoints; a form without any makes the one that takes it.

    That one is named after the page of the menu that shows the form, the first, asks
    for its permission and lies at its path; the draft can be corrected.
    """
    form, calls = body.form_schema, body.endpoints
    if form is not None and not calls:
        first = next(iter(body.menu_schema.items), None)
        local = first if first is not None and first.path.startswith("/") else None
        calls = (
            Call(
                name=slug_of(local.path.rsplit("/", 1)[-1]) if local else "submit",
                displayName=first.label or first.name if first else None,
                path=local.path.partition("?")[0].partition("#")[0] if local else "/",
                requiredPermissions=(
                    (first.permission,) if first and first.permission else ()
                ),
            ),
        )
        body = body.model_copy(update={"endpoints": calls})
    taker = _taker(body)
    found = []
    for call in calls:
        schema, ui = dict(call.request_schema), dict[str, Json]()
        if form is not None and call is taker:
            schema, ui = request_form(field.model_dump() for field in form.fields)
        values = call.model_dump(exclude={"display_name", "request_schema"})
        found.append(
            Endpoint(
                **values,
                id=call.name,
                label=call.display_name,
                request_schema=schema,
                request_ui=ui,
            )
        )
    return tuple(found)


def _all(items: Iterable[Item]) -> Iterator[Item]:
    for item in items:
        yield item
        yield from _all(item.children)


def _items(items: Iterable[Item], seen: set[str]) -> tuple[MenuItem, ...]:
    found = []
    for item in items:
        name = slug_of(item.name)
        unique, number = name, 2
        while unique in seen:
            unique, number = f"{name[:36]}_{number}", number + 1
        seen.add(unique)
        found.append(
            MenuItem(
                id=unique,
                name=unique,
                label=item.label or item.name,
                icon=item.icon,
                category=item.category,
                sort_order=item.sort_order,
                path=item.path,
                permission=item.permission,
                children=_items(item.children, seen),
            )
        )
    return tuple(found)


def slug_of(text: str) -> str:
    """Return a text as a name: lower case, words joined by `_`, at most 40 signs."""
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in text.lower())
    slug = "_".join(words.split())[:40]
    return slug if slug[:1].isalpha() else f"item_{slug}"[:40].rstrip("_")
