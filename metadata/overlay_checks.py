"""What is wrong with a tenant's overlay: every finding at once, path and remedy.

Pure. Paths are JSON Pointers into the overlay. What a field, form, list or menu item
needs is asked of `checks.py`, with the overlay laid over the service; here stands
what holds for overlays alone. Called when a tenant saves one.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.dialects import postgresql

from metadata import overlays
from metadata.checks import Finding, check_service
from metadata.definitions import Entity, Menu, MenuItem, Overlay, Service
from metadata.fields import FIELD_TYPES
from metadata.fields.base import FieldDefinition
from metadata.menus import generated, is_safe_path

MAX_OWN_FIELDS = 100
TEXTS = frozenset({"text", "long_text"})
_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own


def check_overlay(
    service: Service, overlay: Overlay, *, stored: Overlay
) -> list[Finding]:
    """Return every finding of an overlay, errors and warnings.

    `stored` is the overlay it replaces; its fields' values may exist.
    """
    found: list[Finding] = []
    found.extend(_entities(service, overlay))
    for entity in service.entities:
        own = overlay.fields.get(entity.name, ())
        found.extend(_own_fields(entity, own))
        found.extend(_retyped(entity.name, own, stored))
        found.extend(_forms(entity, overlay))
    found.extend(_labels(service, overlay))
    found.extend(_menu(service, overlay))
    found.extend(_laid_over(service, overlay))
    return found


def conflicts(service: Service, overlay: Overlay) -> list[Finding]:
    """Return the own fields that step aside for fields of the service, as warnings."""
    found = []
    for entity in service.entities:
        for index, field in enumerate(overlay.fields.get(entity.name, ())):
            for finding in _taken(entity, field, f"/fields/{entity.name}/{index}"):
                remedy = f"{finding.remedy} Its values are kept meanwhile."
                found.append(
                    Finding(
                        "warning", finding.path, finding.code, finding.message, remedy
                    )
                )
    return found


def stepping_aside(service: Service, overlay: Overlay) -> set[tuple[str, str]]:
    """Return (entity, name) of the own fields whose name or id the service has."""
    return {
        (entity.name, field.name)
        for entity in service.entities
        for field in overlay.fields.get(entity.name, ())
        if any(True for _ in _taken(entity, field, ""))
    }


def removed(overlay: Overlay, stored: Overlay) -> dict[str, list[FieldDefinition]]:
    """Return the own fields whose values exist and that the overlay lacks."""
    found: dict[str, list[FieldDefinition]] = {}
    for entity in {**stored.fields, **stored.removed}:
        kept = {field.id for field in overlay.fields.get(entity, ())}
        before: Sequence[FieldDefinition] = (
            *stored.fields.get(entity, ()),
            *stored.removed.get(entity, ()),
        )
        gone = [field for field in before if field.id not in kept]
        if gone:
            found[entity] = gone
    return found


def _error(path: str, code: str, message: str, remedy: str) -> Finding:
    return Finding("error", path, code, message, remedy)


def _unknown(path: str, what: str, name: str, known: Iterable[str]) -> Finding:
    names = ", ".join(sorted(known)) or "none"
    return _error(
        path,
        f"unknown_{what.replace(' ', '_')}",
        f'there is no {what} "{name}"',
        f"There are: {names}.",
    )


def _entities(service: Service, overlay: Overlay) -> Iterator[Finding]:
    names = [entity.name for entity in service.entities]
    for key in ("fields", "forms", "lists"):
        for name in getattr(overlay, key):
            if name not in names:
                yield _unknown(f"/{key}/{name}", "entity", name, names)


def _own_fields(entity: Entity, own: Sequence[FieldDefinition]) -> Iterator[Finding]:
    place = f"/fields/{entity.name}"
    if len(own) > MAX_OWN_FIELDS:
        yield _error(
            place,
            "too_many",
            f"more than {MAX_OWN_FIELDS} own fields",
            "Ask for a service of its own for this data.",
        )
    for index, field in enumerate(own):
        path = f"{place}/{index}"
        yield from _taken(entity, field, path)
        if not overlays.is_possible(field.type):
            yield _error(
                f"{path}/type",
                "type",
                f"{field.name}: an own field cannot be a {field.type}",
                "Choose a type that holds one value, or ask for the field in the "
                "service itself.",
            )
        if field.unique:
            yield _error(
                f"{path}/unique",
                "unique",
                f"{field.name}: an own field cannot be unique, it has no index",
                "Remove unique, or ask for the field in the service itself.",
            )
        if field.index:
            yield Finding(
                "warning",
                f"{path}/index",
                "index",
                f"{field.name}: an own field has no index",
                "Remove index; lists of up to some ten thousand records stay fast.",
            )


def _taken(entity: Entity, field: FieldDefinition, path: str) -> Iterator[Finding]:
    for key, what in (("name", "the name"), ("id", "the id")):
        value = getattr(field, key)
        if any(getattr(other, key) == value for other in entity.fields):
            yield _error(
                f"{path}/{key}",
                "taken",
                f'{entity.name} has a field with {what} "{value}" already',
                f"Choose {what.replace('the', 'another')} for the own field.",
            )


def _retyped(
    entity: str, own: Sequence[FieldDefinition], stored: Overlay
) -> Iterator[Finding]:
    """Yield fields whose stored values could not be read with their new type."""
    before = {
        field.id: field
        for field in (*stored.removed.get(entity, ()), *stored.fields.get(entity, ()))
    }
    for index, field in enumerate(own):
        old = before.get(field.id)
        if old is None or not overlays.is_possible(field.type) or _reads(old, field):
            continue
        yield _error(
            f"/fields/{entity}/{index}/type",
            "type_changed",
            f"{field.name}: stored values of {old.name} ({old.type}) cannot be read "
            f"as this {field.type}",
            "Keep the type and its size, or add a field with an id of its own.",
        )


def _reads(old: FieldDefinition, new: FieldDefinition) -> bool:
    """Return whether every stored text of the old field is one of the new."""
    if old.type == new.type:
        conversion = FIELD_TYPES[new.type].conversion(old, new)
        fits = conversion is not None and conversion.fails is None
        return fits or _sql_type(old) == _sql_type(new)
    return new.type in TEXTS and _sql_type(old) == _sql_type(new)


def _sql_type(field: FieldDefinition) -> str:
    return FIELD_TYPES[field.type].sql_type(field).compile(dialect=_DIALECT)


def _forms(entity: Entity, overlay: Overlay) -> Iterator[Finding]:
    own = overlay.fields.get(entity.name, ())
    for name, form in overlay.forms.get(entity.name, {}).items():
        if form.fields is None:
            continue
        missing = [
            field.name
            for field in (*entity.fields, *own)
            if field.required
            and not field.readonly
            and field.default is None
            and field.name not in form.fields
        ]
        if missing:
            yield Finding(
                "warning",
                f"/forms/{entity.name}/{name}/fields",
                "required_missing",
                f"nobody can create a record here without {', '.join(missing)}",
                "Add them to the form, or use it for changes only.",
            )


def _labels(service: Service, overlay: Overlay) -> Iterator[Finding]:
    known = set(_label_paths(service))
    for path in overlay.labels:
        if path not in known:
            key = path.replace("~", "~0").replace("/", "~1")
            yield _error(
                f"/labels/{key}",
                "unknown_path",
                f'nothing of the service is at "{path}"',
                "Name an entity (customers, customers:plural), a field "
                "(customers.name) or an action (customers:suspend).",
            )


def _label_paths(service: Service) -> Iterator[str]:
    for entity in service.entities:
        yield entity.name
        yield f"{entity.name}:plural"
        yield from (f"{entity.name}:{action}" for action in entity.actions)
        for field in entity.fields:
            yield f"{entity.name}.{field.name}"
            for inner in getattr(field, "fields", ()):
                yield f"{entity.name}.{field.name}.{inner.name}"


def _menu(service: Service, overlay: Overlay) -> Iterator[Finding]:
    declared = service.menu.items or generated(service)
    known = {item.id for _, item in _walk(declared, "")}
    for index, name in enumerate(overlay.hidden_menu):
        if name not in known:
            yield _unknown(f"/hidden_menu/{index}", "menu item", name, known)
    for name in overlay.menu_items:
        if name not in known:
            yield _unknown(f"/menu_items/{name}", "menu item", name, known)
    seen = set(known)
    for path, item in _walk(overlay.menu, "/menu"):
        if item.id in seen:
            yield _error(
                f"{path}/id",
                "duplicate",
                f'there is a menu item "{item.id}" already',
                "Give the item an id of its own.",
            )
        seen.add(item.id)
        if item.path is not None and not is_safe_path(item.path):
            yield _error(
                f"{path}/path",
                "path",
                "a menu item leads to a page of the interface or a web address",
                "Begin with one / or with https://.",
            )


def _walk(items: Iterable[MenuItem], path: str) -> Iterator[tuple[str, MenuItem]]:
    for index, item in enumerate(items):
        place = f"{path}/{index}"
        yield place, item
        yield from _walk(item.children, f"{place}/children")


def _laid_over(service: Service, overlay: Overlay) -> Iterator[Finding]:
    """Yield what the checks of definitions find in the overlay's parts."""
    before = set(check_service(service, others={}))
    entities, places = [], {}
    for number, entity in enumerate(service.entities):
        laid = _laid_entity(entity, overlay)
        entities.append(laid.pop("entity"))
        places[str(number)] = (entity, laid)
    menu = Menu(items=(*service.menu.items, *overlay.menu))
    whole = service.model_copy(update={"entities": tuple(entities), "menu": menu})
    for finding in check_service(whole, others={}):
        if finding in before:
            continue
        path = _place(finding.path, service, places)
        yield Finding(
            finding.severity, path, finding.code, finding.message, finding.remedy
        )


