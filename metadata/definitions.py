"""What an author writes: the Pydantic types of every definition.

The source of the JSON Schema published for authors (`author_schema`), of the form
that registers a service in the console, and of the bundle folder's files. Says which
shapes are possible, not whether a definition makes sense: that is `checks.py`.
Keys are stable; a new one is optional and has a default.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from metadata.fields import AnyField
from metadata.fields.base import Json, Name, StableId
from metadata.labels import Label

ServiceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
EntityRef = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}\.[a-z][a-z0-9_]{0,62}$")
]
PermissionPattern = Annotated[
    str,
    StringConstraints(
        pattern=r"^(\*|(\*|[a-z][a-z0-9_.-]{0,120}):(\*|[a-z][a-z0-9_]{0,62}))$"
    ),
]
RawCondition = dict[str, Json]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]{1,490}$")]

ENTITY_SCHEMA = "rangka:entity/1"
SERVICE_SCHEMA = "rangka:service/1"
MENU_SCHEMA = "rangka:menu/1"


class Definition(BaseModel):
    """Base of all definitions: unknown keys are refused, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Rule(Definition):
    """When `if` holds for a record, `then` must hold too; the server enforces it."""

    if_: RawCondition = Field(alias="if", description="Condition over the record.")
    then: "RuleThen"
    message: Label | None = Field(None, description="Shown when the rule is broken.")


class RuleThen(Definition):
    """What a rule demands."""

    required: tuple[Name, ...] = Field((), description="Fields that must have a value.")
    readonly: tuple[Name, ...] = Field((), description="Fields that stay as they are.")
    check: RawCondition | None = Field(None, description="Condition that must hold.")


class Form(Definition):
    """One way to show the fields of an entity; JSON Forms vocabulary in `ui`."""

    label: Label | None = None
    fields: tuple[Name, ...] | None = Field(
        None, description="Fields shown, in order; all writable ones when left out."
    )
    ui: dict[str, Json] = Field(
        default_factory=dict, description="UI schema; generated when empty."
    )


class Column(Definition):
    """A column of a list view."""

    field: str = Field(description="Field name, or a path such as plan.name.")
    label: Label | None = None
    width: int | None = Field(None, ge=40, le=1200, description="Pixels.")


class View(Definition):
    """A saved view: a filter, a sort order and columns under a name."""

    name: Name
    label: Label | None = None
    filter: RawCondition = Field(default_factory=dict)
    sort: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()


class ListView(Definition):
    """How an entity's list looks before a user changes it."""

    columns: tuple[str | Column, ...] = ()
    sort: tuple[str, ...] = Field(("-created_at",), description="-name is descending.")
    filters: tuple[Name, ...] = Field((), description="Fields offered as filter chips.")
    views: tuple[View, ...] = ()


class Action(Definition):
    """A named verb on a record or an entity beyond create, read, update, delete.

    With `set` it needs no code: those fields get those values. Code for it is
    registered in the service's `service.py` under the same name.
    """

    label: Label | None = None
    scope: Literal["record", "entity"] = "record"
    permission: Name | None = Field(
        None, description="Action word checked on the resource; the name by default."
    )
    when: RawCondition = Field(
        default_factory=dict, description="Offered and allowed only when this holds."
    )
    input: tuple[AnyField, ...] = Field((), description="Asked for before it runs.")
    set: dict[Name, Json] = Field(default_factory=dict)
    confirm: Label | None = Field(None, description="Question asked first.")
    destructive: bool = False
    icon: str | None = Field(None, max_length=40)


class Entity(Definition):
    """A kind of record."""

    schema_: Literal["rangka:entity/1"] = Field("rangka:entity/1", alias="$schema")
    id: StableId
    name: Name
    label: Label | None = None
    label_plural: Label | None = None
    description: Label | None = None
    icon: str | None = Field(None, max_length=40)
    title_field: Name | None = Field(None, description="Names a record to people.")
    fields: tuple[AnyField, ...] = Field(min_length=1, max_length=400)
    unique: tuple[tuple[Name, ...], ...] = ()
    indexes: tuple[tuple[Name, ...], ...] = ()
    rules: tuple[Rule, ...] = ()
    forms: dict[Name, Form] = Field(default_factory=dict)
    list: ListView = Field(default_factory=ListView)
    actions: dict[Name, Action] = Field(default_factory=dict)
    events: bool = True
    history: bool = True
    soft_delete: bool = False
    storage: "PlatformStorage | None" = Field(
        None, description="Only for the platform's own entities."
    )


