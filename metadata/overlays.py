"""A tenant's overlay applied to a service: labels, forms, lists, menu, own fields.

Pure. What an overlay names and the service no longer has is left out without
complaint, since a service may change after the tenant wrote its overlay; whether an
overlay makes sense when it is saved is said by `overlay_checks.py`. Called by the
compiler.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from metadata.compiled import SYSTEM_COLUMNS
from metadata.conditions import comparisons, parse
from metadata.definitions import (
    Entity,
    Form,
    ListLayout,
    ListView,
    Menu,
    MenuChange,
    MenuItem,
    Overlay,
    Service,
)
from metadata.fields import FIELD_TYPES
from metadata.fields.base import FieldDefinition
from metadata.labels import Label
from metadata.menus import generated

WITHOUT_A_COLUMN = frozenset({"relation", "lines", "sequence", "secret", "computed"})
"""Types that need a column, a table or a counter, and so are no own fields."""


def is_possible(kind: str) -> bool:
    """Return whether an own field may have the type."""
    return kind in FIELD_TYPES and kind not in WITHOUT_A_COLUMN


def own_fields(entity: Entity, overlay: Overlay) -> Sequence[FieldDefinition]:
    """Return the tenant's own fields that stand beside the entity's.

    A field of the service always wins: an own field of the same name or id steps
    aside. Its values stay, and are back once it has another name.
    """
    names = {field.name for field in entity.fields}
    ids = {field.id for field in entity.fields}
    return [
        field
        for field in overlay.fields.get(entity.name, ())
        if field.name not in names and field.id not in ids and is_possible(field.type)
    ]


def applied(service: Service, overlay: Overlay) -> Service:
    """Return the service with the tenant's labels, forms, lists and menu.

    Own fields are not among its fields: they have no column. An entity that the
    overlay leaves as it is stays the same object.
    """
    changes: dict[str, Any] = {
        "entities": tuple(_entity(e, overlay) for e in service.entities)
    }
    if overlay.menu_items:
        declared = service.menu.items or generated(service)
        changes["menu"] = Menu(items=_items(declared, overlay.menu_items))
    return service.model_copy(update=changes)


def _entity(entity: Entity, overlay: Overlay) -> Entity:
    own = own_fields(entity, overlay)
    labels = {
        path: label
        for path, label in overlay.labels.items()
        if path.partition(":")[0].partition(".")[0] == entity.name
    }
    changes: dict[str, Any] = {}
    if labels:
        changes |= _labels(entity, labels)
    forms = _forms(entity, overlay.forms.get(entity.name, {}), own)
    if forms != entity.forms:
        changes["forms"] = forms
    layout = overlay.lists.get(entity.name)
    if layout is not None:
        known = {f.name for f in (*entity.fields, *own)} | {*SYSTEM_COLUMNS}
        changes["list"] = _list(entity.list, layout, known)
    return entity.model_copy(update=changes) if changes else entity


def _labels(entity: Entity, labels: Mapping[str, Label]) -> dict[str, Any]:
    fields = tuple(
        _labelled(field, f"{entity.name}.{field.name}", labels)
        for field in entity.fields
    )
    actions = {
        name: _labelled(action, f"{entity.name}:{name}", labels)
        for name, action in entity.actions.items()
    }
    changes: dict[str, Any] = {"fields": fields, "actions": actions}
    if entity.name in labels:
        changes["label"] = labels[entity.name]
    if f"{entity.name}:plural" in labels:
        changes["label_plural"] = labels[f"{entity.name}:plural"]
    return changes


def _labelled(item: Any, path: str, labels: Mapping[str, Label]) -> Any:
    """Return a field or an action with the label of its path, where there is one."""
    changes: dict[str, Any] = {}
    if path in labels:
        changes["label"] = labels[path]
    inner = getattr(item, "fields", None)
    if inner is not None:
        named = tuple(_labelled(f, f"{path}.{f.name}", labels) for f in inner)
        if any(new is not old for new, old in zip(named, inner, strict=True)):
            changes["fields"] = named
    return item.model_copy(update=changes) if changes else item


def _forms(
    entity: Entity, changed: Mapping[str, Form], own: Sequence[FieldDefinition]
) -> dict[str, Form]:
    """Return the forms; own fields come at the end of those the tenant left alone.

    Every own field is in the default form, a required one in every form, or nobody
    could create a record.
    """
    known = {f.name for f in (*entity.fields, *own)}
    forms = {}
    for name, form in {**entity.forms, **changed}.items():
        if name in changed:
            kept = [n for n in form.fields or () if n in known]
            fields = None if form.fields is None else tuple(kept)
            forms[name] = form.model_copy(update={"fields": fields})
            continue
        added = [f.name for f in own if name == "default" or f.required]
        forms[name] = _extended(form, added) if added else form
    return forms


def _extended(form: Form, names: Sequence[str]) -> Form:
    changes: dict[str, Any] = {}
    if form.fields is not None:
        changes["fields"] = (*form.fields, *names)
    if form.ui:
        controls = [{"type": "Control", "scope": f"#/properties/{n}"} for n in names]
        is_column = form.ui.get("type") == "VerticalLayout"
        above = form.ui.get("elements", []) if is_column else [form.ui]
        changes["ui"] = {
            **(form.ui if is_column else {}),
            "type": "VerticalLayout",
            "elements": [*above, *controls],
        }
    return form.model_copy(update=changes)


def _list(view: ListView, layout: ListLayout, known: set[str]) -> ListView:
    """Return the list view with the tenant's changes."""
    changes: dict[str, Any] = {}
    if layout.columns is not None:
        changes["columns"] = layout.columns
    if layout.sort is not None:
        changes["sort"] = _sort(layout.sort, known)
    if layout.filters is not None:
        changes["filters"] = tuple(name for name in layout.filters if name in known)
    replaced = {item.name for item in layout.views}
    kept = [item for item in view.views if item.name not in replaced]
    own = [
        item.model_copy(update={"sort": _sort(item.sort, known)})
        for item in layout.views
        if all(c.path[0] in known for c in comparisons(parse(item.filter)))
    ]
    changes["views"] = (*kept, *own)
    return view.model_copy(update=changes)


def _sort(keys: Iterable[str], known: set[str]) -> tuple[str, ...]:
    return tuple(key for key in keys if sort_field(key) in known)


def sort_field(key: str) -> str:
    """Return the field that a sort key such as `-plan.name:nulls_last` begins with."""
    return key.lstrip("-").partition(":")[0].partition(".")[0]


def _items(
    items: Iterable[MenuItem], changes: Mapping[str, MenuChange]
) -> tuple[MenuItem, ...]:
    found = []
    for item in items:
        change = changes.get(item.id)
        values: dict[str, Any] = {"children": _items(item.children, changes)}
        if change is not None:
            given = ((key, getattr(change, key)) for key in MenuChange.model_fields)
            values |= {key: value for key, value in given if value is not None}
        found.append(item.model_copy(update=values))
    return tuple(found)
