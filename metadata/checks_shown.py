"""What is wrong with how a definition is shown: forms, list views, menu, roles.

Called by `checks.py`, which owns findings; here each is (path, code, message, remedy).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from metadata.checks_conditions import (
    SYSTEM_FIELDS,
    Found,
    Surroundings,
    condition_findings,
)
from metadata.definitions import Entity, ListView, MenuItem, Role, Service
from metadata.fields import FIELD_TYPES
from metadata.profile import profile_findings

UI_TYPES = ("Control", "Group", "HorizontalLayout", "Label", "VerticalLayout")
EFFECTS = ("DISABLE", "ENABLE", "HIDE", "SHOW")
MAX_UI_DEPTH = 20
_SCOPE = "#/properties/"
_PART = re.compile(r"\{[^{}/]*\}")


def shown_findings(around: Surroundings) -> Iterator[Found]:
    """Yield what is wrong with everything a service shows."""
    service = around.service
    for index, entity in enumerate(service.entities):
        path = f"/entities/{index}"
        names = [field.name for field in entity.fields]
        for name, form in entity.forms.items():
            place = f"{path}/forms/{name}"
            yield from _named(form.fields or (), names, f"{place}/fields", "field")
            if form.ui:
                yield from ui_findings(form.ui, names, f"{place}/ui")
        yield from _list(entity, entity.list, f"{path}/list", around)
    yield from _ids(service.menu.items, "/menu/items")
    yield from _menu(service, service.menu.items, "/menu/items")
    for index, role in enumerate(service.roles):
        yield from _role(role, f"/roles/{index}", around)
    calls = service.endpoints
    yield from _twice("/endpoints", "id", (call.id for call in calls))
    yield from _twice("/endpoints", "name", (call.name for call in calls))
    # Two templates that differ in the names of their parts match the same calls.
    places = (f"{call.method} {_PART.sub('{}', call.path)}" for call in calls)
    yield from _twice("/endpoints", "method and path", places)
    for index, endpoint in enumerate(calls):
        for part in ("request_schema", "response_schema"):
            for below, code, message, remedy in profile_findings(
                getattr(endpoint, part)
            ):
                yield (f"/endpoints/{index}/{part}{below}", code, message, remedy)


def ui_findings(
    element: Any, names: Sequence[str], path: str, depth: int = 0
) -> Iterator[Found]:
    """Yield what is wrong with a UI schema over fields of these names."""
    if not isinstance(element, Mapping) or depth > MAX_UI_DEPTH:
        yield (
            path, "ui_element", "this is no element that can be shown",
            f"Write an object with type, at most {MAX_UI_DEPTH} levels deep.",
        )  # fmt: skip
        return
    kind = element.get("type")
    if kind not in UI_TYPES:
        yield (
            f"{path}/type", "ui_element", f'there is no element "{kind!s:.40}"',
            f"Use one of: {', '.join(UI_TYPES)}.",
        )  # fmt: skip
    if kind == "Control":
        yield from _scope(element.get("scope"), names, f"{path}/scope")
    rule = element.get("rule")
    if rule is not None:
        yield from _ui_rule(rule, names, f"{path}/rule")
    below = element.get("elements", [])
    for index, child in enumerate(below if isinstance(below, list) else [below]):
        yield from ui_findings(child, names, f"{path}/elements/{index}", depth + 1)


def _scope(scope: Any, names: Sequence[str], path: str) -> Iterator[Found]:
    text = scope if isinstance(scope, str) else ""
    if text.removeprefix(_SCOPE) not in names or not text.startswith(_SCOPE):
        yield (
            path, "ui_scope", f"{text or 'nothing'} is no field of this entity",
            f"Write {_SCOPE}<field>; there are: {', '.join(sorted(names))}.",
        )  # fmt: skip


def _ui_rule(rule: Any, names: Sequence[str], path: str) -> Iterator[Found]:
    condition = rule.get("condition") if isinstance(rule, Mapping) else None
    if not isinstance(condition, Mapping) or rule.get("effect") not in EFFECTS:
        yield (
            path, "ui_rule", "the rule has no effect or no condition",
            f"Write effect ({', '.join(EFFECTS)}) and condition with scope and schema.",
        )  # fmt: skip
        return
    yield from _scope(condition.get("scope"), names, f"{path}/condition/scope")
    schema = condition.get("schema")
    if not isinstance(schema, Mapping):
        yield (
            f"{path}/condition/schema", "ui_rule", "the condition has no schema",
            'Write what the value must fit, such as {"const": "active"}.',
        )  # fmt: skip
        return
    for below, code, message, remedy in profile_findings(schema):
        yield (f"{path}/condition/schema{below}", code, message, remedy)


def _list(
    entity: Entity, shown: ListView, path: str, around: Surroundings
) -> Iterator[Found]:
    columns = [c if isinstance(c, str) else c.field for c in shown.columns]
    yield from _paths(entity, columns, f"{path}/columns", around)
    yield from _sorted(entity, shown.sort, f"{path}/sort", around)
    names = [field.name for field in entity.fields]
    known = [*names, *SYSTEM_FIELDS]
    yield from _named(shown.filters, known, f"{path}/filters", "field")
    yield from _twice(f"{path}/views", "name", (view.name for view in shown.views))
    for index, view in enumerate(shown.views):
        place = f"{path}/views/{index}"
        for below, code, message, remedy in condition_findings(
            view.filter, entity, around
        ):
            yield (f"{place}/filter{below}", code, message, remedy)
        yield from _paths(entity, view.columns, f"{place}/columns", around)
        yield from _sorted(entity, view.sort, f"{place}/sort", around)


def _sorted(
    entity: Entity, keys: Sequence[str], path: str, around: Surroundings
) -> Iterator[Found]:
    names = [key.lstrip("-").partition(":")[0] for key in keys]
    yield from _paths(entity, names, path, around)
    kinds = {field.name: FIELD_TYPES[field.type] for field in entity.fields}
    for name in names:
        kind = kinds.get(name)
        if kind is not None and not kind.sortable:
            yield (
                path, "not_sortable", f"{name} ({kind.name}) has no order",
                "Sort by another field.",
            )  # fmt: skip


def _paths(
    entity: Entity, paths: Iterable[str], place: str, around: Surroundings
) -> Iterator[Found]:
    """Yield what is wrong with names such as `plan.name`."""
    fields = {field.name: field for field in entity.fields}
    for path in paths:
        name, _, rest = path.partition(".")
        field = fields.get(name)
        if field is None and (name not in SYSTEM_FIELDS or rest):
            yield _missing(place, name, "field", [*fields, *SYSTEM_FIELDS])
        target = getattr(field, "to", None)
        aimed = around.entity(target) if isinstance(target, str) and rest else None
        if aimed is not None:
            yield from _paths(aimed, [rest], place, around)


def _menu(service: Service, items: Sequence[MenuItem], path: str) -> Iterator[Found]:
    entities = {entity.name: entity for entity in service.entities}
    endpoints = [endpoint.name for endpoint in service.endpoints]
    for index, item in enumerate(items):
        place = f"{path}/{index}"
        entity = entities.get(item.entity) if item.entity else None
        if item.entity and entity is None:
            yield _missing(f"{place}/entity", item.entity, "entity", entities)
        if item.endpoint and item.endpoint not in endpoints:
            yield _missing(f"{place}/endpoint", item.endpoint, "endpoint", endpoints)
        if entity is not None:
            views = [view.name for view in entity.list.views]
            if item.view and item.view not in views:
                yield _missing(f"{place}/view", item.view, "view", views)
            forms = [*entity.forms, "default"]
            if item.form and item.form not in forms:
                yield _missing(f"{place}/form", item.form, "form", forms)
        yield from _menu(service, item.children, f"{place}/children")


def _ids(items: Sequence[MenuItem], path: str) -> Iterator[Found]:
    def every(level: Sequence[MenuItem]) -> Iterator[str]:
        for item in level:
            yield item.id
            yield from every(item.children)

    yield from _twice(path, "id", every(items))


def _role(role: Role, path: str, around: Surroundings) -> Iterator[Found]:
    """Yield what is wrong with the rules that name one entity of this service."""
    service = around.service
    for index, rule in enumerate(role.rules):
        place = f"{path}/rules/{index}"
        resource = rule.permission.partition(":")[0]
        entity = _entity_of(service, resource)
        if entity is None:
            continue
        for below, code, message, remedy in condition_findings(
            rule.filter, entity, around
        ):
            yield (f"{place}/filter{below}", code, message, remedy)
        names = [field.name for field in entity.fields]
        known = [*names, *SYSTEM_FIELDS]
        yield from _named(rule.fields or (), known, f"{place}/fields", "field")
        yield from _named(rule.presets, names, f"{place}/presets", "field")


def _entity_of(service: Service, resource: str) -> Entity | None:
    if resource == service.name and service.primary_entity:
        wanted = service.primary_entity
    elif resource.startswith(f"{service.name}."):
        wanted = resource.removeprefix(f"{service.name}.")
    else:
        return None
    return next((each for each in service.entities if each.name == wanted), None)


def _named(
    names: Iterable[str], known: Iterable[str], path: str, what: str
) -> Iterator[Found]:
    for name in names:
        if name not in known:
            yield _missing(path, name, what, known)


def _twice(path: str, what: str, values: Iterable[str]) -> Iterator[Found]:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            yield (
                path, "duplicate", f'the {what} "{value}" stands twice',
                f"Give each its own {what}.",
            )  # fmt: skip
        seen.add(value)


def _missing(path: str, name: str, what: str, known: Iterable[str]) -> Found:
    words = ", ".join(sorted(known)) or "none"
    return (
        path,
        f"unknown_{what}",
        f'there is no {what} "{name}"',
        f"There are: {words}.",
    )