def _laid_entity(entity: Entity, overlay: Overlay) -> dict[str, Any]:
    """Return the entity with the overlay's parts, and where they came from."""
    names = {field.name for field in entity.fields}
    ids = {field.id for field in entity.fields}
    indexes = [
        index
        for index, field in enumerate(overlay.fields.get(entity.name, ()))
        if field.name not in names
        and field.id not in ids
        and overlays.is_possible(field.type)
    ]
    own = [overlay.fields[entity.name][index] for index in indexes]
    changes: dict[str, Any] = {"fields": (*entity.fields, *own)}
    changes["forms"] = {**entity.forms, **overlay.forms.get(entity.name, {})}
    layout, kept = overlay.lists.get(entity.name), list(entity.list.views)
    if layout is not None:
        replaced = {view.name for view in layout.views}
        kept = [view for view in entity.list.views if view.name not in replaced]
        given = {
            key: value
            for key in ("columns", "sort", "filters")
            if (value := getattr(layout, key)) is not None
        }
        views = (*kept, *layout.views)
        changes["list"] = entity.list.model_copy(update={**given, "views": views})
    return {
        "entity": entity.model_copy(update=changes),
        "indexes": indexes,
        "views": len(kept),
    }


def _place(
    path: str,
    service: Service,
    places: Mapping[str, tuple[Entity, Mapping[str, Any]]],
) -> str:
    """Return the place in the overlay for a place in the laid-over service."""
    parts = path.split("/")[1:]
    match parts:
        case ["menu", "items", number, *rest]:
            index = int(number) - len(service.menu.items)
            return "/".join(["", "menu", str(index), *rest])
        case ["entities", number, "fields", index, *rest] if int(index) >= len(
            places[number][0].fields
        ):
            entity, laid = places[number]
            own = laid["indexes"][int(index) - len(entity.fields)]
            return "/".join(["", "fields", entity.name, str(own), *rest])
        case ["entities", number, "list", "views", index, *rest]:
            entity, laid = places[number]
            view = str(int(index) - laid["views"])
            return "/".join(["", "lists", entity.name, "views", view, *rest])
        case ["entities", number, key, *rest]:
            entity, _ = places[number]
            word = "lists" if key == "list" else key
            return "/".join(["", word, entity.name, *rest])
    return path
