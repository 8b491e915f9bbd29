"""Menus: the items of all services, pruned by permission, merged and ordered; pure."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from metadata.compiled import CompiledService
from metadata.definitions import MenuItem, Service
from metadata.endpoint_forms import permissions_of
from metadata.labels import locale_map, words_of

Allowed = Callable[[str, str], bool]
"""(resource, action) → whether the user may."""

DASHBOARD = {
    "id": "dashboard",
    "name": "dashboard",
    "label": {"en": "Dashboard", "id": "Dasbor"},
    "path": "/",
    "icon": "dashboard",
    "category": "MAIN",
    "sort_order": 1,
    "children": [],
}

ADMINISTRATION = (
    ("tenants", "tenant", "building", {"en": "Tenants", "id": "Tenant"}),
    ("users", "user", "users", {"en": "Users", "id": "Pengguna"}),
    ("roles", "role", "shield", {"en": "Roles", "id": "Peran"}),
    ("teams", "team", "users", {"en": "Teams", "id": "Tim"}),
    ("jobs", "jobs", "activity", {"en": "Jobs", "id": "Pekerjaan"}),
    ("audit", "audit", "list", {"en": "Audit log", "id": "Log audit"}),
)


def build(
    services: Iterable[CompiledService], allowed: Allowed
) -> list[dict[str, Any]]:
    """Return the menu of a user: dashboard, services, administration.

    An item whose target the user may not read is absent; so is a group without items.
    """
    items: list[dict[str, Any]] = [dict(DASHBOARD)]
    for service in services:
        hidden = set(service.overlay.hidden_menu) if service.overlay else set()
        own = service.overlay.menu if service.overlay else ()
        declared = service.menu.items or generated(service.definition)
        items.extend(_items(service, (*declared, *own), hidden, allowed))
    items.extend(_administration(allowed))
    return sorted(items, key=lambda item: (_rank(item), item["sort_order"]))


def _rank(item: dict[str, Any]) -> int:
    return {"MAIN": 0, "ADMINISTRATION": 2}.get(item["category"], 1)


def generated(service: Service) -> Sequence[MenuItem]:
    """Return one item an entity or endpoint for a service without a menu of its own."""
    return [
        *(
            MenuItem(id=call.id, name=call.name, label=call.label, endpoint=call.name)
            for call in service.endpoints
        ),
        *_of_entities(service),
    ]


def _of_entities(service: Service) -> Sequence[MenuItem]:
    return [
        MenuItem(
            id=entity.id,
            name=entity.name,
            label=entity.label_plural or entity.label,
            icon=entity.icon,
            entity=entity.name,
        )
        for entity in service.entities
    ]


def is_safe_path(path: str) -> bool:
    """Return whether a link of a menu leads where a browser only navigates."""
    if path.startswith(("https://", "http://")):
        return True
    return path.startswith("/") and not path.startswith(("//", "/\\"))


def _items(
    service: CompiledService,
    items: Iterable[MenuItem],
    hidden: set[str],
    allowed: Allowed,
) -> list[dict[str, Any]]:
    found = []
    for item in items:
        children = _items(service, item.children, hidden, allowed)
        path = _path(service, item)
        if item.id in hidden or not _permitted(service, item, allowed):
            continue
        if not path and not children:
            continue
        found.append(
            {
                "id": f"{service.name}.{item.id}",
                "name": item.name,
                "label": dict(locale_map(item.label, words_of(item.name))),
                "path": path,
                "icon": item.icon,
                "category": item.category,
                "sort_order": item.sort_order,
                "children": sorted(children, key=lambda child: child["sort_order"]),
            }
        )
    return found


def _permitted(service: CompiledService, item: MenuItem, allowed: Allowed) -> bool:
    if item.permission is not None:
        resource, _, action = item.permission.partition(":")
        return allowed(resource, action or "read")
    entity = service.entities.get(item.entity or "")
    if entity is not None:
        return allowed(entity.resource, "create" if item.form else "read")
    if item.endpoint is not None:
        return all(allowed(*word) for word in _asked(service, item.endpoint))
    if item.path is None and item.children:
        # A group leads nowhere itself; it is there for what is in it.
        return True
    return allowed(service.name, "read")


def _asked(service: CompiledService, endpoint: str) -> list[tuple[str, str]]:
    calls = service.definition.endpoints
    call = next((call for call in calls if call.name == endpoint), None)
    return permissions_of(service.name, call) if call else [(service.name, "call")]


def _path(service: CompiledService, item: MenuItem) -> str | None:
    if item.endpoint is not None:
        return f"/x/{service.name}/{item.endpoint}"
    if item.path is not None:
        return item.path
    if item.entity is None:
        return None
    path = f"/s/{service.name}/{item.entity}"
    if item.form is not None:
        return f"{path}/new"
    return f"{path}?view={item.view}" if item.view else path


def _administration(allowed: Allowed) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "id": f"platform.{name}",
            "name": name,
            "label": label,
            "path": f"/admin/{name}",
            "icon": icon,
            "category": "ADMINISTRATION",
            "sort_order": 10 * index,
            "children": [],
        }
        for index, (name, resource, icon, label) in enumerate(ADMINISTRATION)
        if allowed(resource, "read")
    ]
    if allowed("service", "register"):
        found.append(
            {
                "id": "platform.services",
                "name": "services",
                "label": {"en": "Services", "id": "Layanan"},
                "path": "/console/services",
                "icon": "boxes",
                "category": "ADMINISTRATION",
                "sort_order": 5,
                "children": [],
            }
        )
    return found