class FixedRecords(Definition):
    """Records of a platform entity that nobody changes or deletes."""

    field: Name = Field(description="Boolean field that is true for these records.")
    reason: Label = Field(description="Why, in one sentence; shown instead of buttons.")


class PlatformStorage(Definition):
    """Where a platform entity lives, since its table is not generated."""

    table: Name = Field(description="Table or view in the schema rangka.")
    tenant: bool = Field(description="Whether it has tenant_id and row security.")
    resource: Name = Field(description="Resource in permissions.")
    references: tuple[str, str] | None = Field(
        None, description="Table and column a foreign key of another entity points at."
    )
    creatable: bool = True
    updatable: bool = True
    deletable: bool = True
    fixed: FixedRecords | None = None


class MenuItem(Definition):
    """A link of the menu, or a group of links."""

    id: StableId
    name: Name
    label: Label | None = None
    icon: str | None = Field(None, max_length=40)
    category: str = Field("SERVICES", max_length=40)
    sort_order: int = 100
    entity: Name | None = Field(None, description="Opens this entity's list.")
    view: Name | None = Field(None, description="…with this saved view.")
    form: Name | None = Field(None, description="Opens a new record in this form.")
    endpoint: Name | None = Field(None, description="Opens this endpoint's form.")
    path: str | None = Field(None, max_length=500, description="Page of the UI or URL.")
    permission: PermissionPattern | None = Field(
        None, description="Shown to who has it; derived from the target by default."
    )
    children: tuple["MenuItem", ...] = ()


class Menu(Definition):
    """A service's part of the menu."""

    schema_: Literal["rangka:menu/1"] = Field("rangka:menu/1", alias="$schema")
    items: tuple[MenuItem, ...] = ()


class RoleRule(Definition):
    """One line of a role: what it allows or denies, on which rows and fields."""

    permission: PermissionPattern
    effect: Literal["allow", "deny"] = "allow"
    scope: Literal["own", "team", "tenant"] = "tenant"
    filter: RawCondition = Field(default_factory=dict)
    fields: tuple[Name, ...] | None = None
    presets: dict[Name, Json] = Field(default_factory=dict)


class Role(Definition):
    """A default role that every tenant with the service can give to its users."""

    name: Name
    label: Label | None = None
    description: Label | None = None
    rules: tuple[RoleRule, ...] = ()


class Endpoint(Definition):
    """A callable of an external service."""

    id: StableId
    name: Name
    label: Label | None = None
    description: Label | None = None
    method: Method = "POST"
    path: str = Field(max_length=500, pattern=r"^/[^\s?#]*$")
    request_schema: dict[str, Json] = Field(default_factory=dict)
    request_ui: dict[str, Json] = Field(default_factory=dict)
    response_schema: dict[str, Json] = Field(default_factory=dict)
    requires_auth: bool = True
    required_permissions: tuple[PermissionPattern, ...] = ()
    rate_limit: int = Field(100, ge=1, le=1_000_000, description="Calls per minute.")
    timeout_ms: int = Field(30_000, ge=100, le=300_000)


class Service(Definition):
    """A registry entry that tenants can be assigned."""

    schema_: Literal["rangka:service/1"] = Field("rangka:service/1", alias="$schema")
    id: StableId
    name: ServiceName
    label: Label | None = None
    description: Label | None = None
    type: Literal["internal", "external"] = "internal"
    category: str = Field("general", max_length=100)
    icon: str | None = Field(None, max_length=40)
    visibility: Literal["public", "private", "restricted"] = "private"
    version: str = Field("1.0.0", pattern=r"^\d+\.\d+\.\d+$")
    documentation_url: Url | None = None
    contact_email: str | None = Field(None, max_length=255)
    requires: tuple[ServiceName, ...] = ()
    primary_entity: Name | None = Field(
        None, description="Its records are also at /api/v1/{service}."
    )
    has_code: bool = Field(
        False,
        description="It behaves as its service.py says; without that no record is "
        "written.",
    )
    entities: tuple[Entity, ...] = ()
    menu: Menu = Field(default_factory=Menu)
    roles: tuple[Role, ...] = ()
    settings: tuple[AnyField, ...] = Field((), description="Settings per tenant.")
    base_url: Url | None = None
    auth_type: Literal["none", "api_key", "jwt", "oauth"] = "none"
    health_check_url: Url | None = None
    endpoints: tuple[Endpoint, ...] = ()

    @cached_property
    def relations(self) -> tuple[tuple[str, str], ...]:
        """Return (path of the field, entity it points at) of every relation.

        Worked out once: a publish asks every published service for it.
        """
        return tuple(
            (path, target)
            for entity in self.entities
            for field in entity.fields
            for path, item in _with_lines(f"{self.name}.{entity.name}", field)
            if isinstance(target := getattr(item, "to", None), str)
        )


def _with_lines(path: str, field: AnyField) -> Iterator[tuple[str, AnyField]]:
    yield f"{path}.{field.name}", field
    for inner in getattr(field, "fields", ()):
        yield from _with_lines(f"{path}.{field.name}", inner)


class ListLayout(Definition):
    """A tenant's changes to a list view; what is left out stays as it is."""

    columns: tuple[str | Column, ...] | None = None
    sort: tuple[str, ...] | None = None
    filters: tuple[Name, ...] | None = None
    views: tuple[View, ...] = Field(
        (), description="Added; one of the same name takes the place of the service's."
    )


class MenuChange(Definition):
    """A tenant's changes to one menu item; what is left out stays as it is."""

    label: Label | None = None
    icon: str | None = Field(None, max_length=40)
    category: str | None = Field(None, max_length=40)
    sort_order: int | None = None


class Overlay(Definition):
    """A tenant's changes to a service: own fields, labels, forms, lists, menu."""

    fields: dict[Name, tuple[AnyField, ...]] = Field(
        default_factory=dict, description="Own fields by entity; kept in `custom`."
    )
    labels: dict[str, Label] = Field(
        default_factory=dict,
        description=(
            "By path: customers (entity), customers:plural, customers.name (field), "
            "customers.items.price (field of lines), customers:suspend (action)."
        ),
    )
    forms: dict[Name, dict[Name, Form]] = Field(default_factory=dict)
    lists: dict[Name, ListLayout] = Field(default_factory=dict)
    hidden_menu: tuple[StableId, ...] = ()
    menu_items: dict[StableId, MenuChange] = Field(
        default_factory=dict, description="Changes to the service's items, by id."
    )
    menu: tuple[MenuItem, ...] = Field((), description="Items of the tenant's own.")
    removed: dict[Name, tuple[AnyField, ...]] = Field(
        default_factory=dict,
        description="Own fields that are gone while their values are kept; the "
        "server writes it.",
    )


for _model in (Rule, Entity, MenuItem, Menu, Service, Overlay):
    _model.model_rebuild()


class _AuthorSchema(GenerateJsonSchema):
    """JSON Schema 2020-12 with the dialect stated, as editors expect it."""

    def generate(
        self, schema: Any, mode: Literal["validation", "serialization"] = "validation"
    ) -> JsonSchemaValue:
        document = super().generate(schema, mode)
        document["$schema"] = self.schema_dialect
        return document


def author_schema(model: type[Definition] = Service) -> dict[str, Json]:
    """Return the JSON Schema 2020-12 of a definition, for editors and the console."""
    return model.model_json_schema(by_alias=True, schema_generator=_AuthorSchema)


def as_json(definition: BaseModel) -> dict[str, Json]:
    """Return the canonical JSON of a definition: declared order, no defaults.

    `$schema`, `id`, `name` and the `type` of a field are always written. A service
    without `type` is internal: the schema for authors does not ask for it either.
    """
    document: dict[str, Json] = definition.model_dump(
        mode="json", by_alias=True, exclude_defaults=True
    )
    if isinstance(definition, Service):
        return _with_schemas(document)
    schema = getattr(definition, "schema_", None)
    return {"$schema": schema, **document} if schema else document


def _with_schemas(document: dict[str, Json]) -> dict[str, Json]:
    document = {"$schema": SERVICE_SCHEMA, **document}
    if "entities" in document:
        document["entities"] = [
            {"$schema": ENTITY_SCHEMA, **entity} for entity in document["entities"]
        ]
    if "menu" in document:
        document["menu"] = {"$schema": MENU_SCHEMA, **document["menu"]}
    return document
